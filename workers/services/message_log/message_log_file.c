#include "workers/services/message_log/message_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define MODE  0640

int message_log_file_open(struct message_log_file *file, const char *path) {
    file->path = path;
    file->fd = open(path, FLAGS, MODE);
    return file->fd < 0 ? -1 : 0;
}

static bool is_same(const struct message_log_file *file) {
    struct stat ours, theirs;

    return fstat(file->fd, &ours) == 0 && stat(file->path, &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int message_log_file_look(struct message_log_file *file) {
    int fd, rc;

    if (file->fd < 0 || is_same(file))
        return 0;
    fd = open(file->path, FLAGS, MODE);
    if (fd < 0)
        return -1;
    /* Threads that write meanwhile write to the one or to the other. */
    rc = dup3(fd, file->fd, O_CLOEXEC) < 0 ? -1 : 0;
    close(fd);
    return rc;
}

int message_log_file_write(const struct message_log_file *file, const char *line, size_t len) {
    ssize_t n;

    do
        n = write(file->fd, line, len);
    while (n < 0 && errno == EINTR);
    if (n >= 0 && (size_t)n < len)
        errno = ENOSPC;
    return n == (ssize_t)len ? 0 : -1;
}

void message_log_file_close(struct message_log_file *file) {
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
