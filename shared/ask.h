#ifndef SHARED_ASK_H
#define SHARED_ASK_H

/*
 * Ask the person at the terminal: "Port [8004]: ". An empty line takes the default; what is typed
 * is checked, three times at most. Nobody is asked when stdin is no terminal, or who asked not to
 * be: then the default counts. For commands: it blocks. Questions go to stderr, since stdout is for
 * data.
 */

#include <stdbool.h>
#include <stddef.h>

#include "shared/dial.h"

/* The words for people are Russian: by LC_ALL, LC_MESSAGES or LANG, whichever is first set. */
bool ask_is_russian(void);

struct ask_question {
    const char *words;    /* "Port" */
    const char *fallback; /* shown in brackets; "": nothing is shown */
    /* Returns 0, or -1 with what is wrong. */
    int (*check)(void *owner, const char *text, struct complaint *complaint);
    void *owner;
};

/*
 * Returns an exit code: 0 when something that check() liked was given; with the complaint 2 after
 * three that it did not, 1 when the person ended the input.
 */
int ask_person(const struct ask_question *question, struct complaint *complaint);

/* Where a client is to connect to, when the command line does not say it all. */
struct ask_target {
    const char *service;     /* of dial_target */
    const char *host, *port; /* the defaults */
    bool is_udp;
    bool is_silent; /* nobody is to be asked */
    bool is_russian;
};

/*
 * Read the operands, "HOST PORT", "HOST", a URL or nothing, and ask for the rest.
 * Returns an exit code: 0, or with the complaint 1 or 2.
 */
int ask_where(const struct ask_target *ask, const char *const *operands, int count,
    struct dial_target *out, struct complaint *complaint);

#endif
