/* Files of the spool. */
#include "supervisor/jobs/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/failpoint.h"

#define DEPTH_MAX 4 /* of folders that are removed */

int store_file_open_folder(int dir_fd, const char *name) {
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- reading ---- */

static ssize_t read_all(int fd, char *dst, size_t size) {
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, dst + len, size - len);
        if (n > 0)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -1 : (ssize_t)len;
}

static json_t *parse(const char *text, size_t len) {
    json_error_t error;
    json_t *json = json_loadb(text, len, 0, &error);

    if (json == NULL)
        errno = json_error_code(&error) == json_error_out_of_memory ? ENOMEM : EBADMSG;
    return json;
}

/* Others could only have put it there while the folder stood open to them. */
static bool is_ours(const struct stat *st) {
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_size <= STORE_FILE_MAX;
}

json_t *store_file_read(int dir_fd, const char *path) {
    int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    char small[8192], *text = small;
    json_t *json = NULL;
    struct stat st;
    ssize_t len;

    if (fd < 0) {
        if (errno == ELOOP || errno == ENXIO || errno == EACCES || errno == ENOTDIR)
            errno = EBADMSG;
        return NULL;
    }
    if (fstat(fd, &st) < 0)
        goto out;
    errno = EBADMSG;
    if (!is_ours(&st))
        goto out;
    if ((size_t)st.st_size > sizeof(small) && (text = malloc((size_t)st.st_size)) == NULL)
        goto out;
    len = read_all(fd, text, (size_t)st.st_size);
    if (len >= 0)
        json = parse(text, (size_t)len);
out:
    if (text != small)
        free(text);
    close(fd);
    return json;
}

/* ---- writing ---- */

static int write_all(int fd, const char *text, size_t len) {
    size_t done = 0;
    ssize_t n;

    if (failpoint_fails("store-write")) {
        errno = ENOSPC;
        return -1;
    }
    while (done < len) {
        n = pwrite(fd, text + done, len - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return ftruncate(fd, (off_t)len);
}

static int fill(int fd, const json_t *text) {
    char *bytes = json_dumps(text, JSON_COMPACT);
    int rc = -1, error;

    if (bytes != NULL)
        rc = write_all(fd, bytes, strlen(bytes));
    else
        errno = ENOMEM;
    error = errno;
    free(bytes);
    if (close(fd) < 0 && rc == 0)
        return -1;
    errno = error;
    return rc;
}

int store_file_write(int dir_fd, const char *path, const json_t *text) {
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 ? -1 : fill(fd, text);
}

int store_file_replace(int dir_fd, const char *path, const char *spare, const json_t *text) {
    int fd = openat(dir_fd, spare, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || fill(fd, text) < 0)
        return -1;
    FAILPOINT("store-written");
    if (renameat(dir_fd, spare, dir_fd, path) < 0)
        return -1;
    FAILPOINT("store-renamed");
    return 0;
}

int store_file_reserve(int dir_fd, const char *path, size_t bytes) {
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), rc, error;

    if (fd < 0)
        return -1;
    rc = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
    if (rc < 0 && errno == EOPNOTSUPP)
        rc = 0;
    error = errno;
    close(fd);
    errno = error;
    return rc;
}

/* ---- removing ---- */

static int remove_in(DIR *dir, unsigned depth);

static int remove_folder(int dir_fd, const char *path, unsigned depth) {
    int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc, error;
    DIR *dir;

    if (fd < 0)
        return -1;
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return -1;
    }
    rc = remove_in(dir, depth);
    error = errno;
    closedir(dir);
    errno = error;
    return rc < 0 ? -1 : unlinkat(dir_fd, path, AT_REMOVEDIR);
}

static int remove_one(int dir_fd, const char *path, unsigned depth) {
    if (unlinkat(dir_fd, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (depth == DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }
    return remove_folder(dir_fd, path, depth + 1);
}

static int remove_in(DIR *dir, unsigned depth) {
    struct dirent *name;

    while ((errno = 0, name = readdir(dir)) != NULL) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        if (remove_one(dirfd(dir), name->d_name, depth) < 0)
            return -1;
        FAILPOINT("store-removed");
    }
    return errno == 0 ? 0 : -1;
}

int store_file_remove(int dir_fd, const char *path) {
    return remove_one(dir_fd, path, 0);
}

uint64_t store_file_bytes(int dir_fd, const char *path) {
    struct stat st;

    if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    return (uint64_t)st.st_blocks * 512;
}
