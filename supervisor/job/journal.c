/*
 * The journal. Fixed records after a header that carries the whole identity of the job, not a
 * hash of it: a person who resumes the wrong job is told which words differ.
 */
#include "supervisor/job/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"

#define MAGIC       "PFJOURN1"
#define MAGIC_LEN   8u
#define JOURNAL_MAX (256u * 1024u * 1024u)

struct header {
    char magic[MAGIC_LEN];
    uint32_t identity_len;
    uint32_t crc; /* of the identity */
};

static uint32_t record_crc(const struct journal_record *record) {
    struct journal_record copy = *record;

    copy.crc = 0;
    return crc32c(0, &copy, sizeof(copy));
}

static bool is_good(const struct journal_record *record) {
    return record->type >= JOURNAL_RELEASED && record->type <= JOURNAL_END &&
           record->crc == record_crc(record);
}

int journal_read(const void *data, size_t len, struct journal_view *out) {
    struct journal_record record;
    struct header header;

    *out = (struct journal_view){ .identity = data };
    if (memcmp(data, MAGIC, len < MAGIC_LEN ? len : MAGIC_LEN) != 0)
        return -1;
    if (len < sizeof(header))
        return 0;
    memcpy(&header, data, sizeof(header));
    if (header.identity_len > JOURNAL_IDENTITY_MAX || header.identity_len > len - sizeof(header) ||
        header.crc != crc32c(0, (const char *)data + sizeof(header), header.identity_len))
        return 0;
    out->identity = (const char *)data + sizeof(header);
    out->identity_len = header.identity_len;
    out->records = out->identity + header.identity_len;
    out->valid_len = sizeof(header) + header.identity_len;
    while (len - out->valid_len >= sizeof(record)) {
        memcpy(&record, (const char *)data + out->valid_len, sizeof(record));
        if (!is_good(&record))
            break;
        out->record_count++;
        out->valid_len += sizeof(record);
    }
    return 0;
}

struct journal_record journal_record_at(const struct journal_view *view, size_t i) {
    struct journal_record record;

    memcpy(&record, view->records + i * sizeof(record), sizeof(record));
    return record;
}

/* ---- identity ---- */

/* Length of the line at text, without its end. */
static size_t line_len(const char *text, size_t len) {
    const char *end = memchr(text, '\n', len);

    return end != NULL ? (size_t)(end - text) : len;
}

/* Find the line in text that begins with the key of `line` (up to and with '='). */
static const char *find_key(
    const char *text, size_t len, const char *line, size_t line_size, size_t *out_len) {
    const char *equals = memchr(line, '=', line_size);
    size_t key_len = equals != NULL ? (size_t)(equals - line) + 1 : line_size, n;

    for (size_t at = 0; at < len; at += n + 1) {
        n = line_len(text + at, len - at);
        if (n >= key_len && memcmp(text + at, line, key_len) == 0) {
            *out_len = n - key_len;
            return text + at + key_len;
        }
    }
    return NULL;
}

bool journal_same_job(const char *there, size_t there_len, const char *here, size_t here_len,
    struct complaint *complaint) {
    const char *value, *line, *equals;
    size_t n, value_len = 0, key_len;

    if (there_len == here_len && memcmp(there, here, here_len) == 0)
        return true;
    for (size_t at = 0; at < here_len; at += n + 1) {
        line = here + at;
        n = line_len(line, here_len - at);
        equals = memchr(line, '=', n);
        key_len = equals != NULL ? (size_t)(equals - line) : n;
        value = find_key(there, there_len, line, n, &value_len);
        if (value != NULL && key_len + 1 + value_len == n &&
            memcmp(value, line + key_len + 1, value_len) == 0)
            continue;
        complaint_set(complaint, "is of another job: %.*s is \"%.*s\" there and \"%.*s\" here",
            (int)key_len, line, (int)value_len, value != NULL ? value : "",
            key_len < n ? (int)(n - key_len - 1) : 0, line + key_len + (key_len < n));
        return false;
    }
    complaint_set(complaint, "is of another job, or of another version of this program");
    return false;
}

/* ---- the file ---- */

static int refuse(struct complaint *complaint, int *out_exit_code, int exit_code, const char *what,
    const char *path) {
    *out_exit_code = exit_code;
    return complaint_set(complaint, "%s: %s: %s", path, what, strerror(errno));
}

