#ifndef SUPERVISOR_JOB_REST_H
#define SUPERVISOR_JOB_REST_H

/*
 * Results behind a gap. When a chunk is held and the job is to stop at it, all later chunks are
 * still finished, once, and kept in this file in their order; a later run computes what is
 * missing and copies the rest from here. The file explains itself: an entry is a checked header
 * and the bytes; the first entry that is not whole ends it.
 * Job supervisor only; may block on the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/result.h"

struct rest_entry {
    uint64_t chunk;
    uint64_t len; /* bytes that follow */
    uint64_t records, digested;
    uint32_t digest;
    uint32_t data_crc;
    uint32_t crc; /* of the fields above */
    uint32_t magic;
};

struct rest {
    const char *path; /* borrowed */
    int fd;           /* -1: there is no file */
    uint64_t end;     /* length of what is whole */
    uint64_t next;    /* the chunk after the last one that is kept; 0: none */
    uint64_t cursor;  /* where rest_peek() looks */
};

/* Look at what an earlier run kept, check it, cut a torn end off. Returns 0, or -1 with errno. */
int rest_open(struct rest *rest, const char *path);
void rest_close(struct rest *rest);

/*
 * The first entry for a chunk not below `from`; each call goes on where the last one ended.
 * *out_offset is where its bytes begin. Returns false when there is none.
 */
bool rest_peek(struct rest *rest, uint64_t from, struct rest_entry *out, uint64_t *out_offset);

/* Read len bytes at the offset. Returns 0, or -1 with errno. */
int rest_read(const struct rest *rest, uint64_t offset, void *data, size_t len);

/* Keep a result. crc and magic are filled in. Returns 0, or -1 with errno. */
int rest_append(struct rest *rest, struct rest_entry *entry, const struct result_store *store,
    const struct result *result);

#endif
