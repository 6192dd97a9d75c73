#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

/*
 * Time. Everything that is measured or waited for uses the monotonic clock; wall time is for
 * people and goes through this one seam.
 * Every function here may be called anywhere, threads and children included; none blocks.
 */

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ms(void);

/* Seconds since the epoch, by the wall clock: for stamps that people read, never for spans. */
int64_t clock_wall_s(void);

#endif
