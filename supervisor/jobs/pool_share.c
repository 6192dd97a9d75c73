/* What a job sees of the pool, and who gets whom. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "supervisor/jobs/fair.h"
#include "supervisor/jobs/pool_private.h"
#include "workers/job_text.h"

#define SHARES_MAX   256u
#define REAP_NS      50000000u
#define CONTENDED_MS 10       /* how often it is looked whether somebody has to yield, */
#define SURVEY_NS    5000000u /* and how often at most */

static struct share *share_of(struct engine *engine) {
    return (struct share *)engine;
}

static bool needs_commands(const struct share *share) {
    return share->plan.kernel->ops->flags & KERNEL_SPAWNS;
}

/* ---- beginning and ending to work for a job ---- */

static void set_lanes(struct member *member, const struct share *share) {
    bool is_solo = member->solo != RING_NO_CHUNK;

    member->lanes = is_solo ? 1 : member->pool->lanes_per_member;
    member->first_lane = is_solo ? share->plan.ring->lanes - 1
                                 : member->index * member->pool->lanes_per_member;
}

/* Has the job's ring lanes for this worker? It may be older than the pool's size. */
static bool has_lanes(const struct member *member, const struct share *share) {
    uint32_t lanes = member->pool->lanes_per_member;

    return (member->index + 1) * lanes <= share->plan.ring->lanes - 1;
}

static int assign(struct member *member, struct share *share, uint64_t solo, uint64_t now_ns) {
    const int fds[] = { share->plan.ring_fd, share->text_fd };
    struct contract_record order = { .kind = ORDER_WORK, .pid = member->child.pid, .value = solo };

    member->solo = solo;
    set_lanes(member, share);
    for (uint32_t i = 0; i < member->lanes; i++)
        ring_clear_lane(share->plan.ring, member->first_lane + i);
    order.more = member->first_lane;
    if (contract_send(member->order_fd, &order, fds, 2) < 0) {
        pool_retire(member); /* it does not read: it is of no use */
        return -1;
    }
    member->share = share;
    member->yields = false;
    member->busy_since_ns = now_ns;
    share->count++;
    pool_show(member);
    return 0;
}

/* It does not work for its job any more. */
static void detach(struct member *member) {
    struct share *share = member->share;
    bool was_solo = member->solo != RING_NO_CHUNK;

    share->paid_ns += clock_now_ns() - member->busy_since_ns;
    share->count--;
    job_child_hear(&member->child);
    member->share = NULL;
    member->solo = RING_NO_CHUNK;
    member->yields = false;
    pool_show(member);
    if (!was_solo)
        return;
    share->has_solo = false;
    share->client.on_solo_over(share->client.arg);
}

bool pool_take_leave(struct member *member) {
    struct share *share = member->share;
    struct ring *ring = share->plan.ring;

    /* Who leaves with a chunk in hand, unless it was told to drop it, does not do its work. */
    if (ring->order != RING_ORDER_CANCEL && ring_is_owned(ring, member->first_lane, member->lanes))
        return false;
    log_set_topic(share->topic);
    share->client.on_heard(share->client.arg);
    detach(member);
    log_set_topic(NULL);
    if (member->index >= member->pool->wanted)
        pool_retire(member);
    return true;
}

void pool_lose(struct member *member, const struct job_child_death *death) {
    struct share *share = member->share;
    const struct engine_death lost = { .of = *death,
        .first_lane = member->first_lane,
        .lanes = member->lanes,
        .is_solo = member->solo != RING_NO_CHUNK };

    log_set_topic(share->topic);
    share->client.on_lost(share->client.arg, &lost);
    detach(member);
    log_set_topic(NULL);
}

/* ---- the ops ---- */

static int start_solo(struct engine *engine, uint64_t chunk) {
    struct share *share = share_of(engine);

    if (share->has_solo || share->solo != RING_NO_CHUNK) {
        errno = EBUSY;
        return -1;
    }
    share->solo = chunk;
    return 0;
}

static struct member *member_of_lane(const struct engine *engine, uint32_t lane) {
    const struct share *share = (const struct share *)engine;

    for (uint32_t i = 0; i < share->pool->high; i++) {
        struct member *member = &share->pool->members[i];
        if (member->share == share && lane >= member->first_lane &&
            lane - member->first_lane < member->lanes)
            return member;
    }
    return NULL;
}

static void kill_lane(struct engine *engine, uint32_t lane, enum blame_cause cause) {
    struct member *member = member_of_lane(engine, lane);

    if (member != NULL)
        job_child_kill(&member->child, cause);
}

static int lane_pid(const struct engine *engine, uint32_t lane) {
    const struct member *member = member_of_lane(engine, lane);

    return member != NULL ? member->child.pid : 0;
}

static void hush_all_but(struct share *share, const struct member *heard) {
    for (uint32_t i = 0; i < share->pool->high; i++)
        if (share->pool->members[i].share == share && &share->pool->members[i] != heard)
            job_child_hush(&share->pool->members[i].child);
}

