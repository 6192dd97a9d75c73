#ifndef SUPERVISOR_JOB_OUTPUT_H
#define SUPERVISOR_JOB_OUTPUT_H

/*
 * Where a job's bytes go: stdout or a file, through one buffer. A reader of stdout that stalls
 * must not stall the supervisor, so nothing here waits for one; a file may block on the disk.
 * Job supervisor only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define OUTPUT_BUFFER (256u * 1024u)
#define OUTPUT_PIECES 128

struct output {
    int fd;
    bool is_patient; /* a regular file: write(2) may take all */
    bool is_socket;
    bool is_small; /* cannot be made non-blocking: only small writes after poll */
    bool has_crc;  /* keep crc */
    char *buf;
    size_t buffered;                    /* bytes in buf */
    size_t waiting;                     /* bytes that are not written yet, in buf or lent */
    struct iovec pieces[OUTPUT_PIECES]; /* these bytes, in order */
    int piece_count;
    void *given[OUTPUT_PIECES]; /* to be freed when all is written */
    int given_count;
    uint64_t offset; /* bytes taken in all */
    uint32_t crc;    /* of all bytes taken */
};

/* Write to stdout. Returns 0, or -1 with errno. */
int output_open_stdout(struct output *output);

/*
 * Write to path from byte `offset` on; what lies behind it is cut off, and crc is that of what
 * lies before. 0 begins anew. Returns 0, or -1 with errno.
 */
int output_open_file(struct output *output, const char *path, uint64_t offset, uint32_t crc);

/* Close without flushing. Returns 0, or -1 with errno of close(2). */
int output_close(struct output *output);

/* How many bytes would be taken now. */
size_t output_room(const struct output *output);

/* Take len bytes, at most output_room(). */
void output_put(struct output *output, const void *data, size_t len);

/*
 * Take len bytes, at most output_room(), whose crc32c is known, without copying them if they are
 * many: they must stay where they are until output_settle() or an output_flush() that says EMPTY.
 */
void output_lend(struct output *output, const void *data, size_t len, uint32_t crc);

/* Likewise, with memory that is the output's to free. */
void output_give(struct output *output, void *data, size_t len, uint32_t crc);

enum output_state {
    OUTPUT_EMPTY,   /* all is written */
    OUTPUT_BLOCKED, /* the reader stalls: wait for POLLOUT on fd */
    OUTPUT_ERROR,   /* errno says what */
};

/* Write what is there. Does not wait for a reader. */
enum output_state output_flush(struct output *output);

/* Write what is there, and copy what cannot be written now: nothing is lent any more. */
enum output_state output_settle(struct output *output);

/* True when all that was taken is written. */
bool output_is_empty(const struct output *output);

#endif
