/*
 * Taking. A parcel is put together, checked, and made a connection; then TAKEN is said, and only
 * when that is in the channel the session is ours and its descriptor touched. Whatever fails
 * before leaves the session where it was.
 */
#include "workers/taker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/failpoint.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "workers/channel.h"
#include "workers/dialect.h"
#include "workers/parcel.h"
#include "workers/worker_state.h"

#define PACKETS 64 /* of one channel, before others have their turn */

struct taker_channel {
    TAILQ_ENTRY(taker_channel) link;
    struct worker *worker;
    struct loop_watch watch;
    bool is_heard;
    unsigned expected;         /* its share of the taker's */
    uint64_t patient_until_ns; /* then what is kept for it is given up */
    /* the parcel that is coming; body is NULL when there is none, or when it is not wanted */
    char *body;
    size_t len, at;
    int fd;
};

/* What becomes of a channel after a packet; GONE: it is closed already, and freed. */
enum verdict { GO_ON, CLOSE, GONE };

bool taker_leaves_room(const struct worker *worker) {
    return worker->taker.unheard == 0 &&
           worker->row->sessions + worker->taker.expected < worker->args->sessions_max;
}

unsigned taker_count_expected(const struct worker *worker) {
    return worker->taker.unheard > 0 ? UINT32_MAX : worker->taker.expected;
}

bool taker_is_waiting(const struct worker *worker) {
    return worker->taker.unheard > 0 || worker->taker.expected > 0;
}

/* ---- channels ---- */

void taker_init(struct taker *taker) {
    TAILQ_INIT(&taker->channels);
}

/* Who lets others in soon gives up soon; who only passes on what comes has time. */
static void be_patient(struct taker_channel *channel) {
    const uint64_t for_ms = channel->worker->is_leaving ? CHANNEL_ANSWER_MS : CHANNEL_SILENCE_MS;

    channel->patient_until_ns = clock_now_ns() + for_ms * 1000000ull;
}

static void hear(struct taker_channel *channel) {
    be_patient(channel);
    if (channel->is_heard)
        return;
    channel->is_heard = true;
    channel->worker->taker.unheard--;
}

static void expect(struct taker_channel *channel, unsigned count) {
    channel->worker->taker.expected += count - channel->expected;
    channel->expected = count;
}

