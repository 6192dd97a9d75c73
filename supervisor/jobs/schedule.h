#ifndef SUPERVISOR_JOBS_SCHEDULE_H
#define SUPERVISOR_JOBS_SCHEDULE_H

/*
 * When a defined job is due: "start", "every 1h", "at 03:00", "manual". Pure: the time is given in.
 *
 * "every" counts from the daemon's first sight of the definition, by the monotonic clock, so that a
 * step of the wall clock changes nothing. "at" is a time of day on the wall, local time: each day
 * once, whatever the clock does; a step over it makes it due, a step back does not make it due
 * again.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shared/complaint.h"

enum schedule_kind { SCHEDULE_MANUAL, SCHEDULE_START, SCHEDULE_EVERY, SCHEDULE_AT };

struct schedule {
    enum schedule_kind kind;
    uint64_t every_ms;  /* EVERY */
    unsigned minute;    /* AT: of the day, 0 to 1439 */
    unsigned weekdays;  /* AT: bit 0 Sunday; 127: each day */
    uint64_t jitter_ms; /* up to so much later, by chance */
};

/* Read "every 90s", "at 03:00", "at mon,fri 03:00", "start", "manual". Returns 0 or -1. */
int schedule_parse(const char *text, struct schedule *out, struct complaint *complaint);

#endif
