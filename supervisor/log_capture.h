#ifndef SUPERVISOR_LOG_CAPTURE_H
#define SUPERVISOR_LOG_CAPTURE_H

/*
 * What a worker prints becomes records: event=output stream=stdout (info) or stderr (warn), a
 * record a line, with service and slot of the lane. Lines longer than about 2 KiB come in parts,
 * part=1 and on; one without its end is kept in the pipe for a second and then told as it is.
 * Bytes leave the pipe when their record is staged: a kill between the two tells a line twice,
 * none not at all. Log writer only; one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/log_stage.h"

struct log_capture {
    int fd;
    bool is_stderr;
    struct log_origin origin;
    uint64_t partial_at_ns; /* since when a line without its end waits; 0: none */
    unsigned parts;         /* of the line at the pipe's head, told so far */
};

/*
 * Take what is there. all: a line without its end, too. Returns false when the stage is blocked.
 * partial_at_ns tells whether such a line was left: then come again in a while.
 */
bool log_capture_take(struct log_capture *capture, struct log_stage *stage, bool all);

#endif
