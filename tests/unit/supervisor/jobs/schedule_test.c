/* Schedules: what is read, and when it is due on clocks that step, leap and start anew. */
#include "supervisor/jobs/schedule.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE_MS 60000ll
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static struct complaint complaint;

static void use_zone(const char *zone) {
    setenv("TZ", zone, 1);
    tzset();
}

/* A time of the zone, in milliseconds since 1970. */
static int64_t at(const char *text) {
    struct tm tm = { .tm_isdst = -1 };

    cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)mktime(&tm) * 1000;
}

static const char *show(int64_t unix_ms) {
    static char text[32];
    time_t second = (time_t)(unix_ms / 1000);
    struct tm tm;

    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&second, &tm));
    return text;
}

static struct schedule parse(const char *text) {
    struct schedule schedule;

    cr_assert_eq(schedule_parse(text, &schedule, &complaint), 0, "%s: %s", text, complaint.text);
    return schedule;
}

/* A clock on a wall and one that only runs. */
struct clocks {
    struct schedule schedule;
    struct schedule_past past;
    struct schedule_time now;
    struct schedule_due due;
    unsigned runs;
};

static struct clocks begin(const char *schedule, int64_t unix_ms) {
    struct clocks clocks = { .schedule = parse(schedule),
        .now = { .mono_ms = 5000, .unix_ms = unix_ms, .boot = 1, .life = 1 } };

    clocks.past = schedule_begin(&clocks.schedule, &clocks.now);
    return clocks;
}

/* Look; what is due has its turn. */
static bool look(struct clocks *clocks) {
    if (!schedule_is_due(&clocks->schedule, &clocks->now, &clocks->past, &clocks->due))
        return false;
    clocks->past = clocks->due.after;
    clocks->runs++;
    return true;
}

static void pass(struct clocks *clocks, int64_t ms) {
    clocks->now.mono_ms += ms;
    clocks->now.unix_ms += ms;
}

/* Somebody sets the wall clock. Returns whether that made it due. */
static bool step_to(struct clocks *clocks, const char *text) {
    clocks->now.unix_ms = at(text);
    return look(clocks);
}

/* ---- text ---- */

Test(schedule, text_is_read_and_written_back) {
    static const char *const texts[][2] = { { "manual", "manual" }, { " Start ", "start" },
        { "every 1h", "every 1h" }, { "every  90s ", "every 90s" }, { "every 24h", "every 1d" },
        { "every 100ms", "every 100ms" }, { "at 03:00", "at 03:00" }, { "at 3:00", "at 03:00" },
        { "at 23:59", "at 23:59" }, { "at mon,fri 03:00", "at mon,fri 03:00" },
        { "AT Fri,mon  03:00", "at mon,fri 03:00" },
        { "at mon-fri 12:30", "at mon,tue,wed,thu,fri 12:30" }, { "at sun-sat 0:00", "at 00:00" },
        { "at fri-mon 0:00", "at sun,mon,fri,sat 00:00" } };
    char text[SCHEDULE_TEXT_MAX];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct schedule schedule = parse(texts[i][0]), again;
        cr_assert_str_eq(schedule_format(&schedule, text), texts[i][1]);
        again = parse(text);
        cr_assert_eq(memcmp(&schedule, &again, sizeof(again)), 0, "%s", text);
    }
}

Test(schedule, text_that_says_nothing_is_refused_with_what_is_allowed) {
    static const char *const texts[] = { "", " ", "sometimes", "every", "every ", "every 5",
        "every 1h 30m", "every -1s", "every 99ms", "every 99999999d", "everyday", "at", "at ",
        "at 24:00", "at 3", "at 3:0", "at 03:60", "at 003:00", "at 03:00x", "at 03:00 mon",
        "at mon", "at mon03:00", "at mon, 03:00", "at mon,,fri 03:00", "at mon- 03:00",
        "at - 03:00", "at xyz 03:00", "at -1:00", "at mon-", "at mon,", "start now",
        "manual, please", "every 18446744073709551615d",
        "at mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon,mon 03:00" };
    struct schedule schedule;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        complaint.text[0] = '\0';
        cr_assert_eq(schedule_parse(texts[i], &schedule, &complaint), -1, "%s", texts[i]);
        cr_assert(strlen(complaint.text) > 20, "%s: %s", texts[i], complaint.text);
    }
}

