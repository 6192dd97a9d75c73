/*
 * The pool. Two files: here the workers, from fork to end; pool_share.c, what a job sees of them
 * and who gets whom.
 */
#include "supervisor/jobs/pool.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_words.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/capabilities.h"
#include "supervisor/jobs/pool_private.h"

#define AGAIN_NS   100000000u /* after a fork that failed, or a worker that died idle */
#define GROUPS_MAX JOBS_BOARD_ROWS

static struct member *member_of(struct job_child *child) {
    return (struct member *)child;
}

/* ---- the board ---- */

void pool_show(const struct member *member) {
    struct jobs_board_row *row = &member->pool->board->row[member->index];
    enum jobs_board_state state = JOBS_BOARD_IDLE;

    if (member->child.state == JOB_CHILD_NONE)
        state = JOBS_BOARD_FREE;
    else if (member->share != NULL)
        state = member->yields ? JOBS_BOARD_YIELDING : JOBS_BOARD_BUSY;
    row->pid = state == JOBS_BOARD_FREE ? 0 : member->child.pid;
    row->job = member->share != NULL ? member->share->job : 0;
    row->frames = member->child.frames;
    row->started_at_ns = member->child.started_ns;
    row->state = state;
}

/* ---- in the child ---- */

/* Who runs commands is not who holds the results of others. */
static int become_user(void *arg) {
    const struct passwd *user = arg;

    if (initgroups(user->pw_name, user->pw_gid) < 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
        return -1;
    return capabilities_limit(0);
}

/* What the job supervisor keeps for becoming and ending others is not for who only computes. */
static int become_nobody_else(void *arg) {
    (void)arg;
    return geteuid() == 0 ? 0 : capabilities_limit(0);
}

_Noreturn static void run(struct job_child *child, int result_fd, int parent_pid) {
    const struct member *member = member_of(child);
    const struct pool *pool = member->pool;
    const struct passwd *user = member->is_for_commands && pool->command_user != NULL
                                    ? getpwnam(pool->command_user)
                                    : NULL;
    const struct job_worker_warm_args args = {
        .model = pool->kind->model,
        .lanes = pool->lanes_per_member,
        .ordinal = child->ordinal,
        .groups = child->groups,
        .order_fd = member->child_order_fd,
        .result_fd = result_fd,
        .life_fd = member->is_for_commands ? pool->guard.fd : -1,
        .parent_pid = parent_pid,
        .become = user != NULL ? become_user : become_nobody_else,
        .become_arg = (void *)(uintptr_t)user,
    };

    if (member->is_for_commands && pool->command_user != NULL && user == NULL) {
        log_warnx("there is no user %s to run commands", pool->command_user);
        _exit(JOB_WORKER_EXIT_OPEN);
    }
    job_worker_warm_main(&args);
}

/* ---- in the parent ---- */

static bool on_frame(struct job_child *child, const struct frame *frame, const char *payload) {
    struct member *member = member_of(child);
    struct share *share = member->share;
    bool is_true;

    if (share == NULL)
        return false;
    if (frame->type == FRAME_LEFT)
        return pool_take_leave(member);
    log_set_topic(share->topic);
    is_true = share->client.on_frame(
        share->client.arg, frame, payload, member->first_lane, member->lanes);
    log_set_topic(NULL);
    return is_true;
}

static void on_heard(struct job_child *child) {
    struct share *share = member_of(child)->share;

    if (share == NULL)
        return; /* it has left, and was told then */
    log_set_topic(share->topic);
    share->client.on_heard(share->client.arg);
    log_set_topic(NULL);
}

static void tell_idle_death(const struct job_child_death *death) {
    char words[EXIT_WORDS_MAX], uptime[NUMBER_TEXT_MAX];

    log_warnx("job worker %u %s after %s, idle", death->ordinal,
        exit_words_describe(words, death->code, death->status),
        number_format_span(uptime, death->uptime_ns));
}

static void on_exit_of_member(struct job_child *child, const struct job_child_death *death) {
    struct member *member = member_of(child);
    struct pool *pool = member->pool;

    close(member->order_fd);
    member->order_fd = -1;
    if (member->share != NULL) {
        pool->board->deaths++;
        pool_lose(member, death);
    } else if (!member->is_retired) {
        pool->board->deaths++;
        tell_idle_death(death);
        member->not_before_ns = clock_now_ns() + AGAIN_NS;
    }
    member->is_retired = false;
    pool_show(member);
}

static const struct job_child_owner member_owner = {
    .run = run, .on_frame = on_frame, .on_heard = on_heard, .on_exit = on_exit_of_member
};

/* Commands outlive their worker by a moment: somebody must end them when we are killed. */
static int start_guard(struct pool *pool) {
    if (pool->guard.fd >= 0)
        return 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return guard_start(&pool->guard, pool->groups, GROUPS_MAX);
}

static int start_member(struct member *member) {
    int fds[2], rc;

    if (member->is_for_commands && start_guard(member->pool) < 0)
        return -1;
    if (contract_pair(&fds[0], &fds[1]) < 0)
        return -1;
    member->order_fd = fds[0];
    member->child_order_fd = fds[1];
    rc = job_child_start(&member->child);
    close(fds[1]);
    member->child_order_fd = -1;
    if (rc < 0) {
        close(member->order_fd);
        member->order_fd = -1;
    }
    return rc;
}

void pool_refill(struct pool *pool, uint64_t now_ns) {
    for (uint32_t i = 0; i < pool->wanted; i++) {
        struct member *member = &pool->members[i];
        if (member->child.state != JOB_CHILD_NONE || now_ns < member->not_before_ns)
            continue;
        member->is_for_commands = member->wants_commands;
        if (start_member(member) == 0) {
            pool->has_warned = false;
            pool_show(member);
            continue;
        }
        if (!pool->has_warned)
            log_warn("cannot start job worker %u, trying again", i + 1);
        pool->has_warned = true;
        member->not_before_ns = now_ns + AGAIN_NS;
    }
}

void pool_retire(struct member *member) {
    member->is_retired = true;
    job_child_kill(&member->child, BLAME_CAUSE_STOPPED); /* idle: nothing is lost with it */
}

/* ---- the whole ---- */

uint32_t pool_members(const struct pool *pool) {
    return pool->wanted;
}

uint32_t pool_lanes_per_member(const struct pool *pool) {
    return pool->lanes_per_member;
}

/* Processes are many with one lane; a child with threads or a loop is one with many. */
static void set_size(struct pool *pool, uint32_t lanes) {
    bool is_many = pool->kind->model == JOB_WORKER_PROCESS;

    if (lanes > POOL_MEMBERS_MAX)
        lanes = POOL_MEMBERS_MAX;
    pool->wanted = is_many ? lanes : 1;
    if (pool->lanes_per_member == 0)
        pool->lanes_per_member = is_many ? 1 : lanes;
    pool->board->rows = pool->wanted;
    if (pool->wanted > pool->high)
        pool->high = pool->wanted;
}

void pool_resize(struct pool *pool, uint32_t lanes) {
    uint32_t before = pool->wanted;

    set_size(pool, lanes);
    for (uint32_t i = pool->wanted; i < before; i++)
        if (pool->members[i].child.state == JOB_CHILD_RUNNING && pool->members[i].share == NULL)
            pool_retire(&pool->members[i]);
}

void pool_set_command_user(struct pool *pool, const char *user) {
    if (pool->command_user != NULL && user != NULL && strcmp(pool->command_user, user) == 0)
        return;
    free(pool->command_user);
    pool->command_user = user != NULL ? strdup(user) : NULL;
    for (uint32_t i = 0; i < POOL_MEMBERS_MAX; i++)
        if (pool->members[i].child.state == JOB_CHILD_RUNNING && pool->members[i].share == NULL &&
            pool->members[i].is_for_commands)
            pool_retire(&pool->members[i]);
}

static void init_member(struct pool *pool, uint32_t i) {
    struct member *member = &pool->members[i];

    *member = (struct member){
        .child = { .owner = &member_owner,
            .loop = pool->loop,
            .ordinal = i + 1,
            .group_count = pool->lanes_per_member },
        .pool = pool,
        .index = i,
        .order_fd = -1,
        .child_order_fd = -1,
        .solo = RING_NO_CHUNK,
    };
    if ((i + 1) * pool->lanes_per_member <= GROUPS_MAX)
        member->child.groups = pool->groups + i * pool->lanes_per_member;
    job_child_init(&member->child);
}

struct pool *pool_new(const struct engine_kind *kind, uint32_t lanes, const char *command_user,
    struct jobs_board *board, struct loop *loop) {
    struct pool *pool = calloc(1, sizeof(*pool));
    void *groups = mmap(NULL, GROUPS_MAX * sizeof(*pool->groups), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (pool == NULL || groups == MAP_FAILED ||
        (pool->members = calloc(POOL_MEMBERS_MAX, sizeof(*pool->members))) == NULL) {
        if (groups != MAP_FAILED)
            munmap(groups, GROUPS_MAX * sizeof(*pool->groups));
        free(pool);
        return NULL;
    }
    pool->kind = kind;
    pool->board = board;
    pool->loop = loop;
    pool->groups = groups;
    pool->guard.fd = -1;
    TAILQ_INIT(&pool->shares);
    set_size(pool, lanes);
    for (uint32_t i = 0; i < POOL_MEMBERS_MAX; i++)
        init_member(pool, i);
    pool_set_command_user(pool, command_user);
    pool_refill(pool, clock_now_ns());
    return pool;
}

void pool_free(struct pool *pool) {
    if (pool == NULL)
        return;
    pool->wanted = 0;
    for (uint32_t i = 0; i < POOL_MEMBERS_MAX; i++)
        if (pool->members[i].child.state == JOB_CHILD_RUNNING)
            pool_retire(&pool->members[i]);
    for (uint32_t i = 0; i < POOL_MEMBERS_MAX; i++) {
        while (pool->members[i].child.state != JOB_CHILD_NONE)
            loop_turn(pool->loop, -1);
        job_child_fini(&pool->members[i].child);
    }
    guard_stop(&pool->guard);
    munmap((void *)pool->groups, GROUPS_MAX * sizeof(*pool->groups));
    free(pool->command_user);
    free(pool->members);
    free(pool);
}
