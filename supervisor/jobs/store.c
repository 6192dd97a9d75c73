/*
 * The spool folder and the notes about each job. All goes by descriptors of the folders, so that
 * what the path means does not change under us.
 */
#include "supervisor/jobs/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "shared/log.h"
#include "supervisor/jobs/entry_text.h"
#include "supervisor/jobs/store_file.h"
#include "supervisor/jobs/store_private.h"

#define END_ROOM 4096 /* no end is longer */

void store_renew(struct store *store, uint64_t max_bytes) {
    store->max_bytes = max_bytes;
}

char *store_name(char dst[STORE_NAME_MAX], uint64_t id, const char *name) {
    snprintf(dst, STORE_NAME_MAX, "%" PRIu64 "/%s", id, name);
    return dst;
}

char *store_folder(const struct store *store, uint64_t id, char dst[PATH_MAX]) {
    snprintf(dst, PATH_MAX, "%s/job/%" PRIu64, store->path, id);
    return dst;
}

void store_tell_bad(
    const struct store *store, const char *folder, const char *name, const char *cause) {
    char path[PATH_MAX];
    struct log_field fields[] = { LOG_TEXT("path", path), LOG_TEXT("cause", cause), { 0 } };

    snprintf(path, sizeof(path), "%s/%s/%s", store->path, folder, name);
    log_write(LOG_LEVEL_WARN, "spool_bad", fields, "something is wrong in the spool folder");
}

static int refuse(
    const struct store *store, uint64_t id, const char *doing, struct complaint *complaint) {
    return complaint_set(
        complaint, "%s/job/%" PRIu64 ": %s: %s", store->path, id, doing, strerror(errno));
}

/* ---- ids ---- */

uint64_t store_next_id(const struct store *store) {
    return store->next_id;
}

/* Always as long, and written over: a full disk has room for it. */
int store_keep_id(struct store *store, uint64_t id) {
    char text[64];
    int len;

    if (store->next_id <= id)
        store->next_id = id + 1;
    if (store->noted_id > id)
        return 0;
    len = snprintf(text, sizeof(text), "{\"next_id\":%20" PRIu64 "}\n", store->next_id);
    if (pwrite(store->next_fd, text, (size_t)len, 0) != len)
        return -1;
    store->noted_id = store->next_id;
    FAILPOINT("store-id-kept");
    return 0;
}

/* ---- a job's life ---- */

/* ".new-ID": a name that nobody reads, so that a job is there with all its texts, or not at all. */
static char *name_unfinished(char dst[STORE_NAME_MAX], uint64_t id) {
    snprintf(dst, STORE_NAME_MAX, ".new-%" PRIu64, id);
    return dst;
}

