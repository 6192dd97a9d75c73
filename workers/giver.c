/*
 * Giving. A parcel is made whole and goes out in pieces. Whether the new worker has it is told by
 * its answer alone, and an answer that is in the channel counts, whatever else has happened: so
 * each end of a channel looks for answers before it lets go.
 */
#include "workers/giver.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "workers/channel.h"
#include "workers/dialect.h"
#include "workers/parcel.h"
#include "workers/taker.h"
#include "workers/worker_state.h"

#define LOOK_MS 100 /* a thread that waits is not told of the cut */

void giver_init(struct giver *giver) {
    pthread_mutex_init(&giver->lock, NULL);
    giver->fd = -1;
}

bool giver_is_open(const struct worker *worker) {
    return worker->giver.channel_count > 0;
}

int giver_channel(const struct worker *worker) {
    return worker->giver.channel_count > 0 ? worker->giver.channel[0] : -1;
}

/* ---- channels ---- */

/* How many may come; at once, so that the new worker keeps room for them and opens for others. */
static int tell_count(struct worker *worker) {
    const struct channel_packet packet = { .kind = CHANNEL_COUNT,
        .value = (uint64_t)worker->row->sessions + taker_count_expected(worker),
        .fd = -1 };

    return channel_send(worker->giver.channel[0], &packet, NULL);
}

void giver_recount(struct worker *worker) {
    pthread_mutex_lock(&worker->giver.lock);
    /* A channel that cannot be told is found broken by the next parcel. */
    if (worker->giver.channel_count > 0 && worker->giver.body == NULL)
        (void)tell_count(worker);
    pthread_mutex_unlock(&worker->giver.lock);
}

static void drop_parcel(struct giver *giver) {
    free(giver->body);
    giver->body = NULL;
    giver->fd = -1;
}

static void drop_channel(struct giver *giver) {
    drop_parcel(giver);
    close(giver->channel[0]);
    giver->channel_count--;
    memmove(giver->channel, giver->channel + 1, giver->channel_count * sizeof(giver->channel[0]));
    giver->has_given = false;
}

/* Returns false when the channel that is first now is no good either. */
static bool begin_channel(struct worker *worker) {
    return worker->giver.channel_count == 0 || tell_count(worker) == 0;
}

void giver_next(struct worker *worker) {
    do
        drop_channel(&worker->giver);
    while (!begin_channel(worker));
}

void giver_add(struct worker *worker, int channel) {
    struct giver *giver = &worker->giver;

    pthread_mutex_lock(&giver->lock);
    if (giver->channel_count == GIVER_CHANNELS_MAX) {
        close(channel);
    } else {
        giver->channel[giver->channel_count] = channel;
        if (giver->channel_count++ == 0 && !begin_channel(worker))
            giver_next(worker);
    }
    pthread_mutex_unlock(&giver->lock);
}

void giver_withdraw(struct worker *worker) {
    log_warnx("a new worker does not answer: its sessions stay here");
    shutdown(giver_channel(worker), SHUT_RD);
}

void giver_finish(struct worker *worker) {
    const uint64_t until_ms = clock_now_ms() + CHANNEL_ANSWER_MS;
    struct pollfd watch = { .fd = giver_channel(worker) };

    if (watch.fd < 0 || !worker->giver.has_given)
        return;
    shutdown(watch.fd, SHUT_WR);
    /* The end of it is told though it was not asked for. */
    while (clock_now_ms() < until_ms && poll(&watch, 1, (int)(until_ms - clock_now_ms())) <= 0)
        ;
}

/* ---- a parcel ---- */

/* The service's state. Returns its length, or -1 when it cannot be packed now. */
static ssize_t pack_state(struct connection *connection, char **out_state) {
    const struct service_ops *ops = connection->session.worker->args->ops;
    ssize_t len = 0;

    *out_state = NULL;
    if (failpoint_fails("pack"))
        return -1;
    if (ops->pack == NULL)
        return 0;
    *out_state = malloc(PARCEL_STATE_MAX);
    if (*out_state == NULL)
        return -1;
    connection_enter_hook(connection->lane);
    len = ops->pack(&connection->session, *out_state, PARCEL_STATE_MAX);
    connection_leave_hook(connection->lane);
    return len <= PARCEL_STATE_MAX ? len : -1;
}

static void describe(struct parcel *parcel, const struct connection *connection) {
    const struct worker *worker = connection->session.worker;

    *parcel = (struct parcel){ .proto = connection->session.proto,
        .peer = connection->session.peer,
        .messages = connection->session.messages,
        .is_closing = connection->is_closing,
        .slot = connection->slot,
        .row = (uint32_t)worker->args->row,
        .unread = connection->unread,
        .unread_len = connection->unread_len,
        .unsent_len = connection->unsent_len - connection->unsent_at };
    if (connection->unsent != NULL)
        parcel->unsent = connection->unsent + connection->unsent_at;
    strncpy(parcel->type, worker->args->ops->name, sizeof(parcel->type) - 1);
}

