/* The job supervisor's keeper by a clock of the test's own: who is forked, told, ended, and when.
 */
#include "supervisor/jobs_keeper.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/contract.h"
#include "shared/jobs_board.h"
#include "supervisor/config_jobs.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define MS 1000000ull
#define S  (1000 * MS)

static struct supervisor *supervisor;
static struct config config;
static struct child child;
static int job_end = -1;   /* the job supervisor's end of its orders */
static const char *wanted; /* the configuration's text; NULL: none */
static unsigned forks;     /* that were made */
static bool fork_fails;
static char noted[1024]; /* events, in their order */
static struct jobs_keeper *keeper;

/* ---- what the keeper calls ---- */

char *config_jobs_write(const struct config *ignored) {
    (void)ignored;
    return wanted != NULL ? strdup(wanted) : NULL;
}

struct child *spawn_jobs(struct supervisor *owner) {
    if (fork_fails) {
        errno = EAGAIN;
        return NULL;
    }
    child = (struct child){ .supervisor = owner,
        .kind = CHILD_JOBS,
        .pid = 100 + (int)++forks,
        .pidfd = -1,
        .generation = forks,
        .started_at_ns = owner->now_ns,
        .deadline_ns = UINT64_MAX };
    cr_assert_eq(contract_pair(&child.order_fd, &job_end), 0);
    return &child;
}

void supervisor_watch_child(struct supervisor *owner, struct child *watched) {
    cr_assert_eq(owner, supervisor);
    cr_assert_eq(watched, &child);
}

void supervisor_note(struct supervisor *owner, const struct service *service,
    const struct child *about, int level, const char *event, const struct log_field *fields,
    const char *format, ...) {
    (void)owner, (void)level, (void)format;
    cr_assert_null(service);
    cr_assert_eq(about->kind, CHILD_JOBS);
    snprintf(noted + strlen(noted), sizeof(noted) - strlen(noted), "%s ",
        strcmp(event, "service_state") == 0 ? fields[0].text : event);
}

/* ---- what happens ---- */

static void tend_at(uint64_t at_ns) {
    supervisor->now_ns = at_ns;
    jobs_keeper_tend(supervisor);
}

static void report(uint32_t kind) {
    jobs_keeper_report(supervisor, &child,
        &(struct contract_record){ .kind = kind, .generation = child.generation });
}

static void die(bool is_clean) {
    struct child last = child;
    const struct spawn_death death = { .words = "was killed by SIGKILL", .is_clean = is_clean };

    close(child.order_fd);
    close(job_end);
    jobs_keeper_ended(supervisor, &last, &death);
}

/* The next order, of this kind, for this life; with its descriptors in fds. */
static void expect_order(uint32_t kind, int *fds, unsigned fd_count) {
    struct contract_record order;
    unsigned count;

    cr_assert_eq(contract_receive(job_end, &order, fds, &count), 1);
    cr_assert_eq(order.kind, kind);
    cr_assert_eq(order.pid, child.pid);
    cr_assert_eq(order.generation, child.generation);
    cr_assert_eq(count, fd_count);
}

