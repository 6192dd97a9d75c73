#ifndef TESTS_SYSTEM_LOAD_H
#define TESTS_SYSTEM_LOAD_H

/*
 * Clients that exchange in the background, each exchange a connection and a message with a number
 * of its own, so that a log with log_messages = true can be held against what was done.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/system/records.h"

enum { LOAD_CLIENTS = 4 };

/* In memory that the clients share. */
struct load {
    _Atomic unsigned done[LOAD_CLIENTS]; /* exchanges that succeeded: numbers 0 to done - 1 */
    _Atomic unsigned failed;
    _Atomic bool is_over;
    char why[128];
    pid_t pid[LOAD_CLIENTS];
};

/* Start them; each waits so long between two exchanges. */
struct load *load_start(uint16_t port, unsigned pace_us);

/* Exchanges so far. */
unsigned load_done(const struct load *load);

/* End them; CHECKs that no exchange failed. */
void load_stop(struct load *load);

/* One exchange by the test itself, as client LOAD_CLIENTS. CHECKs that it succeeds. */
void load_exchange(uint16_t port, unsigned number);

/* What stands in the records of the messages. */
struct load_seen {
    unsigned *times[LOAD_CLIENTS + 1];
    unsigned room;
};

/* Count the messages of these records; room: numbers are below it. */
void load_see(struct load_seen *seen, const struct records *records, unsigned room);

/* CHECKs that each number of each client stands there once. */
void load_check_once(const struct load_seen *seen, const struct load *load);

#endif