Test(schedule, jitter_stays_below_the_time_between_two_runs) {
    struct schedule every = parse("every 10s"), daily = parse("at 03:00"), manual = parse("manual");
    uint64_t most = 0, least = UINT64_MAX, jitter;

    every.jitter_ms = 9999;
    cr_assert_eq(schedule_check_jitter(&every, &complaint), 0);
    for (uint64_t seed = 0; seed < 20000; seed++) {
        jitter = schedule_jitter_ms(&every, seed);
        cr_assert_eq(jitter, schedule_jitter_ms(&every, seed));
        most = jitter > most ? jitter : most;
        least = jitter < least ? jitter : least;
    }
    cr_assert(least < 100 && most > 9899 && most <= 9999, "%lu to %lu", least, most);
    every.jitter_ms = 10000;
    cr_assert_eq(schedule_check_jitter(&every, &complaint), -1);
    daily.jitter_ms = DAY_MS;
    cr_assert_eq(schedule_check_jitter(&daily, &complaint), -1);
    manual.jitter_ms = 1;
    cr_assert_eq(schedule_check_jitter(&manual, &complaint), -1);
    daily.jitter_ms = 0;
    cr_assert_eq(schedule_jitter_ms(&daily, 12345), 0);
}

/* ---- start, manual, every ---- */

Test(schedule, start_is_due_once_in_each_life_of_the_daemon) {
    struct clocks clocks = begin("start", 1000);

    cr_assert(look(&clocks));
    pass(&clocks, DAY_MS);
    cr_assert_not(look(&clocks));
    clocks.now.life = 2;
    cr_assert(look(&clocks));
    cr_assert_not(look(&clocks));
}

Test(schedule, manual_is_never_due) {
    struct clocks clocks = begin("manual", 1000);

    pass(&clocks, 1000 * DAY_MS);
    clocks.now.life = 9;
    cr_assert_not(look(&clocks));
}

Test(schedule, every_keeps_its_pace_whatever_the_wall_clock_does) {
    struct clocks clocks = begin("every 10s", at("2026-03-01 12:00"));

    for (int i = 1; i <= 1000; i++) {
        clocks.now.mono_ms += 1000;
        clocks.now.unix_ms += (i * 7919 % 13 - 6) * HOUR_MS;
        cr_assert_eq(look(&clocks), i % 10 == 0, "second %d", i);
    }
    cr_assert_eq(clocks.runs, 100);
}

Test(schedule, every_that_is_late_stays_on_its_grid_and_tells_what_passed) {
    struct clocks clocks = begin("every 10s", at("2026-03-01 12:00"));

    pass(&clocks, 43500);
    cr_assert(look(&clocks));
    cr_assert_eq(clocks.due.late_ms, 3500);
    cr_assert_eq(clocks.due.passed, 3);
    cr_assert_eq(clocks.due.unix_ms, at("2026-03-01 12:00") + 40000);
    cr_assert_eq(schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past), 6500);
    pass(&clocks, 6499);
    cr_assert_not(look(&clocks));
    pass(&clocks, 1);
    cr_assert(look(&clocks));
    cr_assert_eq(clocks.due.passed, 0);
}

/* The machine is off from one boot to the next; only the wall clock knows for how long. */
Test(schedule, every_goes_on_after_a_reboot_by_the_wall_clock) {
    static const struct {
        int64_t off_ms, wait_ms; /* 0: due at once */
    } rows[] = { { 20 * MINUTE_MS, 30 * MINUTE_MS }, { 50 * MINUTE_MS, 0 }, { 9 * HOUR_MS, 0 },
        { -3 * DAY_MS, HOUR_MS } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clocks clocks = begin("every 1h", at("2026-03-01 12:00"));
        pass(&clocks, 10 * MINUTE_MS);
        clocks.now.unix_ms += rows[i].off_ms;
        clocks.now.mono_ms = 3;
        clocks.now.boot = 2;
        schedule_renew(&clocks.schedule, &clocks.now, &clocks.past);
        cr_assert_eq(schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past), rows[i].wait_ms,
            "row %zu: %ld", i, schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past));
    }
}

/* ---- at: days ---- */

/* Look all ten minutes for a year: each day once, at the time, or after the leap over it. */
static void live(const char *zone, const char *schedule, const char *from, unsigned days) {
    struct clocks clocks;
    int64_t end, planned = -1;

    use_zone(zone);
    clocks = begin(schedule, at(from));
    for (end = clocks.now.unix_ms + days * DAY_MS; clocks.now.unix_ms < end;
         pass(&clocks, 10 * MINUTE_MS)) {
        if (planned == -1)
            planned = clocks.now.unix_ms +
                      schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past);
        if (!look(&clocks)) {
            cr_assert(clocks.now.unix_ms < planned, "%s %s: nothing at %s", zone, schedule,
                show(planned));
            continue;
        }
        cr_assert_eq(
            clocks.now.unix_ms, planned, "%s %s: at %s", zone, schedule, show(clocks.now.unix_ms));
        cr_assert_eq(clocks.due.passed, 0);
        cr_assert_eq(clocks.due.late_ms, 0);
        planned = -1;
    }
    cr_assert_eq(clocks.runs, days, "%s %s: %u runs", zone, schedule, clocks.runs);
}

