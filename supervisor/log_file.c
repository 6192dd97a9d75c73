/*
 * The file is opened without O_APPEND, which splice() does not allow, and written at the position
 * of its descriptor. So before each write its size is compared with ours: whoever made it shorter
 * (copytruncate) or longer is followed, instead of leaving a hole or writing over.
 */
#include "supervisor/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"

int log_file_open_next(const struct log_file *file) {
    struct stat st;
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

    /* O_RDWR: the last byte is looked at, and a FIFO may have no reader yet. */
    if (lstat(file->path, &st) == 0 && S_ISCHR(st.st_mode))
        flags = O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    return open(file->path, flags, 0640);
}

static bool ends_in_mid_record(int fd, uint64_t size) {
    char last;

    return size > 0 && pread(fd, &last, 1, (off_t)(size - 1)) == 1 && last != '\n';
}

static void use(struct log_file *file, int fd) {
    struct stat st;
    off_t end;

    log_sink_use_file(&file->sink, fd);
    file->is_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    file->size = 0;
    if (file->is_regular && (end = lseek(fd, 0, SEEK_END)) > 0)
        file->size = (uint64_t)end;
    file->rotate_at = UINT64_MAX;
    if (file->is_regular && file->rotate_bytes > 0 && file->rotate_keep > 0)
        file->rotate_at = file->rotate_bytes;
    file->is_cut = file->wants_newline = false;
}

int log_file_open(struct log_file *file, bool has_rest) {
    bool is_cut;
    int fd;

    if (file->path == NULL) {
        file->rotate_at = UINT64_MAX;
        log_sink_use_stream(&file->sink, STDERR_FILENO);
        return 0;
    }
    fd = log_file_open_next(file);
    if (fd < 0)
        return -1;
    use(file, fd);
    is_cut = file->is_regular && ends_in_mid_record(fd, file->size);
    file->is_cut = is_cut && has_rest;
    file->wants_newline = is_cut && !has_rest;
    return 0;
}

/* ---- changing files ---- */

/* The beginning of a cut record goes where its rest will go; the old file loses it then. */
static void carry_beginning(const struct log_file *file, int to, off_t end) {
    char tail[LOG_LINE_MAX], *begin;
    size_t want = file->size < sizeof(tail) ? (size_t)file->size : sizeof(tail), len;
    ssize_t n = pread(file->sink.fd, tail, want, (off_t)(file->size - want));
    int rc = 0;

    if (n <= 0)
        return;
    begin = memrchr(tail, '\n', (size_t)n);
    begin = begin != NULL ? begin + 1 : tail;
    len = (size_t)(tail + n - begin);
    if (write(to, begin, len) == (ssize_t)len)
        rc = ftruncate(file->sink.fd, (off_t)(file->size - len));
    else
        rc = ftruncate(to, end); /* then the rest is taken for torn */
    (void)rc;                    /* a broken line stays, in a file that nobody writes any more */
}

void log_file_switch(struct log_file *file, int fd) {
    int old = file->sink.fd;
    struct stat st, old_st;
    bool is_same, is_cut = file->is_cut;
    off_t end = lseek(fd, 0, SEEK_END);

    is_same = fstat(fd, &st) == 0 && fstat(old, &old_st) == 0 && st.st_dev == old_st.st_dev &&
              st.st_ino == old_st.st_ino;
    if (is_cut && !is_same)
        carry_beginning(file, fd, end);
    use(file, fd);
    file->is_cut = is_cut;
    file->wants_newline = !is_cut && file->is_regular && ends_in_mid_record(fd, file->size);
    close(old);
}

static bool path_of(char dst[PATH_MAX], const struct log_file *file, uint64_t number) {
    return snprintf(dst, PATH_MAX, number > 0 ? "%s.%lu" : "%s", file->path,
               (unsigned long)number) < PATH_MAX;
}

static int rename_step(const struct log_file *file, uint64_t from, uint64_t to) {
    char old[PATH_MAX], new[PATH_MAX];

    if (!path_of(old, file, from) || !path_of(new, file, to)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return rename(old, new);
}

bool log_file_is_full(const struct log_file *file, size_t more) {
    return file->size > 0 && !file->is_cut && file->size + more > file->rotate_at;
}

void log_file_rotate(struct log_file *file) {
    int fd = -1;

    for (uint64_t i = file->rotate_keep - 1; i > 0; i--)
        rename_step(file, i, i + 1);
    if (rename_step(file, 0, 1) == 0 || errno == ENOENT) {
        fd = log_file_open_next(file);
        if (fd < 0)
            rename_step(file, 1, 0);
    }
    if (fd >= 0)
        log_file_switch(file, fd);
    else /* not with every record */
        file->rotate_at = file->size + file->rotate_bytes;
}

/* ---- writing ---- */

/* The beginning of a record is gone: take its rest out of the pipe. Returns how many bytes. */
static size_t drop_rest(struct log_file *file, int pipe_fd) {
    char bytes[LOG_LINE_MAX];
    ssize_t n = log_sink_peek(pipe_fd, bytes, sizeof(bytes));
    char *end = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;

    file->is_cut = false;
    if (end == NULL)
        return 0;
    file->torn++;
    log_sink_drop(pipe_fd, (size_t)(end + 1 - bytes));
    return (size_t)(end + 1 - bytes);
}

static void follow_others(struct log_file *file) {
    struct stat st;
    int fd;

    if (!file->is_regular || fstat(file->sink.fd, &st) < 0)
        return;
    if (st.st_nlink == 0 && (fd = log_file_open_next(file)) >= 0) {
        file->was_deleted = true;
        log_file_switch(file, fd);
    } else if ((uint64_t)st.st_size != file->size) {
        file->was_truncated |= (uint64_t)st.st_size < file->size;
        lseek(file->sink.fd, 0, SEEK_END);
        file->size = (uint64_t)st.st_size;
    }
}

static int end_line(struct log_file *file) {
    ssize_t n;

    if (!file->wants_newline)
        return 0;
    n = write(file->sink.fd, "\n", 1);
    if (n != 1)
        return -1;
    file->size++;
    file->wants_newline = false;
    return 0;
}

int log_file_write(struct log_file *file, int pipe_fd, size_t len, size_t *left) {
    ssize_t n;

    *left = len;
    follow_others(file);
    if (file->is_cut && !ends_in_mid_record(file->sink.fd, file->size))
        *left -= drop_rest(file, pipe_fd);
    if (end_line(file) < 0)
        return -1;
    while (*left > 0) {
        n = log_sink_move(&file->sink, pipe_fd, *left);
        if (n <= 0) {
            if (n == 0)
                errno = EAGAIN;
            file->is_cut = file->is_regular && ends_in_mid_record(file->sink.fd, file->size);
            return -1;
        }
        *left -= (size_t)n;
        if (file->is_regular)
            file->size += (uint64_t)n;
    }
    file->is_cut = false;
    return 0;
}
