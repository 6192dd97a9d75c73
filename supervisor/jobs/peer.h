#ifndef SUPERVISOR_JOBS_PEER_H
#define SUPERVISOR_JOBS_PEER_H

/*
 * Somebody who asks about jobs: bytes in, lines to his request, bytes out, all of it bounded. He
 * came over the control socket and was handed over with what he had said by then. While a question
 * is in hand, further lines wait, and when there are too many nothing more is read.
 *
 * Nothing is sent while events are looked at: peer_tend() at the end of the turn says all at once.
 * A peer that is gone is only marked (fd -1), since it may go in the midst of its own question.
 * Job supervisor only; never blocks on a peer.
 */

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/loop.h"
#include "supervisor/jobs/outlet.h"
#include "supervisor/jobs/request.h"

#define PEER_IDLE_S 60

struct peer {
    TAILQ_ENTRY(peer) link;
    struct loop *loop;
    const uint64_t *now_ns;
    struct loop_watch watch; /* fd -1: gone */
    uint32_t watched;        /* events */
    bool has_ended;          /* he will ask nothing more */
    bool is_leaving;         /* to be closed when all is out */
    bool is_touched;         /* something moved: he has a turn */
    char *in;
    size_t in_len, in_size;
    struct outlet outlet;
    uint64_t sent;        /* of the outlet's bytes, when it last moved */
    uint64_t moved_at_ns; /* when a byte last came or went */
    struct request request;
};

struct peer_args {
    struct book *book;
    struct loop *loop;
    const uint64_t *now_ns; /* of this turn of the loop */
    struct asker asker;
};

/*
 * Take over a connected socket, and bytes_fd, a file of what was read from it; that is closed. The
 * first lines are answered at once, as far as the outlet. Returns NULL with errno; the socket is
 * closed then.
 */
struct peer *peer_new(const struct peer_args *args, int fd, int bytes_fd);

void peer_free(struct peer *peer);
void peer_close(struct peer *peer);
bool peer_is_gone(const struct peer *peer);

/* Answer what is in hand by saying that nobody will, if that can be said, and close. */
void peer_dismiss(struct peer *peer);

/* Go on with what moved, and send. At the end of each turn. */
void peer_tend(struct peer *peer);

/* When he wants a turn though nothing moves. */
uint64_t peer_wake_at_ns(const struct peer *peer);

#endif
