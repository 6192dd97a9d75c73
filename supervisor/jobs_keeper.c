/*
 * The job supervisor's life from outside. Why it is to leave is its state's matter, not the
 * child's: one that is killed because it hangs has died, and is replaced as any that has.
 */
#include "supervisor/jobs_keeper.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/contract.h"
#include "shared/jobs_board.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/config_jobs.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define NS_IN_MS       1000000ull
#define AGAIN_FIRST_MS 100
#define AGAIN_MOST_MS  30000
#define APART_NS       (100 * NS_IN_MS)   /* from one start to the next, whatever happens */
#define GOOD_LIFE_NS   (10000 * NS_IN_MS) /* that ends the backoff */
#define BOOT_NS        (60000 * NS_IN_MS) /* a large spool is read */
#define AFTER_DRAIN_MS 1500               /* to write down what it has */
#define AFTER_CUT_NS   (1500 * NS_IN_MS)
#define FAST_MS        100 /* two signals at once would be one */
#define SEND_AGAIN_NS  (20 * NS_IN_MS)

static const char RENEWED[] = "its settings differ", UNWANTED[] = "it is not configured",
                  STOPS[] = "the daemon stops";

static const char *const names[] = {
    [JOBS_KEEPER_STOPPED] = "STOPPED",
    [JOBS_KEEPER_STARTING] = "STARTING",
    [JOBS_KEEPER_RUNNING] = "RUNNING",
    [JOBS_KEEPER_BACKOFF] = "BACKOFF",
    [JOBS_KEEPER_STOPPING] = "STOPPING",
};

/* Which steps there are; a bit for each state that may follow. */
#define TO(state) (1u << JOBS_KEEPER_##state)
static const unsigned steps[] = {
    [JOBS_KEEPER_STOPPED] = TO(STARTING),
    [JOBS_KEEPER_STARTING] = TO(RUNNING) | TO(BACKOFF) | TO(STOPPING) | TO(STOPPED),
    [JOBS_KEEPER_RUNNING] = TO(STARTING) | TO(BACKOFF) | TO(STOPPING),
    [JOBS_KEEPER_BACKOFF] = TO(STARTING) | TO(STOPPED),
    [JOBS_KEEPER_STOPPING] = TO(STARTING) | TO(STOPPED),
};
#undef TO

const char *jobs_keeper_state_name(enum jobs_keeper_state state) {
    return names[state];
}

/* Whom a record is about when there is none. */
static const struct child nobody = { .kind = CHILD_JOBS };

static void set_state(
    struct supervisor *supervisor, enum jobs_keeper_state state, const char *reason) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    if (keeper->state == state)
        return;
    if ((steps[keeper->state] >> state & 1) == 0) /* our own data is wrong */
        abort();
    keeper->state = state;
    keeper->state_reason = reason;
    keeper->state_since_ns = supervisor->now_ns;
    supervisor_note(supervisor, NULL, keeper->child != NULL ? keeper->child : &nobody,
        LOG_LEVEL_INFO, "service_state",
        (const struct log_field[]){ LOG_TEXT("state", names[state]),
            { .key = reason != NULL ? "reason" : NULL, .text = reason }, { .key = NULL } },
        "the job supervisor is %s%s%s", names[state], reason != NULL ? ": " : "",
        reason != NULL ? reason : "");
}

/* ---- start ---- */

static void back_off(struct supervisor *supervisor, const char *reason) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    backoff_add_death(&keeper->backoff, supervisor->now_ns, AGAIN_FIRST_MS, AGAIN_MOST_MS,
        (double)arc4random_uniform(1000) / 1000.0);
    keeper->start_at_ns = keeper->backoff.until_ns;
    set_state(supervisor, JOBS_KEEPER_BACKOFF, reason);
}

static void fail_to_fork(struct supervisor *supervisor) {
    supervisor_note(supervisor, NULL, &nobody, LOG_LEVEL_WARN, "fork_failed",
        (const struct log_field[]){ LOG_TEXT("cause", strerror(errno)), { .key = NULL } },
        "no job supervisor could be forked: %s; trying again in a moment", strerror(errno));
    back_off(supervisor, "it cannot be forked");
}

