#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SENDERS_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SENDERS_H

/*
 * Who sends datagrams: a table in memory that outlives the worker that owns them, which is its
 * only writer. When it is full, who was silent longest is forgotten. What is found there is
 * checked: the writer may have been killed in the midst of a row.
 */

#include "workers/services/message_log/message_log_speaker.h"
#include "workers/services/session.h"

#define MESSAGE_LOG_SENDERS   1024u
#define MESSAGE_LOG_SILENT_MS 3600000u /* who said nothing for so long is a new one */

struct message_log_sender {
    struct session_path path;
    uint64_t seen_at_ms; /* 0: nobody */
    struct message_log_speaker speaker;
};

struct message_log_senders {
    struct message_log_sender row[MESSAGE_LOG_SENDERS];
};

/* The row of who sends from there; a new one is all zero but for its path. */
struct message_log_sender *message_log_senders_find(
    struct message_log_senders *senders, const struct session_path *path, uint64_t now_ms);

void message_log_senders_forget(struct message_log_sender *sender);

#endif
