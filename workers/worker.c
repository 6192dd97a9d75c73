/*
 * The life of a worker: init, run, drain, exit. The main thread's loop sees listeners, the order
 * socket and a wake-up that signals and threads write to; a model hangs its own watches into the
 * same loop. Nothing is decided in a signal handler: it sets a flag and wakes the loop, and for a
 * main thread that blocks in recv it makes that recv return.
 */
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"
#include "shared/leave.h"
#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/door.h"
#include "workers/worker_orders.h"
#include "workers/worker_state.h"

#define TICK_MS       1000
#define REST_MS       100
#define FIRST_LOOK_MS 50 /* after READY: then there is something to measure */
#define SECOND_NS     1000000000ull

/* Services that can block in recv, and those that hear a bus or keep time. */
static const struct model_ops *const models[][2] = {
    [WORKER_PROCESS] = { &model_process, &model_process_post },
    [WORKER_THREAD] = { &model_thread, &model_thread_post },
    [WORKER_EVENT] = { &model_event, &model_event },
};
#define POST_FLAGS (SERVICE_TEXT | SERVICE_MAIL | SERVICE_OWNS_DATAGRAMS)

/* What signal handlers touch, in any thread. */
static _Atomic bool told_to_leave, told_to_cut, told_to_give;
static _Atomic unsigned gives;
static _Atomic int blocking_fd = -1;
static int wake_fd = -1;

/* ---- signals ---- */

void worker_wake(void) {
    const uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0) {
        /* It is full: then it is awake. */
    }
}

