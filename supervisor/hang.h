#ifndef SUPERVISOR_HANG_H
#define SUPERVISOR_HANG_H

/*
 * Is a worker inside a hook for too long? Its lanes count in and out: odd is inside. The same odd
 * number seen again and again is one and the same hook. Idle is not hung. Pure but for memory.
 */

#include <stdint.h>

#include "shared/scoreboard.h"

struct hang;

/* For a worker with so many lanes. Returns NULL with errno. */
struct hang *hang_new(unsigned lanes);
void hang_free(struct hang *hang);

/* Look at the lanes. Returns since when the oldest hook was seen running; UINT64_MAX: none is. */
uint64_t hang_look(struct hang *hang, const struct scoreboard_lane *lanes, uint64_t now_ns);

#endif
