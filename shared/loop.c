/* The epoll loop. A callback may remove any watch, so the rest of the batch is checked again. */
#include "shared/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/clock.h"

#define BATCH 256

struct loop {
    int epoll_fd;
    uint64_t *now_ns; /* NULL: nobody wants to know */
    int next, count;  /* the part of the batch that is still to be called */
    struct epoll_event batch[BATCH];
};

size_t loop_size(void) {
    return sizeof(struct loop);
}

/* The batch is not touched before it is used. */
struct loop *loop_new_at(void *place) {
    struct loop *loop = place;

    loop->now_ns = NULL;
    loop->next = loop->count = 0;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd < 0 ? NULL : loop;
}

struct loop *loop_new(void) {
    void *place = malloc(sizeof(struct loop));
    struct loop *loop = place != NULL ? loop_new_at(place) : NULL;

    if (loop == NULL)
        free(place);
    return loop;
}

void loop_free(struct loop *loop) {
    if (loop == NULL)
        return;
    close(loop->epoll_fd);
    free(loop);
}

void loop_set_clock(struct loop *loop, uint64_t *now_ns) {
    loop->now_ns = now_ns;
}

int loop_add(struct loop *loop, struct loop_watch *watch, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = watch };

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event);
}

int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = watch };

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_watch *watch) {
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, const struct loop_watch *watch) {
    for (int i = loop->next; i < loop->count; i++)
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
}

int loop_turn(struct loop *loop, int timeout_ms) {
    struct loop_watch *watch;
    int called = 0;

    loop->count = epoll_wait(loop->epoll_fd, loop->batch, BATCH, timeout_ms);
    if (loop->now_ns != NULL)
        *loop->now_ns = clock_now_ns();
    if (loop->count < 0) {
        loop->count = 0;
        return errno == EINTR ? 0 : -1;
    }
    for (loop->next = 0; loop->next < loop->count;) {
        watch = loop->batch[loop->next].data.ptr;
        loop->next++;
        if (watch == NULL)
            continue;
        watch->ready(watch, loop->batch[loop->next - 1].events);
        called++;
    }
    loop->next = loop->count = 0;
    return called;
}
