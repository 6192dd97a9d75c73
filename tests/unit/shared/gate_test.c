/* Limits over all workers: exact, whoever dies. */
#include "shared/gate.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

static bool is_awake(const struct gate *gate) {
    struct pollfd watch = { .fd = gate_wake_fd(gate), .events = POLLIN };

    return poll(&watch, 1, 0) == 1;
}

Test(gate, no_limit_counts_nothing) {
    struct gate *gate = gate_new(&(struct gate_limits){ 0 }, 10);
    uint32_t slot;

    for (int i = 0; i < 100; i++) {
        cr_assert(gate_enter(gate, 0, &slot));
        cr_assert_eq(slot, GATE_NO_SLOT);
    }
    gate_leave(gate, slot);
    gate_free(gate);
}

Test(gate, limit_is_exact_and_slots_come_back) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 3 }, 100);
    uint32_t slot[4];

    for (int i = 0; i < 3; i++)
        cr_assert(gate_enter(gate, 5, &slot[i]));
    cr_assert(!gate_enter(gate, 6, &slot[3]));
    gate_leave(gate, slot[1]);
    cr_assert(gate_enter(gate, 6, &slot[3]));
    cr_assert(!gate_enter(gate, 6, &slot[1]));
    gate_free(gate);
}

Test(gate, many_processes_share_one_limit) {
    enum { WORKERS = 8, MOST = 20 };
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = MOST }, 100);
    int status, entered = 0;

    for (unsigned w = 0; w < WORKERS; w++)
        if (fork() == 0) {
            uint32_t slot;
            int mine = 0;

            while (gate_enter(gate, w, &slot))
                mine++;
            _exit(mine);
        }
    for (int w = 0; w < WORKERS; w++) {
        wait(&status);
        entered += WEXITSTATUS(status);
    }
    cr_assert_eq(entered, MOST, "%d", entered);
    gate_free(gate);
}

Test(gate, killed_worker_gives_back_what_it_held) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 4 }, 100);
    uint32_t slot, other;
    pid_t pid;

    gate_add_member(gate, 9);
    cr_assert(gate_enter(gate, 1, &other));
    pid = fork();
    if (pid == 0) {
        while (gate_enter(gate, 9, &slot))
            ;
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    cr_assert(!gate_enter(gate, 1, &slot));
    gate_remove_member(gate, 9);
    for (int i = 0; i < 3; i++)
        cr_assert(gate_enter(gate, 1, &slot));
    cr_assert(!gate_enter(gate, 1, &slot), "the slot of the living worker was freed too");
    gate_free(gate);
}

Test(gate, each_source_has_its_share) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections_per_source = 2 }, 10);
    uint32_t slot[4];

    for (int i = 0; i < 4; i++)
        cr_assert(gate_enter(gate, 0, &slot[i]));
    cr_assert(gate_name_source(gate, slot[0], 111));
    cr_assert(gate_name_source(gate, slot[1], 111));
    cr_assert(!gate_name_source(gate, slot[2], 111));
    gate_leave(gate, slot[2]);
    cr_assert(gate_name_source(gate, slot[3], 222));
    gate_leave(gate, slot[0]);
    cr_assert(gate_enter(gate, 0, &slot[0]));
    cr_assert(gate_name_source(gate, slot[0], 111));
    gate_free(gate);
}

Test(gate, rate_lets_a_second_through_and_then_its_step) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_rate = 10 }, 0);
    const uint64_t start = 1000 * SECOND_NS;
    int passed = 0;

    for (int i = 0; i < 100; i++)
        passed += gate_pass_rate(gate, 1, start);
    cr_assert_eq(passed, 10, "%d at once", passed);
    cr_assert(!gate_pass_rate(gate, 1, start + SECOND_NS / 20));
    cr_assert(gate_pass_rate(gate, 1, start + SECOND_NS / 10));
    cr_assert(!gate_pass_rate(gate, 1, start + SECOND_NS / 10));
    gate_free(gate);
}

Test(gate, one_source_does_not_use_up_anothers_rate) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_rate_per_source = 5 }, 0);
    int first = 0, second = 0;

    for (int i = 0; i < 50; i++)
        first += gate_pass_rate(gate, 12345, SECOND_NS);
    for (int i = 0; i < 50; i++)
        second += gate_pass_rate(gate, 67890, SECOND_NS);
    cr_assert_eq(first, 5);
    cr_assert_eq(second, 5);
    gate_free(gate);
}

