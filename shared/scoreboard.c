/*
 * The scoreboard's memory: one memfd, mapped before any child is forked, so that it has no name
 * that could outlive the daemon. Pages of rows and lanes that nobody used are never made.
 */
#include "shared/scoreboard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const state_names[] = {
    [SCOREBOARD_FREE] = "free",
    [SCOREBOARD_STARTING] = "starting",
    [SCOREBOARD_IDLE] = "idle",
    [SCOREBOARD_ACTIVE] = "active",
    [SCOREBOARD_FULL] = "full",
    [SCOREBOARD_DRAINING] = "draining",
};

const char *scoreboard_state_name(unsigned state) {
    return state < sizeof(state_names) / sizeof(state_names[0]) ? state_names[state] : "unknown";
}

struct scoreboard *scoreboard_new(void) {
    struct scoreboard *board;
    int fd = memfd_create("preforkd scoreboard", MFD_CLOEXEC);
    int saved_errno;

    if (fd < 0)
        return NULL;
    board = MAP_FAILED;
    if (ftruncate(fd, sizeof(*board)) == 0)
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    if (board == MAP_FAILED)
        return NULL;
    board->abi = SCOREBOARD_ABI;
    return board;
}

void scoreboard_free(struct scoreboard *board) {
    if (board != NULL)
        munmap(board, sizeof(*board));
}

int scoreboard_claim_row(
    struct scoreboard *board, uint32_t service, uint32_t slot, uint32_t generation) {
    struct scoreboard_row *row;

    for (int i = 0; i < SCOREBOARD_ROWS; i++) {
        row = &board->row[i];
        if (row->generation != 0)
            continue;
        memset((void *)row, 0, sizeof(*row));
        /* Only lanes that somebody used have pages; clearing all would make them. */
        for (int lane = 0; lane < SCOREBOARD_LANES; lane++)
            if (board->lane[i][lane].hook_count != 0)
                board->lane[i][lane].hook_count = 0;
            else
                break;
        row->service = service;
        row->slot = slot;
        row->state = SCOREBOARD_STARTING;
        row->generation = generation;
        if ((uint32_t)i >= board->rows)
            board->rows = (uint32_t)i + 1;
        return i;
    }
    errno = ENOSPC;
    return -1;
}

void scoreboard_release_row(struct scoreboard *board, int row) {
    if (row < 0)
        return;
    board->row[row].state = SCOREBOARD_FREE;
    board->row[row].sessions = 0;
    board->row[row].generation = 0;
}

uint64_t scoreboard_count_sessions(const struct scoreboard *board, uint32_t service) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < board->rows; i++)
        if (board->row[i].generation != 0 && board->row[i].service == service)
            sum += board->row[i].sessions;
    return sum;
}

void scoreboard_add_counts(struct scoreboard_totals *sum, const struct scoreboard_counts *counts) {
    sum->connections += counts->connections;
    sum->refused += counts->refused;
    sum->refused_full += counts->refused_full;
    sum->refused_source += counts->refused_source;
    sum->refused_rate += counts->refused_rate;
    sum->requests += counts->requests;
    sum->datagrams += counts->datagrams;
    sum->bytes_in += counts->bytes_in;
    sum->bytes_out += counts->bytes_out;
    sum->dropped += counts->dropped;
    sum->dropped_rate += counts->dropped_rate;
    sum->timed_out += counts->timed_out;
    sum->cut += counts->cut;
    sum->handed_over += counts->handed_over;
    sum->cut_unanswered += counts->cut_unanswered;
    sum->log_dropped += counts->log_dropped;
    sum->bad_input += counts->bad_input;
    for (unsigned i = 0; i < SCOREBOARD_OWN; i++)
        sum->own[i] += counts->own[i];
}
