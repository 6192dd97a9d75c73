#ifndef SHARED_OWNER_H
#define SHARED_OWNER_H

/*
 * Which worker of a service has what only one may have (the datagram sockets), and the memory that
 * goes with it, which outlives each owner. A word in shared memory, changed by compare-and-swap:
 *
 *     nobody --take--> a worker --pass, or the parent has reaped it: bereave--> nobody
 *
 * The parent bereaves a worker only when it is reaped, so that there are never two.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct owner;

/* With so many bytes of memory, all zero. Parent, before fork. Returns NULL with errno. */
struct owner *owner_new(size_t size);

/* Parent. NULL is ignored. */
void owner_free(struct owner *owner);

/* In a child that has no business there: the memory is no more mapped. */
void owner_forget(struct owner *owner);

/* The worker `who` (not 0; differs for each life) is gone: parent. Wakes all who watch. */
void owner_bereave(struct owner *owner, uint32_t who);

/* ---- any worker ---- */

/* Returns true when it is, or was already, who's. */
bool owner_take(struct owner *owner, uint32_t who);

/* Give it up, if it is who's; wakes all who watch. */
void owner_pass(struct owner *owner, uint32_t who);

bool owner_is(const struct owner *owner, uint32_t who);

/*
 * Becomes readable when it is nobody's. To be watched with EPOLLIN | EPOLLET by each worker, and
 * never read: so each of them hears it.
 */
int owner_wake_fd(const struct owner *owner);

/* NULL: it has none. */
void *owner_memory(const struct owner *owner);

#endif