static void start(struct supervisor *supervisor) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    set_state(supervisor, JOBS_KEEPER_STARTING, NULL);
    if (keeper->board == NULL)
        keeper->board = jobs_board_new();
    if (keeper->board != NULL)
        keeper->child = spawn_jobs(supervisor);
    if (keeper->child == NULL) {
        fail_to_fork(supervisor);
        return;
    }
    keeper->owes_text = false; /* it was forked with it */
    keeper->child->deadline_ns = supervisor->now_ns + BOOT_NS;
    supervisor_watch_child(supervisor, keeper->child);
}

/* ---- the configuration ---- */

/* Two texts that are equal say the same; NULL: it is not wanted. */
static bool are_equal(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void leave(struct supervisor *supervisor, const char *reason, uint64_t grace_ms) {
    set_state(supervisor, JOBS_KEEPER_STOPPING, reason);
    child_drain(supervisor->jobs.child, supervisor->now_ns, grace_ms, reason);
}

/* What it may take to leave as a good job supervisor does. */
static uint64_t patience_ms(const struct supervisor *supervisor) {
    return supervisor->config->jobs.graceful_timeout_ms + AFTER_DRAIN_MS;
}

static void configure_living(struct supervisor *supervisor, bool renews, bool differs) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    if (keeper->state == JOBS_KEEPER_STOPPING) /* the next one is forked with what counts then */
        return;
    if (keeper->text == NULL || renews)
        leave(supervisor, keeper->text == NULL ? UNWANTED : RENEWED, patience_ms(supervisor));
    else if (differs)
        keeper->owes_text = true;
}

static void configure_absent(struct supervisor *supervisor) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    if (keeper->state_since_ns == 0) { /* the daemon starts */
        keeper->state_since_ns = supervisor->now_ns;
        keeper->state_reason = UNWANTED;
    }
    /* Whatever it died of may be mended. */
    backoff_reset(&keeper->backoff);
    keeper->start_at_ns = supervisor->now_ns;
    set_state(supervisor, keeper->text != NULL ? JOBS_KEEPER_STARTING : JOBS_KEEPER_STOPPED,
        keeper->text != NULL ? NULL : UNWANTED);
}

void jobs_keeper_configure(struct supervisor *supervisor, bool renews) {
    struct jobs_keeper *keeper = &supervisor->jobs;
    char *text = config_jobs_write(supervisor->config);
    const bool differs = !are_equal(text, keeper->text);

    free(keeper->text);
    keeper->text = text;
    if (keeper->child != NULL)
        configure_living(supervisor, renews, differs);
    else
        configure_absent(supervisor);
    jobs_keeper_tend(supervisor);
}

/* A file in memory that whoever gets it reads from its start. Returns -1 with errno. */
static int make_file(const char *text) {
    int fd = memfd_create("preforkd jobs", MFD_CLOEXEC), saved_errno;
    const size_t len = strlen(text);

    if (fd < 0 || pwrite(fd, text, len, 0) == (ssize_t)len)
        return fd;
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return -1;
}

/* In the order of what is sent, so that who asks after a reload is answered by the new text. */
static void send_text(struct supervisor *supervisor) {
    struct jobs_keeper *keeper = &supervisor->jobs;
    const struct contract_record order = { .kind = ORDER_CONFIG,
        .pid = keeper->child->pid,
        .generation = keeper->child->generation,
        .value = supervisor->generation };
    int fd = make_file(keeper->text);

    if (fd < 0)
        return;
    if (contract_send(keeper->child->order_fd, &order, &fd, 1) == 0)
        keeper->owes_text = false;
    close(fd);
}

/* ---- what it reports, and how it ends ---- */

void jobs_keeper_report(
    struct supervisor *supervisor, struct child *child, const struct contract_record *report) {
    if (report->kind == REPORT_PONG) {
        child->pinged_at_ns = 0;
        child->ponged_at_ns = supervisor->now_ns;
    }
    if (report->kind != REPORT_READY || child->state != CHILD_STARTING)
        return;
    child->state = CHILD_RUNNING;
    child->ready_at_ns = child->ponged_at_ns = supervisor->now_ns;
    child->deadline_ns = UINT64_MAX;
    set_state(supervisor, JOBS_KEEPER_RUNNING, NULL);
}

