#ifndef SUPERVISOR_LOG_SINK_H
#define SUPERVISOR_LOG_SINK_H

/*
 * From a pipe to where its bytes are read: a file, a FIFO, a terminal, a socket. What leaves the
 * pipe has arrived, so that a process killed here loses nothing: splice() where the kernel moves
 * the bytes itself, else a look into the pipe, a write, and only then the taking out (a kill
 * between the two says the same twice). Log writer only; one thread. Only a regular file may
 * block.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct log_sink {
    int fd; /* -1: none */
    bool is_spliced;
    bool is_socket;
    bool is_shared; /* others have it open and it could not be opened once more: poll first */
};

/* A file opened for the log alone. */
void log_sink_use_file(struct log_sink *sink, int fd);

/* stdout or stderr, which others share: opened once more where that is possible. */
void log_sink_use_stream(struct log_sink *sink, int fd);

/*
 * Move at most `most` bytes. Returns how many, or -1 with errno: EAGAIN when the sink has no room
 * (or the pipe no byte), ENOSPC and the like from the disk.
 */
ssize_t log_sink_move(struct log_sink *sink, int pipe_fd, size_t most);

/* Make the pipe that looking needs. Once. Returns 0, or -1 with errno. */
int log_sink_init(void);

/*
 * Look at the first bytes in a pipe, at most `size`, and leave them there.
 * Returns how many, or -1 with errno: EAGAIN when it is empty.
 */
ssize_t log_sink_peek(int pipe_fd, char *dst, size_t size);

/* Take out of the pipe `len` bytes that were looked at. */
void log_sink_drop(int pipe_fd, size_t len);

#endif
