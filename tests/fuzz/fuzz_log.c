/* A record of hostile text is one line in each format, and a JSON one is JSON. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "shared/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum log_format format, const char *msg, const char *value) {
    const struct log_origin origin = { .service = "echo", .slot = 1, .pid = 7 };
    const struct log_field fields[] = { LOG_TEXT("peer", value), LOG_NUMBER("n", 5), { 0 } };
    char line[LOG_LINE_MAX + 1];
    size_t len = log_format_line(line, format, LOG_LEVEL_INFO, &origin, "event", msg, fields);
    json_t *object;

    if (len == 0 || len > LOG_LINE_MAX || memchr(line, '\n', len) != line + len - 1)
        abort();
    for (size_t i = 0; i < len - 1; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            abort();
    if (format != LOG_FORMAT_JSON)
        return;
    object = json_loadb(line, len, 0, NULL);
    if (object == NULL || strcmp(json_string_value(json_object_get(object, "event")), "event") != 0)
        abort();
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t cut = size > 0 ? data[0] % size : 0;
    char *text = calloc(1, size + 2);

    /* Two texts: what is before the cut and what is behind it. */
    memcpy(text, data, cut);
    memcpy(text + cut + 1, data + cut, size - cut);
    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_HUMAN; format++)
        check((enum log_format)format, text, text + cut + 1);
    free(text);
    return 0;
}
