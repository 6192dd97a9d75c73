/*
 * Messages into bytes. Those for a raw peer stand in the queue as wire_encode() wrote them, each
 * behind its newline: so the queue can be cut between two of them when it is known how many bytes
 * may go out, and the first newline of what goes out is left away when nothing was sent just
 * before.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shared/clock.h"
#include "shared/text_utf8.h"
#include "workers/connection.h"
#include "workers/dialect.h"
#include "workers/post.h"

#define SMALL_BYTES 1024
#define LOOK_MS     10 /* at what the peer's kernel has not taken */

int dialect_send(struct connection *connection, const char *text, size_t len) {
    const enum wire_form form = wire_form(&connection->dialect->wire);
    char small[WIRE_ENCODE_MOST(SMALL_BYTES)], *large = NULL;
    struct iovec piece = { .iov_base = small };
    int rc = -1, saved_errno;

    errno = EMSGSIZE;
    if (len > WIRE_LENGTH_MAX)
        return -1;
    if (len > SMALL_BYTES && (large = malloc(WIRE_ENCODE_MOST(len))) == NULL)
        return -1;
    if (large != NULL)
        piece.iov_base = large;
    piece.iov_len = wire_encode(form, piece.iov_base, text, len);
    if (piece.iov_len > 0)
        rc = connection_sendv(connection, &piece, 1);
    saved_errno = errno;
    free(large);
    errno = saved_errno;
    return rc;
}

/* Has the peer read what it was sent, as far as can be known? */
static bool has_read(const struct connection *connection, uint64_t now_ms) {
    const bool is_local = connection->session.proto == NET_UNIX;
    const uint64_t sent_at_ms = connection->dialect->wire.sent_at_ms;
    int bytes = 0;

    if (!is_local && now_ms < sent_at_ms + WIRE_RAW_SEND_GAP_MS)
        return false;
    return ioctl(connection->fd, SIOCOUTQ, &bytes) < 0 || bytes == 0;
}

/* The longest part within most bytes that ends where a message does; 0: the first one is longer. */
static size_t cut(const char *data, size_t len, size_t most) {
    if (len <= most)
        return len;
    for (size_t n = most; n > 0; n--)
        if (data[n] == '\n')
            return n;
    return 0;
}

/* Much may have been sent to others since the turn began: the peer has its time from now on. */
static size_t begin_send(struct connection *connection, uint64_t now_ms) {
    const uint64_t late_ms = clock_now_ms();

    return wire_begin_send(&connection->dialect->wire, late_ms > now_ms ? late_ms : now_ms);
}

static size_t begin_piece(struct connection *connection, uint64_t now_ms, size_t *out_skip) {
    struct dialect *dialect = connection->dialect;
    const char *data = connection->unsent + connection->unsent_at;
    const size_t len = connection_count_unsent(connection), most = WIRE_RAW_SEND_MAX;
    size_t n = dialect->window < most ? cut(data, len, most - dialect->window) : 0;

    if (n == 0 && dialect->window > 0 && has_read(connection, now_ms)) {
        dialect->window = 0;
        n = cut(data, len, most);
    }
    /* What nobody should have sent as one message: between two characters. */
    if (n == 0 && dialect->window == 0)
        n = text_utf8_cut(data, len, most);
    if (n == 0)
        return 0;
    dialect->window += n;
    *out_skip = begin_send(connection, now_ms) > 0 && data[0] == '\n' ? 1 : 0;
    return n - *out_skip;
}

size_t dialect_allow(struct connection *connection, size_t *out_skip) {
    struct dialect *dialect = connection->dialect;
    const uint64_t now_ms = *connection->post->now_ns / 1000000;
    uint64_t due_ms;

    *out_skip = 0;
    dialect->pace_due_ms = 0;
    if (dialect->piece > 0)
        return dialect->piece;
    if (!dialect_is_paced(dialect))
        return connection_count_unsent(connection);
    dialect->piece = begin_piece(connection, now_ms, out_skip);
    if (dialect->piece > 0 || *out_skip > 0)
        return dialect->piece;
    due_ms = dialect->wire.sent_at_ms + WIRE_RAW_SEND_GAP_MS;
    dialect->pace_due_ms = due_ms > now_ms ? due_ms : now_ms + LOOK_MS;
    return 0;
}

void dialect_sent(struct dialect *dialect, size_t n) {
    dialect->piece -= n < dialect->piece ? n : dialect->piece;
}
