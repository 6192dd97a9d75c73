#ifndef WORKERS_SERVICES_CHAT_CHAT_BUFFER_H
#define WORKERS_SERVICES_CHAT_CHAT_BUFFER_H

/*
 * Bytes that grow. Who has no memory for more has failed: nothing is added any more, and its owner
 * looks once, at the end. All zero is an empty one. Pure but for malloc.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_buffer {
    char *data; /* NULL: no memory is taken */
    size_t len, size;
    bool has_failed;
};

/* Room for len bytes behind what is there; NULL without memory. The caller adds to len. */
char *chat_buffer_reserve(struct chat_buffer *buffer, size_t len);

void chat_buffer_add(struct chat_buffer *buffer, const char *data, size_t len);
void chat_buffer_add_text(struct chat_buffer *buffer, const char *text);
void chat_buffer_print(struct chat_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As the inside of a JSON string. */
void chat_buffer_add_json(struct chat_buffer *buffer, const char *data, size_t len);

/* Empty it, and let it try again; its memory stays. */
void chat_buffer_clear(struct chat_buffer *buffer);

/* Likewise, and give its memory back. */
void chat_buffer_free(struct chat_buffer *buffer);

#endif
