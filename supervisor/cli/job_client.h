#ifndef SUPERVISOR_CLI_JOB_CLIENT_H
#define SUPERVISOR_CLI_JOB_CLIENT_H

/*
 * A question about a job that is asked until it is answered. A job outlives the daemon that runs
 * it, and so does who waits for it: when the connection is lost, the same question is asked again
 * as soon as somebody answers, a result from the byte where it broke off, a new job with the token
 * that lets the daemon know it again. So nothing is lost on stdout, and nothing doubled.
 *
 *     TALKING --lost--> AWAY --somebody answers--> TALKING --done--> the exit code
 *                       AWAY --patience is over--> 69
 *     either --SIGINT, SIGTERM, SIGHUP--> 130, 143: the job is left to itself
 *
 * Blocks. All that goes wrong is told here, in one line on stderr.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/cmd.h"

struct job_client_options {
    const char *control; /* NULL: $PREFORK_CONTROL, then the usual place */
    uint64_t patience_ms;
};

/* The rows of these options in a verb's table. */
#define JOB_CLIENT_SETTINGS(values_type, member)                                                   \
    { .name = "control",                                                                           \
        .type = SETTING_TEXT,                                                                      \
        .offset = offsetof(values_type, member.control),                                           \
        .operand = "SOCKET",                                                                       \
        .fallback_words = "$PREFORK_CONTROL, else /run/preforkd/control.sock",                     \
        .help = "the control socket of the daemon" },                                              \
    {                                                                                              \
        .name = "patience", .type = SETTING_DURATION,                                              \
        .offset = offsetof(values_type, member.patience_ms), .operand = "TIME", .fallback = "30s", \
        .min = 1, .max = UINT64_MAX / 2000000u,                                                    \
        .help = "how long to wait for a daemon that went away or does not answer"                  \
    }

struct job_client {
    const struct cmd *cmd;
    const struct job_client_options *options;
    uint64_t timeout_ms; /* for the whole; 0: none */
    const char *verb;
    json_t *args; /* the caller's; asked again as they are */
    /*
     * The answer has the bytes of a result: they go to stdout. Once the id is known, what is lost
     * is asked for with job.result.
     */
    bool is_stream;
    uint64_t id;   /* of the job; 0: the answer says it */
    uint64_t from; /* bytes of the result that need not come; moves with what is written */
    /*
     * Each line of the answer but the last and words of progress, and of a stream that takes its
     * time the lines of job.wait; NULL: not wanted.
     */
    void (*line)(void *owner, json_t *line);
    void *owner;
};

/*
 * Ask, until done. SIGINT, SIGTERM and SIGHUP are taken over and SIGPIPE is ignored from here on.
 * Returns the exit code.
 */
int job_client_ask(struct job_client *client);

#endif
