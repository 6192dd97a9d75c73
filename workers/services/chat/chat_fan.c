#include "workers/services/chat/chat_fan.h"

#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_datagrams.h"
#include "workers/services/chat/chat_reply.h"

#define RAW_SOFT_BYTES 16384u /* of a classic peer, who is given 20 kB a second */
#define NEAR           8      /* records in which a message is looked for first */

static size_t soft_limit(const struct session *session) {
    const struct chat_settings *settings = session_settings(session);

    return session_form(session) == WIRE_FORM_RAW && settings->queue_soft > RAW_SOFT_BYTES
               ? RAW_SOFT_BYTES
               : settings->queue_soft;
}

static bool has_too_much(const struct session *session) {
    const size_t unsent = session_unsent(session);

    return unsent > 0 && unsent > soft_limit(session);
}

/*
 * Another connection of the same member has taken his place. One that came before this one has not:
 * he hears of it when he comes back from before that.
 */
static bool is_replaced(const struct chat_member *member, const struct chat_batch *batch) {
    for (unsigned i = 0; i < batch->count; i++)
        if (batch->event[i].kind == CHAT_BACK && batch->event[i].member == member->guest.id &&
            batch->event[i].seq > member->came_at && batch->event[i].number != member->number)
            return true;
    return false;
}

/* Returns false when he is not to have it now: he stays where he is. */
static bool send_out(
    struct session *session, const struct chat_batch *batch, const struct chat_buffer *out) {
    struct chat_member *member = session_state(session);
    const struct iovec piece = { .iov_base = out->data, .iov_len = out->len };

    if (out->has_failed || (out->len > 0 && session_sendv(session, &piece, 1) < 0))
        return false;
    member->next = batch->end;
    return true;
}

/* A part of it is about him, or he does not begin where it begins. */
static bool send_own(struct session *session, const struct chat_batch *batch) {
    struct chat_member *member = session_state(session);
    struct chat_post *own = chat_member_post(session_post(session));
    const struct chat_ear ear = chat_member_ear(member);

    if (is_replaced(member, batch)) {
        chat_member_end(session, "replaced", CHAT_WORD_BYE_REPLACED);
        return true;
    }
    chat_buffer_clear(&own->own);
    chat_show_events(
        &own->own, &own->scene, chat_member_voice(session), batch->event, batch->count, &ear);
    return send_out(session, batch, &own->own);
}

/* ---- those who lag ---- */

/* He is behind by so much more. */
static void withhold(struct session *session, const struct chat_batch *batch) {
    const struct chat_settings *settings = session_settings(session);
    struct chat_member *member = session_state(session);

    member->withheld += batch->bytes;
    if (session_form(session) == WIRE_FORM_RAW ||
        session_unsent(session) + member->withheld <= settings->queue_hard)
        return;
    session_add_count(session, CHAT_COUNT_CUT, 1);
    session_say(session, "slow_reader", "%s", chat_word(CHAT_WORD_BYE_SLOW, session_lang(session)));
    chat_member_end(session, "slow", CHAT_WORD_BYE_SLOW);
}

void chat_fan_catch_up(struct session *session) {
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);
    struct chat_batch *batch = &chat_member_post(post)->batch;
    const uint64_t limit = post_reader(post)->cursor;
    struct bus_reader reader;

    bus_begin(&reader, post_bus(post), member->next);
    while (member->next < limit && !has_too_much(session) && (member->flags & CHAT_IS_IN) != 0) {
        chat_batch_read(batch, &reader, limit);
        if (batch->end == batch->first || !send_own(session, batch))
            break;
        session_add_count(session, CHAT_COUNT_MISSED, batch->missed);
        session_add_count(session, CHAT_COUNT_DELIVERED, batch->count);
    }
    if (member->next >= limit)
        member->withheld = 0;
}

