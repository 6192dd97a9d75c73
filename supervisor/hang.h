#ifndef SUPERVISOR_HANG_H
#define SUPERVISOR_HANG_H

/*
 * Is a worker inside a hook for too long? Its lanes count in and out: odd is inside. The same odd
 * number seen again and again is one and the same hook. Idle is not hung. Pure but for memory.
 */

#include <stdint.h>

#include "shared/scoreboard.h"

struct hang_seen {
    uint64_t count, since_ns;
};

/* The fields are hang.c's. */
struct hang {
    unsigned lanes;
    struct hang_seen one, *more; /* one lane needs no memory of its own */
};

/* For a worker with so many lanes. Returns 0, or -1 with errno; hang_free() is harmless then. */
int hang_init(struct hang *hang, unsigned lanes);
void hang_free(struct hang *hang);

/* Look at the lanes. Returns since when the oldest hook was seen running; UINT64_MAX: none is. */
uint64_t hang_look(struct hang *hang, const struct scoreboard_lane *lanes, uint64_t now_ns);

#endif