Test(schedule, daily_is_due_once_a_day_in_zones_with_leaps) {
    static const char *const times[] = { "at 00:00", "at 00:30", "at 01:30", "at 02:00", "at 02:30",
        "at 03:00", "at 23:50" };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        live("Europe/Berlin", times[i], "2026-01-01 12:00", 365);
        live("America/New_York", times[i], "2026-01-01 12:00", 365);
        live("America/Sao_Paulo", times[i], "2018-01-01 12:00", 365);   /* leaps at midnight */
        live("Australia/Lord_Howe", times[i], "2026-01-01 12:00", 365); /* by half an hour */
        live("Asia/Kolkata", times[i], "2026-01-01 12:00", 40);
    }
}

Test(schedule, time_that_the_clock_leaps_over_is_due_at_the_leap) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 02:30", at("2026-03-28 12:00"));
    cr_assert_eq(clocks.now.unix_ms + schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past),
        at("2026-03-29 03:00"));
    clocks.now.unix_ms = at("2026-03-29 03:00") - 1;
    cr_assert_not(look(&clocks));
    pass(&clocks, 1);
    cr_assert(look(&clocks));
}

Test(schedule, weekdays_are_those_of_the_wall) {
    struct clocks clocks;
    unsigned runs = 0;

    use_zone("America/New_York"); /* the evening there is the next day in UTC */
    clocks = begin("at mon,fri 22:00", at("2026-06-01 12:00"));
    for (int hour = 0; hour < 24 * 28; hour++, pass(&clocks, HOUR_MS)) {
        time_t second = (time_t)(clocks.now.unix_ms / 1000);
        struct tm tm;
        localtime_r(&second, &tm);
        if (look(&clocks))
            runs++;
        else
            continue;
        cr_assert(tm.tm_hour == 22 && (tm.tm_wday == 1 || tm.tm_wday == 5), "%s",
            show(clocks.now.unix_ms));
        cr_assert_eq(clocks.due.passed, 0);
    }
    cr_assert_eq(runs, 8);
}

Test(schedule, first_sight_behind_the_time_waits_for_the_next_day) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 03:00", at("2026-05-05 03:00"));
    cr_assert_not(look(&clocks));
    cr_assert_eq(schedule_wait_ms(&clocks.schedule, &clocks.now, &clocks.past), DAY_MS);
    clocks = begin("at 03:00", at("2026-05-05 02:59"));
    pass(&clocks, MINUTE_MS);
    cr_assert(look(&clocks));
}

Test(schedule, days_without_a_look_are_one_turn_and_told) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 03:00", at("2026-05-05 12:00"));
    pass(&clocks, 4 * DAY_MS);
    cr_assert(look(&clocks));
    cr_assert_eq(clocks.due.passed, 3);
    cr_assert_eq(clocks.due.unix_ms, at("2026-05-09 03:00"));
    cr_assert_eq(clocks.due.late_ms, 9 * HOUR_MS);
    clocks = begin("at mon,fri 03:00", at("2026-05-05 12:00"));
    pass(&clocks, 28 * DAY_MS);
    cr_assert(look(&clocks));
    cr_assert_eq(clocks.due.passed, 7, "%lu", clocks.due.passed);
    cr_assert_eq(clocks.due.unix_ms, at("2026-06-01 03:00"), "%s", show(clocks.due.unix_ms));
}

/* ---- at: steps ---- */

Test(schedule, step_over_the_time_makes_it_due_once) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 03:00", at("2026-05-05 02:00"));
    cr_assert(step_to(&clocks, "2026-05-05 05:00"));
    cr_assert_not(look(&clocks));
    cr_assert_not(step_to(&clocks, "2026-05-05 02:50"));
    pass(&clocks, HOUR_MS);
    cr_assert_not(look(&clocks), "twice on one day");
    cr_assert(step_to(&clocks, "2026-05-06 03:00"));
}

