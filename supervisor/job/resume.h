#ifndef SUPERVISOR_JOB_RESUME_H
#define SUPERVISOR_JOB_RESUME_H

/*
 * Where an earlier run of the same job stood, and what of its work can be used. Nothing is
 * believed that does not check: the output is read and its checksum compared. Of an output that
 * only the daemon writes, the page cache of one boot loses nothing, so that its length and its
 * last stretch tell enough; a huge result then costs a killed job supervisor no more than a small
 * one.
 * Job supervisor only, before the first child; reads the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/commit.h"
#include "supervisor/job/journal.h"

struct resume_point {
    uint64_t next;   /* the first chunk that is not in the output */
    uint64_t offset; /* bytes of the output that count */
    uint64_t records;
    uint32_t digest;
    uint32_t output_crc;
    uint64_t held;    /* held chunks below next */
    bool is_complete; /* nothing is left to do but to remove names */
};

/*
 * The last point of the journal that the output confirms: with an output that was cut, lengthened
 * or changed that may be an earlier one, or the beginning. boot: what clock_boot() says, when a
 * last point that was written since then needs no more than a look at its end; 0: read all. Returns
 * 0, or -1 with errno.
 */
int resume_find(const struct journal_view *view, const char *output_path, uint64_t boot,
    struct resume_point *out);

/*
 * Take over the finished results that wait in the spool, for chunks of the window. What does not
 * check is left to be computed again. Returns how many chunks were taken over.
 */
uint64_t resume_adopt_spooled(const struct journal_view *view, struct commit *commit);

#endif
