/*
 * The plan. What the times mean is schedule.c's; here is what follows from them, and in which order
 * it is noted. Most turns of the loop see that it is not yet time to look, and nothing else.
 */
#include "supervisor/jobs/plan.h"

#include <bsd/string.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "supervisor/jobs/plan_text.h"
#include "supervisor/jobs/store.h"

#define LATER_MS     1000  /* until a client that had no room is asked again */
#define AT_LOOK_MS   10000 /* a step of the wall clock is seen after so long at most */
#define MOST_LOOK_MS 3600000

struct planned {
    const struct jobs_definition *definition;
    char name[ENTRY_NAME_MAX];
    struct schedule schedule;
    struct schedule_past past;
    int64_t not_before_mono_ms; /* the client had no room */
};

struct plan {
    struct store *store;
    struct plan_client client;
    uint64_t seed;
    struct planned *planned;
    unsigned count;
    int64_t looked_at_mono_ms; /* INT64_MIN: never */
    int64_t look_at_mono_ms;
};

/* ---- clocks ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t len) {
    for (const unsigned char *at = data; len > 0; len--)
        /* It loses count of an array that it saw filled. NOLINTNEXTLINE(clang-analyzer-core.*) */
        hash = (hash ^ *at++) * 1099511628211u; /* FNV-1a */
    return hash;
}

struct schedule_time plan_look_at_clocks(uint64_t life) {
    return (struct schedule_time){ .mono_ms = (int64_t)clock_now_ms(),
        .unix_ms = (int64_t)(clock_wall_ns() / 1000000u),
        .boot = clock_boot(),
        .life = life >> 1 | 1 };
}

/* ---- one definition ---- */

/* Known before it is due, and the same until it has been: it depends on the last turn. */
static int64_t jitter_of(const struct plan *plan, const struct planned *planned) {
    const struct schedule_past *past = &planned->past;
    int64_t last[] = { past->mono_ms, past->day, (int64_t)past->life };
    uint64_t seed = mix(plan->seed, planned->name, strlen(planned->name));

    return (int64_t)schedule_jitter_ms(&planned->schedule, mix(seed, last, sizeof(last)));
}

/* Returns 0, or -1 after telling. */
static int note(struct plan *plan, const struct planned *planned, const struct schedule_past *past,
    uint64_t id) {
    json_t *text = plan_text_write(&planned->schedule, past, id, &planned->past);
    struct complaint complaint = { "no memory" };
    struct log_field fields[] = { LOG_TEXT("name", planned->name),
        LOG_TEXT("cause", complaint.text), { 0 } };
    int rc = text == NULL ? -1 : store_write_plan(plan->store, planned->name, text, &complaint);

    json_decref(text);
    if (rc < 0)
        log_write(LOG_LEVEL_WARN, "spool_bad", fields, "when a job was due cannot be noted");
    return rc;
}

static void tell(const struct planned *planned, int level, const char *event,
    const struct schedule_due *due, uint64_t count, const char *words) {
    struct log_field fields[] = { LOG_TEXT("name", planned->name),
        LOG_NUMBER("due_unix_s", (uint64_t)due->unix_ms / 1000), LOG_NUMBER("count", count),
        { 0 } };

    log_write(level, event, fields, "%s", words);
}

/* The turn is over, without a job. */
static void let_go(struct plan *plan, struct planned *planned, const struct schedule_due *due) {
    note(plan, planned, &due->after, 0);
    planned->past = due->after;
}

/* Noted first: the id in the note says whether the job was made. */
static void ask(struct plan *plan, struct planned *planned, const struct schedule_due *due,
    int64_t now_mono_ms) {
    enum plan_answer answer = PLAN_LATER;

    if (note(plan, planned, &due->after, store_next_id(plan->store)) == 0) {
        FAILPOINT("plan-noted");
        answer = plan->client.on_due(plan->client.arg, planned->definition, due->unix_ms);
        FAILPOINT("plan-asked");
    }
    if (answer == PLAN_LATER) {
        planned->not_before_mono_ms = now_mono_ms + LATER_MS;
        note(plan, planned, &planned->past, 0);
        return;
    }
    if (due->passed > 0)
        tell(planned, LOG_LEVEL_WARN, "job_missed", due, due->passed,
            "it was due more often than it can run now");
    if (answer == PLAN_TAKEN)
        planned->past = due->after;
    else
        let_go(plan, planned, due);
}

static void take_turn(struct plan *plan, struct planned *planned, const struct schedule_due *due,
    bool is_missed, int64_t now_mono_ms) {
    bool may_queue = planned->definition->overlap == JOBS_OVERLAP_QUEUE;

    if (is_missed && planned->definition->missed == JOBS_MISSED_SKIP) {
        tell(planned, LOG_LEVEL_WARN, "job_missed", due, due->passed + 1,
            "it was due while no job supervisor ran");
        let_go(plan, planned, due);
    } else if (plan->client.count(plan->client.arg, planned->name) > may_queue) {
        tell(planned, LOG_LEVEL_INFO, "job_skipped", due, due->passed + 1,
            may_queue ? "another run waits already" : "the last run is not over");
        let_go(plan, planned, due);
    } else {
        ask(plan, planned, due, now_mono_ms);
    }
}

static void tend_one(
    struct plan *plan, struct planned *planned, const struct schedule_time *now, bool is_looking) {
    int64_t jitter_ms, back_day = planned->past.back_day;
    struct schedule_due due;
    bool is_due;

    if (now->mono_ms < planned->not_before_mono_ms)
        return;
    is_due = schedule_is_due(&planned->schedule, now, &planned->past, &due);
    if (planned->past.back_day != back_day)
        note(plan, planned, &planned->past, 0);
    if (!is_due)
        return;
    jitter_ms = jitter_of(plan, planned);
    if (due.late_ms < jitter_ms)
        return;
    take_turn(
        plan, planned, &due, !is_looking && due.late_ms - jitter_ms > PLAN_LATE_MS, now->mono_ms);
}

