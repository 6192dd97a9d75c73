#ifndef SUPERVISOR_CONFIG_INTERNAL_H
#define SUPERVISOR_CONFIG_INTERNAL_H

/*
 * What the files of the configuration share, and nobody else: where a value stands, what is wrong,
 * what owns the texts. Memory that cannot be had ends the process: config_read_guarded() has
 * tried in a child before.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "supervisor/config.h"

#define CONFIG_FILE_MAX (1u << 20) /* bytes, with all that is included */

/* A place in a file; line 0: the file as a whole. The name belongs to the config_memory. */
struct config_where {
    const char *file;
    unsigned line;
};

/* Where the value of a row comes from. */
struct config_origin {
    struct config_where where;    /* file NULL: the default */
    bool is_bad;                  /* refused: the value is the default, but not by wish */
    struct config_where *element; /* of each text of SETTING_TEXTS that was set; NULL */
};

/* A table and the struct it describes. */
struct config_section {
    const struct setting *table; /* NULL: none */
    const char *group;           /* name of the group in the file; NULL: the top of it */
    void *values;
    struct config_origin *origin; /* one for each row */
    /* Why the key changes nothing beside what else the values say; NULL: it counts. May be NULL. */
    const char *(*idle)(const void *values, const char *key);
};

struct config_block; /* of memory */

struct config_memory {
    struct config_section daemon, control, log, jobs, defaults;
    struct config_section common[CONFIG_SERVICES_MAX], own[CONFIG_SERVICES_MAX];
    bool is_partial[CONFIG_SERVICES_MAX]; /* the file could not be read to its end */
    struct config_section job[CONFIG_JOBS_MAX], job_own[CONFIG_JOBS_MAX];
    bool is_job_wrong[CONFIG_JOBS_MAX]; /* something in its file was refused */
    bool has_jobs_group;
    struct config_where listen_where[CONFIG_SERVICES_MAX][CONFIG_LISTEN_MAX];
    struct config_service default_values; /* what the group "defaults" says of all services */
    struct config_block *blocks;
};

struct config_complaint;

struct config_reading {
    struct config *config;
    struct config_memory *memory;
    struct config_complaint *complaints;
    size_t complaint_count, complaint_room;
    size_t mistakes; /* warnings are none */
    bool is_again;   /* another process found all of it good */
};

/* ---- config_memory.c ---- */

struct config *config_new(void);

/* Zeroed memory that lives as long as the config. */
void *config_keep(struct config_memory *memory, size_t size);

/* A copy of the text that lives as long as the config; len bytes of it. */
char *config_keep_text(struct config_memory *memory, const char *text, size_t len);

/* The path, made absolute from the folder of `beside`; NULL beside: from the working folder. */
const char *config_keep_path(struct config_memory *memory, const char *beside, const char *path);

/* A section with its values at their defaults. */
void config_section_init(struct config_memory *memory, struct config_section *section,
    const struct setting *table, const char *group, void *values);

/* Like from, into other values: what was set there counts as set here. */
void config_section_copy(struct config_memory *memory, struct config_section *section,
    const struct config_section *from, void *values);

/* The origin of a key, which must be in the table. */
struct config_origin *config_origin_of(const struct config_section *section, const char *key);

/* ---- config_complaints.c ---- */

