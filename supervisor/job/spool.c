/*
 * The spool. One file for all results rather than one for each: a window of thousands of chunks
 * costs one descriptor, and a killed supervisor leaves one name at most.
 */
#include "supervisor/job/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void spool_init(struct spool *spool, const char *path) {
    *spool = (struct spool){ .fd = -1, .path = path };
}

void spool_fini(struct spool *spool) {
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}

static int open_nameless(void) {
    const char *dir = getenv("TMPDIR");
    char name[4096];
    int fd;

    if (dir == NULL || dir[0] == '\0')
        dir = "/tmp";
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    if (snprintf(name, sizeof(name), "%s/prefork-spool-XXXXXX", dir) >= (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

int spool_reopen(struct spool *spool) {
    struct stat st;

    spool->fd = open(spool->path, O_RDWR | O_CLOEXEC);
    if (spool->fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstat(spool->fd, &st) < 0)
        return -1;
    spool->end = (uint64_t)st.st_size;
    return 0;
}

static int open_spool(struct spool *spool) {
    if (spool->fd >= 0)
        return 0;
    if (spool->path == NULL)
        spool->fd = open_nameless();
    else
        spool->fd = open(spool->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return spool->fd >= 0 ? 0 : -1;
}

int spool_append(struct spool *spool, const void *data, size_t len, struct extent *out) {
    const char *at = data;
    uint64_t offset = spool->end;
    size_t left = len;
    ssize_t n;

    if (open_spool(spool) < 0)
        return -1;
    while (left > 0) {
        n = pwrite(spool->fd, at, left, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        offset += (uint64_t)n;
        left -= (size_t)n;
    }
    *out = (struct extent){ .offset = spool->end, .len = len };
    spool->end = offset;
    spool->live += len;
    return 0;
}

int spool_read(const struct spool *spool, uint64_t offset, void *data, size_t len) {
    char *at = data;
    ssize_t n;

    while (len > 0) {
        n = pread(spool->fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return -1;
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

void spool_keep(struct spool *spool, const struct extent *extent) {
    spool->live += extent->len;
}

void spool_drop(struct spool *spool, const struct extent *extent) {
    spool->live -= extent->len;
    if (spool->live > 0) {
        /* Where holes are not supported the space comes back when the spool is empty. */
        if (fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)extent->offset,
                (off_t)extent->len) < 0)
            return;
    } else if (ftruncate(spool->fd, 0) == 0) {
        spool->end = 0;
    }
}
