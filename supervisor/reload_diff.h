#ifndef SUPERVISOR_RELOAD_DIFF_H
#define SUPERVISOR_RELOAD_DIFF_H

/*
 * What differs between the configuration that runs and another one, and what has to be done about
 * it: as little as is needed. Pure; the texts are copies.
 */

#include <stdbool.h>

#include "supervisor/config.h"

enum reload_action {
    RELOAD_KEEP,    /* nothing differs: workers and sockets stay */
    RELOAD_ADJUST,  /* only the supervisor has to know: workers stay */
    RELOAD_REPLACE, /* new workers for old */
    RELOAD_ADD,
    RELOAD_REMOVE,
};

/* "kept", "adjusted" and so on; of a job "changed", for "adjusted". */
const char *reload_action_name(enum reload_action action);
const char *reload_job_action_name(enum reload_action action);

#define RELOAD_WORDS_MAX 240

struct reload_change {
    char name[CONFIG_NAME_MAX];
    enum reload_action action;
    char words[RELOAD_WORDS_MAX]; /* "max_requests: 0 -> 100; nice: 0 -> 5"; cut with "..." */
    const struct config_service *was, *is; /* NULL: there is none */
};

/* What becomes of a defined job: KEEP, ADJUST, ADD or REMOVE. */
struct reload_job_change {
    char name[CONFIG_NAME_MAX];
    enum reload_action action;
    char words[RELOAD_WORDS_MAX];
};

/* What becomes of the job supervisor. */
enum reload_jobs {
    RELOAD_JOBS_KEEP,    /* nothing differs that it has to know */
    RELOAD_JOBS_TELL,    /* it gets the new text */
    RELOAD_JOBS_RESTART, /* another one: it is to be somebody else, elsewhere, or log otherwise */
    RELOAD_JOBS_START,   /* there was none */
    RELOAD_JOBS_STOP,    /* there is to be none */
};

/* "kept", "told" and so on. */
const char *reload_jobs_name(enum reload_jobs jobs);

struct reload_plan {
    struct reload_change change[2 * CONFIG_SERVICES_MAX]; /* by name */
    unsigned count;
    struct reload_job_change job[2 * CONFIG_JOBS_MAX]; /* by name */
    unsigned job_count;
    enum reload_jobs jobs;
    bool has_jobs;                       /* there is a job supervisor, now or then */
    bool jobs_differs;                   /* jobs is not KEEP */
    bool log_differs;                    /* the log writer has to be replaced */
    char daemon_words[RELOAD_WORDS_MAX]; /* the daemon's keys that differ */
    char later_words[RELOAD_WORDS_MAX];  /* those that count from the next start on; "" */
};

void reload_diff(
    struct reload_plan *plan, const struct config *running, const struct config *wanted);

/* Does anything differ that counts before the next start? */
bool reload_diff_has_any(const struct reload_plan *plan);

#endif