void chat_fan_writable(struct session *session) {
    if (chat_member_arrive(session))
        chat_fan_catch_up(session);
    chat_member_settle(session_post(session));
}

/* ---- all ---- */

/* Those who hear what all hear, and have not been sent it yet. */
struct fan {
    struct session_sending list[SESSION_SENDING_MANY];
    unsigned count;
    uint64_t heard; /* by how many, others included */
};

static void send_fan(struct fan *fan, const struct chat_batch *batch) {
    struct chat_member *member;

    session_send_each(fan->list, fan->count);
    for (unsigned i = 0; i < fan->count; i++) {
        fan->heard += fan->list[i].is_sent;
        if (fan->list[i].is_sent)
            continue;
        member = session_state(fan->list[i].session);
        member->next = batch->first;
    }
    fan->count = 0;
}

/* He counts as one who has heard it until it is found that it could not be sent. */
static void add_to_fan(
    struct fan *fan, struct session *session, struct chat_member *member, struct chat_post *own) {
    const struct chat_buffer *out = chat_batch_write(
        &own->batch, &own->scene, chat_member_voice(session));

    if (out->has_failed)
        return;
    member->next = own->batch.end;
    if (out->len == 0) {
        fan->heard++;
        return;
    }
    fan->list[fan->count++] = (struct session_sending){
        .session = session, .data = out->data, .len = out->len
    };
    if (fan->count == SESSION_SENDING_MANY)
        send_fan(fan, &own->batch);
}

static void hear(struct session *session, struct chat_post *own, struct fan *fan) {
    struct chat_member *member = session_state(session);
    struct chat_batch *batch = &own->batch;

    if ((member->flags & (CHAT_IS_IN | CHAT_IS_MOVED)) != CHAT_IS_IN || member->next >= batch->end)
        return;
    if (member->next < batch->first || has_too_much(session))
        withhold(session, batch);
    else if (member->next == batch->first && chat_batch_is_stranger(batch, member->guest.id))
        add_to_fan(fan, session, member, own);
    else
        fan->heard += send_own(session, batch);
}

static void hear_all(struct post *post, struct chat_post *own) {
    struct fan fan;

    fan.count = 0;
    fan.heard = 0;
    if (own->scene.is_crowd) {
        own->joined += own->batch.joined;
        own->left += own->batch.left;
    }
    for (struct session *session = post_first(post); session != NULL;
         session = post_next(post, session))
        hear(session, own, &fan);
    send_fan(&fan, &own->batch);
    post_add_count(post, CHAT_COUNT_DELIVERED, fan.heard * own->batch.count);
    if (own->batch.missed > 0)
        post_add_count(post, CHAT_COUNT_MISSED, fan.heard * own->batch.missed);
    chat_datagrams_hear(post, &own->batch);
}

bool chat_fan_mail(struct post *post) {
    struct chat_post *own = chat_member_post(post);

    chat_datagrams_catch_up(post);
    chat_batch_read(&own->batch, post_reader(post), UINT64_MAX);
    if (own->batch.end > own->batch.first)
        hear_all(post, own);
    chat_member_settle(post);
    return false;
}

/* ---- once a second ---- */

static void show_crowd(struct session *session, struct chat_post *own) {
    const struct chat_voice voice = chat_member_voice(session);
    struct chat_buffer *out = &own->own;
    struct iovec piece;

    if (voice.is_quiet || has_too_much(session))
        return;
    chat_buffer_clear(out);
    chat_show_crowd(out, &own->scene, voice, own->joined, own->left);
    piece = (struct iovec){ .iov_base = out->data, .iov_len = out->len };
    if (!out->has_failed)
        (void)session_sendv(session, &piece, 1);
}

static void look_after(struct session *session, struct chat_post *own) {
    const struct chat_member *member = session_state(session);

    if ((member->flags & (CHAT_IS_IN | CHAT_IS_MOVED)) != CHAT_IS_IN)
        return;
    if (member->next < post_reader(session_post(session))->cursor && session_unsent(session) == 0)
        chat_fan_catch_up(session);
    if (own->joined + own->left > 0)
        show_crowd(session, own);
}

