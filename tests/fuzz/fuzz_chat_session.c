/*
 * A whole chat among hostile ones: members who say anything in any order, over streams and by
 * datagrams; workers that hand over what is no session, write anywhere into the memory of the room
 * and of the datagrams, put records of any kind on the bus, and are killed. Nobody else falls, and
 * who comes in the end is in, and is heard.
 */
#include "tests/fuzz/chat_world.h"
#include "workers/services/chat/chat_room_table.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    world_make();
    return 0;
}

static struct peer *take_peer(void) {
    struct peer *peer = &room.peer[take(1) % PEERS];

    return peer->is_open ? peer : NULL;
}

/* ---- members ---- */

static void come(void) {
    const unsigned how = (unsigned)take(1), i = how % PEERS;

    if (room.peer[i].is_open)
        close_peer(&room.peer[i]);
    chat_service.open(&add_peer(i, how / 8 % WORKERS, how / 16 % WIRE_FORMS)->session);
}

static void message(void) {
    struct peer *peer = take_peer();
    const char *text;
    size_t len;

    text = take_text(&len);
    if (peer == NULL)
        return;
    peer->session.messages++;
    peer->session.total = len;
    chat_service.message(&peer->session, text, len);
}

static void datagram(void) {
    const unsigned how = (unsigned)take(1);
    struct peer *peer = &room.datagram;
    const char *text;
    size_t len;

    text = take_text(&len);
    peer->post = &room.post[0];
    peer->session.messages++;
    peer->session.total = len;
    room.path = (struct session_path){ .family = AF_INET, .port = (uint16_t)(1 + how % 8) };
    peer->session.peer.len = sizeof(struct sockaddr_in);
    peer->session.peer.sa.in.sin_family = AF_INET;
    peer->session.peer.sa.in.sin_addr.s_addr = htonl(how & 8 ? 0x7f000001 : 0x08080808);
    chat_service.message(&peer->session, text, len);
}

static void go(void) {
    struct peer *peer = take_peer();

    if (peer != NULL)
        close_peer(peer);
}

/* He reads nothing for a while, or again. */
static void stick(void) {
    struct peer *peer = take_peer();

    if (peer == NULL)
        return;
    peer->unsent = peer->unsent > 0 ? 0 : 1;
    if (peer->unsent == 0)
        chat_service.writable(&peer->session);
}

static void pass_time(void) {
    room.now_ms += take(1) * take(1) * 10;
    for (unsigned i = 0; i < WORKERS; i++)
        chat_service.tick(&room.post[i], room.now_ms);
}

/* ---- workers ---- */

/* To the other one; what goes over is changed here and there. */
static void hand_over(void) {
    static struct tail held;
    struct peer *peer = take_peer(), *other = &room.peer[take(1) % PEERS];
    unsigned changes = (unsigned)take(1) % 8;
    char packed[4096], *bytes;
    ssize_t n;

    if (peer == NULL || other->is_open)
        return;
    n = chat_service.pack(&peer->session, packed, sizeof(packed));
    expect(n > 0);
    bytes = tail_copy(&held, packed, (size_t)n);
    while (changes-- > 0) {
        const size_t place = take(2) % (size_t)n;

        bytes[place] = (char)take(1);
    }
    other = add_peer((unsigned)(other - room.peer), peer->post->index ^ 1, peer->form);
    if (chat_service.unpack(&other->session, bytes, (size_t)n - (take(1) == 1)) == 0) {
        peer->is_open = false;
        chat_service.writable(&other->session);
    } else {
        other->is_open = false;
        chat_service.writable(&peer->session);
    }
}

static void forge_parcel(void) {
    struct peer *peer = &room.peer[take(1) % PEERS];
    const char *text;
    size_t len;

    text = take_text(&len);
    if (peer->is_open)
        return;
    peer = add_peer((unsigned)(peer - room.peer), 1, WIRE_FORM_LINE);
    peer->is_open = chat_service.unpack(&peer->session, text, len) == 0;
    if (peer->is_open)
        chat_service.writable(&peer->session);
}

static void write_into(char *mem, size_t size) {
    const size_t word = take(2) % (size / 8);
    const unsigned how = (unsigned)take(1) % 4;
    uint64_t value;

    memcpy(&value, mem + 8 * word, 8);
    if (how == 0)
        value = take(8);
    else if (how == 1)
        value = take(1);
    else
        value ^= take(1) << take(1) % 64;
    memcpy(mem + 8 * word, &value, 8);
}

/* Anywhere, or where one of the first members is. */
static void write_room(void) {
    const struct chat_room *members = &room.post[0].worker.room;
    const unsigned how = (unsigned)take(1), i = how / 8;
    _Atomic uint64_t *const arrays[] = { members->word, members->look, members->member };

    if (how % 8 < 2)
        write_into(room.shared, room.shared_size);
    else if (how % 8 < 5)
        write_into((char *)(arrays[how % 8 - 2] + i), sizeof(uint64_t));
    else
        write_into((char *)&members->slot[i % 8], sizeof(members->slot[0]));
}

static void write_owned(void) {
    write_into(room.owned, room.owned_size);
}

static void publish(void) {
    const unsigned how = (unsigned)take(1);
    struct post *post = &room.post[how % WORKERS];
    struct bus_record record = { .kind = (uint16_t)(how / 2 % (CHAT_KINDS + 1)) };
    const struct peer *peer = &room.peer[take(1) % PEERS];
    size_t len;
    uint64_t seq;

    record.member = peer->is_open ? peer->state->guest.id : 1;
    record.client_id = take(1);
    record.payload = take_text(&len);
    record.len = (uint32_t)len;
    (void)bus_publish(post->seat, &record, &seq);
}

static void end_worker(void) {
    const unsigned how = (unsigned)take(1);

    stop_worker(how % WORKERS, how & 2);
    start_worker(how % WORKERS);
}

/* ---- */

/* Whatever has happened: with a table that nobody has written into, one who comes is in. */
static void come_at_last(void) {
    static const char hello[] = "HELLO 1 caps=json key=0123456789abcdef name=Last";
    struct peer *peer;

    if (room.peer[0].is_open)
        close_peer(&room.peer[0]);
    turn();
    memcpy(room.shared, room.fresh_shared, room.shared_size);
    peer = add_peer(0, 0, WIRE_FORM_LINE);
    peer->session.messages = 1;
    chat_service.message(&peer->session, hello, sizeof(hello) - 1);
    expect((peer->state->flags & CHAT_IS_IN) != 0 && !peer->is_closing);
    turn();
    expect((peer->state->flags & CHAT_IS_IN) != 0);
    expect(peer->state->next == bus_next(room.bus));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const acts[])(void) = { message, message, message, come, datagram, datagram, go,
        stick, pass_time, hand_over, hand_over, forge_parcel, write_room, write_owned, publish,
        end_worker };
    unsigned how;

    input_begin(data, size);
    how = (unsigned)take(1);
    room.lang = how & 1 ? SERVICE_LANG_RU : SERVICE_LANG_EN;
    room.is_event = (how & 2) == 0;
    world_begin();
    while (input.left > 0) {
        acts[take(1) % (sizeof(acts) / sizeof(acts[0]))]();
        turn();
    }
    come_at_last();
    world_end();
    return 0;
}
