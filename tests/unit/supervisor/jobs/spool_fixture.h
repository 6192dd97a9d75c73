#ifndef TESTS_UNIT_SUPERVISOR_JOBS_SPOOL_FIXTURE_H
#define TESTS_UNIT_SUPERVISOR_JOBS_SPOOL_FIXTURE_H

/*
 * A spool in a folder of its own, jobs to keep there, what was logged, and processes that are
 * killed while they write there.
 */

#include "supervisor/jobs/store.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "shared/log.h"

#define GENEROUS (1ull << 40)

static char folder[64], spool[80];
static int log_fd = -1;
static struct complaint complaint;
static int exit_code;

static inline void spool_prepare(void) {
    /* In memory where there is such a place: thousands of files come and go. */
    snprintf(folder, sizeof(folder), "%s/preforkd-spool.XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(spool, sizeof(spool), "%s/jobs", folder);
    log_fd = open(folder, O_TMPFILE | O_RDWR | O_APPEND, 0600);
    cr_assert(log_fd >= 0);
    log_use_records(log_fd, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "jobs", 0, NULL);
}

static inline int spool_remove(
    const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* ---- what a test leaves is freed when it is over ---- */

static struct entry **owned;
static size_t owned_count;
static struct store *opened;

static inline struct entry *spool_own(struct entry *entry) {
    owned = reallocarray(owned, owned_count + 1, sizeof(*owned));
    owned[owned_count++] = entry;
    return entry;
}

static inline void spool_disown(struct entry *entry) {
    for (size_t i = 0; i < owned_count; i++)
        if (owned[i] == entry)
            owned[i] = owned[--owned_count];
    entry_free(entry);
}

static inline void spool_close(struct store *store) {
    if (store == opened)
        opened = NULL;
    store_close(store);
}

static inline void spool_clean(void) {
    spool_close(opened);
    while (owned_count > 0)
        spool_disown(owned[0]);
    free(owned);
    owned = NULL;
    umount2(folder, MNT_DETACH);
    nftw(folder, spool_remove, 16, FTW_DEPTH | FTW_PHYS);
    close(log_fd);
}

/* How many lines of the log hold the words. */
static inline unsigned logged(const char *words) {
    static char text[1 << 16];
    ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);
    unsigned count = 0;

    text[n > 0 ? n : 0] = '\0';
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        count += strstr(line, words) != NULL;
    return count;
}

static inline struct store *spool_open(void) {
    struct store *store = store_open(spool, GENEROUS, 0, &complaint, &exit_code);

    cr_assert_not_null(store, "%s", complaint.text);
    return opened = store;
}

static inline void spool_load(struct store *store, struct entry_list *list) {
    struct entry *entry;

    TAILQ_INIT(list);
    cr_assert_eq(store_load(store, list, &complaint), 0, "%s", complaint.text);
    TAILQ_FOREACH (entry, list, link)
        spool_own(entry);
}

static inline struct entry *spool_find(const struct entry_list *list, uint64_t id) {
    struct entry *entry;

    TAILQ_FOREACH (entry, list, link)
        if (entry->id == id)
            return entry;
    return NULL;
}

static inline unsigned spool_count(const struct entry_list *list) {
    struct entry *entry;
    unsigned count = 0;

    TAILQ_FOREACH (entry, list, link)
        count++;
    return count;
}

static inline void spool_free(struct entry_list *list) {
    struct entry *entry;

    while ((entry = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, entry, link);
        spool_disown(entry);
    }
}

static inline struct entry *make_entry(const char *name) {
    struct entry *entry = spool_own(entry_new());

    snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->uid = 1234;
    snprintf(entry->token, sizeof(entry->token), "token of %s", name);
    entry->what = json_pack("{s:s, s:{s:s}, s:s}", "kernel", "divisible", "params", "by",
        "11,13,17", "interval", "1..3345212");
    entry->output = strdup("/srv/\xc3\xa4 result");
    entry->wanted_at_unix_ms = 1700000000123;
    return entry;
}

/* Add one, or say why not. */
static inline struct entry *add_entry(struct store *store, const char *name) {
    struct entry *entry = make_entry(name);

    cr_assert_eq(store_add(store, entry, &complaint), 0, "%s", complaint.text);
    return entry;
}

static inline void end_entry(struct entry *entry, enum entry_state state) {
    entry->state = state;
    snprintf(entry->cause, sizeof(entry->cause), "a cause \"with\" \xff and all");
    entry->exit_code = 3;
    entry->started_at_unix_ms = 1700000001000;
    entry->ended_at_unix_ms = 1700000002000;
    entry->runs = 2;
    entry->chunks = 18446744073710u;
    entry->chunks_done = 18446744073709u;
    entry->records = 1u << 31;
    entry->digest = 0xfbadcafe;
    entry->result_bytes = 1ull << 41;
    entry->wall_ns = 1ull << 55;
}

/* Write a file in the spool, as anybody could. */
static inline void put_file(const char *name, const void *data, size_t len) {
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", spool, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, data, len) == (ssize_t)len, "%s: %s", path, strerror(errno));
    close(fd);
}

static inline bool is_there(const char *name) {
    char path[256];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", spool, name);
    return lstat(path, &st) == 0;
}

/*
 * Do it in a process of its own that the step kills. Returns how waitpid told its end: it was
 * killed, or did not come to the step and left with 0.
 */
static inline int do_and_die(const char *step, void (*work)(void)) {
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        setenv("PREFORK_FAILPOINT", step, 1);
        failpoint_init();
        work();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static inline bool was_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Steps of this process fail, from now on. */
static inline void arm(const char *step) {
    setenv("PREFORK_FAILPOINT", step, 1);
    failpoint_init();
}

/* The folder becomes a disk of so many bytes. False: not allowed to. */
static inline bool make_small_disk(unsigned bytes) {
    char options[32];

    snprintf(options, sizeof(options), "size=%u,mode=700", bytes);
    return mount("none", folder, "tmpfs", 0, options) == 0;
}

#endif
