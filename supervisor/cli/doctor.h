#ifndef SUPERVISOR_CLI_DOCTOR_H
#define SUPERVISOR_CLI_DOCTOR_H

/*
 * What prefork doctor looks at. Each check is a row of one table and looks at one thing: it says
 * that it is well, or what is wrong and what mends it. A check that needs the configuration, or
 * the daemon, says nothing when there is none: that is another check's to say. Changes nothing.
 */

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct doctor_check;

enum doctor_grade { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

/* "ok", "warn", "bad" */
const char *doctor_grade_name(enum doctor_grade grade);

/* What the configured pools take when all of them are full. */
struct doctor_need {
    uint64_t workers, threads, sessions;
    uint64_t supervisor_files;
    uint64_t worker_files;   /* of the worker that takes the most */
    const char *worker_name; /* whose that is; borrowed */
};

struct doctor {
    const char *file;    /* as asked for; NULL: the usual one */
    int test_exit;       /* of preforkd -t */
    json_t *complaints;  /* of it */
    json_t *config;      /* of preforkd -T --json; NULL: it cannot be read */
    json_t *status;      /* NULL: no daemon answers */
    json_t *ports;       /* of the daemon; NULL */
    const char *control; /* where the daemon was looked for */
    struct doctor_need need;
    const struct doctor_check *check; /* the one that looks */
    json_t *findings;                 /* each with check, grade, what, mend */
};

struct doctor_check {
    const char *name;
    const char *summary; /* one line, no full stop: what it looks at */
    void (*look)(struct doctor *doctor);
};

/* Ends with a NULL name. */
extern const struct doctor_check doctor_checks[];

/* Run them all. config, status and ports are there. */
void doctor_look(struct doctor *doctor);

/* The worst grade that was found. */
enum doctor_grade doctor_worst(const struct doctor *doctor);

/* ---- for the checks ---- */

/* Tell what was found. mend is what to do about it; NULL for nothing. */
void doctor_find(struct doctor *doctor, enum doctor_grade grade, const char *mend,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The value of a key in a section of the configuration. NULL when there is none. */
const json_t *doctor_value(const json_t *section, const char *key);

/* The same as a number: milliseconds and bytes, too. 0 when it is none. */
uint64_t doctor_number(const json_t *section, const char *key);

/* The same as text; NULL when it is none. */
const char *doctor_text(const json_t *section, const char *key);

/* The services of the configuration, or of the status; a list. */
const json_t *doctor_services(const json_t *object);

/* The first number in a file, as in /proc/sys; UINT64_MAX when there is none ("max", no file). */
uint64_t doctor_read_number(const char *path);

/* The id under key in the configuration ("uid"), or fallback. */
uint32_t doctor_id(const json_t *object, const char *key, uint32_t fallback);

/* The pid of the daemon that answers; 0: none. */
pid_t doctor_daemon_pid(const struct doctor *doctor);

/* 0 when this user can make files in the folder, else why not. uid (uid_t)-1: whoever we are. */
int doctor_place_try_folder(const char *path, uid_t uid, gid_t gid);

/* The folder that a path is in; the name of a user. Return dst. */
const char *doctor_place_folder_of(const char *path, char dst[PATH_MAX]);
const char *doctor_place_user_words(uid_t uid, char dst[64]);

/* ---- the checks, by file ---- */

void doctor_config_look(struct doctor *doctor);
void doctor_config_look_rights(struct doctor *doctor);
void doctor_limits_look_files(struct doctor *doctor);
void doctor_limits_look_processes(struct doctor *doctor);
void doctor_limits_look_backlog(struct doctor *doctor);
void doctor_memory_look(struct doctor *doctor);
void doctor_memory_look_cgroup(struct doctor *doctor);
void doctor_memory_look_swap(struct doctor *doctor);
void doctor_port_look_low(struct doctor *doctor);
void doctor_port_look(struct doctor *doctor);
void doctor_place_look_log(struct doctor *doctor);
void doctor_place_look_control(struct doctor *doctor);
void doctor_place_look_space(struct doctor *doctor);
void doctor_jobs_look_spool(struct doctor *doctor);
void doctor_jobs_look_command(struct doctor *doctor);
void doctor_jobs_look(struct doctor *doctor);
void doctor_kernel_look(struct doctor *doctor);
void doctor_kernel_look_clock(struct doctor *doctor);
void doctor_install_look_unit(struct doctor *doctor);
void doctor_install_look_user(struct doctor *doctor);
void doctor_daemon_look(struct doctor *doctor);
void doctor_daemon_look_services(struct doctor *doctor);
void doctor_daemon_look_log(struct doctor *doctor);

#endif
