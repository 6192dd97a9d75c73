#include "shared/talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RAW_PAUSE_MS 60u /* more than a classic peer needs between two reads */
#define READ_MOST    65536u
#define LINE_MOST    65536u

void talk_init(struct talk *talk, int fd, bool is_datagram, enum wire_mode mode) {
    *talk = (struct talk){ .fd = fd, .is_datagram = is_datagram, .rules = wire_rules_default };
    talk->rules.mode = mode;
    talk->rules.frame_max_bytes = WIRE_LENGTH_MAX;
    talk->rules.line_max_bytes = LINE_MOST;
    talk->rules.partial_ms = 0;
    wire_init(&talk->wire, &talk->rules);
}

void talk_fini(struct talk *talk) {
    if (talk->fd < 0)
        return;
    wire_fini(&talk->wire);
    close(talk->fd);
    free(talk->unsent);
    talk->fd = -1;
    talk->unsent = NULL;
    talk->unsent_at = talk->unsent_len = talk->unsent_size = 0;
}

/* ---- sending ---- */

bool talk_has_unsent(const struct talk *talk) {
    return talk->unsent_len > 0;
}

/* Room for len bytes behind what is kept. Returns 0, or -1 with errno. */
static int make_room(struct talk *talk, size_t len) {
    size_t wanted = talk->unsent_len + len;
    char *bigger;

    if (wanted > TALK_UNSENT_MOST) {
        errno = ENOBUFS;
        return -1;
    }
    if (talk->unsent_at > 0)
        memmove(talk->unsent, talk->unsent + talk->unsent_at, talk->unsent_len);
    talk->unsent_at = 0;
    if (wanted <= talk->unsent_size)
        return 0;
    wanted = wanted < 4096 ? 4096 : 2 * wanted;
    bigger = realloc(talk->unsent, wanted);
    if (bigger == NULL)
        return -1;
    talk->unsent = bigger;
    talk->unsent_size = wanted;
    return 0;
}

static int send_datagram(struct talk *talk, const char *text, size_t len) {
    /* What waited on the socket as an error belongs to an earlier one: try again. */
    if (send(talk->fd, text, len, MSG_NOSIGNAL) >= 0 ||
        (errno == ECONNREFUSED && send(talk->fd, text, len, MSG_NOSIGNAL) >= 0))
        return 0;
    return errno == EAGAIN || errno == ENOBUFS ? 0 : -1; /* lost, as on the way */
}

/* Write it behind what is kept. Returns 0, or -1 with errno. */
static int encode(struct talk *talk, const char *text, size_t len) {
    const enum wire_form form = wire_form(&talk->wire);
    size_t n = len;

    if (len > WIRE_LENGTH_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (make_room(talk, WIRE_ENCODE_MOST(len)) < 0)
        return -1;
    if (form == WIRE_FORM_RAW)
        memcpy(talk->unsent + talk->unsent_len, text, len);
    else
        n = wire_encode(form, talk->unsent + talk->unsent_len, text, len);
    talk->unsent_len += n;
    return n == 0 && len > 0 ? -1 : 0;
}

int talk_send(struct talk *talk, const char *text, size_t len, uint64_t now_ms) {
    talk->sent_at_ms = now_ms > 0 ? now_ms : 1;
    if (talk->is_datagram)
        return send_datagram(talk, text, len);
    if (encode(talk, text, len) < 0)
        return -1;
    return talk_flush(talk) < 0 ? -1 : 0;
}

int talk_flush(struct talk *talk) {
    ssize_t n;

    while (talk->unsent_len > 0) {
        n = send(talk->fd, talk->unsent + talk->unsent_at, talk->unsent_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        talk->unsent_at += (size_t)n;
        talk->unsent_len -= (size_t)n;
    }
    talk->unsent_at = 0;
    return 1;
}

uint64_t talk_send_due_ms(const struct talk *talk) {
    if (talk->is_datagram || wire_form(&talk->wire) != WIRE_FORM_RAW || talk->sent_at_ms == 0)
        return 0;
    return talk->sent_at_ms + RAW_PAUSE_MS;
}

void talk_finish(struct talk *talk) {
    if (!talk->is_datagram)
        shutdown(talk->fd, SHUT_WR);
}

/* ---- receiving ---- */

uint64_t talk_due_ms(const struct talk *talk) {
    return talk->is_datagram ? UINT64_MAX : wire_due_ms(&talk->wire);
}

/* Returns 1, or -1 with errno. */
static int give(struct talk *talk, struct wire_input *in,
    void (*take)(void *owner, const char *text, size_t len), void *owner) {
    struct wire_message message;
    enum wire_event event;

    while ((event = wire_next(&talk->wire, in, &message)) != WIRE_WANT) {
        if (event == WIRE_MESSAGE)
            take(owner, message.data, message.len);
        else if (event == WIRE_ANSWER)
            (void)send(talk->fd, message.data, message.len, MSG_NOSIGNAL);
        else if (event == WIRE_INCOMPLETE && wire_form(&talk->wire) != WIRE_FORM_FRAMED)
            take(owner, message.data, message.len);
        if (event == WIRE_NO_MEMORY) {
            errno = ENOMEM;
            return -1;
        }
        if (wire_event_is_last(event)) {
            errno = EPROTO;
            return event == WIRE_INCOMPLETE ? 1 : -1;
        }
    }
    return 1;
}

int talk_receive(struct talk *talk, uint64_t now_ms,
    void (*take)(void *owner, const char *text, size_t len), void *owner) {
    static char data[READ_MOST];
    const ssize_t n = recv(talk->fd, data, sizeof(data), 0);
    const bool is_none = n < 0 && (errno == EAGAIN || errno == EINTR);
    struct wire_input in = { .data = data, .len = n > 0 ? (size_t)n : 0, .now_ms = now_ms };

    if (n < 0 && !is_none)
        return -1;
    if (talk->is_datagram) {
        if (!is_none)
            take(owner, data, (size_t)n);
        return 1;
    }
    in.is_end = n == 0;
    if (give(talk, &in, take, owner) < 0)
        return -1;
    return n == 0 ? 0 : 1;
}