static bool hush_others(struct engine *engine, uint32_t lane) {
    struct member *heard = member_of_lane(engine, lane);

    if (heard == NULL || heard->child.pipe.fd < 0 || share_of(engine)->count < 2)
        return false;
    hush_all_but(share_of(engine), heard);
    return true;
}

static void hush_all(struct engine *engine) {
    hush_all_but(share_of(engine), NULL);
}

static void hear_all(struct engine *engine) {
    struct share *share = share_of(engine);

    for (uint32_t i = 0; i < share->pool->high; i++)
        if (share->pool->members[i].share == share)
            job_child_hear(&share->pool->members[i].child);
}

static void let_leave(struct engine *engine) {
    share_of(engine)->is_leaving = true;
}

static void kill_all(struct engine *engine) {
    struct share *share = share_of(engine);

    share->is_leaving = true;
    for (uint32_t i = 0; i < share->pool->high; i++)
        if (share->pool->members[i].share == share)
            job_child_kill(&share->pool->members[i].child, BLAME_CAUSE_STOPPED);
}

static uint32_t count(const struct engine *engine) {
    return ((const struct share *)engine)->count;
}

static void look(struct engine *engine) {
    (void)engine; /* the pool is tended by its owner */
}

static void free_share(struct engine *engine) {
    struct share *share = share_of(engine);

    TAILQ_REMOVE(&share->pool->shares, share, link);
    if (share->text_fd >= 0)
        close(share->text_fd);
    free(share);
}

static const struct engine_ops share_ops = {
    .start_solo = start_solo,
    .kill_lane = kill_lane,
    .lane_pid = lane_pid,
    .hush_others = hush_others,
    .hush_all = hush_all,
    .hear_all = hear_all,
    .look = look,
    .let_leave = let_leave,
    .kill_all = kill_all,
    .count = count,
    .free = free_share,
};

/* ---- sharing out ---- */

/* The shares as fair.h sees them, with whose they are. */
struct shares {
    struct share *of[SHARES_MAX];
    struct fair_job job[SHARES_MAX];
    unsigned count;
};

/* How many chunks it could begin with now: those that are claimed next have no worker yet. */
static uint32_t appetite(const struct share *share) {
    const struct pool *pool = share->pool;
    struct ring *ring = share->plan.ring;
    uint32_t most = pool->wanted + 1, fresh = 0, claimable;

    if (share->is_leaving)
        return 0;
    for (uint32_t i = 0; i < pool->high && fresh < share->count; i++)
        if (pool->members[i].share == share &&
            ring_lane(ring, pool->members[i].first_lane)->doing == RING_DOING_STARTING)
            fresh++;
    claimable = ring_count_claimable(ring, RING_LANES_MAX, most);
    return claimable > fresh ? claimable - fresh : 0;
}

static void survey(const struct pool *pool, struct shares *shares, uint64_t now_ns) {
    struct share *share;

    shares->count = 0;
    TAILQ_FOREACH (share, &pool->shares, link) {
        struct fair_job *job = &shares->job[shares->count];
        if (shares->count == SHARES_MAX)
            break;
        *job = (struct fair_job){ .wants = appetite(share) > 0, .paid_ns = share->paid_ns };
        for (uint32_t i = 0; i < pool->high && share->count > 0; i++) {
            const struct member *member = &pool->members[i];
            if (member->share != share)
                continue;
            job->has += !member->yields;
            job->paid_ns += now_ns - member->busy_since_ns;
        }
        shares->of[shares->count++] = share;
    }
}

static bool is_free(const struct member *member) {
    return member->child.state == JOB_CHILD_RUNNING && member->share == NULL && !member->is_retired;
}

/* An idle worker for the share; one of the other kind is ended, and comes back as the right one. */
static struct member *find_free(struct pool *pool, const struct share *share, bool must_be_fresh) {
    struct member *wrong = NULL;

    for (uint32_t i = 0; i < pool->wanted; i++) {
        struct member *member = &pool->members[i];
        if (!is_free(member) || !has_lanes(member, share))
            continue;
        if (member->is_for_commands == needs_commands(share) &&
            (!must_be_fresh || member->child.frames == 0))
            return member;
        wrong = member;
    }
    if (wrong != NULL) {
        wrong->wants_commands = needs_commands(share);
        pool_retire(wrong);
    }
    return NULL;
}

static void assign_solos(struct pool *pool, uint64_t now_ns) {
    struct member *member;
    struct share *share;

    TAILQ_FOREACH (share, &pool->shares, link) {
        if (share->solo == RING_NO_CHUNK || share->is_leaving)
            continue;
        member = find_free(pool, share, true);
        if (member == NULL || assign(member, share, share->solo, now_ns) < 0)
            continue;
        share->solo = RING_NO_CHUNK;
        share->has_solo = true;
    }
}