static void note_death(struct supervisor *supervisor, const struct child *last,
    const struct spawn_death *death, bool was_told) {
    const char *reason = last->leave_reason;

    supervisor_note(supervisor, NULL, last,
        was_told && death->is_clean ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "jobs_exit",
        (const struct log_field[]){ LOG_TEXT("cause", death->words),
            LOG_NUMBER("uptime_ms", death->uptime_ms),
            LOG_NUMBER("peak_kb", (uint64_t)death->peak_kb),
            { .key = reason != NULL ? "reason" : NULL, .text = reason }, { .key = NULL } },
        "the job supervisor %s%s%s%s", death->words, reason != NULL ? ": " : "",
        reason != NULL ? reason : "", was_told ? "" : "; its jobs go on with the next one");
}

void jobs_keeper_ended(
    struct supervisor *supervisor, const struct child *last, const struct spawn_death *death) {
    struct jobs_keeper *keeper = &supervisor->jobs;
    const bool was_told = keeper->state == JOBS_KEEPER_STOPPING;

    keeper->child = NULL;
    note_death(supervisor, last, death, was_told);
    if (!was_told) {
        keeper->restarts++;
        strlcpy(keeper->last_death, death->words, sizeof(keeper->last_death));
        keeper->last_death_at_ns = supervisor->now_ns;
    }
    if (was_told) {
        if (keeper->text == NULL || supervisor->is_stopping)
            set_state(supervisor, JOBS_KEEPER_STOPPED, keeper->state_reason);
        else
            configure_absent(supervisor);
    } else if (last->ready_at_ns == 0) {
        back_off(supervisor, "it dies before it is ready");
    } else {
        keeper->start_at_ns = last->started_at_ns + APART_NS;
        set_state(supervisor,
            supervisor->now_ns < keeper->start_at_ns ? JOBS_KEEPER_BACKOFF : JOBS_KEEPER_STARTING,
            "it died");
    }
    jobs_keeper_tend(supervisor);
}

/* ---- limits of time ---- */

/* The first SIGTERM is a wish, the second one means: now. */
static void cut(struct child *child) {
    const uint64_t now_ns = child->supervisor->now_ns;

    child_cut(child, now_ns, child->leave_reason);
    child->deadline_ns = now_ns + AFTER_CUT_NS;
}

static void pass_deadline(struct supervisor *supervisor, struct child *child) {
    if (supervisor->now_ns < child->deadline_ns)
        return;
    if (child->state == CHILD_STARTING)
        child_kill(child, "it was not ready in time");
    else if (child->state == CHILD_DRAINING)
        cut(child);
    else if (child->state == CHILD_CUT)
        child_kill(child, child->leave_reason);
}

static uint64_t timeout_ns(const struct supervisor *supervisor) {
    return supervisor->config->jobs.supervisor_timeout_ms * NS_IN_MS;
}

/* Does its loop turn? It is asked now and then, and one that does not answer is ended. */
static void look_for_answer(struct supervisor *supervisor, struct child *child) {
    const uint64_t limit_ns = timeout_ns(supervisor), now_ns = supervisor->now_ns;
    const struct contract_record ping = {
        .kind = ORDER_PING, .pid = child->pid, .generation = child->generation
    };
    char span[NUMBER_TEXT_MAX];

    if (limit_ns == 0 || supervisor->jobs.state != JOBS_KEEPER_RUNNING ||
        child->state == CHILD_KILLED)
        return;
    if (child->pinged_at_ns != 0 && now_ns - child->pinged_at_ns >= limit_ns) {
        supervisor_note(supervisor, NULL, child, LOG_LEVEL_ERROR, "jobs_hung",
            (const struct log_field[]){
                LOG_NUMBER("hung_ms", (now_ns - child->pinged_at_ns) / NS_IN_MS), { .key = NULL } },
            "the job supervisor does not answer for %s: it is ended",
            number_format_span(span, now_ns - child->pinged_at_ns));
        child_kill(child, "it did not answer");
    } else if (child->pinged_at_ns == 0 && now_ns - child->ponged_at_ns >= limit_ns / 2) {
        child->pinged_at_ns = now_ns;
        /* One that has no room for it does not read either. */
        (void)contract_send(child->order_fd, &ping, NULL, 0);
    }
}

