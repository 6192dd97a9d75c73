/* One owner at a time, whoever dies. */
#include "shared/owner.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(owner, .timeout = 20);

static bool is_woken(const struct owner *owner) {
    struct pollfd watch = { .fd = owner_wake_fd(owner), .events = POLLIN };

    return poll(&watch, 1, 0) == 1;
}

Test(owner, is_one_until_it_passes_on) {
    struct owner *owner = owner_new(64);

    cr_assert_eq(((char *)owner_memory(owner))[63], 0);
    cr_assert(owner_take(owner, 7));
    cr_assert(owner_take(owner, 7), "it is still");
    cr_assert(owner_is(owner, 7));
    cr_assert_not(owner_take(owner, 8));
    cr_assert_not(is_woken(owner));
    owner_pass(owner, 8);
    cr_assert(owner_is(owner, 7), "who is not cannot");
    cr_assert_not(is_woken(owner));
    owner_pass(owner, 7);
    cr_assert(is_woken(owner));
    cr_assert_not(owner_is(owner, 7));
    cr_assert(owner_take(owner, 8));
    owner_free(owner);
}

/* It may have been killed before it woke anybody. */
Test(owner, any_death_wakes) {
    struct owner *owner = owner_new(0);

    cr_assert_null(owner_memory(owner));
    cr_assert(owner_take(owner, 7));
    owner_bereave(owner, 8);
    cr_assert(is_woken(owner));
    cr_assert(owner_is(owner, 7));
    owner_bereave(owner, 7);
    cr_assert(owner_take(owner, 9));
    owner_free(owner);
}

/* Takers race, are killed, and are bereaved as the parent reaps them: never two at once. */
Test(owner, killed_ones_leave_it_to_one) {
    struct owner *owner = owner_new(0);
    _Atomic int *inside = mmap(
        NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t who[4], next = 1;
    pid_t pid[4];

    for (unsigned i = 0; i < 4 + 200; i++) {
        const unsigned k = i % 4;

        if (i >= 4) {
            usleep(300);
            kill(pid[k], SIGKILL);
            waitpid(pid[k], NULL, 0);
            if (owner_is(owner, who[k]))
                *inside = 0;
            owner_bereave(owner, who[k]);
        }
        who[k] = next++;
        pid[k] = fork();
        if (pid[k] != 0)
            continue;
        while (!owner_take(owner, who[k]))
            usleep(50);
        if (atomic_fetch_add(inside, 1) != 0)
            inside[1]++;
        pause();
    }
    for (unsigned k = 0; k < 4; k++) {
        kill(pid[k], SIGKILL);
        waitpid(pid[k], NULL, 0);
    }
    cr_assert_eq(inside[1], 0, "two at once");
    owner_free(owner);
}
