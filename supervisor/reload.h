#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

/*
 * Reload by readiness. What runs is not touched until everything new has proved itself: the files
 * are good, the sockets are bound, and of each service that changes one worker of the new
 * configuration, the pilot, is READY with its door held shut. Then all of it counts at once, or
 * nothing does.
 *
 *   IDLE --asked--> READING --good--> WAITING --room--> PROVING --all READY--> REPLACING --> IDLE
 *                      |                 |                 |
 *                      +--- bad ---------+--- cannot be ---+--> IDLE, and all is as before
 *
 * WAITING: a service has max_generations of workers alive, or is STOPPING. REPLACING: the new
 * configuration counts; the other workers are replaced one for one, each new one READY before its
 * old one is told to hand its sessions over and leave.
 *
 * A service that is tried is a "candidate": a service in a place of its own, not on the list, with
 * the new configuration, the sockets it will have, and the pilot. It is joined with the service
 * that runs, becomes a service itself when there was none, or is given up.
 *
 * Each question gets the number of the run that answers it: what is asked while a run is under way
 * is answered by the next one, however many ask. Parent only; nothing here blocks, but for reading
 * files that were just found good.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/loop.h"
#include "supervisor/reload_diff.h"
#include "supervisor/reload_read.h"

struct service;
struct supervisor;

enum reload_state {
    RELOAD_IDLE,
    RELOAD_READING,
    RELOAD_WAITING,
    RELOAD_PROVING,
    RELOAD_REPLACING,
};

/* What a run came to. */
struct reload_verdict {
    uint64_t run;       /* 0: there was none yet */
    int exit_code;      /* 0; 78: the files; 1: it could not be brought up; 3: not all is up yet */
    uint64_t at_unix_s; /* when it was known */
    uint64_t took_us;   /* from the start of the run */
    char error[512];    /* ""; the first line of what was wrong */
    char *complaints;   /* all lines, of the files, warnings too; NULL */
    struct reload_plan plan;
};

enum reload_kind { RELOAD_REAL, RELOAD_DRY };

struct reload {
    enum reload_state state;
    enum reload_kind kind;
    uint64_t run, last_run;
    uint64_t asked[2]; /* by kind: the run that is to come; 0: none */
    uint64_t started_at_ns, deadline_ns;
    struct reload_read reading;
    struct loop_watch read_watch;
    struct config *config;  /* the new one, until it counts */
    struct config *retired; /* old ones that a service still uses */
    char *complaints;
    struct reload_plan plan;
    struct service *candidate[2 * CONFIG_SERVICES_MAX]; /* by change; NULL: none */
    uint32_t old_log_writer; /* generation of the one whose settings are old; 0: none */
    char progress[256];
    struct reload_verdict verdict[2]; /* by kind: the last one */
};

/* Ask for a reload, or only for what it would do. Returns the number of the run that answers. */
uint64_t reload_ask(struct supervisor *supervisor, enum reload_kind kind);

/* The verdict of that run or a later one; NULL: it is not there yet. */
const struct reload_verdict *reload_answer(
    const struct supervisor *supervisor, enum reload_kind kind, uint64_t run);

/* Go on, as far as things are; each turn. */
void reload_tend(struct supervisor *supervisor);

/* When reload_tend() has to be called at the latest. */
uint64_t reload_next_at_ns(const struct supervisor *supervisor);

/* The daemon stops: give up what is under way. */
void reload_abort(struct supervisor *supervisor);

#endif
