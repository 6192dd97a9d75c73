/*
 * Chat: whoever gives a name is in the room, and hears what the others say there, over whatever
 * they speak. The room is one for all workers of the service, or of all services that name it.
 */
#include "workers/services/chat/chat.h"

#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_datagrams.h"
#include "workers/services/chat/chat_fan.h"
#include "workers/services/chat/chat_reply.h"
#include "workers/services/chat/chat_talk.h"

/* ---- the room's memory ---- */

static uint64_t members_max(const void *settings) {
    return ((const struct chat_settings *)settings)->members_max;
}

static size_t chat_shared_size(const void *settings) {
    return chat_room_size(members_max(settings));
}

static int chat_shared_init(void *mem, size_t size, const void *settings) {
    (void)size;
    return chat_room_init(mem, members_max(settings));
}

static size_t chat_post_size(const void *settings) {
    (void)settings;
    return sizeof(struct chat_post);
}

/* ---- a worker ---- */

static bool is_alive(void *context, struct chat_owner owner) {
    const struct post *post = context;

    return owner.row < post_count_rows(post) && post_life(post, owner.row) == owner.life;
}

static int chat_worker_open(struct post *post) {
    const void *settings = post_settings(post);
    struct chat_room *room = chat_guest_room(post);

    if (chat_room_attach(
            room, post_shared(post), chat_shared_size(settings), members_max(settings)) < 0)
        return -1;
    room->is_alive = is_alive;
    room->context = post;
    if (chat_room_is_first(room))
        post_say(post, "opened", "%s", chat_word(CHAT_WORD_SAY_OPEN, post_lang(post)));
    return 0;
}

static void chat_worker_close(struct post *post) {
    struct chat_post *own = chat_member_post(post);

    chat_batch_free(&own->batch);
    chat_buffer_free(&own->own);
    chat_buffer_free(&own->scene.line);
}

static void chat_tick(struct post *post, uint64_t now_ms) {
    chat_datagrams_tick(post, now_ms);
    if (post_is_main(post))
        chat_guest_bury_all(post);
    chat_fan_tick(post);
}

/* ---- a session ---- */

static void chat_open(struct session *session) {
    char peer[NET_TEXT_MAX];

    session_say(session, "connected", chat_word(CHAT_WORD_SAY_NEW, session_lang(session)),
        net_format(peer, &session->peer));
    /* Who speaks lines and nothing else can be asked. */
    if (session_form(session) != WIRE_FORM_RAW && session_form(session) != WIRE_FORM_FRAMED)
        chat_reply_info(session, chat_word(CHAT_WORD_ASK_NAME, session_lang(session)));
}

static void chat_message(struct session *session, const char *data, size_t len) {
    if (session->proto == NET_UDP) {
        chat_datagrams_take(session, data, len);
        chat_member_settle(session_post(session));
    } else {
        chat_talk_message(session, data, len);
    }
}

static void chat_drain(struct session *session) {
    chat_member_end(session, "stopping", CHAT_WORD_BYE_STOPPING);
}

static void chat_close(struct session *session, enum session_end end) {
    (void)end;
    chat_member_leave(session);
}

const struct service_ops chat_service = {
    .name = "chat",
    .summary = "a room in which all hear what one says",
    .flags = SERVICE_STREAM | SERVICE_DATAGRAM | SERVICE_PACKS | SERVICE_TEXT | SERVICE_MAIL |
             SERVICE_OWNS_DATAGRAMS,
    .listen = "tcp://127.0.0.1:8004",
    .settings = chat_settings_table,
    .settings_size = sizeof(struct chat_settings),
    .defaults = (const char *const[]){ "model", "event", "idle_timeout", "0", "write_buffer", "2m",
        "graceful_timeout", "5s", NULL },
    .counters = (const char *const[])CHAT_COUNT_NAMES,
    .session_size = sizeof(struct chat_member),
    .open = chat_open,
    .message = chat_message,
    .writable = chat_fan_writable,
    .drain = chat_drain,
    .close = chat_close,
    .pack = chat_member_pack,
    .unpack = chat_member_unpack,
    .worker_size = sizeof(struct chat_worker),
    .worker_open = chat_worker_open,
    .worker_close = chat_worker_close,
    .post_size = chat_post_size,
    .mail = chat_fan_mail,
    .tick = chat_tick,
    .bus = chat_settings_bus,
    .shared_size = chat_shared_size,
    .shared_init = chat_shared_init,
    .owned_size = chat_datagrams_size,
    .wire_rules = chat_settings_wire,
};
