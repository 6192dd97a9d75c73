#ifndef SUPERVISOR_JOBS_JOBS_H
#define SUPERVISOR_JOBS_JOBS_H

/*
 * "preforkd: jobs", the job supervisor: one child of the supervisor that holds many jobs at once
 * and a pool of warm workers that compute their chunks. It is told what to do by orders (peers of
 * the control socket that speak of jobs, another configuration, pings), and keeps everything that
 * must survive it in the spool folder: killed at any instant, the next one goes on where it was.
 *
 *   config --> book: jobs wanted, queued, running, ended <--> store: the spool folder
 *   clock  --> plan: which defined job is due            peers: what people ask
 *                         book --> runner: jobs in work, the pool of workers, fair shares
 */

#include <stdint.h>
#include <sys/types.h>

struct jobs_board;

struct jobs_args {
    const char *config_text; /* jobs_config.h */
    struct jobs_board *board;
    int order_fd; /* contract records */
    uint32_t generation;
    uint64_t life; /* of the daemon: tells one start of it from another */
};

/*
 * Serve until told to leave: SIGTERM drains (what is claimed is finished, up to graceful_timeout),
 * the end of the order stream ends at once. Child only, after child_setup; never returns.
 */
_Noreturn void jobs_main(const struct jobs_args *args);

#endif
