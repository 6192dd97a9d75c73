#ifndef SUPERVISOR_JOBS_PEERS_H
#define SUPERVISOR_JOBS_PEERS_H

/*
 * All who ask about jobs at a time: bounded in number, in all and for each user, so that nobody
 * takes all places. Job supervisor only; never blocks on a peer.
 */

#include <stdint.h>

#include "shared/loop.h"

#define PEERS_MAX      256u
#define PEERS_MAX_USER 64u /* of one user who is not admin; admin finds the rest */

struct book;
struct peers;

/* All are borrowed; *now_ns is the time of each turn. Returns NULL with errno. */
struct peers *peers_new(struct book *book, struct loop *loop, const uint64_t *now_ns);

/* Take a connection over, with the file of what was read from it. Both are the peers' now. */
void peers_add(struct peers *peers, int fd, int bytes_fd);

/* Go on with whoever something moved for. At the end of each turn. */
void peers_tend(struct peers *peers);

/* For how long the loop may wait at most; -1: for ever. */
int peers_patience_ms(const struct peers *peers);

/* Nobody will answer any more: say so, and close all. */
void peers_free(struct peers *peers);

#endif
