#ifndef SUPERVISOR_JOB_JOURNAL_H
#define SUPERVISOR_JOB_JOURNAL_H

/*
 * What survives a killed job supervisor: a file of checksummed records beside the output, locked
 * while the job runs. Everything before the first bad record counts, nothing after it.
 *
 * Order of writes: the data, then the record that speaks of it. A record therefore never promises
 * more than there is; data without a record is cut off or computed again.
 *
 * journal_read() is pure; the rest is for the job supervisor and may block on the disk.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"

#define JOURNAL_IDENTITY_MAX (64u * 1024u)

enum journal_type {
    JOURNAL_RELEASED = 1, /* chunk: the first not released; offset: the output's length */
    JOURNAL_SPOOLED,      /* a finished chunk lies in the spool at offset, `len` bytes of it */
    JOURNAL_HELD,         /* chunk is set aside */
    JOURNAL_END,          /* all is released; only names are left to remove */
};

struct journal_record {
    uint32_t type;
    uint32_t crc; /* of the record without this field */
    uint64_t chunk;
    uint64_t offset;
    union {
        uint64_t len;  /* SPOOLED */
        uint64_t boot; /* RELEASED: clock_boot() of who wrote it; 0: not told */
    };
    uint64_t records;  /* RELEASED: in all; SPOOLED: of the chunk */
    uint64_t digested; /* likewise, bytes under digest */
    uint32_t digest;   /* likewise */
    uint32_t data_crc; /* RELEASED: of the output up to offset; SPOOLED: of the len bytes */
    uint32_t part;     /* SPOOLED: 0, 1 … when a result lies in several stretches */
    uint32_t is_last;  /* SPOOLED: the last part */
};

/* ---- reading, pure ---- */

struct journal_view {
    const char *identity; /* points into the data; not terminated */
    size_t identity_len;
    const char *records; /* points into the data, unaligned: copy out with journal_record_at() */
    size_t record_count;
    size_t valid_len; /* bytes that count */
};

/*
 * Find what counts in len bytes of a journal. A torn or foreign header gives valid_len 0.
 * Returns 0, or -1 when the bytes are a whole file of some other kind.
 */
int journal_read(const void *data, size_t len, struct journal_view *out);
struct journal_record journal_record_at(const struct journal_view *view, size_t i);

/*
 * Compare two identities (lines of key=value) and say in words where they differ.
 * Returns true when they are equal.
 */
bool journal_same_job(const char *there, size_t there_len, const char *here, size_t here_len,
    struct complaint *complaint);

/* ---- writing ---- */

struct journal {
    int fd;
    char *path;
    char *data; /* the journal as it was found, for journal_view; NULL for a new one */
    bool has_records;
};

/*
 * Open and lock path; make it when it is not there. When it holds records, *out_view shows them
 * (valid until journal_close) and what follows them is cut off; otherwise it is begun anew with
 * identity and out_view->record_count is 0.
 * Returns 0, or -1 with a complaint and the exit code that fits: 65, 74 or 75.
 */
int journal_open(struct journal *journal, const char *path, const char *identity,
    struct journal_view *out_view, struct complaint *complaint, int *out_exit_code);

/* Append one record; its crc is filled in. Returns 0, or -1 with errno. */
int journal_append(struct journal *journal, struct journal_record *record);

/* Close, and with it unlock; remove the file when asked. */
void journal_close(struct journal *journal, bool remove);

#endif
