#ifndef WORKERS_OWNING_H
#define WORKERS_OWNING_H

/*
 * Stateful datagram services: one worker of all reads the sockets, since what it knows of its peers
 * lies in memory with one writer. Who may be it takes it when it is nobody's; who leaves passes it
 * on; who dies is bereaved by the parent. Child only, main thread.
 *
 *   HELD, leaving --open--> watching --nobody has it--> owning --leaving--> passed on
 */

#include <stdbool.h>

struct worker;

/* One worker of the service alone reads its datagrams. */
bool owning_is_needed(const struct worker *worker);

/* The door is open: from now on this worker may be the one. Returns 0, or -1 with errno. */
int owning_begin(struct worker *worker);

/* It leaves: serves what is here, if it is the one, and passes it on. */
void owning_end(struct worker *worker);

/* It is this one. */
bool owning_is_on(const struct worker *worker);

#endif
