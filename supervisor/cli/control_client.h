#ifndef SUPERVISOR_CLI_CONTROL_CLIENT_H
#define SUPERVISOR_CLI_CONTROL_CLIENT_H

/*
 * Ask the daemon, over its control socket. All that goes wrong is told here, in one line on
 * stderr, and becomes an exit code: nobody there 69, no right 77, no answer in time 124.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/cmd.h"

struct control_client_options {
    const char *control; /* NULL: $PREFORK_CONTROL, then the usual place */
    uint64_t timeout_ms; /* 0: none */
    bool json;
};

/* The rows of these options in a verb's table; limit is the default of --timeout, or NULL. */
#define CONTROL_CLIENT_SETTINGS(values_type, member, limit)                                 \
    { .name = "control",                                                                    \
        .type = SETTING_TEXT,                                                               \
        .offset = offsetof(values_type, member.control),                                    \
        .operand = "SOCKET",                                                                \
        .fallback_words = "$PREFORK_CONTROL, else /run/preforkd/control.sock",              \
        .help = "the control socket of the daemon" },                                       \
        { .name = "timeout",                                                                \
            .type = SETTING_DURATION,                                                       \
            .offset = offsetof(values_type, member.timeout_ms),                             \
            .operand = "TIME",                                                              \
            .fallback = (limit),                                                            \
            .fallback_words = (limit) == NULL ? "none" : NULL,                              \
            .help = "give up after this time" },                                            \
    {                                                                                       \
        .name = "json", .type = SETTING_BOOL, .offset = offsetof(values_type, member.json), \
        .help = "answer in JSON"                                                            \
    }

/* The same for verbs that wait until what they asked for has happened. */
#define CONTROL_CLIENT_NO_WAIT(values_type, member)                                       \
    {                                                                                     \
        .name = "no_wait", .type = SETTING_BOOL, .offset = offsetof(values_type, member), \
        .help = "do not wait for it"                                                      \
    }

struct control_client_question {
    const char *verb;
    json_t *args; /* taken; NULL: none */
    /* Each line of the answer but the last and progress; NULL: not wanted. */
    void (*line)(void *owner, json_t *object);
    void *owner;
    bool is_end;     /* the end of the daemon is the answer */
    bool is_endless; /* ends when nobody reads stdout any more */
    bool is_silent;  /* no complaint when nobody is there */
};

/* Ask and wait for the last line. Blocks. Returns the exit code. */
int control_client_ask(const struct cmd *cmd, const struct control_client_options *options,
    struct control_client_question *question);

/* The socket that would be asked. Borrowed. */
const char *control_client_path(const struct control_client_options *options);

/*
 * Say why no connection could be made to path; error is a number of errno, EAGAIN when the daemon
 * did not take it in time. Returns the exit code.
 */
int control_client_refuse(const struct cmd *cmd, const char *path, int error);

/* For question.line: print each object on stdout. */
void control_client_print_json(void *owner, json_t *object);

/* Ask for a change of a service and print what came of it. args is taken. */
int control_client_change(const struct cmd *cmd, const struct control_client_options *options,
    const char *verb, json_t *args);

#endif
