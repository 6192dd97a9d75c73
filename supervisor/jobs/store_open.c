/*
 * Take the spool folder. It is ours alone or it is not taken: what somebody else may write there
 * would be run by us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "supervisor/jobs/store_file.h"
#include "supervisor/jobs/store_private.h"

static int exit_code_of(int error) {
    if (error == EACCES || error == EPERM || error == EROFS)
        return EXIT_CODE_PERMISSION;
    if (error == ENOMEM || error == EMFILE || error == ENFILE)
        return EXIT_CODE_SYSTEM;
    return EXIT_CODE_IO;
}

static int refuse(
    const char *path, const char *name, struct complaint *complaint, int *out_exit_code) {
    *out_exit_code = exit_code_of(errno);
    return complaint_set(complaint, "%s%s: %s", path, name, strerror(errno));
}

static int open_folder(struct store *store, struct complaint *complaint, int *out_exit_code) {
    struct stat st;

    if (mkdir(store->path, 0700) < 0 && errno != EEXIST)
        return refuse(store->path, "", complaint, out_exit_code);
    store->dir_fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->dir_fd < 0 || fstat(store->dir_fd, &st) < 0)
        return refuse(store->path, "", complaint, out_exit_code);
    if (st.st_uid != geteuid()) {
        *out_exit_code = EXIT_CODE_PERMISSION;
        return complaint_set(complaint,
            "%s belongs to uid %u, and jobs are kept by uid %u: give it to that user (chown -R), "
            "or "
            "choose another spool_dir",
            store->path, st.st_uid, geteuid());
    }
    if ((st.st_mode & 077) != 0) {
        if (fchmod(store->dir_fd, 0700) < 0)
            return refuse(store->path, "", complaint, out_exit_code);
        log_warnx("%s: its rights were %o and are 700 now: others must not read jobs", store->path,
            st.st_mode & 07777);
    }
    return 0;
}

/* ---- the lock ---- */

/* Returns 0, or -1 with errno; EWOULDBLOCK when somebody else has it. */
static int try_lock(struct store *store) {
    if (store->lock_fd < 0)
        store->lock_fd = openat(
            store->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return store->lock_fd < 0 ? -1 : flock(store->lock_fd, LOCK_EX | LOCK_NB);
}

/* The children of one that was killed hold the lock until they are gone, too. */
static int lock(
    struct store *store, unsigned patience_ms, struct complaint *complaint, int *out_exit_code) {
    const struct timespec moment = { .tv_nsec = 5000000 };
    uint64_t until = clock_now_ms() + patience_ms;

    while (try_lock(store) < 0) {
        if (errno != EWOULDBLOCK)
            return refuse(store->path, "/lock", complaint, out_exit_code);
        if (clock_now_ms() >= until) {
            *out_exit_code = EXIT_CODE_BUSY;
            return complaint_set(complaint,
                "%s is in use by another job supervisor; each needs a spool_dir of its own",
                store->path);
        }
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* ---- ids ---- */

static uint64_t read_next_id(struct store *store) {
    json_t *text = store_file_read(store->dir_fd, "next_id");
    json_int_t next_id = 0;

    if (text == NULL && errno == ENOENT)
        return 0;
    if (text == NULL || json_unpack(text, "{s:I}", "next_id", &next_id) < 0 || next_id < 1 ||
        next_id > (json_int_t)STORE_ID_MAX) {
        next_id = 0;
        store_tell_bad(store, ".", "next_id", "it is torn: ids go on behind those that are there");
    }
    json_decref(text);
    return (uint64_t)next_id;
}

/*
 * Written at once, so that there is room for it later; and under another name at first, so that
 * nobody finds it empty.
 */
static int make_next_id(struct store *store) {
    store->next_fd = openat(
        store->dir_fd, "next_id.new", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (store->next_fd < 0)
        return -1;
    FAILPOINT("store-id-made");
    if (store_keep_id(store, 0) < 0)
        return -1;
    return renameat(store->dir_fd, "next_id.new", store->dir_fd, "next_id");
}

static int open_next_id(struct store *store) {
    store->noted_id = read_next_id(store);
    store->next_id = store->noted_id > 0 ? store->noted_id : 1;
    if (store->noted_id == 0)
        return make_next_id(store);
    store->next_fd = openat(store->dir_fd, "next_id", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    return store->next_fd < 0 ? -1 : 0;
}

/* ---- open and close ---- */

static int open_all(
    struct store *store, unsigned patience_ms, struct complaint *complaint, int *out_exit_code) {
    if (open_folder(store, complaint, out_exit_code) < 0 ||
        lock(store, patience_ms, complaint, out_exit_code) < 0)
        return -1;
    store->job_fd = store_file_open_folder(store->dir_fd, "job");
    if (store->job_fd < 0)
        return refuse(store->path, "/job", complaint, out_exit_code);
    store->plan_fd = store_file_open_folder(store->dir_fd, "plan");
    if (store->plan_fd < 0)
        return refuse(store->path, "/plan", complaint, out_exit_code);
    if (open_next_id(store) < 0)
        return refuse(store->path, "/next_id", complaint, out_exit_code);
    return 0;
}

struct store *store_open(const char *path, uint64_t max_bytes, unsigned patience_ms,
    struct complaint *complaint, int *out_exit_code) {
    struct store *store = malloc(sizeof(*store));

    *out_exit_code = EXIT_CODE_SYSTEM;
    if (store == NULL || strlen(path) > PATH_MAX - STORE_NAME_MAX) {
        complaint_set(complaint, store == NULL ? "no memory" : "the path of the spool is too long");
        free(store);
        return NULL;
    }
    *store = (struct store){ .path = strdup(path),
        .dir_fd = -1,
        .job_fd = -1,
        .plan_fd = -1,
        .lock_fd = -1,
        .next_fd = -1,
        .max_bytes = max_bytes };
    if (store->path == NULL)
        complaint_set(complaint, "no memory");
    else if (open_all(store, patience_ms, complaint, out_exit_code) == 0)
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store) {
    if (store == NULL)
        return;
    store_forget_prepared(store);
    for (int i = 0; i < 5; i++) {
        int fd = (int[]){ store->plan_fd, store->job_fd, store->next_fd, store->lock_fd,
            store->dir_fd }[i];
        if (fd >= 0)
            close(fd);
    }
    free(store->path);
    free(store);
}
