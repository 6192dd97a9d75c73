#ifndef TESTS_FUZZ_TAIL_H
#define TESTS_FUZZ_TAIL_H

/*
 * Memory whose end is where the bytes end: who reads or writes behind them is seen, as with an
 * allocation of that size, but none is made for each run. What stands before them is not guarded.
 */

#include <stdlib.h>
#include <string.h>

struct tail {
    char *room;
    size_t size;
};

static inline char *tail_make(struct tail *tail, size_t len) {
    if (tail->size < len || tail->room == NULL) {
        free(tail->room);
        tail->size = len < 64 ? 64 : 2 * len;
        tail->room = malloc(tail->size);
        if (tail->room == NULL)
            abort();
    }
    return tail->room + (tail->size - len);
}

static inline char *tail_copy(struct tail *tail, const void *data, size_t len) {
    char *copy = tail_make(tail, len);

    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

#endif
