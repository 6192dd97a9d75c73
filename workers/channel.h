#ifndef WORKERS_CHANNEL_H
#define WORKERS_CHANNEL_H

/*
 * How sessions go from an old worker to a new one: packets over a SOCK_SEQPACKET pair that the
 * supervisor made for these two. giver.h is the old one's end, taker.h the new one's.
 *
 *   old: COUNT n                            so many may come; at once, when it is not in a hook
 *   old: SESSION + descriptor, MORE …       one parcel, in pieces; its session rests from now on
 *   new:                   TAKEN | REFUSED  one for each parcel, in their order
 *   either: the end                         nothing more; always clean
 *
 * A session rests while its parcel is under way: neither reads nor writes it. Who has it:
 *
 *   until TAKEN is in the channel   the old worker. REFUSED, the end, or what is no packet: it goes
 *                                   on serving it as if nothing had been.
 *   from then on                    the new one, and it alone touches the descriptor. If TAKEN does
 *                                   not go into the channel, it forgets the session.
 *
 * So the old one has to know whether TAKEN went in. When it has waited for too long it shuts its
 * reading side: the kernel lets no packet in after that, and what went in before is read still. A
 * kill of either costs at most the sessions that the killed one had.
 *
 * The gate's slot carries the row of who has the session. The new one moves it to its own row
 * right after TAKEN, and nobody ever writes another's row, so that each is found when its worker
 * is reaped. The old one stays until the new one has closed the channel: then all are moved.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHANNEL_PIECE_BYTES 32768
/* How long the old one may say nothing before the room that is kept for it is others' again. */
#define CHANNEL_SILENCE_MS 100
/*
 * How long the new one may not answer a parcel, or not read it: a machine with too much to do is
 * slow, and what is not handed over will be cut some day. Less when that day has come.
 */
#define CHANNEL_ANSWER_MS 3000
#define CHANNEL_CUT_MS    1000

enum channel_kind {
    CHANNEL_COUNT = 1, /* value: how many sessions may come */
    CHANNEL_SESSION,   /* value: bytes of the parcel; the first piece of it, and the descriptor */
    CHANNEL_MORE,      /* value: where this piece belongs */
    CHANNEL_TAKEN,
    CHANNEL_REFUSED,
    CHANNEL_KINDS,
};

struct channel_packet {
    enum channel_kind kind;
    uint64_t value;
    size_t len; /* of the piece */
    int fd;     /* -1: none */
};

/*
 * Send a packet; the descriptor stays open here. Does not block.
 * Returns 0, or -1 with errno: EAGAIN when there is no room, else nobody will read it.
 */
int channel_send(int channel, const struct channel_packet *packet, const void *piece);

/*
 * Receive one; its piece goes into piece, at most size bytes; its descriptor is the caller's. Does
 * not block. Returns 1, 0 at the end, or -1 with errno: EAGAIN when there is none, EPROTO when
 * it was no packet, or a longer one (then its descriptors are closed).
 */
int channel_receive(int channel, struct channel_packet *out, void *piece, size_t size);

#endif
