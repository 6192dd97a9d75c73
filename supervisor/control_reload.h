#ifndef SUPERVISOR_CONTROL_RELOAD_H
#define SUPERVISOR_CONTROL_RELOAD_H

/* The verbs reload and diff: ask for a run, and tell its verdict. Parent only; never blocks. */

#include <jansson.h>

struct control_request;
struct reload_verdict;
struct supervisor;

void control_reload_ask(struct control_request *request);
void control_reload_look(struct control_request *request);

/* What a reload would do. */
void control_reload_ask_diff(struct control_request *request);
void control_reload_look_diff(struct control_request *request);

/* The last reload, for the status: an object, or null when there was none. */
json_t *control_reload_make_last(const struct supervisor *supervisor);

#endif