static void tend_living(struct supervisor *supervisor) {
    struct jobs_keeper *keeper = &supervisor->jobs;
    struct child *child = keeper->child;

    pass_deadline(supervisor, child);
    look_for_answer(supervisor, child);
    if (keeper->owes_text && keeper->text != NULL && keeper->state != JOBS_KEEPER_STOPPING)
        send_text(supervisor);
    if (child->state == CHILD_RUNNING && supervisor->now_ns - child->ready_at_ns >= GOOD_LIFE_NS)
        backoff_reset(&keeper->backoff);
}

void jobs_keeper_tend(struct supervisor *supervisor) {
    struct jobs_keeper *keeper = &supervisor->jobs;

    keeper->wake_at_ns = UINT64_MAX;
    if (keeper->child != NULL)
        tend_living(supervisor);
    else if (keeper->state != JOBS_KEEPER_STOPPED && supervisor->now_ns >= keeper->start_at_ns)
        start(supervisor);
}

static void at_the_latest(uint64_t *next_ns, uint64_t at_ns) {
    if (at_ns < *next_ns)
        *next_ns = at_ns;
}

uint64_t jobs_keeper_next_at_ns(const struct supervisor *supervisor) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    const struct child *child = keeper->child;
    const uint64_t limit_ns = timeout_ns(supervisor);
    uint64_t next_ns = UINT64_MAX;

    if (keeper->state == JOBS_KEEPER_STOPPED)
        return next_ns;
    at_the_latest(&next_ns, keeper->wake_at_ns);
    if (child == NULL) {
        at_the_latest(&next_ns, keeper->start_at_ns);
        return next_ns;
    }
    at_the_latest(&next_ns, child->deadline_ns);
    if (keeper->owes_text)
        at_the_latest(&next_ns, supervisor->now_ns + SEND_AGAIN_NS);
    if (keeper->state == JOBS_KEEPER_RUNNING && limit_ns > 0 && child->state != CHILD_KILLED)
        at_the_latest(&next_ns, child->pinged_at_ns != 0 ? child->pinged_at_ns + limit_ns
                                                         : child->ponged_at_ns + limit_ns / 2);
    return next_ns;
}

/* ---- connections ---- */

int jobs_keeper_give(struct supervisor *supervisor, int fd, int bytes_fd) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    const int fds[] = { fd, bytes_fd };
    struct contract_record order = { .kind = ORDER_PEER };

    /* It is to be told first what counts since. */
    if (keeper->state != JOBS_KEEPER_RUNNING || keeper->child->state != CHILD_RUNNING ||
        keeper->owes_text) {
        errno = EAGAIN;
        return -1;
    }
    order.pid = keeper->child->pid;
    order.generation = keeper->child->generation;
    return contract_send(keeper->child->order_fd, &order, fds, 2);
}

void jobs_keeper_wake(struct supervisor *supervisor, uint64_t at_ns) {
    at_the_latest(&supervisor->jobs.wake_at_ns, at_ns);
}

/* ---- the end ---- */

bool jobs_keeper_is_settled(const struct jobs_keeper *keeper) {
    return keeper->state != JOBS_KEEPER_STARTING && keeper->state != JOBS_KEEPER_STOPPING;
}

void jobs_keeper_stop(struct supervisor *supervisor, bool fast) {
    struct jobs_keeper *keeper = &supervisor->jobs;
    const uint64_t grace_ms = fast ? FAST_MS : patience_ms(supervisor),
                   deadline_ns = supervisor->now_ns + grace_ms * NS_IN_MS;

    if (keeper->child == NULL) {
        set_state(supervisor, JOBS_KEEPER_STOPPED, STOPS);
        return;
    }
    if (keeper->state != JOBS_KEEPER_STOPPING)
        leave(supervisor, STOPS, grace_ms);
    else if (keeper->child->state == CHILD_DRAINING && deadline_ns < keeper->child->deadline_ns)
        keeper->child->deadline_ns = deadline_ns;
}

bool jobs_keeper_has_ended(const struct jobs_keeper *keeper) {
    return keeper->child == NULL;
}

void jobs_keeper_free(struct jobs_keeper *keeper) {
    jobs_board_free(keeper->board);
    free(keeper->text);
    keeper->board = NULL;
    keeper->text = NULL;
}
