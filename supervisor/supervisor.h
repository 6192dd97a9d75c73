#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

/*
 * The supervisor: one loop over signals, children, timers and the control socket. It reads no
 * client's byte, never blocks, and outlives any child. Parent only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/log.h"
#include "shared/loop.h"
#include "shared/scoreboard.h"
#include "supervisor/child.h"
#include "supervisor/config.h"
#include "supervisor/jobs_keeper.h"
#include "supervisor/log_lanes.h"
#include "supervisor/reload.h"
#include "supervisor/service.h"

/* Those of a configuration, and as many that are on their way in or out. */
#define SUPERVISOR_SERVICES_MAX (2 * CONFIG_SERVICES_MAX)

struct control;
struct pidfh;
struct supervisor_reopen;

struct supervisor {
    struct loop *loop;
    struct config *config;
    struct scoreboard *board;
    struct service *service[SUPERVISOR_SERVICES_MAX]; /* by name: service_list.h */
    unsigned service_count;
    struct service place[SUPERVISOR_SERVICES_MAX];
    /* By row; the last two are the log writer's and the job supervisor's. */
    struct child child[SCOREBOARD_ROWS + 2];
    struct commons_room *rooms; /* that there are; and memory with an owner: commons.h */
    struct commons_owner *owners;
    struct log_lanes lanes;
    struct child *log_writer; /* NULL while there is none */
    struct jobs_keeper jobs;
    struct control *control;
    struct reload reload;
    uint64_t started_at_ns;
    uint32_t generation; /* of the configuration: 1, and one more for each reload */
    uint32_t next_child_generation;
    int64_t started_at_unix_s;
    bool is_foreground, has_console;
    enum log_format log_format;
    bool log_to_terminal; /* no log file: records are for a person */
    struct backoff log_backoff;
    struct loop_watch signal_watch;
    int signal_fd;
    int detached_fd; /* tells who started us that we serve; -1: nobody waits, or it is told */
    struct pidfh *pid_file;            /* NULL: none */
    struct supervisor_reopen *reopens; /* who waits for the log file to be reopened */
    uint64_t next_reopen;
    bool is_stopping, is_fast;
    bool is_said_started; /* on the console */
    uint64_t now_ns;      /* of this turn */
    _Alignas(max_align_t) char loop_place[];
};

/*
 * Serve until told to stop. Takes over the process: signals, descriptors, title; becomes the
 * parent of all workers. console: the console is wished for. Parent only, once; blocks.
 * Takes config over. Returns the exit code.
 */
int supervisor_run(struct config *config, bool is_foreground, bool has_console);

/*
 * Give back all this memory, which the supervisor goes on writing, so that each page of it would
 * become a copy of the child's own. Child only, when it has taken what it needs.
 */
void supervisor_forget(struct supervisor *supervisor);

/* Put a new child's descriptors into the loop. */
void supervisor_watch_child(struct supervisor *supervisor, struct child *child);

/* Stop everything: gracefully, or at once. The loop ends when the last child is gone. */
void supervisor_stop(struct supervisor *supervisor, bool fast);

/*
 * Have the log file reopened; done(owner, errno) is called when no byte will go to the old one.
 * Does not block.
 */
void supervisor_reopen_logs(
    struct supervisor *supervisor, void (*done)(void *owner, int error), void *owner);

/* The service called name, or NULL. */
struct service *supervisor_find_service(struct supervisor *supervisor, const char *name);

/*
 * Something happened: a record in the log and a line to those who follow events. service and
 * child may be NULL; a child that serves nobody has a service's name of its own. fields as in
 * shared/log.h; they end with a NULL key.
 */
void supervisor_note(struct supervisor *supervisor, const struct service *service,
    const struct child *child, int level, const char *event, const struct log_field *fields,
    const char *format, ...) __attribute__((format(printf, 7, 8)));

#endif
