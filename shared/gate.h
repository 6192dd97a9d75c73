#ifndef SHARED_GATE_H
#define SHARED_GATE_H

/*
 * What the workers of one service decide together, in shared memory: who may still come in. A
 * connection that is counted holds a slot, a word with its worker's row and its source; slots are
 * taken by compare-and-swap, so that a limit holds exactly over all workers and models, and what a
 * killed worker held is found by its row and freed. No lock, no pointer.
 */

#include <stdbool.h>
#include <stdint.h>

struct gate;

struct gate_limits {
    uint64_t max_connections;               /* 0: no limit */
    uint64_t max_connections_per_source;    /* 0: no limit */
    uint64_t max_rate, max_rate_per_source; /* a second; 0: no limit */
};

#define GATE_NO_SLOT   UINT32_MAX
#define GATE_SLOTS_MAX (1u << 18)

/*
 * Make and map it, with room for slots connections (GATE_SLOTS_MAX at most). Parent, before fork;
 * children inherit it. Returns NULL with errno.
 */
struct gate *gate_new(const struct gate_limits *limits, uint32_t slots);

/*
 * Other limits, for those that are forked from now on; the others keep theirs. Who is in stays in
 * and is counted; who came while nothing was counted is not. Parent.
 */
void gate_renew(struct gate *gate, const struct gate_limits *limits, uint32_t slots);
void gate_free(struct gate *gate);

/*
 * Take a slot for a connection of the worker in this row; its source is not known yet.
 * Any worker. Returns false when all are taken. *out_slot is GATE_NO_SLOT when nothing is counted.
 */
bool gate_enter(struct gate *gate, unsigned row, uint32_t *out_slot);

/* Say where the connection comes from. Returns false when its source has its share already. */
bool gate_name_source(struct gate *gate, uint32_t slot, uint64_t source);

/*
 * A session goes from the worker in row from to that in row to, who calls this: its slot goes with
 * it. Returns false when the slot is not from's any more (that one was reaped), or no slot.
 */
bool gate_move(struct gate *gate, uint32_t slot, unsigned from, unsigned to);

/* Give the slot back, and wake a worker that waits for one. */
void gate_leave(struct gate *gate, uint32_t slot);

/*
 * May one more connection, or datagram, come now? Counts it when it may. A thousand sources and
 * more share cells by their hash, so that one of them may rarely pay for another.
 */
bool gate_pass_rate(struct gate *gate, uint64_t source, uint64_t now_ns);

/*
 * Readable when a slot has become free for somebody who waits. Call gate_wait() before waiting and
 * gate_wait_done() after; then try again.
 */
int gate_wake_fd(const struct gate *gate);
void gate_wait(struct gate *gate);
void gate_wait_done(struct gate *gate);

/* ---- which workers there are, and which have room ---- */

/* Parent: the worker in this row belongs to the service; or is gone: frees what it held. */
void gate_add_member(struct gate *gate, unsigned row);
void gate_remove_member(struct gate *gate, unsigned row);

/* Worker: it has room for more, or not. Returns how many have, itself included. */
unsigned gate_set_room(struct gate *gate, unsigned row, bool has_room);

/* Rows of all members: calls visit(owner, row) for each. Any process. */
void gate_visit_members(
    const struct gate *gate, void (*visit)(void *owner, unsigned row), void *owner);

/* A worker asks for more workers: true for the first who does until the parent has heard. */
bool gate_ask(struct gate *gate);
void gate_heard(struct gate *gate);

#endif
