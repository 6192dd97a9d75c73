/* Children of one job. */
#include "supervisor/job/engine_local.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "shared/log.h"
#include "supervisor/job/guard.h"

#define LAST_WAIT_MS 200 /* for processes that were killed to be gone */

struct local;

struct place {
    struct job_child child; /* first: a child is its place */
    struct local *local;
    uint32_t first_lane, lanes;
    uint64_t solo;
};

struct local {
    struct engine engine; /* first: an engine of ours is a local */
    struct engine_plan plan;
    struct engine_client client;
    struct loop *loop;
    struct guard guard;
    bool is_leaving;
    bool has_warned; /* of a fork that failed */
    uint32_t running;
    uint32_t place_count; /* the last one is for a solo chunk */
    struct place *places;
    _Atomic int32_t *groups; /* shared: of running commands, one a lane */
    uint32_t lane_count;
};

static struct local *local_of(struct engine *engine) {
    return (struct local *)engine;
}

static struct place *place_of(struct job_child *child) {
    return (struct place *)child;
}

static bool spawns(const struct local *local) {
    return local->plan.kernel->ops->flags & KERNEL_SPAWNS;
}

static struct place *solo_place(const struct local *local) {
    return &local->places[local->place_count - 1];
}

/* ---- what a child does ---- */

_Noreturn static void run(struct job_child *child, int result_fd, int parent_pid) {
    const struct place *place = place_of(child);
    const struct engine_plan *plan = &place->local->plan;
    const struct job_worker_args args = {
        .ring = plan->ring,
        .plan = plan->kernel,
        .split = plan->split,
        .model = place->solo == RING_NO_CHUNK ? plan->kind->model : JOB_WORKER_PROCESS,
        .first_lane = place->first_lane,
        .lanes = place->lanes,
        .ordinal = child->ordinal,
        .batch = plan->batch,
        .solo = place->solo,
        .format = plan->format,
        .groups = child->groups,
        .result_fd = result_fd,
        .life_fd = place->local->guard.fd,
        .parent_pid = parent_pid,
    };

    job_worker_main(&args);
}

/* Rows are the lane's own while it lives; between two lives they are cleared here. */
static void clear_rows(const struct place *place) {
    for (uint32_t i = 0; i < place->lanes; i++)
        ring_clear_lane(place->local->plan.ring, place->first_lane + i);
}

static int start_place(struct place *place) {
    clear_rows(place);
    if (job_child_start(&place->child) < 0)
        return -1;
    place->local->running++;
    return 0;
}

static void refill(struct local *local) {
    for (uint32_t i = 0; i + 1 < local->place_count; i++) {
        if (local->places[i].child.state != JOB_CHILD_NONE || local->is_leaving ||
            ring_is_finished(local->plan.ring))
            continue;
        if (start_place(&local->places[i]) == 0) {
            local->has_warned = false;
            continue;
        }
        if (!local->has_warned)
            log_warn("cannot start worker %u, trying again", i + 1);
        local->has_warned = true;
        return;
    }
}

static bool on_frame(struct job_child *child, const struct frame *frame, const char *payload) {
    const struct place *place = place_of(child);
    const struct engine_client *client = &place->local->client;

    return client->on_frame(client->arg, frame, payload, place->first_lane, place->lanes);
}

static void on_heard(struct job_child *child) {
    const struct engine_client *client = &place_of(child)->local->client;

    client->on_heard(client->arg);
}

static void on_exit_of_place(struct job_child *child, const struct job_child_death *of) {
    struct place *place = place_of(child);
    struct local *local = place->local;
    bool is_solo = place->solo != RING_NO_CHUNK;
    const struct engine_death death = {
        .of = *of, .first_lane = place->first_lane, .lanes = place->lanes, .is_solo = is_solo
    };
    bool has_left = of->cause == BLAME_CAUSE_EXITED && of->status == 0 &&
                    (is_solo || local->is_leaving || ring_is_finished(local->plan.ring));

    local->running--;
    if (!has_left)
        local->client.on_lost(local->client.arg, &death);
    if (is_solo)
        local->client.on_solo_over(local->client.arg);
    else
        refill(local);
}

static const struct job_child_owner child_owner = {
    .run = run, .on_frame = on_frame, .on_heard = on_heard, .on_exit = on_exit_of_place
};

/* ---- the ops ---- */

static int start_solo(struct engine *engine, uint64_t chunk) {
    struct place *place = solo_place(local_of(engine));

    if (place->child.state != JOB_CHILD_NONE) {
        errno = EBUSY;
        return -1;
    }
    place->solo = chunk;
    return start_place(place);
}

static struct place *place_of_lane(const struct engine *engine, uint32_t lane) {
    const struct local *local = (const struct local *)engine;

    for (uint32_t i = 0; i < local->place_count; i++) {
        struct place *place = &local->places[i];
        if (place->child.state != JOB_CHILD_NONE && lane >= place->first_lane &&
            lane - place->first_lane < place->lanes)
            return place;
    }
    return NULL;
}