/* How long until its job is to be made, jitter included; -1: not by itself. */
static int64_t wait_ms(
    const struct plan *plan, const struct planned *planned, const struct schedule_time *now) {
    struct schedule_past past = planned->past;
    struct schedule_due due;
    int64_t wait;

    wait = schedule_wait_ms(&planned->schedule, now, &past);
    if (wait < 0)
        return -1;
    if (schedule_is_due(&planned->schedule, now, &past, &due))
        wait -= due.late_ms;
    wait += jitter_of(plan, planned);
    if (wait < planned->not_before_mono_ms - now->mono_ms)
        wait = planned->not_before_mono_ms - now->mono_ms;
    return wait > 0 ? wait : 0;
}

/* ---- all of them ---- */

struct plan *plan_new(struct store *store, const struct plan_client *client, uint64_t seed) {
    struct plan *plan = malloc(sizeof(*plan));

    if (plan == NULL)
        return NULL;
    *plan = (struct plan){
        .store = store, .client = *client, .seed = seed, .looked_at_mono_ms = INT64_MIN
    };
    return plan;
}

static struct planned *find(const struct plan *plan, const char *name) {
    for (unsigned i = 0; i < plan->count; i++)
        if (strcmp(plan->planned[i].name, name) == 0)
            return &plan->planned[i];
    return NULL;
}

static bool is_same(const struct schedule *a, const struct schedule *b) {
    char ours[SCHEDULE_TEXT_MAX], theirs[SCHEDULE_TEXT_MAX];

    return strcmp(schedule_format(a, ours), schedule_format(b, theirs)) == 0;
}

/* What is known of it: from before the reload, from the disk, or nothing yet. */
static void find_past(struct plan *plan, struct planned *planned, const struct schedule_time *now) {
    const struct planned *old = find(plan, planned->name);
    json_t *text;

    if (old != NULL && is_same(&old->schedule, &planned->schedule)) {
        planned->past = old->past;
        return;
    }
    text = old == NULL ? store_read_plan(plan->store, planned->name) : NULL;
    if (text != NULL &&
        plan_text_read(text, &planned->schedule, store_next_id(plan->store), &planned->past)) {
        schedule_renew(&planned->schedule, now, &planned->past);
    } else {
        planned->past = schedule_begin(&planned->schedule, now);
        if (planned->schedule.kind != SCHEDULE_MANUAL)
            note(plan, planned, &planned->past, 0);
    }
    json_decref(text);
}

static bool is_kept(void *arg, const char *name) {
    const struct planned *planned = find(arg, name);

    return planned != NULL && planned->schedule.kind != SCHEDULE_MANUAL;
}

int plan_renew(struct plan *plan, const struct jobs_definition *definitions, unsigned count,
    const struct schedule_time *now) {
    struct planned *more = calloc(count + 1, sizeof(*more));

    if (more == NULL)
        return -1;
    tzset();
    for (unsigned i = 0; i < count; i++) {
        more[i].definition = &definitions[i];
        strlcpy(more[i].name, definitions[i].name, sizeof(more[i].name));
        more[i].schedule = definitions[i].schedule;
        more[i].not_before_mono_ms = INT64_MIN / 2;
        find_past(plan, &more[i], now);
    }
    free(plan->planned);
    plan->planned = more;
    plan->count = count;
    plan->look_at_mono_ms = now->mono_ms;
    store_sweep_plans(plan->store, is_kept, plan);
    return 0;
}

/* When to look next: at what is due first, and now and then whether somebody has set the clock. */
static int64_t next_look(const struct plan *plan, const struct schedule_time *now) {
    int64_t least = MOST_LOOK_MS, wait;

    for (unsigned i = 0; i < plan->count; i++) {
        wait = wait_ms(plan, &plan->planned[i], now);
        if (wait >= 0 && wait < least)
            least = wait;
        if (plan->planned[i].schedule.kind == SCHEDULE_AT && least > AT_LOOK_MS)
            least = AT_LOOK_MS;
    }
    return now->mono_ms + least;
}

void plan_tend(struct plan *plan, const struct schedule_time *now) {
    bool is_looking;

    if (now->mono_ms < plan->look_at_mono_ms)
        return;
    tzset();
    is_looking = plan->looked_at_mono_ms != INT64_MIN &&
                 now->mono_ms - plan->looked_at_mono_ms <= PLAN_LATE_MS;
    for (unsigned i = 0; i < plan->count; i++)
        tend_one(plan, &plan->planned[i], now, is_looking);
    plan->looked_at_mono_ms = now->mono_ms;
    plan->look_at_mono_ms = next_look(plan, now);
}

int plan_patience_ms(const struct plan *plan, const struct schedule_time *now) {
    int64_t wait = plan->look_at_mono_ms - now->mono_ms;

    if (plan->count == 0)
        return -1;
    return wait > 0 ? (int)wait : 0;
}

int64_t plan_next_at_unix_ms(
    const struct plan *plan, const char *name, const struct schedule_time *now) {
    const struct planned *planned = find(plan, name);
    int64_t wait = planned != NULL ? wait_ms(plan, planned, now) : -1;

    return wait >= 0 ? now->unix_ms + wait : 0;
}

void plan_free(struct plan *plan) {
    if (plan == NULL)
        return;
    free(plan->planned);
    free(plan);
}
