#ifndef TESTS_SYSTEM_RELOADS_H
#define TESTS_SYSTEM_RELOADS_H

/* Reloads of the daemon under test, and what is answered. */

#include <jansson.h>

struct reloads_verdict {
    int exit_code;
    const char *error; /* "" */
    json_t *object;    /* NULL: the answer had none */
};

/* The verdict in these lines, which are daemon_ask()'s. */
struct reloads_verdict reloads_read(json_t *lines);

/* Reload and wait. */
struct reloads_verdict reloads_ask(void);

/* Reload, wait, and CHECK that it was good. */
void reloads_do(void);

/* What was done with this service: "kept"; "not there". */
const char *reloads_action(const struct reloads_verdict *verdict, const char *name);

#endif