void chat_fan_tick(struct post *post) {
    const struct chat_settings *settings = post_settings(post);
    struct chat_post *own = chat_member_post(post);

    own->scene.members = chat_room_count(chat_guest_room(post));
    for (struct session *session = post_first(post); session != NULL;
         session = post_next(post, session))
        look_after(session, own);
    if (own->joined + own->left > 0)
        chat_datagrams_show_crowd(post);
    own->joined = own->left = 0;
    own->scene.is_crowd = own->scene.members > settings->crowd;
    chat_member_settle(post);
}

/* ---- what was said before ---- */

static bool is_said(const struct chat_event *event) {
    return event->kind == CHAT_SAID || event->kind == CHAT_DID;
}

/* The last n messages in [from, until), their numbers into out. */
static unsigned find_said_in(
    struct post *post, unsigned n, uint64_t from, uint64_t until, uint64_t *out) {
    struct chat_batch *batch = &chat_member_post(post)->batch;
    struct bus_reader reader;
    uint64_t found = 0;

    bus_begin(&reader, post_bus(post), from);
    do {
        chat_batch_read(batch, &reader, until);
        for (unsigned i = 0; i < batch->count; i++)
            if (is_said(&batch->event[i]))
                out[found++ % n] = batch->event[i].seq;
    } while (batch->end > batch->first);
    return found < n ? (unsigned)found : n;
}

/* Where many come at once, not all of them look through all there is. */
static unsigned find_said(struct post *post, unsigned n, uint64_t until, uint64_t *out) {
    const uint64_t oldest = bus_oldest(post_bus(post)), near = NEAR * (uint64_t)n;
    unsigned found = 0;

    if (oldest + near < until)
        found = find_said_in(post, n, until - near, until, out);
    if (found == n || (oldest + near < until && chat_member_post(post)->scene.is_crowd))
        return found;
    return find_said_in(post, n, oldest, until, out);
}

/* Write those of a batch that are asked for. */
static unsigned keep_said(struct chat_batch *batch, uint64_t from) {
    unsigned kept = 0;

    for (unsigned i = 0; i < batch->count; i++)
        if (is_said(&batch->event[i]) && batch->event[i].seq >= from)
            batch->event[kept++] = batch->event[i];
    return kept;
}

static uint64_t least(const uint64_t *seq, unsigned n) {
    uint64_t found = seq[0];

    for (unsigned i = 1; i < n; i++)
        if (seq[i] < found)
            found = seq[i];
    return found;
}

unsigned chat_fan_replay(struct session *session, unsigned n, uint64_t until) {
    struct post *post = session_post(session);
    struct chat_post *own = chat_member_post(post);
    uint64_t seq[CHAT_REPLAY_MOST];
    struct bus_reader reader;
    struct iovec piece;

    if (n > CHAT_REPLAY_MOST)
        n = CHAT_REPLAY_MOST;
    n = n > 0 ? find_said(post, n, until, seq) : 0;
    if (n == 0)
        return 0;
    chat_buffer_clear(&own->own);
    bus_begin(&reader, post_bus(post), least(seq, n));
    chat_show_history_begin(&own->own, &own->scene, chat_member_voice(session));
    do {
        chat_batch_read(&own->batch, &reader, until);
        chat_show_history(&own->own, &own->scene, chat_member_voice(session), own->batch.event,
            keep_said(&own->batch, least(seq, n)));
    } while (own->batch.end > own->batch.first);
    chat_show_history_end(&own->own, &own->scene, chat_member_voice(session));
    piece = (struct iovec){ .iov_base = own->own.data, .iov_len = own->own.len };
    if (!own->own.has_failed)
        (void)session_sendv(session, &piece, 1);
    return n;
}
