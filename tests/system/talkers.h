#ifndef TESTS_SYSTEM_TALKERS_H
#define TESTS_SYSTEM_TALKERS_H

/*
 * Members of a chat that are programs, in a process of their own: each says numbered messages,
 * comes back where it was when its connection ends, and holds what it gets against what all the
 * others get. A message counts when it is acknowledged; until then it is said again, with the same
 * number. A gap is a failure, and so is who joins twice without having left, or the other way
 * round, and who waits for an acknowledgement for too long.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TALKERS_MOST   10000
#define TALKERS_PLACES 4

struct talkers_plan {
    const char *what;              /* they go through, for who reads of a failure; or NULL */
    unsigned count;                /* of them */
    unsigned speakers;             /* so many of them talk, the first ones */
    uint16_t port[TALKERS_PLACES]; /* they are dealt out to these; 0 ends the list */
    const char *path;              /* every third over this UNIX socket; NULL: none */
    unsigned under_way;            /* messages of each that are not acknowledged */
    unsigned pause_us;             /* between two turns of saying */
    unsigned leave_each;           /* each leaves by itself after about so many; 0: never */
    unsigned rename_each;          /* and changes its name after so many; 0: never */
    bool is_silent;                /* nobody talks until talkers->is_silent is false */
    bool comes_over; /* who leaves by itself comes back before the old connection ends */
};

/* In memory that the process shares. */
struct talkers {
    _Atomic uint64_t acknowledged, received;
    _Atomic uint64_t last;       /* the highest number of a message */
    _Atomic unsigned returns;    /* of those whose connection had ended */
    _Atomic unsigned slowest_ms; /* that one has waited for an acknowledgement */
    _Atomic unsigned in;         /* that were welcomed, at least once */
    _Atomic unsigned failed;
    _Atomic bool is_over, is_silent;
    char why[500]; /* the first failure */
    pid_t pid;
};

/* Start them, and wait until all are in. */
struct talkers *talkers_start(const struct talkers_plan *plan);

/* Wait until so many more messages are acknowledged; CHECKs that it happens. */
void talkers_go_on(const struct talkers *talkers, uint64_t more);

/* Let all that was said come back, and to everybody, then end. CHECKs that nothing was wrong. */
void talkers_stop(struct talkers *talkers);

#endif
