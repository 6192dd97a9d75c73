/* Words that every topic needs. */
#include "supervisor/cli/explain.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/json_read.h"

const char *explain_plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

const char *explain_span(char dst[NUMBER_TEXT_MAX], const json_t *object, const char *key) {
    const uint64_t ms = json_read_number(object, key);
    char *rest;

    if (ms < 1000 || (ms < 10000 && ms % 1000 >= 100)) {
        snprintf(dst, NUMBER_TEXT_MAX, ms < 1000 ? "%.0f ms" : "%.1f s",
            ms < 1000 ? (double)ms : (double)ms / 1000);
        return dst;
    }
    json_read_span(dst, ms / 1000);
    rest = strstr(dst, " 0 ");
    if (rest != NULL)
        *rest = '\0';
    return dst;
}

bool explain_has(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return value != NULL && !json_is_null(value);
}

bool explain_is_alive(const json_t *facts) {
    const char *state = json_read_text(facts, "state");

    return strcmp(state, "STOPPED") != 0 && strcmp(state, "FATAL") != 0 &&
           strcmp(state, "STOPPING") != 0;
}
