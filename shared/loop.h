#ifndef SHARED_LOOP_H
#define SHARED_LOOP_H

/*
 * A small event loop over epoll: descriptors and what to call when they are ready. The watch is
 * the caller's memory and stays where it is while it is in the loop. One thread a loop; a loop is
 * not used across fork.
 */

#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop_watch {
    int fd;
    void (*ready)(struct loop_watch *watch, uint32_t events); /* EPOLLIN and so on */
    void *owner;                                              /* the caller's */
};

/* Returns NULL with errno. Closed on exec. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The same in the caller's memory, loop_size() bytes; such a loop is never freed. */
size_t loop_size(void);
struct loop *loop_new_at(void *place);

/* From now on store the time here (clock_now_ns) after each wait, before anything is called. */
void loop_set_clock(struct loop *loop, uint64_t *now_ns);

/* Watch watch->fd for events (EPOLLIN …), level-triggered. Returns 0, or -1 with errno. */
int loop_add(struct loop *loop, struct loop_watch *watch, uint32_t events);

/*
 * Stop watching; also right inside a callback, for any watch: it will not be called any more.
 * Call it before the descriptor is closed.
 */
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Watch for other events. Returns 0, or -1 with errno. */
int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events);

/* As loop_remove(), for a descriptor that the caller closes at once and that has no duplicate. */
void loop_forget(struct loop *loop, const struct loop_watch *watch);

/*
 * Wait up to timeout_ms (-1: for ever, 0: not at all) and call what is ready. Blocks.
 * Returns how many were called, or -1 with errno (never EINTR).
 */
int loop_turn(struct loop *loop, int timeout_ms);

#endif
