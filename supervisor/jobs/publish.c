/*
 * Publishing. The unfinished copy lies beside its target, because rename(2) does not cross file
 * systems; its name follows from the result's place on the disk, so that whoever tries again after
 * a kill removes what the first try left.
 */
#include "supervisor/jobs/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/failpoint.h"

#define PIECE_BYTES (4u << 20)

static int fail(const char *path, struct complaint *complaint) {
    return complaint_set(complaint, "the result cannot be put at %s: %s", path, strerror(errno));
}

/* A device or a folder is not replaced, whoever wrote it into the configuration. */
static int check_target(const char *output, struct complaint *complaint) {
    struct stat st;

    if (lstat(output, &st) < 0)
        return errno == ENOENT ? 0 : fail(output, complaint);
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        return 0;
    return complaint_set(
        complaint, "the result cannot be put at %s: what is there is no file", output);
}

/* "DIR/.prefork-DEVICE-INODE", or NULL with the complaint. */
static char *name_unfinished(const char *result, const char *output, struct complaint *complaint) {
    const char *slash = strrchr(output, '/');
    int len = slash != NULL ? (int)(slash - output) + 1 : 0;
    char *name = NULL;
    struct stat st;

    if (stat(result, &st) < 0) {
        complaint_set(complaint, "%s: %s", result, strerror(errno));
        return NULL;
    }
    if (asprintf(&name, "%.*s.prefork-%lx-%lx", len, output, st.st_dev, st.st_ino) < 0) {
        complaint_set(complaint, "no memory");
        return NULL;
    }
    return name;
}

/* rename(2) does nothing when both names are of one file already. */
static int finish(const char *unfinished, const char *output, struct complaint *complaint) {
    int rc;

    FAILPOINT("publish-ready");
    rc = rename(unfinished, output) < 0 ? fail(output, complaint) : 0;
    FAILPOINT("publish-renamed");
    unlink(unfinished);
    return rc;
}

/* ---- the child that copies ---- */

static int copy_bytes(int from, int to) {
    struct stat st;
    off_t done = 0;
    ssize_t n;

    if (fstat(from, &st) < 0)
        return -1;
    while (done < st.st_size) {
        n = sendfile(to, from, &done, PIECE_BYTES);
        if (n == 0)
            errno = EIO; /* somebody has cut it */
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        FAILPOINT("publish-copying");
    }
    return fchmod(to, st.st_mode & 0777) < 0 || close(to) < 0 ? -1 : 0;
}

static int copy(
    const char *result, const char *unfinished, const char *output, struct complaint *complaint) {
    int from = open(result, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), to;

    if (from < 0)
        return complaint_set(complaint, "%s: %s", result, strerror(errno));
    to = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return fail(output, complaint);
    if (copy_bytes(from, to) < 0) {
        fail(output, complaint);
        unlink(unfinished);
        return -1;
    }
    return finish(unfinished, output, complaint);
}

struct copying {
    const char *result, *unfinished, *output;
};

static int copy_in_child(void *arg, struct complaint *complaint) {
    const struct copying *copying = arg;

    return copy(copying->result, copying->unfinished, copying->output, complaint);
}

static int start_copier(
    struct publish *publish, const char *result, const char *output, struct complaint *complaint) {
    struct copying copying = { result, publish->unfinished, output };
    int rc;

    rc = failpoint_fails("publish-fork") ? (errno = EAGAIN, -1)
                                         : errand_start(&publish->errand, copy_in_child, &copying);
    if (rc == 0)
        return 0;
    fail(output, complaint);
    unlink(publish->unfinished); /* a child may have begun */
    return -1;
}

/* ---- the parent ---- */

static void forget(struct publish *publish) {
    free(publish->unfinished);
    *publish = PUBLISH_NONE;
}

static int give_second_name(const char *result, const char *unfinished) {
    if (failpoint_fails("publish-link")) {
        errno = EXDEV;
        return -1;
    }
    return link(result, unfinished);
}

static bool needs_copy(int error) {
    return error == EXDEV || error == EPERM || error == EMLINK || error == EOPNOTSUPP ||
           error == ENOSYS;
}

enum publish_state publish_start(
    struct publish *publish, const char *result, const char *output, struct complaint *complaint) {
    int rc = -1;

    *publish = PUBLISH_NONE;
    if (check_target(output, complaint) < 0)
        return PUBLISH_FAILED;
    publish->unfinished = name_unfinished(result, output, complaint);
    if (publish->unfinished == NULL)
        return PUBLISH_FAILED;
    if (unlink(publish->unfinished) < 0 && errno != ENOENT)
        fail(output, complaint);
    else if (give_second_name(result, publish->unfinished) == 0)
        rc = finish(publish->unfinished, output, complaint);
    else if (needs_copy(errno))
        rc = start_copier(publish, result, output, complaint);
    else
        fail(output, complaint);
    if (rc == 0 && publish->errand.pidfd >= 0)
        return PUBLISH_COPYING;
    forget(publish);
    return rc == 0 ? PUBLISH_PUT : PUBLISH_FAILED;
}

enum publish_state publish_finish(struct publish *publish, struct complaint *complaint) {
    int rc = errand_finish(&publish->errand, complaint);

    if (rc < 0)
        unlink(publish->unfinished);
    forget(publish);
    return rc < 0 ? PUBLISH_FAILED : PUBLISH_PUT;
}

void publish_stop(struct publish *publish) {
    if (publish->errand.pidfd < 0)
        return;
    errand_stop(&publish->errand);
    unlink(publish->unfinished);
    forget(publish);
}