static bool has_order(void) {
    char byte;

    return recv(job_end, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void expect_text(const char *text) {
    int fds[CONTRACT_FDS_MAX];
    char got[64];
    ssize_t n;

    expect_order(ORDER_CONFIG, fds, 1);
    n = read(fds[0], got, sizeof(got) - 1);
    cr_assert_geq(n, 0);
    got[n] = '\0';
    cr_assert_str_eq(got, text);
    close(fds[0]);
}

static void expect_noted(const char *events) {
    cr_assert_str_eq(noted, events);
    noted[0] = '\0';
}

/* ---- */

static void prepare(void) {
    supervisor = calloc(1, sizeof(*supervisor));
    config.jobs.graceful_timeout_ms = 10000;
    config.jobs.supervisor_timeout_ms = 20000;
    supervisor->config = &config;
    supervisor->now_ns = 100 * S;
    keeper = &supervisor->jobs;
    wanted = "one";
    noted[0] = '\0';
}

static void clear(void) {
    jobs_keeper_free(keeper);
    free(supervisor);
}

static void run(void) {
    jobs_keeper_configure(supervisor, false);
    report(REPORT_READY);
    cr_assert_eq(keeper->state, JOBS_KEEPER_RUNNING);
    noted[0] = '\0';
}

TestSuite(jobs_keeper, .init = prepare, .fini = clear);

Test(jobs_keeper, is_forked_when_it_is_wanted_and_runs_when_it_is_ready) {
    const struct jobs_board *board;

    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(forks, 1);
    cr_assert(!jobs_keeper_is_settled(keeper));
    report(REPORT_READY);
    report(REPORT_READY);
    expect_noted("STARTING RUNNING ");
    cr_assert(jobs_keeper_is_settled(keeper));
    board = keeper->board;
    cr_assert_not_null(board);
    die(false);
    tend_at(supervisor->now_ns + S);
    cr_assert_eq(keeper->board, board);
}

Test(jobs_keeper, without_a_wish_nothing_is_made) {
    wanted = NULL;
    jobs_keeper_configure(supervisor, false);
    tend_at(supervisor->now_ns + 1000 * S);
    cr_assert_eq(forks, 0);
    cr_assert_null(keeper->board);
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), UINT64_MAX);
    cr_assert(jobs_keeper_has_ended(keeper));
    expect_noted("");
}

/* ---- deaths ---- */

Test(jobs_keeper, death_after_ready_is_replaced_at_once) {
    run();
    supervisor->now_ns += S;
    die(false);
    cr_assert_eq(forks, 2);
    cr_assert_eq(keeper->restarts, 1);
    cr_assert_str_eq(keeper->last_death, "was killed by SIGKILL");
    expect_noted("jobs_exit STARTING ");
}

Test(jobs_keeper, not_more_than_ten_times_a_second) {
    run();
    for (unsigned i = 1; i <= 5; i++) {
        supervisor->now_ns += 10 * MS;
        die(false);
        cr_assert_eq(forks, i);
        cr_assert_eq(jobs_keeper_next_at_ns(supervisor), supervisor->now_ns + 90 * MS);
        tend_at(supervisor->now_ns + 89 * MS);
        cr_assert_eq(forks, i);
        tend_at(supervisor->now_ns + MS);
        cr_assert_eq(forks, i + 1);
        report(REPORT_READY);
    }
}

Test(jobs_keeper, deaths_before_ready_wait_longer_each_time) {
    uint64_t waited_ns, before_ns = 0;

    jobs_keeper_configure(supervisor, false);
    for (unsigned i = 1; i <= 12; i++) {
        die(false);
        cr_assert_eq(keeper->state, JOBS_KEEPER_BACKOFF);
        cr_assert(jobs_keeper_is_settled(keeper));
        waited_ns = jobs_keeper_next_at_ns(supervisor) - supervisor->now_ns;
        cr_assert_geq(waited_ns, 75 * MS);
        cr_assert_leq(waited_ns, 30 * S);
        if (i < 8)
            cr_assert_gt(waited_ns, before_ns * 5 / 4);
        before_ns = waited_ns;
        tend_at(supervisor->now_ns + waited_ns);
        cr_assert_eq(forks, i + 1);
    }
    cr_assert_geq(before_ns, 20 * S);
}

Test(jobs_keeper, good_life_ends_the_backoff) {
    jobs_keeper_configure(supervisor, false);
    for (unsigned i = 0; i < 5; i++) {
        die(false);
        tend_at(keeper->start_at_ns);
    }
    report(REPORT_READY);
    tend_at(supervisor->now_ns + 9 * S);
    cr_assert_eq(keeper->backoff.deaths, 5);
    tend_at(supervisor->now_ns + 2 * S);
    cr_assert_eq(keeper->backoff.deaths, 0);
}

Test(jobs_keeper, reload_tries_again_at_once) {
    jobs_keeper_configure(supervisor, false);
    for (unsigned i = 0; i < 5; i++) {
        die(false);
        tend_at(keeper->start_at_ns);
    }
    die(false);
    cr_assert_eq(keeper->state, JOBS_KEEPER_BACKOFF);
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(forks, 7);
    cr_assert_eq(keeper->backoff.deaths, 0);
}

