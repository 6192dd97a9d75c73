#ifndef SUPERVISOR_JOBS_SCHEDULE_H
#define SUPERVISOR_JOBS_SCHEDULE_H

/*
 * When a defined job is due: "start", "every 1h", "at 03:00", "at mon,fri 03:00", "manual". Pure:
 * the time is given in, and what is known of the past is one small struct.
 *
 * "start" is due once in each life of the daemon, when the definition is first seen in it.
 * "every" counts from the first sight of the definition, by the monotonic clock: a step of the wall
 * clock changes nothing. Only after a reboot the wall clock says how long the machine was off.
 * "at" is a time of day on the wall, local time, each day once: the days that have had their turn
 * are counted, not the seconds, so an hour that comes twice or not at all (DST) changes nothing; a
 * step over the time makes it due, a step back does not make it due again. A clock that is set back
 * by two days or more was wrong before: its days are counted apart, until the old ones are reached.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"

#define SCHEDULE_EACH_DAY     127u
#define SCHEDULE_EVERY_MS_MIN 100u
#define SCHEDULE_EVERY_MS_MAX (3660ull * 86400000u)
#define SCHEDULE_TEXT_MAX     64

enum schedule_kind { SCHEDULE_MANUAL, SCHEDULE_START, SCHEDULE_EVERY, SCHEDULE_AT };

struct schedule {
    enum schedule_kind kind;
    uint64_t every_ms;  /* EVERY */
    unsigned minute;    /* AT: of the day, 0 to 1439 */
    unsigned weekdays;  /* AT: bit 0 Sunday; SCHEDULE_EACH_DAY */
    uint64_t jitter_ms; /* up to so much later, by chance */
};

/* Read the text into all but jitter_ms. Returns 0, or -1 with what is allowed. */
int schedule_parse(const char *text, struct schedule *out, struct complaint *complaint);

/* Write it as schedule_parse() reads it, the same text for equal ones. Returns dst. */
char *schedule_format(const struct schedule *schedule, char dst[SCHEDULE_TEXT_MAX]);

/* Refuse a jitter that reaches the next time that it is due. Returns 0 or -1. */
int schedule_check_jitter(const struct schedule *schedule, struct complaint *complaint);

struct schedule_time {
    int64_t mono_ms; /* CLOCK_MONOTONIC */
    int64_t unix_ms; /* the wall clock */
    uint64_t boot;   /* of which boot mono_ms counts */
    uint64_t life;   /* of the daemon */
};

/* The past of one definition. */
struct schedule_past {
    uint64_t life;    /* START: had its turn in this one; 0: none */
    uint64_t boot;    /* EVERY: of which boot mono_ms is */
    int64_t mono_ms;  /* EVERY: it was due, or first seen; may lie before the boot. START: seen */
    int64_t unix_ms;  /* EVERY: the same by the wall clock */
    int64_t day;      /* AT: the last local day that had its turn, counted from 1970-01-01 */
    int64_t back_day; /* AT: the same on a clock that was set back; INT64_MIN: none */
};

/* The past of a definition that is seen for the first time. */
struct schedule_past schedule_begin(
    const struct schedule *schedule, const struct schedule_time *now);

/* Bring a past that was kept on the disk to this boot, and this life of the daemon. */
void schedule_renew(
    const struct schedule *schedule, const struct schedule_time *now, struct schedule_past *past);

/* A turn that has come. */
struct schedule_due {
    int64_t unix_ms;            /* when it was due, by the wall clock of now */
    int64_t late_ms;            /* how long ago that is */
    uint64_t passed;            /* how many turns before this one nobody took */
    struct schedule_past after; /* the past, when it has been taken */
};

/*
 * Is it due? past changes only when the wall clock was set back. Local time is that of TZ; the
 * caller has called tzset(). Does not consider jitter_ms.
 */
bool schedule_is_due(const struct schedule *schedule, const struct schedule_time *now,
    struct schedule_past *past, struct schedule_due *out);

/* How long until it is due, as far as one knows now; -1: never by itself. */
int64_t schedule_wait_ms(const struct schedule *schedule, const struct schedule_time *now,
    const struct schedule_past *past);

/* A delay of up to jitter_ms; the same for the same numbers. */
uint64_t schedule_jitter_ms(const struct schedule *schedule, uint64_t seed);

#endif