void config_complain(struct config_reading *reading, struct config_where where, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
void config_warn(struct config_reading *reading, struct config_where where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True when a mistake of this line was told already. */
bool config_is_blamed(const struct config_reading *reading, struct config_where where);

/* Write them by file and line, none twice, and forget them. */
void config_complaints_write(struct config_reading *reading, FILE *out);

/* ---- config_source.c, config_scan.c and what that stands on ---- */

/* The text of a file with what it includes in place, and where each of its lines comes from. */
#define CONFIG_MENDED  "\x01mended" /* stands where the scan refused a value, */
#define CONFIG_RENAMED "*again"     /* begins what stands where it refused a key */

struct config_source {
    char *text;
    size_t len, room;
    struct config_where *line;
    size_t line_count, line_room;
    bool is_hopeless; /* too deep, too long: not to be parsed */
};

/*
 * Read a regular file of at most CONFIG_FILE_MAX bytes. The caller frees.
 * Returns the bytes, or NULL with a complaint at `where` (which names the file or who includes it).
 */
char *config_source_load(
    struct config_reading *reading, struct config_where where, const char *path, size_t *out_len);

void config_source_put(
    struct config_source *source, struct config_where where, const char *bytes, size_t len);

/* Where a line of the text, from 1, comes from. */
struct config_where config_source_where(const struct config_source *source, unsigned line);

void config_source_fini(struct config_source *source);

/*
 * Read path and what it includes into source, and complain of what libconfig would take in
 * silence or say nothing helpful of: integers that wrap, NUL, open quotes and brackets, bare
 * words, keys set twice. Such places are mended in the text, so that the rest can be parsed.
 * Returns 0, or -1 when there is nothing to parse.
 */
int config_scan(struct config_reading *reading, struct config_source *source, const char *path);

/* ---- config_literal.c ---- */

enum config_literal {
    CONFIG_LITERAL_GOOD,     /* a number that libconfig reads as it is, true, false */
    CONFIG_LITERAL_LONG,     /* an integer beyond 32 bits that does not end in L */
    CONFIG_LITERAL_HUGE,     /* an integer beyond 64 bits */
    CONFIG_LITERAL_INFINITE, /* a fraction beyond all */
    CONFIG_LITERAL_WORD,     /* anything else: needs quotes */
};

/* What a value without quotes is. */
enum config_literal config_literal_judge(const char *run);

/* ---- config_file.c ---- */

struct config_file;

/* Read and parse. Returns NULL when the file cannot be read at all. */
struct config_file *config_file_open(struct config_reading *reading, const char *path);
void config_file_close(struct config_file *file);

/* True when the parser stopped before the end. */
bool config_file_is_partial(const struct config_file *file);

/* Is there a group of this name? */
bool config_file_has_group(const struct config_file *file, const char *name);

/* The text of a key at the top, or NULL. Lives as long as the file. */
const char *config_file_peek(const struct config_file *file, const char *key);

/* What a file, or a group in it, may hold. */
struct config_scope {
    const char *group;                   /* NULL: the top */
    struct config_section *sections[2];  /* the second may be NULL */
    const char *const *groups;           /* names of groups that others read; NULL */
    const char *const *foreign;          /* pairs: what others call it, what it is called here */
    const struct setting *const *unsure; /* keys of these tables pass unread; NULL-terminated */
};

/* Check and store each key of the scope. */
void config_file_store(struct config_file *file, const struct config_scope *scope);

/* ---- config_tables.c ---- */

extern const char *const config_foreign_daemon[],
    *const config_foreign_service[], *const config_foreign_jobs[], *const config_foreign_job[];

/* Where else a key stands: "a service's file". NULL when it is known nowhere. */
const char *config_belongs_to(const char *key);

/* ---- config_folder.c ---- */

/* A kind of files: NAME.conf in a folder, each for one thing of that name. */
struct config_folder {
    const char *key;           /* of the daemon's file, that names the folder */
    const char *what, *plural; /* "service", "services" */
    int most;
    void (*read)(struct config_reading *reading, const char *path);
};

/* Read each file of the folder, by name. Returns how many there are, -1 after a complaint. */
int config_folder_read(
    struct config_reading *reading, const struct config_folder *folder, const char *path);

/* The name that the file gives to what it holds. Returns false, and says so, when it cannot. */
bool config_folder_take_name(
    struct config_reading *reading, const char *file, const char *what, char name[CONFIG_NAME_MAX]);

/* ---- config_job.c ---- */

/* Read the jobs' files, and decide whether there is a job supervisor. */
void config_job_read_all(struct config_reading *reading);

/* ---- checks ---- */

/* Why the key changes nothing beside what else the job says: config_job_check.c. */
const char *config_job_effect(const void *job, const char *key);

/* Can JSON say the text: config_job_check.c. */
bool config_job_is_utf8(const char *text);

/* Check what one job says, and make its JSON: config_job_check.c. */
void config_job_check(struct config_reading *reading, unsigned index);

/* Check the group "jobs", and the jobs against each other: config_job_group.c. */
void config_job_group_check(struct config_reading *reading);

/* Check what one service says: config_check.c. */
void config_check_service(struct config_reading *reading, unsigned index);

/* Why the key changes nothing beside what else the service says; NULL when it counts. */
const char *config_check_effect(const void *service, const char *key);

/* The folder that the path stands in, where the path was written, has to be there: config_check.c
 */
void config_check_folder(struct config_reading *reading, const struct config_section *section,
    const char *key, const char *path);

/* Check what the whole says: config_check.c. */
void config_check_whole(struct config_reading *reading);

/* Read the addresses: config_listen.c. */
void config_listen_parse(struct config_reading *reading, unsigned index);
void config_listen_compare(struct config_reading *reading);

/* Look whether those who share a room can: config_rooms.c. */
void config_rooms_check(struct config_reading *reading);

/* Find users and groups: config_identity.c. */
void config_identity_resolve(struct config_reading *reading);

#endif
