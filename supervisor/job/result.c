/*
 * Results that wait. Once a result has gone to the spool all of it is there: it has one place, and
 * its journal lines can name it.
 */
#include "supervisor/job/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/failpoint.h"

static int add_extent(struct result *result, struct extent extent) {
    struct extent *last = result->extent_count > 0 ? result->extents + result->extent_count - 1
                                                   : NULL;
    struct extent *grown;

    if (last != NULL && last->offset + last->len == extent.offset) {
        last->len += extent.len;
    } else {
        grown = reallocarray(result->extents, result->extent_count + 1, sizeof(*grown));
        if (grown == NULL)
            return -1;
        grown[result->extent_count++] = extent;
        result->extents = grown;
    }
    result->spooled += extent.len;
    return 0;
}

static int append_to_spool(
    struct result_store *store, struct result *result, const void *data, size_t len) {
    struct extent extent;

    if (len == 0)
        return 0;
    if (spool_append(&store->spool, data, len, &extent) < 0)
        return -1;
    FAILPOINT("spooled");
    if (add_extent(result, extent) < 0) {
        spool_drop(&store->spool, &extent);
        return -1;
    }
    return 0;
}

static void free_memory(struct result_store *store, struct result *result) {
    store->held -= result->capacity;
    free(result->data);
    result->data = NULL;
    result->len = result->capacity = 0;
}

/* Move what is in memory to the spool. */
static int spill(struct result_store *store, struct result *result) {
    if (append_to_spool(store, result, result->data, result->len) < 0)
        return -1;
    free_memory(store, result);
    return 0;
}

static int append_to_memory(
    struct result_store *store, struct result *result, const void *data, size_t len) {
    size_t need = result->len + len, capacity = result->capacity;
    char *grown;

    if (need > capacity) {
        /* Grow ahead, so that many parts cost few copies, as long as the budget has room. */
        capacity = need + (store->held + need <= store->budget ? result->capacity : 0);
        grown = realloc(result->data, capacity);
        if (grown == NULL)
            return -1;
        store->held += capacity - result->capacity;
        result->data = grown;
        result->capacity = capacity;
    }
    memcpy(result->data + result->len, data, len);
    result->len = need;
    return 0;
}

int result_append(struct result_store *store, struct result *result, const void *data, size_t len) {
    if (len == 0)
        return 0;
    if (result->extent_count == 0 && store->held + len <= store->budget)
        return append_to_memory(store, result, data, len);
    if (result->len > 0 && spill(store, result) < 0)
        return -1;
    return append_to_spool(store, result, data, len);
}

/* Bring what is spooled back to memory. */
static int unspool(struct result_store *store, struct result *result) {
    struct result loaded = { .data = malloc(result->spooled + 1), .capacity = result->spooled };
    ssize_t n;

    while (loaded.data != NULL && loaded.len < result->spooled) {
        n = result_read(
            store, result, loaded.len, loaded.data + loaded.len, loaded.capacity - loaded.len);
        if (n <= 0) {
            free(loaded.data);
            return -1;
        }
        loaded.len += (size_t)n;
    }
    if (loaded.data == NULL)
        return -1;
    result_clear(store, result);
    store->held += loaded.capacity;
    *result = loaded;
    return 0;
}

int result_append_forced(
    struct result_store *store, struct result *result, const void *data, size_t len) {
    if (result_size(result) + len > RESULT_FORCED_MOST) {
        errno = ENOSPC;
        return -1;
    }
    if (result_is_spooled(result) && unspool(store, result) < 0)
        return -1;
    return append_to_memory(store, result, data, len);
}

uint64_t result_size(const struct result *result) {
    return result->len + result->spooled;
}

bool result_is_spooled(const struct result *result) {
    return result->extent_count > 0;
}

ssize_t result_read(const struct result_store *store, const struct result *result, uint64_t from,
    void *data, size_t len) {
    if (result->data != NULL) {
        if (len > result->len - from)
            len = result->len - from;
        memcpy(data, result->data + from, len);
        return (ssize_t)len;
    }
    for (size_t i = 0; i < result->extent_count; i++) {
        const struct extent *extent = &result->extents[i];
        if (from >= extent->len) {
            from -= extent->len;
            continue;
        }
        if (len > extent->len - from)
            len = extent->len - from;
        if (spool_read(&store->spool, extent->offset + from, data, len) < 0)
            return -1;
        return (ssize_t)len;
    }
    return 0;
}

int result_adopt(struct result_store *store, struct result *result, struct extent extent) {
    if (add_extent(result, extent) < 0)
        return -1;
    spool_keep(&store->spool, &extent);
    return 0;
}

char *result_take(struct result_store *store, struct result *result, size_t *out_len) {
    char *data = result->data;

    *out_len = result->len;
    store->held -= result->capacity;
    result->data = NULL;
    result->len = result->capacity = 0;
    return data;
}

void result_clear(struct result_store *store, struct result *result) {
    free_memory(store, result);
    for (size_t i = 0; i < result->extent_count; i++)
        spool_drop(&store->spool, &result->extents[i]);
    free(result->extents);
    *result = (struct result){ .data = NULL };
}