Test(jobs_keeper, fork_that_fails_is_tried_again) {
    fork_fails = true;
    jobs_keeper_configure(supervisor, false);
    expect_noted("STARTING fork_failed BACKOFF ");
    cr_assert_eq(keeper->restarts, 0);
    fork_fails = false;
    tend_at(jobs_keeper_next_at_ns(supervisor));
    cr_assert_eq(forks, 1);
}

Test(jobs_keeper, boot_that_takes_too_long_is_ended) {
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), supervisor->now_ns + 60 * S);
    tend_at(supervisor->now_ns + 59 * S);
    cr_assert_eq(child.state, CHILD_STARTING);
    tend_at(supervisor->now_ns + S);
    cr_assert_eq(child.state, CHILD_KILLED);
    die(false);
    cr_assert_eq(keeper->state, JOBS_KEEPER_BACKOFF);
}

/* ---- hangs ---- */

Test(jobs_keeper, idle_one_that_answers_is_left_alone) {
    int fds[CONTRACT_FDS_MAX];

    run();
    for (unsigned i = 0; i < 10; i++) {
        tend_at(jobs_keeper_next_at_ns(supervisor));
        expect_order(ORDER_PING, fds, 0);
        tend_at(supervisor->now_ns + S);
        cr_assert(!has_order());
        report(REPORT_PONG);
    }
    cr_assert_eq(child.state, CHILD_RUNNING);
    expect_noted("");
}

Test(jobs_keeper, one_that_does_not_answer_is_killed_and_replaced) {
    run();
    tend_at(supervisor->now_ns + 10 * S);
    cr_assert(has_order());
    tend_at(supervisor->now_ns + 20 * S - MS);
    cr_assert_eq(child.state, CHILD_RUNNING);
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), supervisor->now_ns + MS);
    tend_at(supervisor->now_ns + MS);
    cr_assert_eq(child.state, CHILD_KILLED);
    tend_at(supervisor->now_ns + 100 * S);
    errno = 0;
    cr_assert_lt(jobs_keeper_give(supervisor, 0, 0), 0);
    cr_assert_eq(errno, EAGAIN);
    die(false);
    cr_assert_eq(forks, 2);
    cr_assert_eq(keeper->restarts, 1);
    expect_noted("jobs_hung jobs_exit STARTING ");
}

Test(jobs_keeper, without_a_limit_nobody_is_asked) {
    config.jobs.supervisor_timeout_ms = 0;
    run();
    tend_at(supervisor->now_ns + 1000 * S);
    cr_assert(!has_order());
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), UINT64_MAX);
}

/* ---- the configuration ---- */

Test(jobs_keeper, is_told_what_differs_and_nothing_else) {
    run();
    jobs_keeper_configure(supervisor, false);
    cr_assert(!has_order());
    wanted = "two";
    jobs_keeper_configure(supervisor, false);
    expect_text("two");
    cr_assert(!has_order());
    cr_assert_eq(forks, 1);
    die(false);
    tend_at(supervisor->now_ns + S);
    cr_assert(!has_order()); /* it was forked with it */
    cr_assert_str_eq(keeper->text, "two");
}

Test(jobs_keeper, what_does_not_fit_now_is_told_later_and_before_anything_else) {
    struct contract_record filler = { .kind = ORDER_LOOK }, order;
    int fds[CONTRACT_FDS_MAX];
    unsigned count, held = 0;

    run();
    while (contract_send(child.order_fd, &filler, NULL, 0) == 0)
        held++;
    wanted = "two";
    jobs_keeper_configure(supervisor, false);
    cr_assert_leq(jobs_keeper_next_at_ns(supervisor), supervisor->now_ns + 100 * MS);
    cr_assert_lt(jobs_keeper_give(supervisor, 0, 0), 0);
    for (; held > 0; held--)
        cr_assert_eq(contract_receive(job_end, &order, fds, &count), 1);
    cr_assert_lt(jobs_keeper_give(supervisor, 0, 0), 0);
    tend_at(supervisor->now_ns + 20 * MS);
    cr_assert_eq(jobs_keeper_give(supervisor, 0, 1), 0);
    expect_text("two");
    expect_order(ORDER_PEER, fds, 2);
    close(fds[0]);
    close(fds[1]);
}