static int write_all(int fd, const void *data, size_t len) {
    const char *at = data;
    ssize_t n;

    while (len > 0) {
        n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int begin(struct journal *journal, const char *identity) {
    struct header header = { .magic = MAGIC, .identity_len = (uint32_t)strlen(identity) };

    header.crc = crc32c(0, identity, header.identity_len);
    if (ftruncate(journal->fd, 0) < 0 || lseek(journal->fd, 0, SEEK_SET) < 0 ||
        write_all(journal->fd, &header, sizeof(header)) < 0)
        return -1;
    FAILPOINT("journal-header");
    return write_all(journal->fd, identity, header.identity_len);
}

/* Read the whole file. Returns its length, or -1 with errno. */
static ssize_t load(struct journal *journal) {
    struct stat st;
    ssize_t n, got = 0;

    if (fstat(journal->fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode) || st.st_size > JOURNAL_MAX) {
        errno = EFBIG;
        return -1;
    }
    journal->data = malloc((size_t)st.st_size + 1);
    if (journal->data == NULL)
        return -1;
    while (got < st.st_size) {
        n = pread(journal->fd, journal->data + got, (size_t)(st.st_size - got), got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += n;
    }
    return got;
}

/* True when the locked file is still the one that the path names: its owner may have finished. */
static bool is_current(const struct journal *journal) {
    struct stat ours, named;

    return fstat(journal->fd, &ours) == 0 && stat(journal->path, &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static int open_locked(struct journal *journal, struct complaint *complaint, int *out_exit_code) {
    for (;;) {
        journal->fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (journal->fd < 0)
            return refuse(
                complaint, out_exit_code, EXIT_CODE_IO, "cannot open the journal", journal->path);
        if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
            break;
        if (is_current(journal))
            return 0;
        close(journal->fd);
    }
    if (errno != EWOULDBLOCK)
        return refuse(
            complaint, out_exit_code, EXIT_CODE_IO, "cannot lock the journal", journal->path);
    *out_exit_code = EXIT_CODE_BUSY;
    return complaint_set(complaint,
        "%s is locked: another process runs this job; wait for it, or end it first", journal->path);
}

static int take_up(struct journal *journal, const char *identity, struct journal_view *out_view,
    struct complaint *complaint, int *out_exit_code) {
    ssize_t len = load(journal);

    if (len < 0)
        return refuse(
            complaint, out_exit_code, EXIT_CODE_IO, "cannot read the journal", journal->path);
    if (journal_read(journal->data, (size_t)len, out_view) < 0) {
        *out_exit_code = EXIT_CODE_DATA;
        return complaint_set(complaint, "%s is not a journal; it is left as it is", journal->path);
    }
    if (out_view->record_count > 0 && !journal_same_job(out_view->identity, out_view->identity_len,
                                          identity, strlen(identity), complaint)) {
        *out_exit_code = EXIT_CODE_DATA;
        return complaint_prefix(complaint, "%s", journal->path);
    }
    if (out_view->record_count == 0) {
        /* Nothing was done under it: whose it was does not matter. */
        if (begin(journal, identity) < 0)
            return refuse(
                complaint, out_exit_code, EXIT_CODE_IO, "cannot write the journal", journal->path);
        return 0;
    }
    journal->has_records = out_view->record_count > 0;
    if (ftruncate(journal->fd, (off_t)out_view->valid_len) < 0 ||
        lseek(journal->fd, 0, SEEK_END) < 0)
        return refuse(
            complaint, out_exit_code, EXIT_CODE_IO, "cannot write the journal", journal->path);
    return 0;
}

int journal_open(struct journal *journal, const char *path, const char *identity,
    struct journal_view *out_view, struct complaint *complaint, int *out_exit_code) {
    *journal = (struct journal){ .fd = -1, .path = strdup(path) };
    if (journal->path == NULL)
        return refuse(complaint, out_exit_code, EXIT_CODE_SYSTEM, "no memory", path);
    if (open_locked(journal, complaint, out_exit_code) < 0 ||
        take_up(journal, identity, out_view, complaint, out_exit_code) < 0) {
        journal_close(journal, false);
        return -1;
    }
    return 0;
}

int journal_append(struct journal *journal, struct journal_record *record) {
    record->crc = record_crc(record);
    journal->has_records = true;
    if (!failpoint_is_armed)
        return write_all(journal->fd, record, sizeof(*record));
    FAILPOINT("before-record");
    if (write_all(journal->fd, record, sizeof(*record) / 2) < 0)
        return -1;
    FAILPOINT("mid-record");
    if (write_all(journal->fd, (char *)record + sizeof(*record) / 2,
            sizeof(*record) - sizeof(*record) / 2) < 0)
        return -1;
    FAILPOINT("after-record");
    return 0;
}

void journal_close(struct journal *journal, bool remove) {
    if (remove && journal->fd >= 0)
        unlink(journal->path);
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    free(journal->data);
    *journal = (struct journal){ .fd = -1 };
}
