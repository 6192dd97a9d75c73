#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

/*
 * Time. Everything that is measured or waited for uses the monotonic clock; this is the one place
 * where a clock is read. Wall time is for people to read, never to reckon with.
 * Every function here may be called anywhere, threads and children included; none blocks.
 */

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);

/* As clock_now_ns(), cheaper, behind by some milliseconds. */
uint64_t clock_now_coarse_ns(void);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ms(void);

/*
 * Nanoseconds since 1970, UTC. A test may shift it by $PREFORK_CLOCK_SHIFT seconds, which are read
 * at the first call.
 */
uint64_t clock_wall_ns(void);

/*
 * A number of 63 bits that all processes of one boot share and those of another do not; 0 where
 * the kernel does not tell. The first call reads /proc.
 */
uint64_t clock_boot(void);

#endif
