#ifndef WORKERS_SERVICES_CHAT_CHAT_FAN_H
#define WORKERS_SERVICES_CHAT_CHAT_FAN_H

/*
 * From the bus to the members. Those who are in step get all that a turn brought in one write,
 * written once for each voice. Whoever lags is served by himself, from where he stands:
 *
 *     in step --too much unread--> lagging --all out--> caught up: in step
 *                                    |         `--the history has gone on--> "missed N messages"
 *                                    `--far too much--> cut, with the reason
 */

#include "workers/services/chat/chat_member.h"

/* The mail hook. */
bool chat_fan_mail(struct post *post);

/* The writable hook: he has read all he was sent, or comes from another worker. */
void chat_fan_writable(struct session *session);

/* The tick hook's part: those who could not be written to, and how many joined and left. */
void chat_fan_tick(struct post *post);

/* Give him what he has not heard yet, as far as the post has read. */
void chat_fan_catch_up(struct session *session);

/* Show him up to n (200 at most) of what was said before record `until`. Returns how many. */
unsigned chat_fan_replay(struct session *session, unsigned n, uint64_t until);

#define CHAT_REPLAY_MOST 200

#endif
