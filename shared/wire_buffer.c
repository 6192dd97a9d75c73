/* Memory for what is unfinished. */
#include "shared/wire_buffer.h"

#include <stdlib.h>
#include <string.h>

static int grow(struct wire_buffer *buffer, size_t need, size_t most) {
    size_t size = buffer->size > 0 ? buffer->size : WIRE_BUFFER_FIRST;
    char *data;

    while (size < need)
        size *= 2;
    if (size > most)
        size = most;
    data = realloc(buffer->data, size);
    if (data == NULL)
        return -1;
    buffer->data = data;
    buffer->size = (uint32_t)size;
    return 0;
}

int wire_buffer_append(struct wire_buffer *buffer, const char *data, size_t n, size_t most) {
    if (n == 0)
        return 0;
    if (buffer->len + n > buffer->size && grow(buffer, buffer->len + n, most) < 0)
        return -1;
    memcpy(buffer->data + buffer->len, data, n);
    buffer->len += (uint32_t)n;
    return 0;
}

void wire_buffer_free(struct wire_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct wire_buffer){ .data = NULL };
}
