/*
 * Blame. A fault of the program's own is the chunk's; a kill from outside is not, or a storm of
 * kills would set good chunks aside. A chunk that was only claimed is never to blame.
 */
#include "supervisor/job/blame.h"

#include <signal.h>

static bool is_own_fault(int signal_number) {
    switch (signal_number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
    case SIGSYS:
    case SIGTRAP:
    case SIGXCPU:
    case SIGXFSZ:
        return true;
    default:
        return false;
    }
}

enum blame_verdict blame_judge(enum blame_cause cause, int status, uint32_t executing) {
    bool is_fault = false;

    switch (cause) {
    case BLAME_CAUSE_EXITED:
        is_fault = status != 0;
        break;
    case BLAME_CAUSE_SIGNALED:
        is_fault = is_own_fault(status);
        break;
    case BLAME_CAUSE_TIMEOUT:
    case BLAME_CAUSE_HUNG:
    case BLAME_CAUSE_LIED:
        is_fault = true;
        break;
    case BLAME_CAUSE_STOPPED:
        break;
    }
    if (!is_fault || executing == 0)
        return BLAME_NOBODY;
    return executing == 1 ? BLAME_GUILTY : BLAME_SUSPECT;
}

bool blame_must_hold(uint32_t blamed, uint64_t retries, uint32_t lost) {
    return blamed > retries || lost >= BLAME_LOST_MAX;
}
