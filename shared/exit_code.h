#ifndef SHARED_EXIT_CODE_H
#define SHARED_EXIT_CODE_H

/*
 * The exit codes of every program of the house. One table serves the code, `prefork help` and
 * prefork(1). The values from 65 to 78 are those of sysexits.h, 124 is timeout(1)'s.
 */

#include <stddef.h>

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_INCOMPLETE = 3,
    EXIT_CODE_DATA = 65,
    EXIT_CODE_NO_HOST = 68,
    EXIT_CODE_UNAVAILABLE = 69,
    EXIT_CODE_SYSTEM = 71,
    EXIT_CODE_IO = 74,
    EXIT_CODE_BUSY = 75,
    EXIT_CODE_PERMISSION = 77,
    EXIT_CODE_CONFIG = 78,
    EXIT_CODE_TIME_LIMIT = 124,
    EXIT_CODE_INTERRUPTED = 130,
    EXIT_CODE_TERMINATED = 143,
};

struct exit_code_row {
    enum exit_code code;
    const char *meaning;
};

extern const struct exit_code_row exit_code_table[];
extern const size_t exit_code_count;

#endif
