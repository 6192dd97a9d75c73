/*
 * The log process: a loop over the lanes, the supervisor's orders and the console. While the file
 * takes nothing the lanes are not watched, so that their readiness does not spin. Signals are
 * blocked, all but those no process can block; SIGTERM is read.
 */
#include "supervisor/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/console.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/log_line.h"
#include "supervisor/log_intake.h"
#include "supervisor/log_sink.h"
#include "supervisor/log_stage.h"

#define RETRY_MS      1000 /* while the disk is full */
#define ASIDE_MS      50   /* how often a line without its end is looked at */
#define LAST_WORDS_MS 1000

enum { FROM_ORDER, FROM_SIGNAL, FROM_LANES, FROM_CONSOLE, TO_CONSOLE, TO_FILE };

static struct writer {
    const struct log_writer_args *args;
    int epoll_fd, signal_fd;
    struct log_stage stage;
    struct log_intake intake;
    struct log_sink console;
    int console_fd; /* read end; -1 when off */
    bool is_watching_lanes, is_watching_file;
    bool is_leaving, is_orphan;
} writer;

static void watch(struct writer *w, int fd, uint32_t events, uint32_t tag) {
    struct epoll_event event = { .events = events, .data.u32 = tag };

    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch(struct writer *w, int fd) {
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- orders ---- */

static void report(struct writer *w, uint32_t kind, uint64_t value, uint64_t more) {
    struct contract_record record = { .kind = kind,
        .pid = getpid(),
        .generation = w->args->generation,
        .value = value,
        .more = more };

    contract_send(w->args->order_fd, &record, NULL, 0);
}

/*
 * Open first: when that fails everything stays as it is. What is in the pipes by now belongs to
 * the old file; what a full disk keeps from it goes to the new one. No rotation meanwhile: it
 * would rename the file that was just opened.
 */
static int reopen(struct writer *w) {
    int fd;

    if (w->stage.file.path == NULL)
        return 0;
    fd = log_file_open_next(&w->stage.file);
    if (fd < 0)
        return errno;
    w->stage.file.rotate_at = UINT64_MAX;
    if (w->stage.is_blocked)
        log_stage_flush(&w->stage);
    log_intake_take_all(&w->intake);
    if (w->is_watching_file)
        unwatch(w, w->stage.file.sink.fd);
    w->is_watching_file = false;
    log_file_switch(&w->stage.file, fd);
    log_stage_flush(&w->stage);
    return 0;
}

static void obey(
    struct writer *w, const struct contract_record *order, const int *fds, unsigned fd_count) {
    if (order->kind == ORDER_LANE && fd_count == LOG_INTAKE_STREAMS &&
        order->value < LOG_LANES_MAX && !log_intake_has(&w->intake, (unsigned)order->value)) {
        log_intake_add(
            &w->intake, (unsigned)order->value, w->args->lanes->names + order->value, fds);
        return;
    }
    while (fd_count > 0)
        close(fds[--fd_count]);
    if (order->kind == ORDER_REOPEN)
        report(w, REPORT_REOPENED, order->value, (uint64_t)reopen(w));
    if (order->kind == ORDER_PING)
        report(w, REPORT_PONG, order->value, 0);
}

static void take_orders(struct writer *w) {
    struct contract_record order;
    int fds[CONTRACT_FDS_MAX], rc;
    unsigned fd_count;

    while ((rc = contract_receive(w->args->order_fd, &order, fds, &fd_count)) > 0)
        obey(w, &order, fds, fd_count);
    if (rc == 0)
        w->is_leaving = w->is_orphan = true;
}

/* ---- the console ---- */

static int count_bytes(int fd) {
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

/* Who does not look finds it in the log; a console that is gone takes everything. */
static void show(struct writer *w) {
    ssize_t n;

    do
        n = log_sink_move(&w->console, w->console_fd, PIPE_BUF);
    while (n > 0);
    if (n < 0 && errno != EAGAIN) {
        log_sink_drop(w->console_fd, (size_t)count_bytes(w->console_fd));
    } else if (count_bytes(w->console_fd) > 0) {
        unwatch(w, w->console_fd);
        watch(w, w->console.fd, EPOLLOUT, TO_CONSOLE);
    }
}

static void show_again(struct writer *w) {
    unwatch(w, w->console.fd);
    watch(w, w->console_fd, EPOLLIN, FROM_CONSOLE);
}

/* ---- the loop ---- */

/* Watch the lanes, or whatever will tell when the file takes something again. */
static void choose_watches(struct writer *w) {
    bool wants_lanes = !w->stage.is_blocked, wants_file = !wants_lanes && !w->stage.file.is_regular;

    if (wants_lanes && !w->is_watching_lanes)
        watch(w, w->intake.epoll_fd, EPOLLIN, FROM_LANES);
    if (!wants_lanes && w->is_watching_lanes)
        unwatch(w, w->intake.epoll_fd);
    if (wants_file && !w->is_watching_file)
        watch(w, w->stage.file.sink.fd, EPOLLOUT, TO_FILE);
    if (!wants_file && w->is_watching_file)
        unwatch(w, w->stage.file.sink.fd);
    w->is_watching_lanes = wants_lanes;
    w->is_watching_file = wants_file;
}

static void answer(struct writer *w, uint32_t tag) {
    struct signalfd_siginfo info;

    switch (tag) {
    case FROM_ORDER:
        take_orders(w);
        break;
    case FROM_SIGNAL:
        w->is_leaving |= read(w->signal_fd, &info, sizeof(info)) > 0;
        break;
    case FROM_LANES:
        log_intake_take_ready(&w->intake, 0);
        break;
    case FROM_CONSOLE:
        show(w);
        break;
    case TO_CONSOLE:
        show_again(w);
        break;
    default: /* TO_FILE: the flush comes in any case */
        break;
    }
}

static void turn(struct writer *w) {
    struct epoll_event ready[8];
    int timeout_ms = w->stage.is_blocked ? RETRY_MS : w->intake.aside_count > 0 ? ASIDE_MS : -1;
    int count;

    choose_watches(w);
    count = epoll_wait(w->epoll_fd, ready, 8, timeout_ms);
    if (w->args->to_terminal)
        log_line_refresh_zone();
    for (int i = 0; i < count; i++)
        answer(w, ready[i].data.u32);
    if (w->stage.is_blocked)
        log_stage_flush(&w->stage);
    else if (w->intake.aside_count > 0)
        log_intake_take_aside(&w->intake);
}

/*
 * Move what there is. The supervisor keeps the pipes if it lives; if it does not, workers that are
 * about to die may still have something to say, and the pipes end with the last of them.
 */
static _Noreturn void leave(struct writer *w) {
    uint64_t until_ns = clock_now_ns() + LAST_WORDS_MS * 1000000ull;
    struct pollfd room = { .fd = w->stage.file.sink.fd, .events = POLLOUT };

    w->intake.takes_all = true;
    do {
        if (w->stage.is_blocked && !log_stage_flush(&w->stage)) {
            poll(&room, !w->stage.file.is_regular, ASIDE_MS);
            continue;
        }
        log_intake_take_all(&w->intake);
        if (w->console_fd >= 0)
            show(w);
        if (w->stage.is_blocked)
            continue;
        if (!w->is_orphan || w->intake.open_count == 0)
            break;
        log_intake_take_ready(&w->intake, ASIDE_MS);
    } while (clock_now_ns() < until_ns);
    _exit(EXIT_CODE_OK);
}

/* ---- the start ---- */

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Close all but the standard streams and what is read from here on. */
static void close_others(const struct writer *w) {
    const struct log_lanes *lanes = w->args->lanes;
    static int keep[LOG_LANES_MAX * LOG_INTAKE_STREAMS + 8];
    size_t count = 0;

    keep[count++] = STDERR_FILENO;
    keep[count++] = w->args->order_fd;
    keep[count++] = lanes->stage_read;
    keep[count++] = lanes->stage_write;
    keep[count++] = lanes->console_read;
    for (unsigned i = 0; i < lanes->count; i++) {
        keep[count++] = lanes->lane[i].record_read;
        keep[count++] = lanes->lane[i].out_read;
        keep[count++] = lanes->lane[i].err_read;
    }
    keep[count] = INT_MAX;
    qsort(keep, count, sizeof(keep[0]), compare);
    for (size_t i = 0; i < count; i++)
        if (keep[i] >= STDERR_FILENO && keep[i + 1] > keep[i] + 1)
            close_range((unsigned)keep[i] + 1, (unsigned)keep[i + 1] - 1, 0);
}

static void set_stage(struct writer *w) {
    const struct config *config = w->args->config;
    struct log_stage *stage = &w->stage;

    stage->lowest = (enum log_level)config->log.level;
    stage->format = config->log.format == CONFIG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT;
    if (w->args->to_terminal) {
        stage->format = LOG_FORMAT_HUMAN;
        return;
    }
    stage->file.path = config->log.file;
    stage->file.rotate_bytes = config->log.rotate_bytes;
    stage->file.rotate_keep = config->log.rotate_keep;
}

static void open_all(struct writer *w) {
    const struct log_lanes *lanes = w->args->lanes;
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    w->signal_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->signal_fd < 0 || w->epoll_fd < 0 || log_sink_init() < 0 ||
        log_intake_open(&w->intake, &w->stage) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "the log writer cannot start");
    if (log_stage_open(&w->stage, lanes->stage_read, lanes->stage_write) < 0)
        log_fatal(EXIT_CODE_IO, "%s: the log cannot be opened", w->stage.file.path);
    watch(w, w->args->order_fd, EPOLLIN, FROM_ORDER);
    watch(w, w->signal_fd, EPOLLIN, FROM_SIGNAL);
    w->console_fd = lanes->console_read;
    if (w->console_fd >= 0) {
        log_sink_use_stream(&w->console, STDOUT_FILENO);
        watch(w, w->console_fd, EPOLLIN, FROM_CONSOLE);
    }
}

void log_writer_main(const struct log_writer_args *args) {
    const struct log_lanes *lanes = args->lanes;
    struct writer *w = &writer;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    /* The supervisor's lane was inherited; here it would be a lane into ourselves. */
    log_use_records(-1, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, "", 0, NULL);
    console_use(-1);
    w->args = args;
    close_others(w);
    set_stage(w);
    open_all(w);
    for (unsigned i = 0; i < lanes->count; i++)
        log_intake_add(&w->intake, i, lanes->names + i,
            (int[LOG_INTAKE_STREAMS]){
                lanes->lane[i].record_read, lanes->lane[i].out_read, lanes->lane[i].err_read });
    log_stage_flush(&w->stage);
    report(w, REPORT_READY, 0, 0);
    while (!w->is_leaving)
        turn(w);
    leave(w);
}
