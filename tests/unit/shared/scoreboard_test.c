/* Rows are claimed, counted and given back. */
#include "shared/scoreboard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Test(scoreboard, every_row_can_be_claimed_once) {
    struct scoreboard *board = scoreboard_new();

    for (int i = 0; i < SCOREBOARD_ROWS; i++)
        cr_assert_eq(scoreboard_claim_row(board, 0, 1, 1), i);
    cr_assert_eq(scoreboard_claim_row(board, 0, 1, 1), -1);
    cr_assert_eq(errno, ENOSPC);
    scoreboard_release_row(board, 77);
    cr_assert_eq(scoreboard_claim_row(board, 0, 1, 1), 77);
    scoreboard_free(board);
}

Test(scoreboard, claimed_row_is_clean) {
    struct scoreboard *board = scoreboard_new();
    int row = scoreboard_claim_row(board, 3, 9, 5);

    board->row[row].sessions = 4;
    board->row[row].counts.requests = 10;
    board->lane[row][0].hook_count = 3;
    board->lane[row][1].hook_count = 5;
    scoreboard_release_row(board, row);
    cr_assert_eq(scoreboard_claim_row(board, 1, 2, 6), row);
    cr_assert_eq(board->row[row].sessions, 0);
    cr_assert_eq(board->row[row].counts.requests, 0);
    cr_assert_eq(board->lane[row][0].hook_count, 0);
    cr_assert_eq(board->lane[row][1].hook_count, 0);
    cr_assert_eq(board->row[row].service, 1);
    cr_assert_eq(board->row[row].slot, 2);
    cr_assert_eq(board->row[row].state, SCOREBOARD_STARTING);
    scoreboard_free(board);
}

Test(scoreboard, numbers_of_a_killed_worker_stay) {
    struct scoreboard *board = scoreboard_new();
    struct scoreboard_totals sum = { 0 };
    int row = scoreboard_claim_row(board, 2, 1, 1);
    pid_t pid = fork();

    if (pid == 0) {
        board->row[row].sessions = 3;
        board->row[row].counts.bytes_in = 1000;
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    scoreboard_add_counts(&sum, &board->row[row].counts);
    cr_assert_eq(sum.bytes_in, 1000);
    cr_assert_eq(scoreboard_count_sessions(board, 2), 3);
    cr_assert_eq(scoreboard_count_sessions(board, 1), 0);
    scoreboard_release_row(board, row);
    cr_assert_eq(scoreboard_count_sessions(board, 2), 0);
    scoreboard_free(board);
}

Test(scoreboard, states_have_names) {
    cr_assert_str_eq(scoreboard_state_name(SCOREBOARD_IDLE), "idle");
    cr_assert_str_eq(scoreboard_state_name(99), "unknown");
}
