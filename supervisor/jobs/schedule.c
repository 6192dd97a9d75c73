/*
 * Schedules. A daily time is judged by what the wall shows, day and minute, and never by reckoning
 * with seconds: days of 23 and 25 hours need no rule then. Instants are made of it only to wait.
 */
#include "supervisor/jobs/schedule.h"

#include <time.h>

#define DAY_S     86400ll
#define WEEK_DAYS 7
#define CLOCK_MS  (1ll << 53) /* no clock shows more */

/* ---- what the wall shows ---- */

struct local {
    int64_t day;
    unsigned minute;
};

static struct local look_at_wall(time_t at) {
    struct local local = { .day = 0 };
    struct tm tm;

    if (localtime_r(&at, &tm) == NULL)
        return local;
    local.minute = (unsigned)(60 * tm.tm_hour + tm.tm_min);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    local.day = timegm(&tm) / DAY_S;
    return local;
}

static time_t seconds(int64_t unix_ms) {
    return (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
}

static bool is_before(struct local local, int64_t day, unsigned minute) {
    return local.day < day || (local.day == day && local.minute < minute);
}

/* The wall leaps over that time between early and late: find the second at which it does. */
static time_t find_leap(time_t early, time_t late, int64_t day, unsigned minute) {
    while (late - early > 1) {
        time_t middle = early + (late - early) / 2;
        if (is_before(look_at_wall(middle), day, minute))
            early = middle;
        else
            late = middle;
    }
    return late;
}

/* The first second at which the wall shows that time of that day, or has leapt over it. */
static time_t find_instant(int64_t day, unsigned minute) {
    time_t midnight = (time_t)(day * DAY_S), at, first = 0, early = 0, late = 0;
    struct tm date, tm;
    struct local local;
    bool is_found = false;

    gmtime_r(&midnight, &date);
    date.tm_hour = (int)minute / 60;
    date.tm_min = (int)minute % 60;
    for (int is_dst = -1; is_dst <= 1; is_dst++) {
        tm = date;
        tm.tm_isdst = is_dst;
        at = mktime(&tm);
        local = look_at_wall(at);
        if (local.day == day && local.minute == minute && (!is_found || at < first)) {
            first = at;
            is_found = true;
        }
        early = is_dst == -1 || at < early ? at : early;
        late = is_dst == -1 || at > late ? at : late;
    }
    return is_found ? first : find_leap(early, late, day, minute);
}

static bool is_day_of(const struct schedule *schedule, int64_t day) {
    int64_t weekday = ((day + 4) % WEEK_DAYS + WEEK_DAYS) %
                      WEEK_DAYS; /* 1970 began on a Thursday */

    return (schedule->weekdays >> weekday & 1) != 0;
}

/* How many days of the schedule lie between the two, themselves not counted. */
static uint64_t count_between(const struct schedule *schedule, int64_t from, int64_t to) {
    int64_t weeks = to - from > WEEK_DAYS ? (to - from - 1) / WEEK_DAYS : 0;
    uint64_t count = (uint64_t)weeks * (unsigned)__builtin_popcount(schedule->weekdays);

    for (int64_t day = from + weeks * WEEK_DAYS + 1; day < to; day++)
        count += is_day_of(schedule, day);
    return count;
}

/* The last day whose turn has come by now. */
static int64_t last_come(const struct schedule *schedule, struct local local) {
    return local.minute >= schedule->minute ? local.day : local.day - 1;
}

/*
 * Which count of days holds now. A clock that is back by one day may only have crossed midnight;
 * one that is back by more was wrong before, or is wrong now. What it showed then is kept, so that
 * the days it had are not run again should it come back to them.
 */
static int64_t *choose_day(
    const struct schedule *schedule, struct local local, struct schedule_past *past) {
    if (local.day >= past->day - 1)
        return &past->day;
    if (past->back_day == INT64_MIN || local.day < past->back_day - 1)
        past->back_day = last_come(schedule, local);
    return &past->back_day;
}

/* ---- kinds ---- */

static int64_t elapsed_ms(const struct schedule_time *now, const struct schedule_past *past) {
    return now->mono_ms > past->mono_ms ? now->mono_ms - past->mono_ms : 0;
}

static bool is_every_due(const struct schedule *schedule, const struct schedule_time *now,
    const struct schedule_past *past, struct schedule_due *out) {
    uint64_t elapsed = (uint64_t)elapsed_ms(now, past);

    if (schedule->every_ms == 0 || elapsed < schedule->every_ms)
        return false;
    out->late_ms = (int64_t)(elapsed % schedule->every_ms);
    out->passed = elapsed / schedule->every_ms - 1;
    out->unix_ms = now->unix_ms - out->late_ms;
    out->after.mono_ms = now->mono_ms - out->late_ms;
    out->after.unix_ms = out->unix_ms;
    return true;
}

static bool is_at_due(const struct schedule *schedule, const struct schedule_time *now,
    struct schedule_past *past, struct schedule_due *out) {
    struct local local = look_at_wall(seconds(now->unix_ms));
    int64_t *last = choose_day(schedule, local, past), day = last_come(schedule, local);

    while (day > *last && !is_day_of(schedule, day))
        day--;
    if (day <= *last)
        return false;
    out->passed = count_between(schedule, *last, day);
    out->unix_ms = (int64_t)find_instant(day, schedule->minute) * 1000;
    if (out->unix_ms > now->unix_ms)
        out->unix_ms = now->unix_ms;
    out->late_ms = now->unix_ms - out->unix_ms;
    out->after = *past;
    *(last == &past->day ? &out->after.day : &out->after.back_day) = day;
    return true;
}

struct schedule_past schedule_begin(
    const struct schedule *schedule, const struct schedule_time *now) {
    struct schedule_past past = {
        .boot = now->boot, .mono_ms = now->mono_ms, .unix_ms = now->unix_ms, .back_day = INT64_MIN
    };

    if (schedule->kind == SCHEDULE_AT)
        past.day = last_come(schedule, look_at_wall(seconds(now->unix_ms)));
    return past;
}

void schedule_renew(
    const struct schedule *schedule, const struct schedule_time *now, struct schedule_past *past) {
    int64_t away = now->unix_ms > past->unix_ms ? now->unix_ms - past->unix_ms : 0;

    if (schedule->kind == SCHEDULE_EVERY && past->boot != now->boot)
        past->mono_ms = now->mono_ms - (away < CLOCK_MS ? away : CLOCK_MS);
    if (schedule->kind == SCHEDULE_START && past->life != now->life)
        past->mono_ms = now->mono_ms;
    if (past->mono_ms > now->mono_ms) /* no clock of this boot has said so */
        past->mono_ms = now->mono_ms;
    past->boot = now->boot;
}

bool schedule_is_due(const struct schedule *schedule, const struct schedule_time *now,
    struct schedule_past *past, struct schedule_due *out) {
    *out = (struct schedule_due){ .unix_ms = now->unix_ms, .after = *past };
    switch (schedule->kind) {
    case SCHEDULE_START:
        out->late_ms = elapsed_ms(now, past);
        out->unix_ms = now->unix_ms - out->late_ms;
        out->after.life = now->life;
        return past->life != now->life;
    case SCHEDULE_EVERY:
        return is_every_due(schedule, now, past, out);
    case SCHEDULE_AT:
        return schedule->weekdays != 0 && is_at_due(schedule, now, past, out);
    case SCHEDULE_MANUAL:
    default:
        return false;
    }
}

static int64_t wait_for_day_ms(
    const struct schedule *schedule, const struct schedule_time *now, struct schedule_past past) {
    struct local local = look_at_wall(seconds(now->unix_ms));
    int64_t last = *choose_day(schedule, local, &past), come = last_come(schedule, local);
    int64_t day, wait;

    day = (last > come ? last : come) + 1;
    while (!is_day_of(schedule, day))
        day++;
    wait = (int64_t)find_instant(day, schedule->minute) * 1000 - now->unix_ms;
    return wait > 0 ? wait : 1000; /* not what the wall says: look again */
}

int64_t schedule_wait_ms(const struct schedule *schedule, const struct schedule_time *now,
    const struct schedule_past *past) {
    struct schedule_past copy = *past;
    struct schedule_due due;

    if (schedule_is_due(schedule, now, &copy, &due))
        return 0;
    if (schedule->kind == SCHEDULE_EVERY)
        return (int64_t)schedule->every_ms - elapsed_ms(now, past);
    if (schedule->kind == SCHEDULE_AT && schedule->weekdays != 0)
        return wait_for_day_ms(schedule, now, copy);
    return -1;
}

/* SplitMix64, https://prng.di.unimi.it/splitmix64.c: each bit of the seed reaches each of it. */
uint64_t schedule_jitter_ms(const struct schedule *schedule, uint64_t seed) {
    seed += 0x9e3779b97f4a7c15u;
    seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    seed = (seed ^ seed >> 27) * 0x94d049bb133111ebu;
    return (seed ^ seed >> 31) % (schedule->jitter_ms + 1);
}