/* Ask the worker of this job that has been at it for longest to leave it. */
static void ask_to_yield(struct pool *pool, struct share *share) {
    struct member *longest = NULL;

    for (uint32_t i = 0; i < pool->high; i++) {
        struct member *member = &pool->members[i];
        if (member->share == share && !member->yields && member->solo == RING_NO_CHUNK &&
            (longest == NULL || member->busy_since_ns < longest->busy_since_ns))
            longest = member;
    }
    if (longest == NULL)
        return;
    longest->yields = true;
    for (uint32_t i = 0; i < longest->lanes; i++)
        atomic_store(&ring_lane(share->plan.ring, longest->first_lane + i)->yield, 1);
    ring_wake(share->plan.ring);
    pool_show(longest);
}

static unsigned count_yielding(const struct pool *pool) {
    unsigned yielding = 0;

    for (uint32_t i = 0; i < pool->wanted; i++)
        yielding += pool->members[i].yields;
    return yielding;
}

static void share_out(struct pool *pool, uint64_t now_ns) {
    static struct shares shares; /* too large for a stack, and of no use afterwards */
    struct member *member;
    unsigned next;

    for (;;) {
        survey(pool, &shares, now_ns);
        next = fair_pick(shares.job, shares.count);
        pool->is_contended = next != FAIR_NOBODY;
        if (next == FAIR_NOBODY)
            return;
        member = find_free(pool, shares.of[next], false);
        if (member == NULL)
            break;
        assign(member, shares.of[next], RING_NO_CHUNK, now_ns);
    }
    if (count_yielding(pool) > 0)
        return; /* one is on its way */
    next = fair_yield(shares.job, shares.count);
    if (next != FAIR_NOBODY)
        ask_to_yield(pool, shares.of[next]);
}

/* ---- the pool as its owner sees it ---- */

static int write_text(struct share *share) {
    char *text = job_text_write(share->plan.kernel, share->plan.split, share->plan.format);
    size_t len = text != NULL ? strlen(text) : 0;
    ssize_t n = -1;

    share->text_fd = memfd_create("preforkd job", MFD_CLOEXEC);
    if (text != NULL && len <= JOB_TEXT_MAX && share->text_fd >= 0)
        n = write(share->text_fd, text, len);
    free(text);
    return n == (ssize_t)len && n > 0 ? 0 : -1;
}

struct engine *pool_share(struct pool *pool, uint64_t job, const struct engine_plan *plan,
    const struct engine_client *client) {
    struct share *share = calloc(1, sizeof(*share));
    static struct shares shares;

    if (share == NULL)
        return NULL;
    *share = (struct share){ .engine = { .ops = &share_ops },
        .pool = pool,
        .job = job,
        .plan = *plan,
        .client = *client,
        .text_fd = -1,
        .solo = RING_NO_CHUNK,
        .topic = { LOG_NUMBER("job", job), { .key = NULL } } };
    survey(pool, &shares, clock_now_ns());
    share->paid_ns = fair_enter(shares.job, shares.count, 0);
    TAILQ_INSERT_TAIL(&pool->shares, share, link);
    if (write_text(share) == 0)
        return &share->engine;
    free_share(&share->engine);
    errno = ENOMEM;
    return NULL;
}

unsigned pool_count_workers(const struct engine *share) {
    return count(share);
}

/* There is nothing to decide while all are busy, but now and then. */
static bool must_survey(const struct pool *pool, uint64_t now_ns) {
    if (TAILQ_EMPTY(&pool->shares))
        return false;
    for (uint32_t i = 0; i < pool->wanted; i++)
        if (is_free(&pool->members[i]))
            return true;
    return now_ns - pool->surveyed_ns >= SURVEY_NS;
}

/*
 * Reap what commands left behind and what came to us with the end of its parent. Whoever else is a
 * child of ours is of our own process group, and has somebody who waits for it.
 */
static void reap_orphans(struct pool *pool, uint64_t now_ns) {
    siginfo_t info;

    if (pool->guard.fd < 0 || now_ns - pool->reaped_ns < REAP_NS)
        return;
    pool->reaped_ns = now_ns;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
            getpgid(info.si_pid) == getpgrp())
            return;
        waitpid(info.si_pid, NULL, 0);
    }
}

void pool_tend(struct pool *pool, uint64_t now_ns) {
    pool_refill(pool, now_ns);
    reap_orphans(pool, now_ns);
    if (!must_survey(pool, now_ns))
        return;
    pool->surveyed_ns = now_ns;
    assign_solos(pool, now_ns);
    share_out(pool, now_ns);
}

int pool_patience_ms(const struct pool *pool, uint64_t now_ns) {
    for (uint32_t i = 0; i < pool->wanted; i++)
        if (pool->members[i].child.state == JOB_CHILD_NONE)
            return pool->members[i].not_before_ns > now_ns ? CONTENDED_MS : 0;
    return pool->is_contended ? CONTENDED_MS : -1;
}