/* Likewise the wire's. One that is over is to be told nothing more, nor to tell. */
static ssize_t pack_wire(const struct connection *connection, char **out_wire) {
    *out_wire = NULL;
    if (connection->dialect == NULL || connection->is_closing)
        return 0;
    return dialect_pack(connection->dialect, out_wire);
}

static bool make_parcel(struct connection *connection) {
    struct giver *giver = &connection->session.worker->giver;
    struct parcel parcel;
    char *state, *wire;
    ssize_t state_len = pack_state(connection, &state), wire_len = pack_wire(connection, &wire);

    if (state_len >= 0 && wire_len >= 0) {
        describe(&parcel, connection);
        parcel.state = state;
        parcel.state_len = (size_t)state_len;
        parcel.wire = wire;
        parcel.wire_len = (size_t)wire_len;
        giver->len = parcel_size(&parcel);
        giver->body = malloc(giver->len);
    }
    if (giver->body != NULL)
        parcel_encode(&parcel, giver->body);
    giver->at = 0;
    giver->fd = connection->fd;
    free(state);
    free(wire);
    return giver->body != NULL;
}

enum giver_result giver_push(struct worker *worker) {
    struct giver *giver = &worker->giver;
    struct channel_packet packet;

    while (giver->at < giver->len) {
        packet = (struct channel_packet){
            .kind = CHANNEL_MORE, .value = giver->at, .len = giver->len - giver->at, .fd = -1
        };
        if (giver->at == 0) {
            packet.kind = CHANNEL_SESSION;
            packet.value = giver->len;
            packet.fd = giver->fd;
        }
        if (packet.len > CHANNEL_PIECE_BYTES)
            packet.len = CHANNEL_PIECE_BYTES;
        if (channel_send(giver->channel[0], &packet, giver->body + giver->at) < 0)
            return errno == EAGAIN ? GIVER_BUSY : GIVER_ENDED;
        giver->at += packet.len;
    }
    drop_parcel(giver);
    FAILPOINT("given");
    return GIVER_SENT;
}

enum giver_result giver_offer(struct connection *connection) {
    struct worker *worker = connection->session.worker;

    if (!make_parcel(connection))
        return GIVER_STAYS;
    FAILPOINT("give");
    return giver_push(worker);
}

int giver_answer(struct worker *worker, bool *out_is_taken) {
    struct channel_packet packet;
    int rc = channel_receive(worker->giver.channel[0], &packet, NULL, 0);

    if (rc < 0 && errno == EAGAIN)
        return 0;
    if (rc <= 0)
        return -1;
    if (packet.fd >= 0)
        close(packet.fd);
    if (packet.kind != CHANNEL_TAKEN && packet.kind != CHANNEL_REFUSED)
        return -1;
    *out_is_taken = packet.kind == CHANNEL_TAKEN;
    worker->giver.has_given |= *out_is_taken;
    return 1;
}

/* ---- blocking ---- */

/* False when it is not so in time. */
static bool wait_for(struct worker *worker, short events) {
    struct pollfd watch = { .fd = giver_channel(worker), .events = events };
    uint64_t now_ms = clock_now_ms(), until_ms = now_ms + CHANNEL_ANSWER_MS;
    bool was_cut = false;

    for (; now_ms < until_ms; now_ms = clock_now_ms()) {
        if (poll(&watch, 1, LOOK_MS) > 0)
            return true;
        if (worker_is_cut() && !was_cut && now_ms + CHANNEL_CUT_MS < until_ms)
            until_ms = now_ms + CHANNEL_CUT_MS;
        was_cut = worker_is_cut();
    }
    return false;
}

/* True when the answer is that it is taken. */
static bool is_taken(struct worker *worker) {
    bool taken = false;
    int rc;

    while ((rc = giver_answer(worker, &taken)) == 0)
        if (!wait_for(worker, POLLIN)) {
            giver_withdraw(worker);
            rc = giver_answer(worker, &taken);
            break;
        }
    return rc == 1 && taken;
}

static enum giver_result send_parcel(struct connection *connection) {
    struct worker *worker = connection->session.worker;
    enum giver_result result = giver_offer(connection);

    while (result == GIVER_BUSY && wait_for(worker, POLLOUT))
        result = giver_push(worker);
    return result;
}

bool giver_pass(struct connection *connection) {
    struct worker *worker = connection->session.worker;
    enum giver_result result = GIVER_ENDED;
    bool taken = false;

    pthread_mutex_lock(&worker->giver.lock);
    while (giver_is_open(worker) && result != GIVER_STAYS && !taken) {
        result = send_parcel(connection);
        if (result == GIVER_STAYS)
            break;
        /* One that has not gone out whole can have no answer. */
        taken = result == GIVER_SENT && is_taken(worker);
        if (!taken)
            giver_next(worker);
    }
    pthread_mutex_unlock(&worker->giver.lock);
    return taken;
}
