#ifndef SHARED_WIRE_BUFFER_H
#define SHARED_WIRE_BUFFER_H

/*
 * The beginning of a message whose end has not come yet. It takes memory as bytes arrive, not as a
 * header promises, and none while there is nothing to keep.
 * Pure but for malloc; callable anywhere. All zero is an empty one.
 */

#include <stddef.h>
#include <stdint.h>

#define WIRE_BUFFER_FIRST 512u

struct wire_buffer {
    char *data; /* NULL: no memory is taken */
    uint32_t len, size;
};

/*
 * Put n bytes behind it. It grows by doubling, never beyond `most` bytes, which the caller has
 * checked to be enough. Returns 0, or -1 without memory: then it is as it was.
 */
int wire_buffer_append(struct wire_buffer *buffer, const char *data, size_t n, size_t most);

/* Empty it and give its memory back. */
void wire_buffer_free(struct wire_buffer *buffer);

#endif
