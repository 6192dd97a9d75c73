/*
 * The socket is non-blocking and both directions move at once: a message longer than all buffers
 * on the way would else stop both sides for ever.
 */
#include "workers/services/echo/echo_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"

#define QUOTE        40
#define LAST_WORD_MS 1000u

static uint64_t end_of(const struct echo_client *client) {
    return clock_now_ms() + client->timeout_ms;
}

int echo_client_open(
    struct echo_client *client, const struct dial_target *target, struct complaint *complaint) {
    client->target = *target;
    return dial_open(target, client->timeout_ms, &client->fd, complaint);
}

void echo_client_close(struct echo_client *client) {
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    free(client->reply);
    free(client->before);
    client->reply = client->before = NULL;
}

/* ---- one message ---- */

/* The bytes stand there as they are: whoever shows the complaint escapes it. */
static int refuse_bytes(const struct echo_client *client, const char *data, size_t at, size_t len,
    struct complaint *complaint) {
    const size_t sent = len - at, there = client->reply_len - at;

    complaint_set(complaint, "byte %zu differs: \"%.*s\" was sent, \"%.*s\" came back", at + 1,
        (int)(sent < QUOTE ? sent : QUOTE), data + at, (int)(there < QUOTE ? there : QUOTE),
        client->reply + at);
    return EXIT_CODE_DATA;
}

/* The first byte in which the reply, as far as it goes, is not data; reply_len when none. */
static size_t first_difference(
    const struct echo_client *client, const char *data, size_t len, size_t from) {
    size_t at = from;

    while (at < client->reply_len && at < len && client->reply[at] == data[at])
        at++;
    return at;
}

static int refuse_broken(const struct echo_client *client, int error, size_t got, size_t len,
    struct complaint *complaint) {
    if (error == ECONNREFUSED)
        return dial_refuse_absent(&client->target, complaint);
    if (error == 0)
        complaint_set(complaint, "the peer closed after %zu of %zu bytes were back", got, len);
    else
        complaint_set(complaint, "%s after %zu of %zu bytes were back", strerror(error), got, len);
    return EXIT_CODE_UNAVAILABLE;
}

static int refuse_late(const struct echo_client *client, size_t len, struct complaint *complaint) {
    complaint_set(complaint, "no answer: %zu of %zu bytes were back after %llu ms",
        client->reply_len, len, (unsigned long long)client->timeout_ms);
    return EXIT_CODE_TIME_LIMIT;
}

static int make_room(struct echo_client *client, size_t len, struct complaint *complaint) {
    char *bigger;

    client->reply_len = 0;
    if (client->reply_room >= len)
        return 0;
    bigger = realloc(client->reply, len);
    if (bigger == NULL)
        return complaint_set(complaint, "no memory for %zu bytes", len);
    client->reply = bigger;
    client->reply_room = len;
    return 0;
}

/* Read what is there, and compare. Returns EXIT_CODE_OK to go on. */
static int receive_part(
    struct echo_client *client, const char *data, size_t len, struct complaint *complaint) {
    const size_t before = client->reply_len;
    ssize_t n = recv(client->fd, client->reply + before, len - before, 0);
    size_t at;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return EXIT_CODE_OK;
    if (n <= 0)
        return refuse_broken(client, n < 0 ? errno : 0, before, len, complaint);
    client->reply_len += (size_t)n;
    at = first_difference(client, data, len, before);
    return at < client->reply_len ? refuse_bytes(client, data, at, len, complaint) : EXIT_CODE_OK;
}

