#ifndef WORKERS_SERVICES_CHAT_CHAT_DATAGRAMS_H
#define WORKERS_SERVICES_CHAT_CHAT_DATAGRAMS_H

/*
 * Members who speak by datagrams. Their table lies in memory that outlives its owner, the one
 * worker that reads the sockets; the next one goes on where it was, and gives nobody anything
 * twice.
 *
 *     unknown --a name, from a trusted net-----------------------> member
 *        `--a name--> /cookie XXXXXXXX --sent back with the name----^ |
 *                                                                     |
 *     gone <--/quit, or silent for udp_timeout (an empty datagram asks at three quarters of it)
 *
 * Who is not believed to be where he says gets at most three times the bytes that he sent.
 */

#include "workers/services/chat/chat_batch.h"
#include "workers/services/post.h"

size_t chat_datagrams_size(const void *settings);

/* The message hook, of a datagram. */
void chat_datagrams_take(struct session *session, const char *data, size_t len);

/* If this post owns them: what its predecessor had not sent; what there is new. */
void chat_datagrams_catch_up(struct post *post);
void chat_datagrams_hear(struct post *post, struct chat_batch *batch);
void chat_datagrams_show_crowd(struct post *post);

/* Leases, silence, and who was too fast. */
void chat_datagrams_tick(struct post *post, uint64_t now_ms);

/* Are datagrams from there believed? Pure. */
bool chat_datagrams_is_trusted(const struct net_address *peer, unsigned trust);

#endif