void worker_hurry_fd(int fd, bool sends_too) {
    const struct timeval soon = { .tv_usec = 1 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
    if (sends_too)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
}

/* What signals ask of a main thread that blocks in a session. */
static void rouse(void) {
    if (blocking_fd < 0)
        return;
    if (told_to_give) {
        gives++;
        worker_hurry_fd(blocking_fd, true);
    } else if (told_to_cut) {
        worker_hurry_fd(blocking_fd, false);
    }
}

static void on_signal(int signal_number) {
    int saved_errno = errno;

    told_to_leave = true;
    if (signal_number == CONTRACT_SIGNAL_CUT)
        told_to_cut = true;
    if (signal_number == CONTRACT_SIGNAL_GIVE)
        told_to_give = true;
    rouse();
    worker_wake();
    errno = saved_errno;
}

void worker_tell_to_leave(void) {
    told_to_leave = true;
}

bool worker_is_cut(void) {
    return told_to_cut;
}

void worker_set_blocking_fd(int fd) {
    blocking_fd = fd;
    /* The signal may have come just before. */
    rouse();
}

unsigned worker_count_gives(void) {
    return gives;
}

bool worker_is_called(const struct connection *connection) {
    return connection->gives_seen != atomic_load_explicit(&gives, memory_order_relaxed);
}

void worker_call(void) {
    gives++;
}

static void catch_signals(void) {
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t none;

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(CONTRACT_SIGNAL_CUT, &action, NULL);
    sigaction(CONTRACT_SIGNAL_GIVE, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- what the parts share ---- */

void worker_report(struct worker *worker, uint32_t kind, uint64_t value) {
    const struct contract_record record = {
        .kind = kind, .pid = getpid(), .generation = worker->args->generation, .value = value
    };

    /* A supervisor that does not read for so long has other worries; it will look by itself. */
    (void)contract_send(worker->args->order_fd, &record, NULL, 0);
}

static enum scoreboard_state state_of(const struct worker *worker, uint32_t sessions) {
    if (worker->is_leaving)
        return SCOREBOARD_DRAINING;
    if (sessions >= worker->args->sessions_max)
        return SCOREBOARD_FULL;
    return sessions > 0 || worker->owns ? SCOREBOARD_ACTIVE : SCOREBOARD_IDLE;
}

/* Tell in the row, and where spare workers are wanted in the gate, what room there is. */
static void show_room(struct worker *worker, uint32_t sessions) {
    const struct worker_args *args = worker->args;
    const bool has_room = sessions < args->sessions_max;

    worker->row->state = state_of(worker, sessions);
    if (args->spare_wanted == 0 || worker->door == DOOR_HELD)
        return;
    if (gate_set_room(args->gate, (unsigned)args->row, has_room && !worker->is_leaving) <
            args->spare_wanted &&
        !has_room && gate_ask(args->gate))
        worker_report(worker, REPORT_SHORT, 0);
}

void worker_show_room(struct worker *worker) {
    const uint32_t sessions = worker->row->sessions;

    if (worker->row->state != state_of(worker, sessions))
        show_room(worker, sessions);
}

void worker_tell_room(struct worker *worker) {
    show_room(worker, worker->row->sessions);
}

void worker_begin_session(struct worker *worker, struct connection *connection) {
    const struct net_address *peer = &connection->session.peer;
    size_t len = peer->sa.any.sa_family == AF_UNIX ? 0 : peer->len;
    uint32_t sessions = atomic_fetch_add(&worker->row->sessions, 1) + 1;

    if (len <= sizeof(worker->row->last_peer))
        memcpy(worker->row->last_peer, &peer->sa, len);
    if (!connection->is_handed_over) {
        worker_count(worker, &worker->row->counts.connections, 1);
        worker->served++;
    }
    show_room(worker, sessions);
}

void worker_end_session(struct worker *worker) {
    uint32_t sessions = atomic_fetch_sub(&worker->row->sessions, 1) - 1;

    if (sessions == 0)
        worker->row->idle_since_at_ns = clock_now_ns();
    show_room(worker, sessions);
    /* The main thread sets the door first and then looks at the sessions again: none is missed. */
    if (worker->args->model == WORKER_THREAD && worker->door != DOOR_OPEN)
        worker_wake();
}

/* ---- orders ---- */

void worker_heed(struct worker *worker) {
    told_to_give = false; /* before its order is read: the next call comes after */
    worker_orders_read(worker);
    if (told_to_leave)
        worker_orders_leave(worker);
}

static void wake_ready(struct loop_watch *watch, uint32_t events) {
    eventfd_t value;

    (void)events;
    eventfd_read(watch->fd, &value);
}

static void watch_orders(struct worker *worker) {
    worker->wake_watch = (struct loop_watch){ .fd = wake_fd, .ready = wake_ready, .owner = worker };
    if (worker_orders_watch(worker) < 0 || loop_add(worker->loop, &worker->wake_watch, EPOLLIN) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "a worker cannot watch its orders");
}

/* ---- time ---- */

/* Proportional set size: what this process really costs, shared pages divided. */
static uint64_t measure_pss_bytes(void) {
    char text[256]; /* Pss is in the third line */
    int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    const char *line;

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    line = strstr(text, "\nPss:");
    return line != NULL ? strtoull(line + 5, NULL, 10) * 1024 : 0;
}

static void ask_recycling(struct worker *worker) {
    const struct worker_args *args = worker->args;
    bool is_old = args->max_requests > 0 && worker->served >= args->max_requests;
    bool is_fat = args->reload_on_pss_bytes > 0 &&
                  worker->row->pss_bytes > args->reload_on_pss_bytes;

    if (worker->asked_recycling || worker->is_leaving || (!is_old && !is_fat))
        return;
    worker->asked_recycling = true;
    worker_report(worker, REPORT_RECYCLE, is_fat);
}

static void tick(struct worker *worker) {
    if (worker->now_ns >= worker->pss_due_ns) {
        worker->pss_due_ns = worker->now_ns + SECOND_NS;
        worker->row->pss_bytes = measure_pss_bytes();
        log_flush_repeats();
    }
    ask_recycling(worker);
}

/* Of two times to wait, -1 being for ever. */
static int sooner(int a_ms, int b_ms) {
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

/* How long the loop may sleep. */
static int patience_ms(struct worker *worker) {
    int most = worker->args->reload_on_pss_bytes > 0 ? TICK_MS : -1;

    if (worker->row->pss_bytes == 0)
        most = FIRST_LOOK_MS;
    if (worker->door == DOOR_RESTING)
        most = REST_MS;
    most = sooner(most, post_look(&worker->post));
    return sooner(most, taker_tick(worker));
}

/* Nobody is here any more, nor on the way here. */
static bool is_over(const struct worker *worker) {
    return worker->is_leaving && worker->row->sessions == 0 && !taker_is_waiting(worker);
}

static void run(struct worker *worker) {
    bool has_cut = false;
    int wait_ms;

    for (;;) {
        if (told_to_leave)
            worker_orders_leave(worker);
        if (told_to_cut && !has_cut) {
            has_cut = true;
            worker->model->cut(worker);
        }
        /* Looking at the time may end sessions: before the end of all is looked for. */
        wait_ms = patience_ms(worker);
        if (is_over(worker)) {
            giver_finish(worker);
            return;
        }
        worker_orders_go_on(worker);
        if (!worker->is_leaving)
            door_tend(worker);
        if (loop_turn(worker->loop, post_rest(&worker->post) ? wait_ms : 0) < 0)
            log_fatal(EXIT_CODE_SYSTEM, "a worker cannot wait");
        post_work(&worker->post);
        if (worker->datagrams != NULL)
            datagrams_flush(worker->datagrams);
        tick(worker);
    }
}

/* One life, one mapping. The loop is the last: the end of its batch is hardly ever touched. */
struct block {
    struct worker_args args;
    struct worker worker;
    _Alignas(max_align_t) char loop[];
};

struct worker_args *worker_new(void) {
    struct block *block = mmap(NULL, sizeof(*block) + loop_size(), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (block == MAP_FAILED)
        log_fatal(EXIT_CODE_SYSTEM, "a worker cannot start");
    return &block->args;
}

/* What it has beside its sockets: a seat in the room, memory of the service's, the wire's rules. */
static int open_service(struct worker *worker) {
    const struct worker_args *args = worker->args;
    const struct service_ops *ops = args->ops;

    if (args->room != NULL &&
        (worker->seat = bus_sit(room_bus(args->room), args->room_row)) == NULL)
        return -1;
    if (ops->worker_size > 0 && (worker->state = calloc(1, ops->worker_size)) == NULL)
        return -1;
    worker->wire_rules = wire_rules_default;
    worker->wire_rules.mode = (enum wire_mode)args->wire_mode;
    worker->wire_rules.partial_ms = args->message_timeout_ms < UINT32_MAX
                                        ? (uint32_t)args->message_timeout_ms
                                        : UINT32_MAX;
    if (ops->wire_rules != NULL)
        ops->wire_rules(args->settings, &worker->wire_rules);
    return 0;
}

static int open_datagrams(struct worker *worker) {
    const struct worker_args *args = worker->args;

    for (unsigned i = 0; i < args->listener_count && worker->datagrams == NULL; i++)
        if (args->listener[i].proto == NET_UDP &&
            (worker->datagrams = datagrams_new(worker)) == NULL)
            return -1;
    return 0;
}

/* In this order: the model makes room for the post to read into, the service finds its post. */
static int open_parts(struct worker *worker) {
    const struct service_ops *ops = worker->args->ops;

    if (open_service(worker) < 0 || open_datagrams(worker) < 0 ||
        (worker->model->open != NULL && worker->model->open(worker) < 0) ||
        post_init(&worker->post, worker, worker->loop, &worker->now_ns, worker->post.data,
            worker->post.data_size) < 0)
        return -1;
    if (ops->worker_open != NULL && ops->worker_open(&worker->post) < 0)
        return -1;
    return door_init(worker);
}

static void close_parts(struct worker *worker) {
    const struct service_ops *ops = worker->args->ops;

    if (worker->model->finish != NULL)
        worker->model->finish(worker);
    if (ops->worker_close != NULL)
        ops->worker_close(&worker->post);
}

void worker_main(struct worker_args *args) {
    struct block *block = (struct block *)args; /* its first member */
    struct worker *worker = &block->worker;

    worker->args = args;
    worker->model = models[args->model][(args->ops->flags & POST_FLAGS) != 0];
    worker->row = &args->board->row[args->row];
    worker->lanes = args->board->lane[args->row];
    worker->now_ns = clock_now_ns();
    worker->pss_due_ns = worker->now_ns + FIRST_LOOK_MS * 1000000ull / 2;
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->loop = loop_new_at(block->loop);
    if (wake_fd < 0 || worker->loop == NULL)
        log_fatal(EXIT_CODE_SYSTEM, "a worker cannot start");
    loop_set_clock(worker->loop, &worker->now_ns);
    giver_init(&worker->giver);
    taker_init(&worker->taker);
    watch_orders(worker);
    if (open_parts(worker) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "a worker cannot start");
    catch_signals();
    worker->row->idle_since_at_ns = worker->now_ns;
    show_room(worker, 0);
    FAILPOINT("worker-ready");
    worker_report(worker, REPORT_READY, 0);
    FAILPOINT("worker-served");
    run(worker);
    close_parts(worker);
    leave_process(EXIT_CODE_OK);
}
