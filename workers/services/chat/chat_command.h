#ifndef WORKERS_SERVICES_CHAT_CHAT_COMMAND_H
#define WORKERS_SERVICES_CHAT_CHAT_COMMAND_H

/*
 * What a person writes: text, or a command behind a slash. Two slashes are text that begins with
 * one. `end` says goodbye, as the lab's other client does. Pure.
 */

#include "workers/services/chat/chat_json.h"

enum chat_command_result {
    CHAT_COMMAND_OK,
    CHAT_COMMAND_UNKNOWN, /* out->name is the word */
    CHAT_COMMAND_USAGE,   /* out->verb is what was meant */
};

/* Texts of *out lie in the line. */
enum chat_command_result chat_command_read(struct chat_request *out, const char *line, size_t len);

#endif