Test(jobs_keeper, another_one_takes_over_when_the_old_one_has_left) {
    run();
    wanted = "elsewhere";
    jobs_keeper_configure(supervisor, true);
    expect_noted("STOPPING ");
    cr_assert_eq(child.state, CHILD_DRAINING);
    cr_assert(!has_order());
    cr_assert(!jobs_keeper_is_settled(keeper));
    die(true);
    cr_assert_eq(forks, 2);
    cr_assert_eq(keeper->restarts, 0);
    expect_noted("jobs_exit STARTING ");
}

Test(jobs_keeper, one_that_does_not_leave_is_killed) {
    run();
    jobs_keeper_configure(supervisor, true);
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), supervisor->now_ns + 11500 * MS);
    tend_at(supervisor->now_ns + 11500 * MS);
    cr_assert_eq(child.state, CHILD_CUT);
    tend_at(jobs_keeper_next_at_ns(supervisor));
    cr_assert_eq(child.state, CHILD_KILLED);
    die(false);
    cr_assert_eq(forks, 2);
    cr_assert_eq(keeper->restarts, 0);
}

Test(jobs_keeper, goes_when_it_is_not_wanted_and_comes_back) {
    run();
    wanted = NULL;
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(keeper->state, JOBS_KEEPER_STOPPING);
    wanted = "again"; /* it leaves still */
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(forks, 1);
    wanted = NULL;
    jobs_keeper_configure(supervisor, false);
    die(true);
    expect_noted("STOPPING jobs_exit STOPPED ");
    cr_assert_eq(jobs_keeper_next_at_ns(supervisor), UINT64_MAX);
    wanted = "again";
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(forks, 2);
}

Test(jobs_keeper, one_that_waits_to_be_tried_again_is_given_up) {
    jobs_keeper_configure(supervisor, false);
    die(false);
    cr_assert_eq(keeper->state, JOBS_KEEPER_BACKOFF);
    wanted = NULL;
    jobs_keeper_configure(supervisor, false);
    cr_assert_eq(keeper->state, JOBS_KEEPER_STOPPED);
    tend_at(supervisor->now_ns + 100 * S);
    cr_assert_eq(forks, 1);
}

/* ---- the end of the daemon ---- */

Test(jobs_keeper, daemon_that_stops_waits_for_it) {
    run();
    supervisor->is_stopping = true;
    jobs_keeper_stop(supervisor, false);
    cr_assert(!jobs_keeper_has_ended(keeper));
    cr_assert_eq(child.state, CHILD_DRAINING);
    cr_assert_eq(child.deadline_ns, supervisor->now_ns + 11500 * MS);
    jobs_keeper_stop(supervisor, true);
    cr_assert_eq(child.deadline_ns, supervisor->now_ns + 100 * MS);
    tend_at(supervisor->now_ns + 100 * MS);
    cr_assert_eq(child.state, CHILD_CUT);
    jobs_keeper_stop(supervisor, true);
    cr_assert_eq(child.state, CHILD_CUT);
    die(true);
    cr_assert(jobs_keeper_has_ended(keeper));
    cr_assert_eq(keeper->state, JOBS_KEEPER_STOPPED);
    tend_at(supervisor->now_ns + 100 * S);
    cr_assert_eq(forks, 1);
}

Test(jobs_keeper, daemon_that_stops_starts_none) {
    jobs_keeper_configure(supervisor, false);
    die(false);
    supervisor->is_stopping = true;
    jobs_keeper_stop(supervisor, false);
    tend_at(supervisor->now_ns + 100 * S);
    cr_assert_eq(forks, 1);
    cr_assert(jobs_keeper_has_ended(keeper));
}

Test(jobs_keeper, told_to_leave_while_it_starts_it_leaves_when_it_is_ready) {
    jobs_keeper_configure(supervisor, false);
    wanted = NULL;
    jobs_keeper_configure(supervisor, false);
    report(REPORT_READY);
    cr_assert_eq(keeper->state, JOBS_KEEPER_STOPPING);
    cr_assert_eq(child.state, CHILD_DRAINING);
    die(true);
    cr_assert_eq(keeper->state, JOBS_KEEPER_STOPPED);
}
