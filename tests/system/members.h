#ifndef TESTS_SYSTEM_MEMBERS_H
#define TESTS_SYSTEM_MEMBERS_H

/*
 * Members of a room of the relay, in a process of their own: each says numbered messages, comes
 * back where it was when its connection ends, and holds what it gets against what all the others
 * get. A message that was said counts when it comes back to who said it; until then it is said
 * again, with the same number.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MEMBERS_MOST   64
#define MEMBERS_PLACES 8

struct members_plan {
    unsigned count, datagram_count; /* the latter beside the former */
    uint16_t port[MEMBERS_PLACES];  /* members are dealt out to them; 0 ends the list */
    uint16_t udp[MEMBERS_PLACES];
    unsigned under_way; /* messages of each that have not come back */
    unsigned pause_us;  /* between two turns of saying */
};

/* In memory that the process shares. */
struct members {
    _Atomic uint64_t counted;   /* messages that have come back to who said them */
    _Atomic uint64_t received;  /* by all members, of all messages */
    _Atomic uint64_t datagrams; /* likewise by datagrams */
    _Atomic uint64_t last;      /* the highest number in the order */
    _Atomic unsigned returns;   /* of members whose connection had ended */
    _Atomic unsigned open;      /* members that have been told their room, at least once */
    _Atomic unsigned failed;
    _Atomic bool is_over;
    char why[256]; /* the first failure */
    pid_t pid;
};

/* Start them, and wait until all are in the room. */
struct members *members_start(const struct members_plan *plan);

/* Wait until so many more messages count; CHECKs that it happens. */
void members_go_on(const struct members *members, uint64_t more);

/* Let all that was said come back, and to everybody, then end. CHECKs that nothing was wrong. */
void members_stop(struct members *members);

#endif
