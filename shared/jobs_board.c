/* The board of the job supervisor: one anonymous mapping, shared by fork. */
#include "shared/jobs_board.h"

#include <stddef.h>
#include <sys/mman.h>

const char *jobs_board_state_name(unsigned state) {
    static const char *const names[] = {
        [JOBS_BOARD_FREE] = "free",
        [JOBS_BOARD_IDLE] = "idle",
        [JOBS_BOARD_BUSY] = "busy",
        [JOBS_BOARD_YIELDING] = "yielding",
    };

    /* The number comes from shared memory: it is checked, not trusted. */
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

struct jobs_board *jobs_board_new(void) {
    struct jobs_board *board = mmap(
        NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (board == MAP_FAILED)
        return NULL;
    board->abi = JOBS_BOARD_ABI;
    jobs_board_set_inherited(board, false);
    return board;
}

/* The workers of services have no business with it. */
void jobs_board_set_inherited(struct jobs_board *board, bool is_inherited) {
    madvise(board, sizeof(*board), is_inherited ? MADV_DOFORK : MADV_DONTFORK);
}

void jobs_board_free(struct jobs_board *board) {
    if (board != NULL)
        munmap(board, sizeof(*board));
}

void jobs_board_clear(struct jobs_board *board, uint32_t rows) {
    uint32_t before = board->rows;

    for (uint32_t i = 0; i < before && i < JOBS_BOARD_ROWS; i++) {
        board->row[i].state = JOBS_BOARD_FREE;
        board->row[i].pid = 0;
        board->row[i].job = board->row[i].frames = board->row[i].started_at_ns = 0;
    }
    board->running = board->queued = board->paused = 0;
    board->rows = rows < JOBS_BOARD_ROWS ? rows : JOBS_BOARD_ROWS;
}
