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

/* The one control character that jansson leaves as it is; it stands in strings alone. */
static char *escape_delete(char *text) {
    static const char escape[] = "\\u007f";
    const size_t step = sizeof(escape) - 1;
    size_t count = 0, used = 0;
    char *escaped;

    for (const char *at = text; (at = strchr(at, 0x7f)) != NULL; at++)
        count++;
    if (count == 0)
        return text;
    escaped = malloc(strlen(text) + count * (step - 1) + 1);
    for (const char *at = text; escaped != NULL && *at != '\0'; at++) {
        if (*at == 0x7f)
            memcpy(escaped + used, escape, step);
        else
            escaped[used] = *at;
        used += *at == 0x7f ? step : 1;
    }
    if (escaped != NULL)
        escaped[used] = '\0';
    free(text);
    return escaped;
}

char *json_text_dump(const json_t *value, bool is_for_terminal) {
    const size_t flags = JSON_COMPACT | (is_for_terminal ? JSON_ENSURE_ASCII : 0);
    char *text = json_dumps(value, flags);

    return text != NULL && is_for_terminal ? escape_delete(text) : text;
}
