/*
 * A post's ear: when the service is told that there is something on the bus, and that a second has
 * gone by. The bus is asked before each wait, and only who waits is woken; one that nobody wakes,
 * because its publisher was stopped in between, looks once a second.
 */
#include <sys/epoll.h>

#include "shared/room.h"
#include "workers/owning.h"
#include "workers/post.h"
#include "workers/services/post.h"
#include "workers/worker_state.h"

#define TICK_NS     1000000000ull
#define UNTOLD_MOST 128 /* nobody waits longer for others */

/* What wakes it is never read. */
static void woken(struct loop_watch *watch, uint32_t events) {
    (void)watch;
    (void)events;
}

static void watch_bus(struct post *post) {
    post->bus_watch = (struct loop_watch){
        .fd = bus_wake_fd(post->worker->seat), .ready = woken, .owner = post
    };
    /* Without it the tick is left, and whoever else comes. */
    (void)loop_add(post->loop, &post->bus_watch, EPOLLIN | EPOLLET);
}

void post_hear(struct post *post) {
    const bool hears = post->worker->seat != NULL &&
                       (post->count > 0 || (post->is_main && owning_is_on(post->worker)));
    struct bus *bus;

    if (hears && !post->hears) {
        bus = room_bus(post->worker->args->room);
        bus_begin(&post->reader, bus, bus_next(bus));
        if (post->bus_watch.ready == NULL)
            watch_bus(post);
    }
    post->hears = hears;
}

int post_publish(struct post *post, const struct bus_record *record, uint64_t *out_seq) {
    const int result = bus_publish_quietly(post->worker->seat, record, out_seq);

    post->untold += result == 1;
    if (post->untold == UNTOLD_MOST)
        post_tell(post);
    return result;
}

void post_tell(struct post *post) {
    if (post->untold > 0)
        bus_rouse(post->worker->seat);
    post->untold = 0;
}

bool post_rest(struct post *post) {
    post_tell(post);
    if (post->wants_mail || !TAILQ_EMPTY(&post->touched))
        return false;
    if (post->hears)
        post->is_asleep = bus_sleep(post->worker->seat, &post->reader);
    return !post->hears || post->is_asleep;
}

static void hear(struct post *post) {
    const struct service_ops *ops = post->worker->args->ops;
    const bool has_news = post->hears && bus_next(post->reader.bus) != post->reader.cursor;

    if (!has_news && !post->wants_mail)
        return;
    connection_enter_hook(post->lane);
    post->wants_mail = ops->mail(post);
    connection_leave_hook(post->lane);
}

uint64_t post_next_tick_ns(const struct post *post) {
    if (post->worker->args->ops->tick == NULL && !post->hears)
        return UINT64_MAX;
    return post->tick_due_ns;
}

static void tick(struct post *post) {
    const struct worker_args *args = post->worker->args;
    const uint64_t now_ns = *post->now_ns;
    const uint32_t deaths = args->room != NULL ? room_count_deaths(args->room) : 0;

    if (now_ns < post->tick_due_ns && (!post->is_main || deaths == post->deaths_seen))
        return;
    post->deaths_seen = deaths;
    post->tick_due_ns = now_ns + TICK_NS;
    if (args->ops->tick == NULL)
        return;
    connection_enter_hook(post->lane);
    args->ops->tick(post, now_ns / 1000000);
    connection_leave_hook(post->lane);
}

void post_awake(struct post *post) {
    if (post->is_asleep)
        bus_awake(post->worker->seat);
    post->is_asleep = false;
}

void post_mail(struct post *post) {
    post_awake(post);
    post_tell(post);
    if (post->worker->args->ops->mail != NULL)
        hear(post);
    tick(post);
}
