/* The turns of a post: time limits, what was touched, the cut. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "workers/channel.h"
#include "workers/dialect.h"
#include "workers/post.h"
#include "workers/worker_state.h"

#define LINGER_NS 2000000000ull
#define CUT_NS    (CHANNEL_CUT_MS * 1000000ull)
#define CROWDED_NS \
    10000000000ull               /* for a first message, when more than half of the room is taken */
#define CROWD_NS   1000000000ull /* how often that is looked at */
#define LONGEST_NS 60000000000ull

/* ---- the cut ---- */

static void tell_drain(struct connection *connection) {
    const struct service_ops *ops = connection->session.worker->args->ops;

    if (ops->drain == NULL || connection->is_closing || connection->is_broken)
        return;
    connection_enter_hook(connection->lane);
    ops->drain(&connection->session);
    connection_leave_hook(connection->lane);
}

void post_linger(struct post_session *session, enum session_end why) {
    struct connection *connection = &session->connection;

    if (why == SESSION_END_CUT)
        tell_drain(connection);
    connection_flush(connection, MSG_DONTWAIT);
    shutdown(session->watch.fd, SHUT_WR);
    connection->is_broken = true; /* to whoever would send to it */
    connection->why = why;
    post_set_mask(session, EPOLLIN);
    post_move(session, POST_LINGERING);
}

void post_cut(struct post *post) {
    struct post_session *session;

    post->is_cut = true;
    for (enum post_phase phase = POST_GREETING; phase <= POST_WRITING; phase++)
        while ((session = TAILQ_FIRST(&post->list[phase])) != NULL)
            post_linger(session, SESSION_END_CUT);
    /* Those that are offered may be taken still, for a moment. */
    if (post->answer_due_ns > *post->now_ns + CUT_NS)
        post->answer_due_ns = *post->now_ns + CUT_NS;
}

/* ---- time limits ---- */

struct crowd {
    const struct scoreboard *board;
    uint64_t sessions;
};

static void add_sessions(void *owner, unsigned row) {
    struct crowd *crowd = owner;

    crowd->sessions += crowd->board->row[row].sessions;
}

/* Over all workers of the service. */
static bool is_crowded(const struct worker *worker) {
    struct crowd crowd = { .board = worker->args->board };

    gate_visit_members(worker->args->gate, add_sessions, &crowd);
    return worker->args->capacity > 0 && 2 * crowd.sessions > worker->args->capacity;
}

/* How long each phase may last without a sign of life; 0: for ever. */
static uint64_t limit_of(const struct post *post, enum post_phase phase) {
    const struct worker_args *args = post->worker->args;

    if (phase == POST_READING)
        return args->idle_timeout_ms * 1000000ull;
    if (phase == POST_WRITING)
        return args->write_timeout_ms * 1000000ull;
    if (phase == POST_LINGERING)
        return LINGER_NS;
    return args->first_message_timeout_ms * 1000000ull;
}

static uint64_t least(uint64_t a_ns, uint64_t b_ns) {
    return a_ns < b_ns ? a_ns : b_ns;
}

/*
 * When one that has said nothing is over; it has less time where others have no room, which is
 * looked at when it matters, again and again.
 */
static uint64_t end_greeting(const struct post *post, const struct post_session *session) {
    const uint64_t now_ns = *post->now_ns, since_ns = session->alive_at_ns,
                   limit_ns = limit_of(post, POST_GREETING),
                   end_ns = limit_ns > 0 ? since_ns + limit_ns : UINT64_MAX;

    if (now_ns < since_ns + CROWDED_NS)
        return least(end_ns, since_ns + CROWDED_NS);
    return is_crowded(post->worker) ? now_ns : least(end_ns, now_ns + CROWD_NS);
}

/* When a session is over if nothing happens; UINT64_MAX: never. */
static uint64_t end_of(const struct post *post, const struct post_session *session) {
    const uint64_t limit_ns = limit_of(post, session->phase);

    if (session->phase == POST_GREETING)
        return end_greeting(post, session);
    return limit_ns > 0 ? session->alive_at_ns + limit_ns : UINT64_MAX;
}

static void tell_slow(const struct connection *connection) {
    char peer[NET_TEXT_MAX];

    net_format(peer, &connection->session.peer);
    log_write(LOG_LEVEL_INFO, "slow_client",
        (const struct log_field[]){
            LOG_TEXT("peer", peer), LOG_TEXT("cause", "no_message"), { .key = NULL } },
        "a first message never came");
}

static void end_silent_one(struct post_session *session) {
    const enum post_phase phase = session->phase;

    if (phase == POST_GREETING)
        tell_slow(&session->connection);
    post_end(session, phase == POST_LINGERING ? session->connection.why : SESSION_END_TIMEOUT);
}

/* End those that were silent for too long; returns when the next one will have been. */
static uint64_t end_silent(struct post *post, enum post_phase phase) {
    struct post_session *session;
    uint64_t end_ns = UINT64_MAX;

    /* It leaves the list there. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    while ((session = TAILQ_FIRST(&post->list[phase])) != NULL &&
           (end_ns = end_of(post, session)) <= *post->now_ns)
        end_silent_one(session);
    return session != NULL ? end_ns : UINT64_MAX;
}

/* Those whose dialects wait for a moment that has come. */
static void look_at_timed(struct post *post) {
    const uint64_t now_ms = *post->now_ns / 1000000;
    struct post_session *session, *next;

    if (now_ms < post->due_ms)
        return;
    post->due_ms = UINT64_MAX;
    for (session = TAILQ_FIRST(&post->timed); session != NULL; session = next) {
        next = TAILQ_NEXT(session, timed);
        if (!post_is_open(session) || session->due_ms > now_ms) {
            if (post_is_open(session) && session->due_ms < post->due_ms)
                post->due_ms = session->due_ms;
            continue;
        }
        dialect_look(&session->connection);
        /* It and no other may leave the list there. */
        post_settle(session, false);
    }
}

int post_look(struct post *post) {
    const uint64_t now_ns = *post->now_ns;
    uint64_t next_ns = UINT64_MAX;

    if (post->data != NULL) {
        look_at_timed(post);
        if (post->is_main)
            next_ns = post_look_at_offered(post);
        for (enum post_phase phase = POST_GREETING; phase <= POST_LINGERING; phase++)
            next_ns = least(next_ns, end_silent(post, phase));
        if (post->due_ms != UINT64_MAX)
            next_ns = least(next_ns, post->due_ms * 1000000);
    }
    next_ns = least(next_ns, post_next_tick_ns(post));
    if (next_ns == UINT64_MAX)
        return -1;
    if (next_ns <= now_ns)
        return 0;
    return next_ns - now_ns > LONGEST_NS ? 60000 : (int)((next_ns - now_ns) / 1000000) + 1;
}

/* ---- a turn ---- */

/* What hooks have done to sessions that were not their own. */
static void settle_touched(struct post *post) {
    struct post_session *session;

    while ((session = TAILQ_FIRST(&post->touched)) != NULL) {
        if (post_is_open(session)) {
            post_settle(session, false);
            continue;
        }
        TAILQ_REMOVE(&post->touched, session, touched);
        session->is_touched = false;
    }
}

void post_work(struct post *post) {
    post_mail(post);
    settle_touched(post);
}

void post_turn(struct post *post) {
    const int wait_ms = post_look(post);

    settle_touched(post);
    if (post->count == 0)
        return;
    if (loop_turn(post->loop, post_rest(post) ? wait_ms : 0) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "a thread cannot wait");
    post_work(post);
}
