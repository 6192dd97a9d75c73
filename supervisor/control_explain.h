#ifndef SUPERVISOR_CONTROL_EXPLAIN_H
#define SUPERVISOR_CONTROL_EXPLAIN_H

/*
 * Why a service is as it is, as facts: the rules and counts that the pool's size follows from, its
 * deaths and when it is tried again, who holds a drain open, what waits, what was refused by which
 * limit, who is replaced and why. The words are made by whoever asks. Parent only; never blocks.
 */

#include <jansson.h>

struct service;
struct supervisor;

/* The object that `explain` answers with. */
json_t *control_explain_make(const struct service *service);

/*
 * The last deaths that nobody had wished for, oldest first, as far as the last events reach: those
 * of this event and this service, with ts, pid, words and reason.
 */
json_t *control_explain_make_deaths(
    const struct supervisor *supervisor, const char *event, const char *service);

#endif
