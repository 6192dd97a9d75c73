#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

/*
 * The supervisor's signals: one table with the signal, what the log calls it, the verb that does
 * the same, and the action. They are blocked and read from a descriptor in the loop; nothing runs
 * in a handler.
 */

#include <stddef.h>

struct supervisor;

struct signals_row {
    int number;
    const char *name;    /* "SIGTERM" */
    const char *verb;    /* "stop"; NULL: none */
    const char *meaning; /* for the manual page */
    void (*act)(struct supervisor *supervisor);
};

extern const struct signals_row signals_table[];
extern const size_t signals_count;

/* Block them all and watch them in the loop. Parent, once. Returns 0, or -1 with errno. */
int signals_watch(struct supervisor *supervisor);

#endif
