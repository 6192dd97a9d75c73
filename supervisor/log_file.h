#ifndef SUPERVISOR_LOG_FILE_H
#define SUPERVISOR_LOG_FILE_H

/*
 * The log's file: opened, written at its end, rotated by size, reopened. It may be a FIFO or a
 * device, too. It is ours alone to write, but others may delete it or cut it short at any time.
 * Log writer only; one thread.
 *
 * Mode 0640, not followed through a symbolic link: rotation would rename the link instead of the
 * file, and a daemon started as root must not be led to write elsewhere by whoever owns the
 * folder. A path without a link in its last part, or no file and stderr, does what links are
 * wished for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/log_sink.h"

struct log_file {
    struct log_sink sink;
    const char *path; /* NULL: stderr */
    uint64_t rotate_bytes, rotate_keep;
    uint64_t rotate_at; /* the size that asks for rotation; UINT64_MAX: none */
    uint64_t size;      /* where we write; 0 when not a regular file */
    bool is_regular;
    bool is_cut;                     /* ends within a record, whose rest comes first */
    bool wants_newline;              /* ends within a record, whose rest is gone */
    uint64_t torn;                   /* records whose beginning somebody cut away under us */
    bool was_deleted, was_truncated; /* noticed; cleared by who tells it */
};

/*
 * Open it; has_rest: what comes first may be the rest of a record, because the last log writer was
 * killed when a full disk had cut it. Returns 0, or -1 with errno.
 */
int log_file_open(struct log_file *file, bool has_rest);

/*
 * Move `len` bytes, whole records but for the rest of a cut one, from the pipe to the end of the
 * file. Returns 0 when all are there; *left: what is still in the pipe. -1 with errno: EAGAIN for
 * a FIFO or a terminal that is full, anything else from the disk.
 */
int log_file_write(struct log_file *file, int pipe_fd, size_t len, size_t *left);

/* Would so many bytes more be too many? Only between records. */
bool log_file_is_full(const struct log_file *file, size_t more);

/* Rename it to PATH.1, that to PATH.2 and so on, and begin a new one. On failure it stays. */
void log_file_rotate(struct log_file *file);

/* Open the path once more, for log_file_switch(). Returns the descriptor, or -1 with errno. */
int log_file_open_next(const struct log_file *file);

/* Close the old file and go on in fd. The beginning of a cut record moves along. */
void log_file_switch(struct log_file *file, int fd);

#endif
