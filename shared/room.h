#ifndef SHARED_ROOM_H
#define SHARED_ROOM_H

/*
 * A room: what the workers of all services that name it have together, and what outlives them: the
 * bus, some memory of the services' own, and who is alive. Each worker has a row, the same as its
 * seat on the bus; the row's life is odd while it has an owner and even when that one was reaped:
 *
 *     0 --claimed--> 1 --reaped--> 2 --claimed--> 3 ...
 *
 * so that {row, life} names one worker for ever. The parent alone writes lives.
 */

#include <stddef.h>
#include <stdint.h>

struct bus;
struct bus_settings;
struct room;

/*
 * Make it. init (NULL: none) fills the services' memory, which is all zero, and returns 0, or -1
 * with errno. Parent, before fork; children inherit it. Returns NULL with errno.
 */
struct room *room_new(const struct bus_settings *bus, size_t shared_size,
    int (*init)(void *mem, size_t size, const void *settings), const void *settings);

/* Parent. NULL is ignored. */
void room_free(struct room *room);

/* In a child that has no business there: the memory is no more mapped, and nothing else can be
 * done with it. Descriptors are the caller's to close: room_wake_fd(). */
void room_forget(struct room *room);

/*
 * A row for the worker that is about to be forked; to be released when it is reaped, or was never
 * forked: that wakes whom it has left asleep. Parent. Returns it, or -1 with ENOSPC.
 */
int room_claim_row(struct room *room);
void room_release_row(struct room *room, int row);

/* ---- any process ---- */

struct bus *room_bus(const struct room *room);
void *room_shared(const struct room *room); /* NULL: none */
unsigned room_count_rows(const struct room *room);
uint32_t room_life(const struct room *room, unsigned row); /* 0 for a row that is none */

/* Of each row; whoever publishes needs all of them. */
int room_wake_fd(const struct room *room, unsigned row);

/* How many workers were reaped so far: another number means that lives are to be looked at. */
uint32_t room_count_deaths(const struct room *room);

#endif