static int exchange_stream(
    struct echo_client *client, const char *data, size_t len, struct complaint *complaint) {
    const uint64_t end_ms = end_of(client);
    size_t sent = 0;
    int exit_code = EXIT_CODE_OK;
    short ready;
    ssize_t n;

    while (exit_code == EXIT_CODE_OK && client->reply_len < len) {
        if (sent < len) {
            n = send(client->fd, data + sent, len - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            /* A peer that closed may have said why: read on until its end. */
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                sent = len;
        }
        ready = dial_wait(client->fd, (short)(POLLIN | (sent < len ? POLLOUT : 0)), end_ms);
        if (ready == 0)
            return refuse_late(client, len, complaint);
        if (ready & ~POLLOUT)
            exit_code = receive_part(client, data, len, complaint);
    }
    return exit_code;
}

/* One datagram that came. Returns true when it is an answer to an earlier one. */
static bool is_late(const struct echo_client *client) {
    return client->before != NULL && client->reply_len == client->before_len &&
           memcmp(client->reply, client->before, client->before_len) == 0;
}

/* Returns an exit code; TIME_LIMIT without a complaint when nothing came. */
static int receive_datagram(
    struct echo_client *client, const char *data, size_t len, struct complaint *complaint) {
    const uint64_t end_ms = end_of(client);
    ssize_t n;
    size_t at;

    while (dial_wait(client->fd, POLLIN, end_ms) != 0) {
        n = recv(client->fd, client->reply, client->reply_room, MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return refuse_broken(client, errno, 0, len, complaint);
        client->reply_len = (size_t)n < client->reply_room ? (size_t)n : client->reply_room;
        at = first_difference(client, data, len, 0);
        if ((size_t)n == len && at == len)
            return EXIT_CODE_OK;
        if (is_late(client))
            continue;
        if (at < client->reply_len && at < len)
            return refuse_bytes(client, data, at, len, complaint);
        complaint_set(complaint, "%zu bytes were sent and %zd came back", len, n);
        return EXIT_CODE_DATA;
    }
    return EXIT_CODE_TIME_LIMIT;
}

/* What was sent more than once may be answered more than once. */
static void remember(struct echo_client *client, const char *data, size_t len, bool was_repeated) {
    free(client->before);
    client->before = was_repeated ? malloc(len + 1) : NULL;
    client->before_len = len;
    if (client->before != NULL)
        memcpy(client->before, data, len);
}

static int exchange_datagram(
    struct echo_client *client, const char *data, size_t len, struct complaint *complaint) {
    int exit_code = EXIT_CODE_TIME_LIMIT;
    unsigned tries = 0;

    for (; tries <= client->retries && exit_code == EXIT_CODE_TIME_LIMIT; tries++) {
        client->lost += tries > 0;
        client->sent_at_ns = clock_now_ns();
        if (send(client->fd, data, len, MSG_NOSIGNAL) < 0 && errno == EMSGSIZE) {
            complaint_set(complaint, "%zu bytes are too many for a datagram", len);
            return EXIT_CODE_USAGE;
        }
        exit_code = receive_datagram(client, data, len, complaint);
    }
    remember(client, data, len, tries > 1);
    if (exit_code != EXIT_CODE_TIME_LIMIT)
        return exit_code;
    client->lost++;
    complaint_set(complaint, "no answer: a datagram was sent %u times, %llu ms apart", tries,
        (unsigned long long)client->timeout_ms);
    return exit_code;
}

int echo_client_exchange(struct echo_client *client, const char *data, size_t len,
    uint64_t *out_rtt_ns, struct complaint *complaint) {
    int exit_code;

    if (make_room(client, len + 1, complaint) < 0)
        return EXIT_CODE_SYSTEM;
    client->sent_at_ns = clock_now_ns();
    exit_code = client->target.proto == NET_UDP ? exchange_datagram(client, data, len, complaint)
                                                : exchange_stream(client, data, len, complaint);
    *out_rtt_ns = clock_now_ns() - client->sent_at_ns;
    return exit_code;
}

int echo_client_finish(struct echo_client *client, struct complaint *complaint) {
    const uint64_t end_ms = clock_now_ms() +
                            (client->timeout_ms < LAST_WORD_MS ? client->timeout_ms : LAST_WORD_MS);
    char more[256];
    ssize_t n;

    if (client->target.proto == NET_UDP || shutdown(client->fd, SHUT_WR) < 0)
        return EXIT_CODE_OK;
    /* One that does not close is no liar: only bytes that nobody sent are wrong. */
    if (dial_wait(client->fd, POLLIN, end_ms) == 0)
        return EXIT_CODE_OK;
    n = recv(client->fd, more, sizeof(more), 0);
    if (n <= 0)
        return EXIT_CODE_OK;
    complaint_set(complaint, "%zd bytes or more came back that nobody sent", n);
    return EXIT_CODE_DATA;
}
