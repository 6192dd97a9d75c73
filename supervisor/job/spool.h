#ifndef SUPERVISOR_JOB_SPOOL_H
#define SUPERVISOR_JOB_SPOOL_H

/*
 * Where finished results wait on disk when memory is full: one file, appended to, with holes
 * punched where results have been released. Job supervisor only; may block on the disk.
 */

#include <stddef.h>
#include <stdint.h>

struct spool {
    int fd;           /* -1 until the first use */
    const char *path; /* NULL: a nameless file in $TMPDIR that vanishes with the process */
    uint64_t end;     /* where the next result goes */
    uint64_t live;    /* bytes that are still wanted */
};

/* A stretch of the spool file. */
struct extent {
    uint64_t offset;
    uint64_t len;
};

/* Nothing is opened until something is written. path is borrowed. */
void spool_init(struct spool *spool, const char *path);
void spool_fini(struct spool *spool);

/* Open the spool file of an earlier run, if there is one. Returns 0, or -1 with errno. */
int spool_reopen(struct spool *spool);

/* Append len bytes. Returns 0, or -1 with errno; then nothing was taken. */
int spool_append(struct spool *spool, const void *data, size_t len, struct extent *out);

/* Read len bytes at the offset. Returns 0, or -1 with errno (EIO when they are not there). */
int spool_read(const struct spool *spool, uint64_t offset, void *data, size_t len);

/* The stretch is no longer wanted: its space goes back to the disk. */
void spool_drop(struct spool *spool, const struct extent *extent);

/* Count a stretch of an earlier run as wanted. */
void spool_keep(struct spool *spool, const struct extent *extent);

#endif
