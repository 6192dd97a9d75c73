/*
 * A main post gives its sessions away, several parcels under way at a time, and goes on serving
 * the others meanwhile.
 */
#include <stdlib.h>
#include <sys/epoll.h>

#include "workers/channel.h"
#include "workers/giver.h"
#include "workers/post.h"
#include "workers/worker_state.h"

#define ANSWER_NS    (CHANNEL_ANSWER_MS * 1000000ull)
#define OFFERED_MOST 16 /* parcels under way: each rests until it is answered */

/* It rests: nobody reads or writes it here until it is answered. */
static void lay_down(struct post *post, struct post_session *session) {
    session->may_be_duplicated = true;
    post_set_mask(session, 0);
    post_move(session, POST_OFFERED);
    if (post->offered++ == 0)
        post->answer_due_ns = *post->now_ns + ANSWER_NS;
}

/* It is not taken: it goes on here. What it has missed meanwhile its service sends it. */
static void take_back(struct post *post, struct post_session *session) {
    post->offered--;
    session->connection.owes_writable = true;
    post_move(session, POST_READING);
    if (post->is_cut)
        post_linger(session, SESSION_END_CUT);
    else
        post_settle(session, false);
}

/* Take the answers that are there. Returns -1 when no more will come. */
static int settle_answers(struct post *post) {
    struct post_session *session;
    bool is_taken;
    int rc;

    while ((rc = giver_answer(post->worker, &is_taken)) == 1) {
        session = TAILQ_FIRST(&post->list[POST_OFFERED]);
        /* One that is not out whole can only be refused, and its channel is of no more use. */
        if (session == NULL || (post->is_busy && post->offered == 1))
            return -1;
        post->answer_due_ns = *post->now_ns + ANSWER_NS;
        if (is_taken) {
            post->offered--;
            /* It leaves the list there. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            post_end(session, SESSION_END_GIVEN);
        } else {
            post->is_refused = true;
            /* Likewise. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            take_back(post, session);
        }
    }
    return rc;
}

/* The channel is over. What it has answered counts; the others stay. */
static void end_channel(struct post *post) {
    struct post_session *session;

    while (settle_answers(post) == 0 && post->offered > 0)
        giver_withdraw(post->worker);
    while ((session = TAILQ_FIRST(&post->list[POST_OFFERED])) != NULL)
        take_back(post, session);
    loop_remove(post->loop, &post->channel);
    post->channel.ready = NULL;
    post->is_busy = post->is_refused = false;
    giver_next(post->worker);
}

static struct post_session *next_to_give(struct post *post) {
    struct post_session *session;

    for (enum post_phase phase = POST_GREETING; phase <= POST_WRITING; phase++)
        TAILQ_FOREACH (session, &post->list[phase], link)
            if (!session->stays)
                return session;
    return NULL;
}

/* Returns false when the channel is over. */
static bool offer_some(struct post *post) {
    enum giver_result result = GIVER_SENT;
    struct post_session *session;

    while (result != GIVER_BUSY && !post->is_busy && !post->is_refused &&
           post->offered < OFFERED_MOST && (session = next_to_give(post)) != NULL) {
        result = giver_offer(&session->connection);
        session->stays = result == GIVER_STAYS;
        if (!session->stays)
            lay_down(post, session);
        if (result == GIVER_ENDED)
            return false;
        post->is_busy = result == GIVER_BUSY;
    }
    return !post->is_refused || post->offered > 0;
}

static void channel_ready(struct loop_watch *watch, uint32_t mask) {
    struct post *post = watch->owner;
    enum giver_result result = GIVER_SENT;

    if (post->is_busy && (mask & EPOLLOUT) != 0) {
        result = giver_push(post->worker);
        post->is_busy = result == GIVER_BUSY;
    }
    if (settle_answers(post) < 0 || result == GIVER_ENDED)
        end_channel(post);
    post_give(post);
}

void post_give(struct post *post) {
    while (giver_is_open(post->worker)) {
        if (post->channel.ready == NULL) {
            post->channel = (struct loop_watch){
                .fd = giver_channel(post->worker), .ready = channel_ready, .owner = post
            };
            loop_add(post->loop, &post->channel, EPOLLIN);
        }
        if (offer_some(post)) {
            loop_modify(post->loop, &post->channel, post->is_busy ? EPOLLIN | EPOLLOUT : EPOLLIN);
            return;
        }
        end_channel(post);
    }
}

uint64_t post_look_at_offered(struct post *post) {
    if (post->offered > 0 && *post->now_ns >= post->answer_due_ns) {
        end_channel(post);
        post_give(post);
    }
    return post->offered > 0 ? post->answer_due_ns : UINT64_MAX;
}