static void kill_lane(struct engine *engine, uint32_t lane, enum blame_cause cause) {
    struct place *place = place_of_lane(engine, lane);

    if (place != NULL)
        job_child_kill(&place->child, cause);
}

static int lane_pid(const struct engine *engine, uint32_t lane) {
    const struct place *place = place_of_lane(engine, lane);

    return place != NULL ? place->child.pid : 0;
}

static void hush_all_but(struct local *local, const struct place *heard) {
    for (uint32_t i = 0; i < local->place_count; i++)
        if (&local->places[i] != heard)
            job_child_hush(&local->places[i].child);
}

static bool hush_others(struct engine *engine, uint32_t lane) {
    struct place *heard = place_of_lane(engine, lane);

    if (heard == NULL || heard->child.pipe.fd < 0 || local_of(engine)->running < 2)
        return false;
    hush_all_but(local_of(engine), heard);
    return true;
}

static void hush_all(struct engine *engine) {
    hush_all_but(local_of(engine), NULL);
}

static void hear_all(struct engine *engine) {
    struct local *local = local_of(engine);

    for (uint32_t i = 0; i < local->place_count; i++)
        job_child_hear(&local->places[i].child);
}

static void let_leave(struct engine *engine) {
    local_of(engine)->is_leaving = true;
}

static void kill_all(struct engine *engine) {
    struct local *local = local_of(engine);

    local->is_leaving = true;
    for (uint32_t i = 0; i < local->place_count; i++)
        job_child_kill(&local->places[i].child, BLAME_CAUSE_STOPPED);
}

static uint32_t count(const struct engine *engine) {
    return ((const struct local *)engine)->running;
}

static bool is_ours(const struct local *local, pid_t pid) {
    if (pid == local->guard.pid)
        return true;
    for (uint32_t i = 0; i < local->place_count; i++)
        if (local->places[i].child.state != JOB_CHILD_NONE && local->places[i].child.pid == pid)
            return true;
    return false;
}

/* Reap what commands left behind and what came to us with the end of its parent. */
static void reap_orphans(struct local *local) {
    siginfo_t info;

    while (spawns(local)) {
        info.si_pid = 0;
        /* Only looked at: a child of ours is reaped by its own watch, with its status. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
            is_ours(local, info.si_pid))
            return;
        waitpid(info.si_pid, NULL, 0);
    }
}

static void look(struct engine *engine) {
    refill(local_of(engine));
    reap_orphans(local_of(engine));
}

/* ---- start and end ---- */

/* What was ended a moment ago may still be on its way; what fled to a session of its own stays. */
static void reap_the_last(void) {
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (int i = 0; i < LAST_WAIT_MS && waitpid(-1, NULL, WNOHANG) >= 0; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        nanosleep(&pause, NULL);
    }
}

static void free_local(struct engine *engine) {
    struct local *local = local_of(engine);

    for (uint32_t i = 0; local->places != NULL && i < local->place_count; i++)
        job_child_fini(&local->places[i].child);
    guard_stop(&local->guard);
    if (spawns(local))
        reap_the_last();
    if (local->groups != NULL)
        munmap((void *)local->groups, local->lane_count * sizeof(*local->groups));
    free(local->places);
    free(local);
}

static const struct engine_ops local_ops = {
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
    .free = free_local,
};

static void init_places(struct local *local) {
    uint32_t lanes = local->plan.lanes_per_child;

    for (uint32_t i = 0; i < local->place_count; i++) {
        bool is_solo = i == local->place_count - 1;
        struct place *place = &local->places[i];
        *place = (struct place){
            .child = { .owner = &child_owner, .loop = local->loop, .ordinal = i + 1 },
            .local = local,
            .first_lane = i * lanes,
            .lanes = is_solo ? 1 : lanes,
            .solo = RING_NO_CHUNK,
        };
        job_child_init(&place->child);
        if (local->groups == NULL)
            continue;
        place->child.groups = local->groups + place->first_lane;
        place->child.group_count = place->lanes;
    }
}

/* For kernels that start processes: where their groups stand, and who ends them after our end. */
static int init_groups(struct local *local) {
    void *groups = mmap(NULL, local->lane_count * sizeof(*local->groups), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (groups == MAP_FAILED)
        return -1;
    local->groups = groups;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return guard_start(&local->guard, local->groups, local->lane_count);
}

struct engine *engine_local_start(
    const struct engine_plan *plan, const struct engine_client *client, struct loop *loop) {
    struct local *local = calloc(1, sizeof(*local));

    if (local == NULL)
        return NULL;
    *local = (struct local){ .engine = { .ops = &local_ops },
        .plan = *plan,
        .client = *client,
        .loop = loop,
        .guard = { .fd = -1 },
        .place_count = plan->children + 1,
        .lane_count = plan->children * plan->lanes_per_child + 1 };
    local->places = calloc(local->place_count, sizeof(*local->places));
    if (local->places == NULL || (spawns(local) && init_groups(local) < 0))
        goto fail;
    init_places(local);
    refill(local);
    if (local->running > 0)
        return &local->engine;
fail:
    free_local(&local->engine);
    return NULL;
}
