#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SPEAKER_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SPEAKER_H

/*
 * What is known of somebody who sends messages, over a stream or by datagrams: who he is, and how
 * fast he may go on. So many messages at once, then so many a second. Pure.
 */

#include "workers/services/message_log/message_log_text.h"

struct message_log_speaker {
    struct message_log_login login;
    uint64_t full_at_us; /* when he may send a whole burst again */
    uint64_t records;    /* made of what he said */
    uint64_t dropped;    /* datagrams of his, since that was told last */
};

struct message_log_rate {
    uint64_t burst, per_s; /* per_s 0: as fast as they come */
};

/* He has sent one. Returns how many milliseconds the next has to wait; 0: none. */
uint64_t message_log_speaker_spend(
    struct message_log_speaker *speaker, const struct message_log_rate *rate, uint64_t now_ms);

/* As spend, but only if it may come now. Returns false when it may not. */
bool message_log_speaker_may(
    struct message_log_speaker *speaker, const struct message_log_rate *rate, uint64_t now_ms);

#endif
