/* Looking on: whatever goes wrong here is no trouble. */
#include "supervisor/cli/job_onlooker.h"

#include <errno.h>

#include "shared/exit_code.h"

void job_onlooker_begin(struct job_onlooker *onlooker, uint64_t open_at_ms) {
    control_talk_close(&onlooker->talk);
    onlooker->open_at_ms = open_at_ms;
}

void job_onlooker_open(struct job_onlooker *onlooker, const char *path, uint64_t id) {
    onlooker->open_at_ms = UINT64_MAX;
    if (control_talk_open(&onlooker->talk, path, 0) == 0 &&
        control_talk_ask(&onlooker->talk, "job.wait", json_pack("{s:I}", "id", (json_int_t)id)) !=
            0)
        control_talk_close(&onlooker->talk);
}

static bool is_sign(const json_t *line) {
    return !json_is_string(json_object_get(line, "progress")) &&
           json_integer_value(json_object_get(line, "exit")) != EXIT_CODE_UNAVAILABLE;
}

bool job_onlooker_hear(
    struct job_onlooker *onlooker, void (*line)(void *owner, json_t *line), void *owner) {
    const ssize_t n = control_talk_receive(&onlooker->talk);
    struct control_talk_bytes none;
    bool is_there = false;
    json_t *object;

    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        control_talk_close(&onlooker->talk);
        return false;
    }
    while (control_talk_next(&onlooker->talk, &object, &none) == CONTROL_TALK_LINE) {
        is_there |= is_sign(object);
        if (line != NULL && json_is_object(json_object_get(object, "progress")))
            line(owner, object);
        json_decref(object);
    }
    return is_there;
}
