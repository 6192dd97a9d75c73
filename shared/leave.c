/* The one way out of a child. */
#include "shared/leave.h"

#include <unistd.h>

#ifdef PREFORK_COVERAGE
void __gcov_dump(void);
#endif

void leave_process(int exit_code) {
#ifdef PREFORK_COVERAGE
    __gcov_dump();
#endif
    _exit(exit_code);
}