static void drop_parcel(struct taker_channel *channel) {
    free(channel->body);
    channel->body = NULL;
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

static void close_channel(struct taker_channel *channel) {
    hear(channel);
    expect(channel, 0);
    drop_parcel(channel);
    TAILQ_REMOVE(&channel->worker->taker.channels, channel, link);
    loop_remove(channel->worker->loop, &channel->watch);
    close(channel->watch.fd);
    free(channel);
}

void taker_close(struct worker *worker) {
    struct taker_channel *channel;

    while ((channel = TAILQ_FIRST(&worker->taker.channels)) != NULL)
        /* It leaves the list there. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        close_channel(channel);
}

void taker_pass_on(struct worker *worker) {
    struct taker_channel *channel;

    TAILQ_FOREACH (channel, &worker->taker.channels, link)
        be_patient(channel);
}

int taker_tick(struct worker *worker) {
    uint64_t now_ns, next_ns = UINT64_MAX;
    struct taker_channel *channel;

    if (!taker_is_waiting(worker))
        return -1;
    now_ns = clock_now_ns();
    TAILQ_FOREACH (channel, &worker->taker.channels, link) {
        if (channel->is_heard && channel->expected == 0)
            continue;
        if (now_ns >= channel->patient_until_ns) {
            hear(channel);
            expect(channel, 0);
            if (giver_is_open(worker))
                giver_recount(worker);
        } else if (channel->patient_until_ns < next_ns) {
            next_ns = channel->patient_until_ns;
        }
    }
    return next_ns == UINT64_MAX ? -1 : (int)((next_ns - now_ns) / 1000000) + 1;
}

/* ---- a session ---- */

static bool has_place(const struct taker_channel *channel) {
    const struct worker *worker = channel->worker;

    if (worker->is_leaving && !giver_is_open(worker))
        return false;
    return channel->expected > 0 ||
           worker->row->sessions + worker->taker.expected < worker->args->sessions_max;
}

static char *copy(const char *data, size_t len) {
    char *own = len > 0 ? malloc(len) : NULL;

    return own != NULL ? memcpy(own, data, len) : NULL;
}

static void forget(struct connection *connection) {
    connection_drop(connection);
    connection_free(connection);
}

/* What the wire and the service had of it. */
static bool unpack(struct connection *connection, const struct parcel *parcel) {
    const struct service_ops *ops = connection->session.worker->args->ops;

    if ((parcel->wire_len > 0 && connection->dialect == NULL) ||
        (parcel->wire_len > 0 &&
            dialect_unpack(connection->dialect, parcel->wire, parcel->wire_len) < 0))
        return false;
    return ops->unpack == NULL ||
           ops->unpack(&connection->session, parcel->state, parcel->state_len) == 0;
}

/* The connection that the parcel tells of. Returns NULL when it cannot be had here. */
static struct connection *make_connection(struct worker *worker, const struct parcel *parcel) {
    struct connection *connection = connection_new(worker);

    if (connection == NULL)
        return NULL;
    connection->fd = -1;
    connection->slot = parcel->slot;
    connection->session.proto = parcel->proto;
    connection->session.peer = parcel->peer;
    connection->session.messages = parcel->messages;
    connection->is_closing = parcel->is_closing;
    connection->is_handed_over = true;
    connection->unread = copy(parcel->unread, parcel->unread_len);
    connection->unread_len = parcel->unread_len;
    connection->unsent = copy(parcel->unsent, parcel->unsent_len);
    connection->unsent_len = connection->unsent_size = parcel->unsent_len;
    if ((connection->unread == NULL) == (parcel->unread_len == 0) &&
        (connection->unsent == NULL) == (parcel->unsent_len == 0) && unpack(connection, parcel))
        return connection;
    forget(connection);
    return NULL;
}

static int answer(const struct taker_channel *channel, enum channel_kind kind) {
    const struct channel_packet packet = { .kind = kind, .fd = -1 };

    return channel_send(channel->watch.fd, &packet, NULL);
}

/*
 * The slot becomes ours. When the old worker was reaped just now it is nobody's any more: then
 * another one is taken, if there is one.
 */
static void move_slot(struct worker *worker, struct connection *connection, unsigned from) {
    struct gate *gate = worker->args->gate;
    const unsigned row = (unsigned)worker->args->row;

    if (gate_move(gate, connection->slot, from, row))
        return;
    if (gate_enter(gate, row, &connection->slot))
        gate_name_source(gate, connection->slot, net_source_hash(&connection->session.peer));
}

/* How the socket waits travels with it: it is set to this model's way. */
static void set_modes(struct worker *worker, int fd) {
    const int flags = fcntl(fd, F_GETFL),
              wanted = worker->model->accept_flags & SOCK_NONBLOCK ? O_NONBLOCK : 0;

    if ((flags & O_NONBLOCK) != wanted)
        fcntl(fd, F_SETFL, (flags & ~O_NONBLOCK) | wanted);
    if (wanted == 0)
        connection_set_timeouts(worker, fd);
}

/* It is ours. One that blocks from here on listens to no channel: its room is taken anyway. */
static enum verdict serve(
    struct taker_channel *channel, struct connection *connection, unsigned from) {
    struct worker *worker = channel->worker;
    const bool blocks = worker->model->connection_size == 0;

    FAILPOINT("taken");
    connection->fd = channel->fd;
    channel->fd = -1;
    drop_parcel(channel);
    if (channel->expected > 0)
        expect(channel, channel->expected - 1);
    move_slot(worker, connection, from);
    set_modes(worker, connection->fd);
    worker_begin_session(worker, connection);
    if (blocks)
        taker_close(worker);
    worker->model->serve(worker, connection);
    return blocks ? GONE : GO_ON;
}

/* A parcel is here, whole. */
static enum verdict take(struct taker_channel *channel) {
    struct worker *worker = channel->worker;
    struct connection *connection = NULL;
    struct parcel parcel;
    int rc = parcel_decode(&parcel, channel->body, channel->len, worker->args->write_buffer_bytes);

    if ((rc < 0 && errno != EMSGSIZE) ||
        (rc == 0 &&
            (strcmp(parcel.type, worker->args->ops->name) != 0 || parcel.row >= SCOREBOARD_ROWS ||
                !parcel_fits_descriptor(&parcel, channel->fd)))) {
        log_warnx("a session that was handed over is not what it should be: it is not taken");
        return CLOSE;
    }
    if (rc == 0 && has_place(channel))
        connection = make_connection(worker, &parcel);
    if (connection == NULL) {
        drop_parcel(channel);
        return answer(channel, CHANNEL_REFUSED) == 0 ? GO_ON : CLOSE;
    }
    FAILPOINT("take");
    if (answer(channel, CHANNEL_TAKEN) == 0)
        return serve(channel, connection, parcel.row);
    forget(connection);
    return CLOSE;
}

/* ---- packets ---- */

static enum verdict refuse_packet(void) {
    log_warnx("what came instead of a session makes no sense: nothing more is taken from there");
    return CLOSE;
}

static enum verdict add_piece(
    struct taker_channel *channel, const struct channel_packet *packet, const char *piece) {
    if (packet->len > channel->len - channel->at)
        return refuse_packet();
    /* Without a body it is one that was refused: its pieces come all the same. */
    if (channel->body != NULL)
        memcpy(channel->body + channel->at, piece, packet->len);
    channel->at += packet->len;
    return channel->at == channel->len && channel->body != NULL ? take(channel) : GO_ON;
}

static enum verdict begin_parcel(
    struct taker_channel *channel, const struct channel_packet *packet, const char *piece) {
    if (packet->fd < 0)
        return refuse_packet();
    if (channel->at != channel->len || packet->len == 0) {
        close(packet->fd);
        return refuse_packet();
    }
    channel->at = 0;
    channel->len = (size_t)packet->value;
    if (channel->len <= parcel_most(channel->worker->args->write_buffer_bytes))
        channel->body = malloc(channel->len);
    if (channel->body != NULL) {
        channel->fd = packet->fd;
    } else {
        close(packet->fd);
        if (answer(channel, CHANNEL_REFUSED) < 0)
            return CLOSE;
    }
    return add_piece(channel, packet, piece);
}

static enum verdict count(struct taker_channel *channel, uint64_t sessions) {
    struct worker *worker = channel->worker;
    const unsigned most = worker->args->sessions_max,
                   taken = worker->row->sessions + worker->taker.expected - channel->expected,
                   room = taken < most ? most - taken : 0;

    expect(channel, sessions < room ? (unsigned)sessions : room);
    if (giver_is_open(worker))
        giver_recount(worker);
    return GO_ON;
}

static enum verdict act(
    struct taker_channel *channel, const struct channel_packet *packet, const char *piece) {
    hear(channel);
    if (packet->kind == CHANNEL_SESSION)
        return begin_parcel(channel, packet, piece);
    if (packet->fd >= 0)
        close(packet->fd);
    if (packet->kind == CHANNEL_COUNT && packet->fd < 0)
        return count(channel, packet->value);
    if (packet->kind == CHANNEL_MORE && packet->fd < 0 && packet->value == channel->at)
        return add_piece(channel, packet, piece);
    return refuse_packet();
}

static void channel_ready(struct loop_watch *watch, uint32_t events) {
    struct taker_channel *channel = watch->owner;
    char piece[CHANNEL_PIECE_BYTES];
    struct channel_packet packet;
    enum verdict verdict = GO_ON;
    int rc;

    (void)events;
    for (int i = 0; i < PACKETS && verdict == GO_ON; i++) {
        rc = channel_receive(watch->fd, &packet, piece, sizeof(piece));
        if (rc < 0 && errno == EAGAIN)
            return;
        if (rc > 0)
            verdict = act(channel, &packet, piece);
        else
            verdict = rc == 0 ? CLOSE : refuse_packet();
    }
    if (verdict == CLOSE)
        close_channel(channel);
}

void taker_add(struct worker *worker, int channel_fd) {
    const bool blocks = worker->model->connection_size == 0 && worker->row->sessions > 0;
    struct taker_channel *channel = blocks ? NULL : calloc(1, sizeof(*channel));

    if (channel == NULL) {
        close(channel_fd);
        return;
    }
    channel->worker = worker;
    channel->fd = -1;
    channel->watch = (struct loop_watch){
        .fd = channel_fd, .ready = channel_ready, .owner = channel
    };
    be_patient(channel);
    if (loop_add(worker->loop, &channel->watch, EPOLLIN) < 0) {
        close(channel_fd);
        free(channel);
        return;
    }
    worker->taker.unheard++;
    TAILQ_INSERT_HEAD(&worker->taker.channels, channel, link);
}
