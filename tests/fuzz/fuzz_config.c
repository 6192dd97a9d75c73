/*
 * Configurations: whatever the files say, the reader comes back with an answer, every line that
 * it says has a file, and what it accepts it dumps so that it reads the same again.
 * The input is the daemon's file and, behind lines of dashes, a service's and a job's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/config.h"

#define MARK      "\n----\n"
#define HEADING   "\n# file "
#define PARTS     3
#define HEAD_ROOM 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[PARTS] = { "preforkd.conf", "services.d/s.conf", "jobs.d/j.conf" };
static char dir[HEAD_ROOM];

static void check(int ok) {
    if (!ok)
        abort();
}

static char *join(const char *name) {
    static char path[2 * HEAD_ROOM];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void leave_nothing(void) {
    for (size_t i = 0; i < PARTS; i++)
        unlink(join(files[i]));
    rmdir(join("jobs.d"));
    rmdir(join("services.d"));
    rmdir(dir);
}

/* A folder in memory, where there is one: it is written ten thousand times. */
static void make_folder(void) {
    snprintf(dir, sizeof(dir), "/dev/shm/fuzz_config.XXXXXX");
    if (mkdtemp(dir) == NULL) {
        snprintf(dir, sizeof(dir), "/tmp/fuzz_config.XXXXXX");
        check(mkdtemp(dir) != NULL);
    }
    check(mkdir(join("services.d"), 0755) == 0);
    check(mkdir(join("jobs.d"), 0755) == 0);
    atexit(leave_nothing);
}

static void put(const char *name, const void *bytes, size_t len) {
    FILE *file = fopen(join(name), "w");

    check(file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

/* Every line begins with a file's name and holds nothing that a terminal obeys. */
static void check_complaints(const char *text, size_t len) {
    bool is_start = true;

    for (size_t i = 0; i < len; i++) {
        check(!is_start || strncmp(text + i, dir, strlen(dir)) == 0 || text[i] == '/');
        check(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
        is_start = text[i] == '\n';
    }
}

static char *dump(size_t *out_len) {
    char *text = NULL, *said = NULL;
    size_t said_len;
    FILE *out = open_memstream(&text, out_len), *complaints = open_memstream(&said, &said_len);
    int rc;

    check(out != NULL && complaints != NULL);
    rc = config_dump(join("preforkd.conf"), out, complaints);
    fclose(out);
    fclose(complaints);
    check_complaints(said, said_len);
    check(strstr(said, " or on the line before\n") ==
          NULL); /* libconfig's own: the scan saw it first */
    free(said);
    check((rc == 0) == (*out_len > 0));
    return text;
}

/* What the lines say, without where it comes from. */
static size_t cut_origins(char *text) {
    char *to = text;

    for (char *at = text; *at != '\0'; at++) {
        if (at[0] == ' ' && at[1] == '#' && at[2] == ' ') {
            at += strcspn(at, "\n");
            while (to > text && to[-1] == ' ')
                to--;
        }
        *to++ = *at;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* Each part of the bytes into its file. The mark between them belongs to none, or (is_kept) to the
 * part that it begins. */
static void put_parts(const char *bytes, size_t len, const char *mark, bool is_kept) {
    const char *end = bytes + len, *from = bytes, *next;

    for (size_t i = 0; i < PARTS; i++) {
        if (bytes == NULL) {
            unlink(join(files[i]));
            continue;
        }
        next = i + 1 < PARTS ? memmem(from, (size_t)(end - from), mark, strlen(mark)) : NULL;
        put(files[i], bytes, (size_t)((next != NULL ? next : end) - bytes));
        from = next != NULL ? next + strlen(mark) : NULL;
        bytes = is_kept ? next : from;
    }
}

/* The files are where this dump would put them. */
static bool is_here(const char *text) {
    char services[3 * HEAD_ROOM], jobs[3 * HEAD_ROOM];

    snprintf(services, sizeof(services), "services_dir = \"%s/services.d\";", dir);
    snprintf(jobs, sizeof(jobs), "jobs_dir = \"%s/jobs.d\";", dir);
    return strstr(text, services) != NULL && strstr(text, jobs) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *first, *second;
    size_t first_len, second_len;

    if (dir[0] == '\0')
        make_folder();
    put_parts(size > 0 ? (const char *)data : "", size, MARK, false);
    first = dump(&first_len);
    if (first_len > 0 && is_here(first)) {
        put_parts(first, first_len, HEADING, true);
        second = dump(&second_len);
        check(second_len > 0);
        cut_origins(first);
        cut_origins(second);
        check(strcmp(first, second) == 0);
        free(second);
    }
    free(first);
    return 0;
}
