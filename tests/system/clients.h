#ifndef TESTS_SYSTEM_CLIENTS_H
#define TESTS_SYSTEM_CLIENTS_H

/*
 * Clients that only ever connect, send, receive and close, and count what they see. Unlike those
 * of load.h they go on when an exchange fails.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CLIENTS = 4 };

/* In memory that they share. */
struct clients {
    _Atomic unsigned done, failed;
    _Atomic unsigned late; /* of those that failed: connected first, and then turned away */
    _Atomic bool is_over;
    char why[128]; /* the first failure */
    pid_t pid[CLIENTS];
};

/* Start them; path: every second exchange over this UNIX socket; NULL: all over TCP. */
struct clients *clients_start(uint16_t port, const char *path);

void clients_stop(struct clients *clients);

#endif
