#ifndef TESTS_SYSTEM_RELAYS_H
#define TESTS_SYSTEM_RELAYS_H

/* Services of the relay, and members that a test plays itself, one line after the other. */

#include <stdint.h>
#include <stdio.h>

#include "tests/system/daemon.h"

/*
 * Write services.d/NAME.conf: a relay of this model (of daemon_models), in the room "one", with
 * workers for a quarter of so many members, or for all when each worker serves one. more: keys.
 */
void relays_write(size_t model, const char *name, unsigned members, const char *more);

/* Stop the daemon and forget its log, for the next round of a test. */
void relays_clear(struct daemon *daemon);

/* A member by TCP; returns its descriptor, which out owns. CHECKs that it is in. */
int relays_join(uint16_t port, unsigned number, FILE **out);

/* A member by UDP. */
int relays_join_by_datagrams(uint16_t port, unsigned number);

void relays_say(int fd, const char *line);

/* Read to the message with this id; returns how many messages came, those of gaps counted. */
unsigned relays_read_to(FILE *in, unsigned id, unsigned *out_gaps);

#endif
