#ifndef SUPERVISOR_JOB_RESULT_H
#define SUPERVISOR_JOB_RESULT_H

/*
 * The rendered result of one chunk on its way to its turn: in memory, or in the spool when memory
 * is full. All results of a job share one budget of bytes in memory.
 * Job supervisor only; may block on the disk.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/job/spool.h"

#define RESULT_FORCED_MOST (64u << 20)

struct result_store {
    struct spool spool;
    uint64_t budget; /* bytes of results that memory may hold */
    uint64_t held;   /* bytes it does hold */
};

struct result {
    char *data; /* in memory; NULL when empty or spooled */
    size_t len, capacity;
    struct extent *extents; /* in the spool */
    size_t extent_count;
    uint64_t spooled; /* bytes in all extents */
};

/* Append bytes. Returns 0, or -1 with errno (ENOMEM, ENOSPC …): these bytes were not taken. */
int result_append(struct result_store *store, struct result *result, const void *data, size_t len);

/*
 * Append bytes in memory, whatever the budget says, for the one result whose turn it is when the
 * disk is full; what is spooled of it comes back. Up to RESULT_FORCED_MOST bytes in all.
 * Returns 0, or -1 with errno.
 */
int result_append_forced(
    struct result_store *store, struct result *result, const void *data, size_t len);

/* How many bytes there are. */
uint64_t result_size(const struct result *result);

/* Copy up to len bytes from `from` on. Returns how many, or -1 with errno. */
ssize_t result_read(const struct result_store *store, const struct result *result, uint64_t from,
    void *data, size_t len);

/* True when the result lies in the spool, wholly. */
bool result_is_spooled(const struct result *result);

/* Take over a stretch of the spool that an earlier run left. Returns 0, or -1 with errno. */
int result_adopt(struct result_store *store, struct result *result, struct extent extent);

/*
 * Take the bytes out of a result that is in memory; they are the caller's to free. The result is
 * empty then. Returns NULL when it is spooled, or empty.
 */
char *result_take(struct result_store *store, struct result *result, size_t *out_len);

/* Forget the bytes and give memory and disk back. The result is empty again. */
void result_clear(struct result_store *store, struct result *result);

#endif
