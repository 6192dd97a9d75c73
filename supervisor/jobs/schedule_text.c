/* Schedules as people write them. */
#include "supervisor/jobs/schedule.h"

#include <bsd/string.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/number.h"

#define DAY_MS    86400000ull
#define WEEK_DAYS 7

static const char *const weekday_names[WEEK_DAYS] = { "sun", "mon", "tue", "wed", "thu", "fri",
    "sat" };

static int refuse(const char *text, struct complaint *complaint) {
    return complaint_set(complaint,
        "\"%.64s\" is no schedule: \"start\", \"every 1h\", \"at 03:00\", \"at mon,fri 03:00\" or "
        "\"manual\"",
        text);
}

static int parse_every(const char *text, struct schedule *out, struct complaint *complaint) {
    out->kind = SCHEDULE_EVERY;
    if (number_parse_duration_ms(text, strlen(text), &out->every_ms, complaint) < 0)
        return complaint_prefix(complaint, "every");
    if (out->every_ms < SCHEDULE_EVERY_MS_MIN || out->every_ms > SCHEDULE_EVERY_MS_MAX)
        return complaint_set(complaint, "\"every %s\": it must be between %ums and %llud", text,
            SCHEDULE_EVERY_MS_MIN, SCHEDULE_EVERY_MS_MAX / DAY_MS);
    return 0;
}

static int find_weekday(const char *text) {
    for (int i = 0; i < WEEK_DAYS; i++)
        if (strncasecmp(text, weekday_names[i], 3) == 0)
            return i;
    return -1;
}

/* Read "mon,wed-fri" up to a blank. Returns where it ends, or NULL. */
static const char *parse_weekdays(const char *text, unsigned *out_weekdays) {
    int from, to;

    *out_weekdays = 0;
    do {
        from = to = find_weekday(text);
        if (from < 0)
            return NULL;
        text += 3;
        if (*text == '-') {
            to = find_weekday(text + 1);
            text += 4;
        }
        if (to < 0)
            return NULL;
        for (int day = from;; day = (day + 1) % WEEK_DAYS) {
            *out_weekdays |= 1u << day;
            if (day == to)
                break;
        }
    } while (*text++ == ',');
    return isblank((unsigned char)text[-1]) ? text : NULL;
}

/* Read "3:00" or "03:00". Returns the minute of the day, or -1. */
static int parse_minute(const char *text) {
    int hour = 0, minute, digits;

    for (digits = 0; digits < 2 && isdigit((unsigned char)*text); digits++)
        hour = 10 * hour + *text++ - '0';
    if (digits == 0 || *text++ != ':' || !isdigit((unsigned char)text[0]) ||
        !isdigit((unsigned char)text[1]) || text[2] != '\0')
        return -1;
    minute = 10 * (text[0] - '0') + text[1] - '0';
    return hour < 24 && minute < 60 ? 60 * hour + minute : -1;
}

static const char *skip_blanks(const char *text) {
    while (isblank((unsigned char)*text))
        text++;
    return text;
}

static int parse_at(const char *text, struct schedule *out) {
    int minute;

    out->kind = SCHEDULE_AT;
    out->weekdays = SCHEDULE_EACH_DAY;
    if (isalpha((unsigned char)*text)) {
        text = parse_weekdays(text, &out->weekdays);
        if (text == NULL)
            return -1;
    }
    minute = parse_minute(skip_blanks(text));
    out->minute = (unsigned)minute;
    return minute < 0 ? -1 : 0;
}

int schedule_parse(const char *text, struct schedule *out, struct complaint *complaint) {
    char word[SCHEDULE_TEXT_MAX];
    const char *rest;
    size_t len;

    *out = (struct schedule){ .kind = SCHEDULE_MANUAL };
    text = skip_blanks(text);
    if (strlcpy(word, text, sizeof(word)) >= sizeof(word))
        return refuse(text, complaint);
    for (len = strlen(word); len > 0 && isblank((unsigned char)word[len - 1]); len--)
        word[len - 1] = '\0';
    rest = skip_blanks(word + strcspn(word, " \t"));
    if (strcasecmp(word, "manual") == 0)
        return 0;
    if (strcasecmp(word, "start") == 0) {
        out->kind = SCHEDULE_START;
        return 0;
    }
    if (strncasecmp(word, "every", 5) == 0 && isblank((unsigned char)word[5]))
        return parse_every(rest, out, complaint);
    if (strncasecmp(word, "at", 2) == 0 && isblank((unsigned char)word[2]) &&
        parse_at(rest, out) == 0)
        return 0;
    return refuse(word, complaint);
}

static void format_every(uint64_t ms, char dst[SCHEDULE_TEXT_MAX]) {
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = { { "d", DAY_MS }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    snprintf(dst, SCHEDULE_TEXT_MAX, "every %lu%s", ms / units[i].ms, units[i].name);
}

static void format_at(const struct schedule *schedule, char dst[SCHEDULE_TEXT_MAX]) {
    char time[16];
    const char *mark = " ";

    strlcpy(dst, "at", SCHEDULE_TEXT_MAX);
    for (int i = 0; schedule->weekdays != SCHEDULE_EACH_DAY && i < WEEK_DAYS; i++) {
        if ((schedule->weekdays & 1u << i) == 0)
            continue;
        strlcat(dst, mark, SCHEDULE_TEXT_MAX);
        strlcat(dst, weekday_names[i], SCHEDULE_TEXT_MAX);
        mark = ",";
    }
    snprintf(time, sizeof(time), " %02u:%02u", schedule->minute / 60 % 24, schedule->minute % 60);
    strlcat(dst, time, SCHEDULE_TEXT_MAX);
}

char *schedule_format(const struct schedule *schedule, char dst[SCHEDULE_TEXT_MAX]) {
    if (schedule->kind == SCHEDULE_EVERY)
        format_every(schedule->every_ms, dst);
    else if (schedule->kind == SCHEDULE_AT)
        format_at(schedule, dst);
    else
        strlcpy(dst, schedule->kind == SCHEDULE_START ? "start" : "manual", SCHEDULE_TEXT_MAX);
    return dst;
}

int schedule_check_jitter(const struct schedule *schedule, struct complaint *complaint) {
    if (schedule->kind == SCHEDULE_MANUAL && schedule->jitter_ms > 0)
        return complaint_set(complaint, "a job that is run by hand has no jitter");
    if (schedule->kind == SCHEDULE_EVERY && schedule->jitter_ms >= schedule->every_ms)
        return complaint_set(
            complaint, "the jitter must be shorter than the time between two runs");
    if (schedule->jitter_ms >= DAY_MS)
        return complaint_set(complaint, "the jitter must be shorter than a day");
    return 0;
}
