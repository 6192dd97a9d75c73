#ifndef SUPERVISOR_LOG_STAGE_H
#define SUPERVISOR_LOG_STAGE_H

/*
 * The way of records from the lanes to the file: lane -> stage -> file, all of it pipes and
 * splice(), so that each byte is always in exactly one of the three. The stage is the supervisor's
 * pipe: a log writer that comes after a killed one empties it first. It has two uses: a writer
 * into a lane never waits for the disk (the kernel locks a pipe while it is written out), and a
 * record that a full disk cut is at its head, so that its rest comes before anything else.
 * Log writer only; one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/log.h"
#include "supervisor/log_file.h"

struct log_stage {
    int read_fd, write_fd;
    size_t staged;         /* bytes in it */
    unsigned slots, taken; /* of the pipe: all, and used at most */
    bool is_blocked;       /* the file takes nothing: try again by log_stage_flush() */
    uint64_t blocked_at_ns;
    int blocked_errno;
    enum log_format format;
    enum log_level lowest;
    struct log_file file;
};

/* The file's path and rotation are set. Returns 0, or -1 with errno: the file cannot be opened. */
int log_stage_open(struct log_stage *stage, int read_fd, int write_fd);

/* Take all records that are in a lane's pipe now. Returns false when blocked. */
bool log_stage_take(struct log_stage *stage, int lane_fd);

/* Add a line. Returns false when blocked: it was not added. */
bool log_stage_put(struct log_stage *stage, const char *line, size_t len);

/* Add a record of the log writer's own; lost when blocked. */
void log_stage_tell(struct log_stage *stage, enum log_level level, const char *event,
    const char *msg, const struct log_field *fields);

/* Bring what is staged to the file. Returns false when blocked. */
bool log_stage_flush(struct log_stage *stage);

#endif
