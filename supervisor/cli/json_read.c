/* The daemon may be of another version: a key that is missing is no mistake. */
#include "supervisor/cli/json_read.h"

#include <inttypes.h>
#include <stdio.h>

const char *json_read_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

uint64_t json_read_number(const json_t *object, const char *key) {
    json_int_t number = json_integer_value(json_object_get(object, key));

    return number > 0 ? (uint64_t)number : 0;
}

char *json_read_joined(const json_t *object, const char *key, char *dst, size_t size) {
    const json_t *list = json_object_get(object, key);
    const char *text;
    size_t used = 0;

    dst[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && used < size; i++) {
        text = json_string_value(json_array_get(list, i));
        used += (size_t)snprintf(
            dst + used, size - used, "%s%s", i > 0 ? ", " : "", text != NULL ? text : "");
    }
    return dst;
}

char *json_read_span(char dst[NUMBER_TEXT_MAX], uint64_t seconds) {
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
    size_t i = 0;

    while (i < 3 && seconds < units[i].seconds)
        i++;
    if (i == 3)
        snprintf(dst, NUMBER_TEXT_MAX, "%" PRIu64 " s", seconds);
    else
        snprintf(dst, NUMBER_TEXT_MAX, "%" PRIu64 " %s %" PRIu64 " %s", seconds / units[i].seconds,
            units[i].name, seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
    return dst;
}
