#ifndef TESTS_SYSTEM_STREAMS_H
#define TESTS_SYSTEM_STREAMS_H

/*
 * Persistent sessions under load, in a process of their own: each sends numbered messages of 64
 * bytes, several under way at any time, and holds what comes back against them byte by byte.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STREAMS_MOST 64

/* In memory that the process shares. */
struct streams {
    _Atomic uint64_t answered; /* messages, whole */
    _Atomic unsigned failed;   /* sessions that broke, or got what they did not send */
    _Atomic unsigned open;
    _Atomic bool is_over;
    char why[160]; /* the first failure */
    pid_t pid;
};

/* Connect so many, over TCP or (path not NULL) a UNIX socket, and start. */
struct streams *streams_start(unsigned count, uint16_t port, const char *path);

/* Wait until so many more messages are answered; CHECKs that it happens. */
void streams_go_on(const struct streams *streams, uint64_t more);

/* Let each be answered what it has sent, then end. Returns how many sessions failed. */
unsigned streams_stop(struct streams *streams);

#endif
