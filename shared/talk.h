#ifndef SHARED_TALK_H
#define SHARED_TALK_H

/*
 * A client's end of a conversation in messages: the wire of wire.h over a socket that does not
 * block. One thread; the caller waits with poll(2), and owns the time.
 *
 *     talk_send(), talk_receive() ...   POLLOUT while talk_has_unsent(), POLLIN always
 *     the peer has ended --> talk_receive() returns 0: what is unsent is lost
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/wire.h"

#define TALK_UNSENT_MOST (4u << 20)

struct talk {
    int fd; /* -1: closed */
    bool is_datagram;
    struct wire_rules rules;
    struct wire wire; /* of streams */
    char *unsent;     /* NULL: none */
    size_t unsent_at, unsent_len, unsent_size;
    uint64_t sent_at_ms;
};

/* Take over a socket; mode is not WIRE_AUTO. It stays where it is until talk_fini(). */
void talk_init(struct talk *talk, int fd, bool is_datagram, enum wire_mode mode);

/* Close it; also one that is closed, or all zero but for fd -1. */
void talk_fini(struct talk *talk);

/*
 * Send one message, or keep it until the socket takes it. A raw one goes out as it is, as classic
 * clients do it. Returns 0, or -1 with errno: EMSGSIZE, ENOBUFS (too much is unsent), ENOMEM, or
 * what the socket says.
 */
int talk_send(struct talk *talk, const char *text, size_t len, uint64_t now_ms);

/* Send what is kept. Returns 1 when all is out, 0 when there is more, -1 with errno. */
int talk_flush(struct talk *talk);
bool talk_has_unsent(const struct talk *talk);

/*
 * When the next message may go out: a raw peer cannot tell two apart that come at once. 0: now.
 */
uint64_t talk_send_due_ms(const struct talk *talk);

/*
 * Read what is there, and give each message. Returns 1, 0 when the peer has ended, or -1 with
 * errno: EPROTO when it sends what is no message. Also to be called when talk_due_ms() has come.
 */
int talk_receive(struct talk *talk, uint64_t now_ms,
    void (*take)(void *owner, const char *text, size_t len), void *owner);
uint64_t talk_due_ms(const struct talk *talk);

/* Say that nothing more comes, when all is out. */
void talk_finish(struct talk *talk);

#endif
