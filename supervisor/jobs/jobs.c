/* The job supervisor's loop: orders, a signal, the clock. */
#include "supervisor/jobs/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/loop.h"

static struct jobs {
    const struct jobs_args *args;
    struct loop *loop;
    struct loop_watch order_watch, signal_watch;
    bool is_leaving;
} jobs;

static void report(uint32_t kind, uint64_t value) {
    struct contract_record record = {
        .kind = kind, .pid = getpid(), .generation = jobs.args->generation, .value = value
    };

    contract_send(jobs.args->order_fd, &record, NULL, 0);
}

static void turn_away(int fd) {
    static const char line[] = "{\"done\":true,\"exit\":69,\"error\":\"there are no jobs yet\"}\n";

    if (send(fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* It does not listen: nothing is lost. */
    }
}

static void obey(const struct contract_record *order, const int *fds, unsigned fd_count) {
    if (order->kind == ORDER_PEER && fd_count == 2)
        turn_away(fds[0]);
    while (fd_count > 0)
        close(fds[--fd_count]);
    if (order->kind == ORDER_PING)
        report(REPORT_PONG, order->value);
}

static void take_orders(struct loop_watch *watch, uint32_t events) {
    struct contract_record order;
    int fds[CONTRACT_FDS_MAX], rc;
    unsigned fd_count;

    (void)events;
    while ((rc = contract_receive(watch->fd, &order, fds, &fd_count)) > 0)
        obey(&order, fds, fd_count);
    if (rc == 0)
        _exit(EXIT_CODE_UNAVAILABLE); /* the supervisor is dead */
}

static void take_signal(struct loop_watch *watch, uint32_t events) {
    struct signalfd_siginfo info;

    (void)events;
    jobs.is_leaving |= read(watch->fd, &info, sizeof(info)) == sizeof(info);
}

static void open_loop(void) {
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    jobs.loop = loop_new();
    jobs.order_watch = (struct loop_watch){ .fd = jobs.args->order_fd, .ready = take_orders };
    jobs.signal_watch = (struct loop_watch){ .fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK),
        .ready = take_signal };
    if (jobs.loop == NULL || jobs.signal_watch.fd < 0 ||
        loop_add(jobs.loop, &jobs.order_watch, EPOLLIN) < 0 ||
        loop_add(jobs.loop, &jobs.signal_watch, EPOLLIN) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "the job supervisor cannot start");
}

void jobs_main(const struct jobs_args *args) {
    jobs.args = args;
    open_loop();
    report(REPORT_READY, 0);
    while (!jobs.is_leaving)
        if (loop_turn(jobs.loop, -1) < 0)
            log_fatal(EXIT_CODE_SYSTEM, "the job supervisor cannot wait");
    _exit(EXIT_CODE_OK);
}
