/* The one table of exit codes. */
#include "shared/exit_code.h"

const struct exit_code_row exit_code_table[] = {
    { EXIT_CODE_OK, "done" },
    { EXIT_CODE_FAILED, "a kernel failed, or the answer is no" },
    { EXIT_CODE_USAGE, "usage, or a bad value" },
    { EXIT_CODE_INCOMPLETE, "incomplete: a chunk is held, or a scan is partial" },
    { EXIT_CODE_DATA, "the journal or the data does not match" },
    { EXIT_CODE_NO_HOST, "the host is unknown" },
    { EXIT_CODE_UNAVAILABLE, "the daemon, a peer or a library is not there" },
    { EXIT_CODE_SYSTEM, "a system call failed" },
    { EXIT_CODE_IO, "input or output failed" },
    { EXIT_CODE_BUSY, "busy or locked by another process" },
    { EXIT_CODE_PERMISSION, "not permitted" },
    { EXIT_CODE_CONFIG, "the configuration is wrong" },
    { EXIT_CODE_TIME_LIMIT, "the time limit was reached" },
    { EXIT_CODE_INTERRUPTED, "interrupted (SIGINT)" },
    { EXIT_CODE_TERMINATED, "terminated (SIGTERM)" },
};

const size_t exit_code_count = sizeof(exit_code_table) / sizeof(exit_code_table[0]);
