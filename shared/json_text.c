/* A file's name may be any bytes; JSON's strings may not. */
#include "shared/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"

json_t *json_text_new(const char *text) {
    json_t *string = json_string(text);
    char *escaped;
    size_t size;

    if (string != NULL)
        return string;
    size = strlen(text) * ESCAPE_LINE_GROWTH + 1;
    escaped = malloc(size);
    if (escaped == NULL)
        return NULL;
    escape_line(escaped, size, text, strlen(text));
    string = json_string(escaped);
    free(escaped);
    return string;
}