Test(schedule, step_back_over_midnight_does_not_make_it_due_again) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 00:10", at("2026-05-05 23:00"));
    pass(&clocks, 70 * MINUTE_MS);
    cr_assert(look(&clocks));
    cr_assert_not(step_to(&clocks, "2026-05-05 23:50"));
    pass(&clocks, 30 * MINUTE_MS);
    cr_assert_not(look(&clocks));
    cr_assert_not(step_to(&clocks, "2026-05-05 00:11"));
    pass(&clocks, DAY_MS);
    cr_assert_not(look(&clocks));
    pass(&clocks, DAY_MS);
    cr_assert(look(&clocks));
}

/* A machine without a battery shows 1970 until it has asked somebody. */
Test(schedule, clock_that_is_wrong_for_a_moment_after_the_start_doubles_nothing) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 03:00", at("2026-05-05 02:00"));
    pass(&clocks, HOUR_MS);
    cr_assert(look(&clocks));
    cr_assert_not(step_to(&clocks, "1970-01-02 01:00"));
    pass(&clocks, HOUR_MS);
    cr_assert_not(look(&clocks));
    cr_assert_not(step_to(&clocks, "2026-05-05 10:00"), "the day had its turn");
    cr_assert(step_to(&clocks, "2026-05-06 03:00"));
}

/* The same, on a clock that was set back for good. */
Test(schedule, step_back_over_midnight_doubles_nothing_on_a_clock_that_was_set_back) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 00:10", at("2026-05-05 23:00"));
    cr_assert_not(step_to(&clocks, "2026-04-20 23:00"));
    pass(&clocks, 70 * MINUTE_MS);
    cr_assert(look(&clocks));
    cr_assert_not(step_to(&clocks, "2026-04-20 23:50"));
    pass(&clocks, 30 * MINUTE_MS);
    cr_assert_not(look(&clocks));
    pass(&clocks, DAY_MS);
    cr_assert(look(&clocks));
}

Test(schedule, clock_that_was_far_ahead_skips_no_day_after) {
    struct clocks clocks;

    use_zone("Europe/Berlin");
    clocks = begin("at 03:00", at("2026-05-05 12:00"));
    cr_assert(step_to(&clocks, "2040-01-01 12:00"));
    cr_assert_not(step_to(&clocks, "2026-05-05 12:05"));
    for (int day = 1; day <= 30; day++) {
        pass(&clocks, DAY_MS);
        cr_assert(look(&clocks), "day %d", day);
        cr_assert_eq(clocks.due.passed, 0);
        cr_assert_not(look(&clocks));
    }
    cr_assert_not(step_to(&clocks, "2040-01-01 13:00"), "that day had its turn");
    cr_assert_not(step_to(&clocks, "2026-06-04 13:00"));
    cr_assert(step_to(&clocks, "2026-06-05 13:00"));
}

/* Whatever the clock does within a day of the truth, no day has two turns and none is left out. */
Test(schedule, clock_that_jumps_about_gives_each_day_one_turn) {
    struct clocks clocks;
    int64_t truth;

    use_zone("Europe/Berlin");
    for (unsigned seed = 1; seed <= 50; seed++) {
        clocks = begin("at 03:00", at("2026-03-01 12:00"));
        truth = clocks.now.unix_ms;
        for (int i = 0; i < 5000; i++) {
            truth += 7 * MINUTE_MS;
            clocks.now.mono_ms += 7 * MINUTE_MS;
            clocks.now.unix_ms = truth + (rand_r(&seed) % 4 == 0 ? 1 : 0) *
                                             (rand_r(&seed) % 1440 - 720) * MINUTE_MS;
            if (look(&clocks))
                cr_assert_eq(clocks.due.passed, 0);
        }
        /* The last step may have gone over the next one. */
        cr_assert(clocks.runs >= 24 && clocks.runs <= 25, "%u", clocks.runs);
    }
}

Test(schedule, any_past_from_a_disk_is_survived) {
    static const int64_t odd[] = { INT64_MIN / 1024, -1, 0, 1, INT64_MAX / 1024 };
    struct clocks clocks;

    use_zone("Europe/Berlin");
    for (size_t i = 0; i < 125; i++)
        for (int kind = 0; kind < 3; kind++) {
            clocks = begin(kind == 0   ? "at 03:00"
                           : kind == 1 ? "every 1h"
                                       : "start",
                at("2026-05-05 12:00"));
            clocks.past = (struct schedule_past){ .day = odd[i % 5] / DAY_MS,
                .back_day = odd[i / 5 % 5] / DAY_MS,
                .mono_ms = odd[i / 5 % 5],
                .unix_ms = odd[i / 25],
                .boot = 9 };
            schedule_renew(&clocks.schedule, &clocks.now, &clocks.past);
            look(&clocks);
            cr_assert_not(look(&clocks));
        }
}
