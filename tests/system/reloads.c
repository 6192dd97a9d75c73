/* The verdict is the line that tells of services; the last one holds the exit code. */
#include "tests/system/reloads.h"

#include <string.h>

#include "tests/system/daemon.h"

struct reloads_verdict reloads_read(json_t *lines) {
    const size_t count = json_array_size(lines);
    const json_t *last = json_array_get(lines, count - 1);
    struct reloads_verdict verdict = {
        .exit_code = (int)json_integer_value(json_object_get(last, "exit")), .error = ""
    };
    const char *error = json_string_value(json_object_get(last, "error"));

    if (error != NULL)
        verdict.error = error;
    for (size_t i = 0; i < count; i++)
        if (json_object_get(json_array_get(lines, i), "services") != NULL)
            verdict.object = json_array_get(lines, i);
    return verdict;
}

struct reloads_verdict reloads_ask(void) {
    return reloads_read(daemon_ask("{\"verb\":\"reload\",\"args\":{\"wait\":true}}"));
}

void reloads_do(void) {
    struct reloads_verdict verdict = reloads_ask();

    CHECK(verdict.exit_code == 0, "%d: %s", verdict.exit_code, verdict.error);
}

const char *reloads_action(const struct reloads_verdict *verdict, const char *name) {
    const json_t *service;
    size_t i;

    json_array_foreach(json_object_get(verdict->object, "services"), i, service) {
        if (strcmp(json_string_value(json_object_get(service, "service")), name) == 0)
            return json_string_value(json_object_get(service, "action"));
    }
    return "not there";
}
