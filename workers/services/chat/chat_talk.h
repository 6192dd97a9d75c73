#ifndef WORKERS_SERVICES_CHAT_CHAT_TALK_H
#define WORKERS_SERVICES_CHAT_CHAT_TALK_H

/* What a member over a stream sends: first who he is, then what he says and wants. */

#include "workers/services/session.h"

/* The message hook, of a stream. */
void chat_talk_message(struct session *session, const char *data, size_t len);

#endif
