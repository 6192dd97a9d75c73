/*
 * What each order makes a worker do. Those that let it leave have one rule: before the door is shut
 * the queue is emptied, if that was ordered.
 */
#include "workers/worker_orders.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/leave.h"
#include "shared/log.h"
#include "workers/door.h"
#include "workers/worker_state.h"

static void open_held(struct worker *worker) {
    if (door_open(worker) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "a listener cannot be watched");
    worker_tell_room(worker);
}

/* Not before the queue is emptied: worker_orders_leave() comes back to it. */
static void shut(struct worker *worker) {
    if (worker->is_leaving || worker->empty_until_ns != 0)
        return;
    worker->is_leaving = true;
    worker_tell_room(worker);
    door_shut(worker);
    if (giver_is_open(worker))
        taker_pass_on(worker);
    else
        taker_close(worker);
}

static void give(struct worker *worker, int channel) {
    worker_tell_to_leave();
    giver_add(worker, channel);
    shut(worker);
    if (worker->model->give != NULL)
        worker->model->give(worker);
}

/*
 * A process serves one after the other here, and obeys what it is told between their messages: to
 * give them away, say. In the midst of a session it has no room: worker_orders_leave() comes back
 * to it when the session is given away. That the queue is empty is only told when it is.
 */
static void empty(struct worker *worker) {
    const bool is_in_session = worker->args->model == WORKER_PROCESS && worker->row->sessions > 0;

    if (worker->empty_until_ns == 0 || is_in_session)
        return;
    if (clock_now_ns() < worker->empty_until_ns)
        door_empty(worker);
    worker->empty_until_ns = 0;
    if (worker->owes_pong)
        worker_report(worker, REPORT_PONG, worker->owed_pong);
    worker->owes_pong = false;
}

static void empty_until(struct worker *worker, uint64_t until_ns) {
    worker->empty_until_ns = until_ns;
    empty(worker);
}

void worker_orders_go_on(struct worker *worker) {
    empty(worker);
}

static void pong(struct worker *worker, uint64_t value) {
    worker->owes_pong = worker->empty_until_ns != 0;
    worker->owed_pong = value;
    if (!worker->owes_pong)
        worker_report(worker, REPORT_PONG, value);
}

static void obey(struct worker *worker, const struct contract_record *order, int fd) {
    if (order->kind == ORDER_LOOK)
        door_look(worker);
    else if (order->kind == ORDER_EMPTY)
        empty_until(worker, order->value);
    else if (order->kind == ORDER_PING)
        pong(worker, order->value);
    else if (order->kind == ORDER_OPEN)
        open_held(worker);
    else if (order->kind == ORDER_GIVE && fd >= 0)
        give(worker, fd);
    else if (order->kind == ORDER_TAKE && fd >= 0)
        taker_add(worker, fd);
}

static bool carries_channel(const struct contract_record *order) {
    return order->kind == ORDER_GIVE || order->kind == ORDER_TAKE;
}

static void order_ready(struct loop_watch *watch, uint32_t events) {
    struct worker *worker = watch->owner;
    struct contract_record order;
    int fds[CONTRACT_FDS_MAX], rc;
    unsigned fd_count, kept;

    (void)events;
    while ((rc = contract_receive(watch->fd, &order, fds, &fd_count)) == 1) {
        kept = carries_channel(&order) && fd_count > 0;
        for (unsigned i = kept; i < fd_count; i++)
            close(fds[i]);
        obey(worker, &order, kept ? fds[0] : -1);
    }
    /* The supervisor is gone: nobody is left who could use what we do. */
    if (rc == 0)
        leave_process(EXIT_CODE_UNAVAILABLE);
}

void worker_orders_read(struct worker *worker) {
    order_ready(&worker->order_watch, EPOLLIN);
}

void worker_orders_leave(struct worker *worker) {
    if (worker->is_leaving)
        return;
    /* What was ordered before the signal comes first. */
    worker_orders_read(worker);
    empty(worker);
    shut(worker);
}

int worker_orders_watch(struct worker *worker) {
    worker->order_watch = (struct loop_watch){
        .fd = worker->args->order_fd, .ready = order_ready, .owner = worker
    };
    return loop_add(worker->loop, &worker->order_watch, EPOLLIN);
}
