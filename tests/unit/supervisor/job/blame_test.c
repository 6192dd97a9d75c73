/* Who is to blame. */
#include "supervisor/job/blame.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(blame, own_faults_are_the_chunks_and_kills_from_outside_are_not) {
    static const struct {
        enum blame_cause cause;
        int status;
        enum blame_verdict alone;
    } cases[] = { { BLAME_CAUSE_SIGNALED, SIGSEGV, BLAME_GUILTY },
        { BLAME_CAUSE_SIGNALED, SIGBUS, BLAME_GUILTY },
        { BLAME_CAUSE_SIGNALED, SIGILL, BLAME_GUILTY },
        { BLAME_CAUSE_SIGNALED, SIGFPE, BLAME_GUILTY },
        { BLAME_CAUSE_SIGNALED, SIGABRT, BLAME_GUILTY },
        { BLAME_CAUSE_SIGNALED, SIGKILL, BLAME_NOBODY },
        { BLAME_CAUSE_SIGNALED, SIGTERM, BLAME_NOBODY },
        { BLAME_CAUSE_SIGNALED, SIGHUP, BLAME_NOBODY }, { BLAME_CAUSE_EXITED, 0, BLAME_NOBODY },
        { BLAME_CAUSE_EXITED, 7, BLAME_GUILTY }, { BLAME_CAUSE_TIMEOUT, SIGKILL, BLAME_GUILTY },
        { BLAME_CAUSE_HUNG, SIGKILL, BLAME_GUILTY }, { BLAME_CAUSE_LIED, SIGKILL, BLAME_GUILTY },
        { BLAME_CAUSE_STOPPED, SIGKILL, BLAME_NOBODY } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum blame_verdict many = cases[i].alone == BLAME_GUILTY ? BLAME_SUSPECT : BLAME_NOBODY;
        cr_assert_eq(blame_judge(cases[i].cause, cases[i].status, 0), BLAME_NOBODY, "case %zu", i);
        cr_assert_eq(
            blame_judge(cases[i].cause, cases[i].status, 1), cases[i].alone, "case %zu", i);
        cr_assert_eq(blame_judge(cases[i].cause, cases[i].status, 2), many, "case %zu", i);
    }
}

Test(blame, chunk_is_held_after_its_retries) {
    cr_assert(!blame_must_hold(2, 2, 0));
    cr_assert(blame_must_hold(3, 2, 0));
    cr_assert(blame_must_hold(1, 0, 0));
    cr_assert(!blame_must_hold(0, 0, BLAME_LOST_MAX - 1));
    cr_assert(blame_must_hold(0, 2, BLAME_LOST_MAX));
}
