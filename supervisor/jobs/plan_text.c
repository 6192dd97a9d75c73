/* The past of a definition as JSON. Numbers are bounded, so that reckoning with them is safe. */
#include "supervisor/jobs/plan_text.h"

#include <string.h>

#define MS_BOUND  (1ll << 53)
#define DAY_BOUND (1ll << 26)

static json_t *write_past(const struct schedule_past *past) {
    bool is_back = past->back_day != INT64_MIN;

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "life", (json_int_t)past->life, "boot",
        (json_int_t)past->boot, "mono_ms", (json_int_t)past->mono_ms, "unix_ms",
        (json_int_t)past->unix_ms, "day", (json_int_t)past->day, "back_day",
        is_back ? json_integer(past->back_day) : json_null());
}

json_t *plan_text_write(const struct schedule *schedule, const struct schedule_past *past,
    uint64_t id, const struct schedule_past *before) {
    char text[SCHEDULE_TEXT_MAX];

    schedule_format(schedule, text);
    if (id == 0)
        return json_pack("{s:s, s:o}", "schedule", text, "past", write_past(past));
    return json_pack("{s:s, s:o, s:I, s:o}", "schedule", text, "past", write_past(past), "id",
        (json_int_t)id, "before", write_past(before));
}

static bool is_bounded(json_int_t value, json_int_t bound) {
    return value >= -bound && value <= bound;
}

static bool read_past(const json_t *text, struct schedule_past *out) {
    json_int_t life, boot, mono_ms, unix_ms, day, back_day = INT64_MIN;
    json_t *back;

    if (json_unpack((json_t *)text, "{s:I, s:I, s:I, s:I, s:I, s:o}", "life", &life, "boot", &boot,
            "mono_ms", &mono_ms, "unix_ms", &unix_ms, "day", &day, "back_day", &back) < 0)
        return false;
    if (json_is_integer(back))
        back_day = json_integer_value(back);
    if (!is_bounded(mono_ms, MS_BOUND) || !is_bounded(unix_ms, MS_BOUND) ||
        !is_bounded(day, DAY_BOUND) || !(back_day == INT64_MIN || is_bounded(back_day, DAY_BOUND)))
        return false;
    *out = (struct schedule_past){ .life = (uint64_t)life,
        .boot = (uint64_t)boot,
        .mono_ms = mono_ms,
        .unix_ms = unix_ms,
        .day = day,
        .back_day = back_day };
    return true;
}

bool plan_text_read(const json_t *text, const struct schedule *schedule, uint64_t next_id,
    struct schedule_past *out) {
    const char *of;
    char ours[SCHEDULE_TEXT_MAX];
    json_t *past, *before = NULL;
    json_int_t id = 0;

    if (json_unpack((json_t *)text, "{s:s, s:o, s?:I, s?:o}", "schedule", &of, "past", &past, "id",
            &id, "before", &before) < 0 ||
        strcmp(of, schedule_format(schedule, ours)) != 0)
        return false;
    if (id > 0 && (uint64_t)id >= next_id && before != NULL)
        past = before;
    return read_past(past, out);
}