/* With what each job needs there from its beginning. */
static int make_folder(struct store *store, const char *name) {
    int fd, rc, error;

    if (store_file_remove(store->job_fd, name) < 0 || mkdirat(store->job_fd, name, 0700) < 0)
        return -1;
    FAILPOINT("store-made");
    fd = openat(store->job_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    rc = store_file_reserve(fd, "spare", END_ROOM);
    if (rc == 0)
        rc = mkdirat(fd, "result.spool", 0700);
    error = errno;
    close(fd);
    errno = error;
    FAILPOINT("store-ready");
    return rc;
}

void store_prepare(struct store *store) {
    char made[STORE_NAME_MAX];

    if (store->made_id == store->next_id || store->next_id > STORE_ID_MAX)
        return;
    if (make_folder(store, name_unfinished(made, store->next_id)) == 0)
        store->made_id = store->next_id;
    else
        store_file_remove(store->job_fd, made); /* store_add() will say why */
}

void store_forget_prepared(struct store *store) {
    char made[STORE_NAME_MAX];

    if (store->made_id != 0)
        store_file_remove(store->job_fd, name_unfinished(made, store->made_id));
    store->made_id = 0;
}

bool store_is_prepared(const struct store *store) {
    return store->made_id == store->next_id;
}

static int make_job(struct store *store, const char *made, uint64_t id, const json_t *what) {
    char name[STORE_NAME_MAX], path[STORE_NAME_MAX];

    if (store->made_id != id && make_folder(store, made) < 0)
        return -1;
    store->made_id = 0;
    snprintf(path, sizeof(path), "%.40s/what", made);
    if (store_file_write(store->job_fd, path, what) < 0)
        return -1;
    FAILPOINT("store-what");
    snprintf(name, sizeof(name), "%" PRIu64, id);
    return renameat(store->job_fd, made, store->job_fd, name);
}

int store_add(struct store *store, struct entry *entry, struct complaint *complaint) {
    char made[STORE_NAME_MAX];
    json_t *what = entry_text_of_what(entry);
    uint64_t id = store->next_id;
    int rc = -1;

    name_unfinished(made, id);
    if (what == NULL || id > STORE_ID_MAX)
        errno = what == NULL ? ENOMEM : EOVERFLOW;
    else
        rc = make_job(store, made, id, what);
    if (rc < 0) {
        refuse(store, id, "the job cannot be kept", complaint);
        store_file_remove(store->job_fd, made);
    } else {
        FAILPOINT("store-added");
        entry->id = id;
        store->next_id++;
        store_measure(store, entry);
    }
    json_decref(what);
    return rc;
}

/* Replace a text of the job by one that is given away here. */
static int note(const struct store *store, uint64_t id, const char *name, const char *spare,
    json_t *text, struct complaint *complaint) {
    char path[STORE_NAME_MAX], spare_path[STORE_NAME_MAX];
    int rc = -1;

    if (text == NULL)
        errno = ENOMEM;
    else
        rc = store_file_replace(
            store->job_fd, store_name(path, id, name), store_name(spare_path, id, spare), text);
    json_decref(text);
    return rc < 0 ? refuse(store, id, "it cannot be noted", complaint) : 0;
}

int store_note_run(struct store *store, const struct entry *entry, struct complaint *complaint) {
    return note(store, entry->id, "run", "run.new", entry_text_of_run(entry), complaint);
}

int store_note_end(struct store *store, struct entry *entry, struct complaint *complaint) {
    if (note(store, entry->id, "end", "spare", entry_text_of_end(entry), complaint) < 0)
        return -1;
    store_measure(store, entry);
    return 0;
}

void store_tidy(struct store *store, struct entry *entry) {
    char path[STORE_NAME_MAX];

    store_file_remove(store->job_fd, store_name(path, entry->id, "result.journal"));
    store_file_remove(store->job_fd, store_name(path, entry->id, "result.spool"));
    store_measure(store, entry);
}

/* The end becomes the spare, whose room on the disk is needed again. */
int store_note_retry(struct store *store, struct entry *entry, struct complaint *complaint) {
    char end[STORE_NAME_MAX], spare[STORE_NAME_MAX];

    if (renameat(store->job_fd, store_name(end, entry->id, "end"), store->job_fd,
            store_name(spare, entry->id, "spare")) < 0 &&
        errno != ENOENT)
        return refuse(store, entry->id, "its end cannot be taken back", complaint);
    FAILPOINT("store-retried");
    entry->state = ENTRY_QUEUED;
    entry->cause[0] = '\0';
    entry->exit_code = 0;
    entry->ended_at_unix_ms = 0;
    return 0;
}

int store_forget(struct store *store, struct entry *entry, struct complaint *complaint) {
    char name[STORE_NAME_MAX], gone[STORE_NAME_MAX];

    snprintf(name, sizeof(name), "%" PRIu64, entry->id);
    snprintf(gone, sizeof(gone), ".gone-%" PRIu64, entry->id);
    if (store_keep_id(store, entry->id) < 0 ||
        (renameat(store->job_fd, name, store->job_fd, gone) < 0 && errno != ENOENT))
        return refuse(store, entry->id, "it cannot be removed", complaint);
    FAILPOINT("store-gone");
    store->bytes -= entry->spool_bytes;
    entry->spool_bytes = 0;
    if (store_file_remove(store->job_fd, gone) < 0)
        store_tell_bad(store, "job", gone, strerror(errno)); /* the next load tries again */
    return 0;
}

int store_open_result(const struct store *store, uint64_t id) {
    char path[STORE_NAME_MAX];

    return openat(store->job_fd, store_name(path, id, "result"),
        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* ---- room ---- */

void store_measure(struct store *store, struct entry *entry) {
    static const char *const names[] = { "what", "run", "end", "spare", "result", "result.journal",
        "result.spool/results", "result.spool/rest" };
    char path[STORE_NAME_MAX];
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        bytes += store_file_bytes(store->job_fd, store_name(path, entry->id, names[i]));
    store->bytes += bytes - entry->spool_bytes;
    entry->spool_bytes = bytes;
}

uint64_t store_bytes(const struct store *store) {
    return store->bytes;
}

uint64_t store_room(const struct store *store) {
    uint64_t room = store->max_bytes > store->bytes ? store->max_bytes - store->bytes : 0, free;
    struct statvfs vfs;

    if (fstatvfs(store->dir_fd, &vfs) < 0)
        return room;
    free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    return free < room ? free : room;
}
