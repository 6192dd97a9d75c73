#ifndef SUPERVISOR_LOG_LANES_H
#define SUPERVISOR_LOG_LANES_H

/*
 * The pipes through which records travel: a lane for each slot of each service, and one for the
 * supervisor itself (index 0). A lane holds three pipes: records (whole lines, each written at
 * once), and what the slot's worker prints to stdout and to stderr. The supervisor keeps both
 * ends of all of them for as long as the slot exists, so that neither a killed worker nor a
 * killed log writer loses what is in them; the log writer reads.
 * Two more pipes outlive any log writer: the console's, and the stage, through which records go
 * on their way to the file, so that a disk that is slow never holds up who writes into a lane.
 * All ends are non-blocking and closed on exec. Parent only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/config.h"

#define LOG_LANES_MAX 1024

struct log_lane {
    char service[CONFIG_NAME_MAX]; /* "" for the supervisor */
    unsigned slot;
    int record_read, record_write;
    int out_read, out_write;
    int err_read, err_write;
    unsigned users; /* living children that write to it */
};

/* Whose lane it is, for a log writer that was forked before it was. The last byte is always 0. */
struct log_lane_name {
    char service[CONFIG_NAME_MAX];
    uint32_t slot;
};

struct log_lanes {
    struct log_lane lane[LOG_LANES_MAX];
    unsigned count;
    int console_read, console_write; /* one pipe for the console; -1 when it is off */
    int stage_read, stage_write;     /* the log writer's alone; a worker closes them */
    struct log_lane_name *names;     /* of all lanes; mapped, writer: the supervisor */
};

/* Make the supervisor's lane, and the console's pipe when it is on. Returns 0, or -1 with errno. */
int log_lanes_open(struct log_lanes *lanes, bool console_on);

/*
 * The lane of this slot, made when there is none yet. When there are LOG_LANES_MAX already, one
 * that nobody uses becomes this slot's.
 * Returns its index, or -1 with errno (ENOSPC: all are in use). *out_is_new: the log writer has to
 * be told, by ORDER_LANE with record_read, out_read and err_read, in this order.
 */
int log_lanes_get(struct log_lanes *lanes, const char *service, unsigned slot, bool *out_is_new);

/* A child writes to this lane; it does no longer. */
void log_lanes_hold(struct log_lanes *lanes, int index);
void log_lanes_release(struct log_lanes *lanes, int index);

void log_lanes_close(struct log_lanes *lanes);

#endif
