/*
 * The job supervisor's loop. In each turn: what came in (orders, questions, reports of workers),
 * then the jobs, then what is to be said of them; so a question, its job and the answer take as few
 * turns as the work itself, and no timer.
 */
#include "supervisor/jobs/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/jobs_board.h"
#include "shared/log.h"
#include "shared/loop.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/peers.h"

#define NS_IN_MS      1000000ull
#define TEXT_MAX      (64 << 20)
#define REPEATS_NS    (1000 * NS_IN_MS)
#define LAST_WORDS_MS 1000u /* of those that were cut */

static struct jobs {
    const struct jobs_args *args;
    struct loop *loop;
    struct loop_watch order_watch, signal_watch;
    uint64_t now_ns;
    struct book *book;
    struct peers *peers;
    unsigned signals;     /* that asked it to leave */
    uint64_t leave_at_ns; /* what is in work is cut then; UINT64_MAX: it does not leave */
    uint64_t gone_at_ns;  /* it leaves then, come what may */
    uint64_t repeats_at_ns;
} jobs;

static void report(uint32_t kind, uint64_t value) {
    struct contract_record record = {
        .kind = kind, .pid = getpid(), .generation = jobs.args->generation, .value = value
    };

    contract_send(jobs.args->order_fd, &record, NULL, 0);
}

/* ---- orders ---- */

/* The text in the file, terminated; NULL with errno. */
static char *read_text(int fd, size_t *out_len) {
    struct stat status;
    char *text;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size > TEXT_MAX) {
        errno = EFBIG;
        return NULL;
    }
    *out_len = (size_t)status.st_size;
    text = calloc(1, *out_len + 1);
    if (text != NULL && pread(fd, text, *out_len, 0) == (ssize_t)*out_len)
        return text;
    free(text);
    return NULL;
}

static void take_config(int fd) {
    struct jobs_config *config;
    struct complaint complaint;
    size_t len;
    char *text = read_text(fd, &len);

    if (text == NULL) {
        log_warn("the new configuration of jobs cannot be read");
        return;
    }
    config = jobs_config_read(text, len, &complaint);
    if (config != NULL)
        book_renew(jobs.book, config);
    else
        log_warnx("the new configuration of jobs is not understood: %s", complaint.text);
    free(text);
}

static void obey(const struct contract_record *order, const int *fds, unsigned fd_count) {
    if (order->kind == ORDER_PEER && fd_count == 2) {
        peers_add(jobs.peers, fds[0], fds[1]);
        return;
    }
    if (order->kind == ORDER_CONFIG && fd_count == 1)
        take_config(fds[0]);
    else if (order->kind == ORDER_PING)
        report(REPORT_PONG, order->value);
    while (fd_count > 0)
        close(fds[--fd_count]);
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

/* ---- leaving ---- */

static void take_signal(struct loop_watch *watch, uint32_t events) {
    struct signalfd_siginfo info;

    (void)events;
    if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (jobs.signals++ > 0) {
        jobs.leave_at_ns = jobs.now_ns; /* asked twice: at once */
        return;
    }
    jobs.leave_at_ns = jobs.now_ns + book_config(jobs.book)->graceful_timeout_ms * NS_IN_MS;
    book_stop(jobs.book);
}

static void tend_leaving(void) {
    if (jobs.now_ns < jobs.leave_at_ns)
        return;
    jobs.leave_at_ns = UINT64_MAX;
    jobs.gone_at_ns = jobs.now_ns + LAST_WORDS_MS * NS_IN_MS;
    book_cut(jobs.book);
}

static bool has_left(void) {
    return jobs.signals > 0 && (book_is_idle(jobs.book) || jobs.now_ns >= jobs.gone_at_ns);
}

/* ---- the loop ---- */

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
    jobs.now_ns = clock_now_ns();
    jobs.leave_at_ns = jobs.gone_at_ns = UINT64_MAX;
    loop_set_clock(jobs.loop, &jobs.now_ns);
}

static struct jobs_config *read_config(void) {
    const char *text = jobs.args->config_text;
    struct complaint complaint;
    struct jobs_config *config = jobs_config_read(text, strlen(text), &complaint);

    if (config != NULL)
        return config;
    log_fatalx(EXIT_CODE_CONFIG, "the configuration of jobs is not understood: %s", complaint.text);
}

static void open_book(void) {
    const struct book_args args = {
        .config = read_config(),
        .board = jobs.args->board,
        .loop = jobs.loop,
        .life = jobs.args->life,
    };
    struct complaint complaint;
    int exit_code;

    jobs_board_clear(jobs.args->board, (uint32_t)args.config->workers);
    jobs.book = book_open(&args, &complaint, &exit_code);
    if (jobs.book == NULL)
        log_fatalx(exit_code, "the job supervisor cannot start: %s", complaint.text);
    jobs.peers = peers_new(jobs.book, jobs.loop, &jobs.now_ns);
    if (jobs.peers == NULL)
        log_fatal(EXIT_CODE_SYSTEM, "the job supervisor cannot start");
}

static int until_ms(uint64_t at_ns) {
    if (at_ns == UINT64_MAX)
        return -1;
    return at_ns <= jobs.now_ns ? 0 : (int)((at_ns - jobs.now_ns) / NS_IN_MS) + 1;
}

static int sooner(int a_ms, int b_ms) {
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

static int patience_ms(void) {
    return sooner(sooner(until_ms(jobs.leave_at_ns), until_ms(jobs.gone_at_ns)),
        sooner(book_patience_ms(jobs.book, jobs.now_ns), peers_patience_ms(jobs.peers)));
}

static void flush_repeats(void) {
    if (jobs.now_ns < jobs.repeats_at_ns)
        return;
    jobs.repeats_at_ns = jobs.now_ns + REPEATS_NS;
    log_flush_repeats();
}

void jobs_main(const struct jobs_args *args) {
    jobs.args = args;
    open_loop();
    open_book();
    report(REPORT_READY, 0);
    for (int called = 0; called >= 0;) {
        book_tend(jobs.book, jobs.now_ns);
        tend_leaving();
        peers_tend(jobs.peers);
        if (has_left())
            break;
        flush_repeats();
        book_rest(jobs.book, called == 0);
        called = loop_turn(jobs.loop, patience_ms());
        if (called < 0)
            log_fatal(EXIT_CODE_SYSTEM, "the job supervisor cannot wait");
    }
    peers_free(jobs.peers);
    if (book_is_idle(jobs.book))
        book_close(jobs.book);
    log_flush_repeats();
    _exit(EXIT_CODE_OK);
}
