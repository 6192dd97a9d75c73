#include "workers/owning.h"

#include <sys/epoll.h>

#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/worker_state.h"

#define BATCHES 64 /* before it leaves */

bool owning_is_needed(const struct worker *worker) {
    return (worker->args->ops->flags & SERVICE_OWNS_DATAGRAMS) != 0 && worker->datagrams != NULL;
}

bool owning_is_on(const struct worker *worker) {
    return worker->owns;
}

static void datagrams_ready(struct loop_watch *watch, uint32_t events) {
    struct worker *worker = watch->owner;

    (void)events;
    post_awake(&worker->post);
    datagrams_serve(worker->datagrams, &worker->args->listener[watch - worker->listen_watch]);
}

static void watch_sockets(struct worker *worker, bool on) {
    for (unsigned i = 0; i < worker->args->listener_count; i++) {
        struct loop_watch *watch = &worker->listen_watch[i];

        if (worker->args->listener[i].proto != NET_UDP)
            continue;
        watch->ready = datagrams_ready;
        if (!on)
            loop_remove(worker->loop, watch);
        else if (loop_add(worker->loop, watch, EPOLLIN) < 0)
            log_warn("datagrams cannot be waited for");
    }
}

static void try(struct worker *worker) {
    if (worker->owns || worker->is_leaving ||
        !owner_take(worker->args->owner, worker->args->generation))
        return;
    worker->owns = true;
    worker_show_room(worker); /* it is not idle from now on */
    watch_sockets(worker, true);
    /* What its predecessor had not sent yet is to be looked for. */
    post_hear(&worker->post);
    worker->post.wants_mail = worker->args->ops->mail != NULL;
}

static void woken(struct loop_watch *watch, uint32_t events) {
    (void)events;
    try(watch->owner);
}

int owning_begin(struct worker *worker) {
    worker->owner_watch = (struct loop_watch){
        .fd = owner_wake_fd(worker->args->owner), .ready = woken, .owner = worker
    };
    if (loop_add(worker->loop, &worker->owner_watch, EPOLLIN | EPOLLET) < 0)
        return -1;
    try(worker);
    return 0;
}

void owning_end(struct worker *worker) {
    if (worker->owner_watch.ready != NULL)
        loop_remove(worker->loop, &worker->owner_watch);
    if (!worker->owns)
        return;
    watch_sockets(worker, false);
    for (unsigned i = 0; i < worker->args->listener_count; i++)
        for (unsigned k = 0; k < BATCHES && worker->args->listener[i].proto == NET_UDP; k++)
            if (datagrams_serve(worker->datagrams, &worker->args->listener[i]) == 0)
                break;
    worker->owns = false;
    owner_pass(worker->args->owner, worker->args->generation);
    post_hear(&worker->post);
}
