#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SENDING_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_SENDING_H

/*
 * A client's conversation with a message log: a login, messages, goodbye. For commands: it blocks,
 * within limits.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/settings.h"
#include "shared/talk.h"

struct message_log_sending {
    /* The caller's. */
    struct talk talk;
    const struct dial_target *target;  /* whom it talks to */
    const char *name;                  /* "": none */
    const struct setting_texts *given; /* NULL: what line_editor_next() says */
    uint64_t timeout_ms;               /* for each sign of progress */
    bool wants_ack;                    /* the server has to acknowledge each message */
    struct complaint *complaint;
    /* Its own; zero at first. */
    uint64_t sent;       /* messages, the login not counted */
    uint64_t owed, paid; /* all that can be acknowledged, and what was */
    uint64_t progress_at_ms;
    unsigned given_at;
    bool has_ended; /* nothing more is to be sent */
};

/*
 * Send all there is, up to "end" or the end of the input, and say goodbye. Returns an exit code:
 * 0, or with the complaint 2, 69 when the server closes, 124 when it makes no progress, 130.
 */
int message_log_sending_run(struct message_log_sending *sending);

/* How many messages were acknowledged for certain. */
uint64_t message_log_sending_count_acknowledged(const struct message_log_sending *sending);

#endif
