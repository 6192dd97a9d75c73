#ifndef SUPERVISOR_LOG_INTAKE_H
#define SUPERVISOR_LOG_INTAKE_H

/*
 * The lanes as the log writer sees them: the read ends of their pipes, watched in an epoll set of
 * their own, so that all of them can be left alone at once while the file takes nothing.
 * Log writer only; one thread.
 */

#include <stdbool.h>

#include "supervisor/log_capture.h"
#include "supervisor/log_lanes.h"
#include "supervisor/log_stage.h"

enum { LOG_INTAKE_RECORDS, LOG_INTAKE_OUT, LOG_INTAKE_ERR, LOG_INTAKE_STREAMS };

struct log_intake_lane {
    int record_fd; /* -1: none */
    struct log_capture capture[2];
    bool is_aside[2]; /* not watched: a line without its end is looked at now and then */
    const struct log_lane_name *name; /* shared: the supervisor may give the lane to another slot */
};

struct log_intake {
    int epoll_fd; /* readable when a lane has something */
    struct log_stage *stage;
    unsigned lane_count; /* indices in use lie below */
    unsigned open_count; /* pipes whose writers are not all gone */
    unsigned aside_count;
    bool takes_all; /* lines without their end, too */
    struct log_intake_lane lane[LOG_LANES_MAX];
};

/* Returns 0, or -1 with errno. */
int log_intake_open(struct log_intake *intake, struct log_stage *stage);

bool log_intake_has(const struct log_intake *intake, unsigned index);

/* From now on the descriptors are the intake's. The name is looked at later, too. */
void log_intake_add(struct log_intake *intake, unsigned index, const struct log_lane_name *name,
    const int fds[LOG_INTAKE_STREAMS]);

/* Each of these ends with a flush, and does nothing while the stage is blocked. */

/* Take from the lanes that have something; waits up to timeout_ms for the first. */
void log_intake_take_ready(struct log_intake *intake, int timeout_ms);

/* Look again at the lines without their end. */
void log_intake_take_aside(struct log_intake *intake);

/* Take what is in every pipe now. */
void log_intake_take_all(struct log_intake *intake);

#endif
