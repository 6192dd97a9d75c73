#ifndef SUPERVISOR_LOG_WRITER_H
#define SUPERVISOR_LOG_WRITER_H

/*
 * The log process, sole owner of the log files. It moves records from the lanes to the file by
 * splice(2), so that a record is in the pipe or in the file, whenever this process is killed; it
 * makes records of what workers print; it writes the console's lines to stdout; it rotates by
 * size and reopens on order. When the disk is full the records wait in their pipes, and whoever
 * writes more than fits counts what it drops.
 */

#include <stdint.h>

#include "supervisor/config.h"
#include "supervisor/log_lanes.h"

struct log_writer_args {
    const struct config *config;   /* .log, .console */
    const struct log_lanes *lanes; /* as they are at fork; later ones come as ORDER_LANE */
    int order_fd;                  /* the child's end of the socketpair */
    uint32_t generation;
    bool to_terminal; /* no file: records for a person, on stderr */
};

/*
 * Child only, right after fork. Sends REPORT_READY when the file is open; when it cannot be opened,
 * says so on stderr and exits. Closes every descriptor it does not need. SIGTERM: moves what is in
 * the pipes and leaves. End of order_fd (the supervisor died): the same, and waits up to a second
 * for the last words of workers; so its PDEATHSIG must be no other than SIGTERM.
 */
_Noreturn void log_writer_main(const struct log_writer_args *args);

#endif
