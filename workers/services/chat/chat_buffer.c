#include "workers/services/chat/chat_buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"

#define FIRST_BYTES 1024

char *chat_buffer_reserve(struct chat_buffer *buffer, size_t len) {
    size_t size = buffer->size > 0 ? buffer->size : FIRST_BYTES;
    char *grown;

    if (buffer->has_failed)
        return NULL;
    if (buffer->size - buffer->len >= len)
        return buffer->data + buffer->len;
    while (size - buffer->len < len)
        size *= 2;
    grown = realloc(buffer->data, size);
    if (grown == NULL) {
        buffer->has_failed = true;
        return NULL;
    }
    buffer->data = grown;
    buffer->size = size;
    return buffer->data + buffer->len;
}

void chat_buffer_add(struct chat_buffer *buffer, const char *data, size_t len) {
    char *dst = len > 0 ? chat_buffer_reserve(buffer, len) : NULL;

    if (dst == NULL)
        return;
    memcpy(dst, data, len);
    buffer->len += len;
}

void chat_buffer_add_text(struct chat_buffer *buffer, const char *text) {
    chat_buffer_add(buffer, text, strlen(text));
}

void chat_buffer_print(struct chat_buffer *buffer, const char *format, ...) {
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        buffer->has_failed = true;
    else
        chat_buffer_add(buffer, text, (size_t)n);
}

void chat_buffer_add_json(struct chat_buffer *buffer, const char *data, size_t len) {
    char *dst = chat_buffer_reserve(buffer, ESCAPE_JSON_GROWTH * len + 1);
    size_t used;

    if (dst != NULL)
        buffer->len += escape_json(dst, data, len, true, &used);
}

void chat_buffer_clear(struct chat_buffer *buffer) {
    buffer->len = 0;
    buffer->has_failed = false;
}

void chat_buffer_free(struct chat_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct chat_buffer){ .data = NULL };
}