Test(gate, who_waits_is_woken_by_who_leaves) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 1 }, 1);
    uint32_t slot, none;

    cr_assert(gate_enter(gate, 0, &slot));
    gate_leave(gate, slot);
    cr_assert(!is_awake(gate), "nobody waited");
    cr_assert(gate_enter(gate, 0, &slot));
    gate_wait(gate);
    cr_assert(!gate_enter(gate, 1, &none));
    cr_assert(!is_awake(gate));
    gate_leave(gate, slot);
    cr_assert(is_awake(gate));
    gate_wait_done(gate);
    cr_assert(!is_awake(gate));
    gate_free(gate);
}

Test(gate, two_free_slots_wake_two) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 2 }, 2);
    uint32_t a, b;

    cr_assert(gate_enter(gate, 0, &a) && gate_enter(gate, 0, &b));
    gate_wait(gate);
    gate_wait(gate);
    gate_leave(gate, a);
    gate_leave(gate, b);
    gate_wait_done(gate);
    cr_assert(is_awake(gate), "the second one sleeps on");
    gate_wait_done(gate);
    cr_assert(!is_awake(gate));
    gate_free(gate);
}

Test(gate, room_is_counted_and_dies_with_its_worker) {
    struct gate *gate = gate_new(&(struct gate_limits){ 0 }, 0);

    cr_assert_eq(gate_set_room(gate, 3, true), 1);
    cr_assert_eq(gate_set_room(gate, 900, true), 2);
    cr_assert_eq(gate_set_room(gate, 3, false), 1);
    gate_remove_member(gate, 900);
    cr_assert_eq(gate_set_room(gate, 3, false), 0);
    gate_free(gate);
}

Test(gate, only_the_first_asks) {
    struct gate *gate = gate_new(&(struct gate_limits){ 0 }, 0);

    cr_assert(gate_ask(gate));
    cr_assert(!gate_ask(gate));
    gate_heard(gate);
    cr_assert(gate_ask(gate));
    gate_free(gate);
}

Test(gate, other_limits_hold_for_who_comes_then) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 3 }, 100);
    uint32_t slot[4];

    for (unsigned i = 0; i < 3; i++)
        cr_assert(gate_enter(gate, 1, &slot[i]));
    gate_renew(gate, &(struct gate_limits){ .max_connections = 4 }, 100);
    cr_assert(gate_enter(gate, 2, &slot[3]), "one more is allowed");
    cr_assert_not(gate_enter(gate, 2, &slot[3]));
    gate_renew(gate, &(struct gate_limits){ .max_connections = 1 }, 100);
    cr_assert_not(gate_enter(gate, 2, &slot[3]));
    gate_remove_member(gate, 1);
    gate_remove_member(gate, 2); /* its place is beyond the limit by now */
    gate_renew(gate, &(struct gate_limits){ .max_connections = 4 }, 100);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(gate_enter(gate, 3, &slot[i]), "%u of 4 places are free", i);
    gate_free(gate);
}

Test(gate, slot_goes_with_its_session) {
    struct gate *gate = gate_new(
        &(struct gate_limits){ .max_connections = 2, .max_connections_per_source = 1 }, 100);
    uint32_t slot[2], more;

    cr_assert(gate_enter(gate, 5, &slot[0]));
    cr_assert(gate_name_source(gate, slot[0], 77));
    cr_assert(gate_move(gate, slot[0], 5, 6));
    /* It is counted on, for its source too. */
    cr_assert(gate_enter(gate, 5, &slot[1]));
    cr_assert(!gate_name_source(gate, slot[1], 77));
    cr_assert(!gate_enter(gate, 5, &more));
    gate_leave(gate, slot[1]);
    /* Reaping the old worker leaves it, reaping the new one frees it. */
    gate_remove_member(gate, 5);
    cr_assert(gate_enter(gate, 7, &slot[1]));
    cr_assert(!gate_enter(gate, 7, &more));
    gate_remove_member(gate, 6);
    cr_assert(gate_enter(gate, 7, &more));
    gate_free(gate);
}

Test(gate, slot_of_a_reaped_worker_does_not_move) {
    struct gate *gate = gate_new(&(struct gate_limits){ .max_connections = 2 }, 100);
    uint32_t slot, others;

    cr_assert(gate_enter(gate, 5, &slot));
    gate_remove_member(gate, 5);
    cr_assert(!gate_move(gate, slot, 5, 6));
    cr_assert(gate_enter(gate, 8, &others));
    cr_assert(!gate_move(gate, others, 5, 6), "another's slot was taken");
    cr_assert(!gate_move(gate, GATE_SLOTS_MAX, 5, 6));
    cr_assert(!gate_move(gate, UINT32_MAX - 1, 5, 6));
    cr_assert(gate_move(gate, GATE_NO_SLOT, 5, 6));
    gate_free(gate);
}
