/* The file of results behind a gap. */
#include "supervisor/job/rest.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/failpoint.h"

#define MAGIC 0x54534552u /* "REST" */
#define PIECE (64u * 1024u)

static uint32_t entry_crc(const struct rest_entry *entry) {
    return crc32c(0, entry, offsetof(struct rest_entry, crc));
}

int rest_read(const struct rest *rest, uint64_t offset, void *data, size_t len) {
    const struct spool file = { .fd = rest->fd };

    return spool_read(&file, offset, data, len);
}

static bool read_entry(const struct rest *rest, uint64_t offset, struct rest_entry *entry) {
    return rest_read(rest, offset, entry, sizeof(*entry)) == 0 && entry->magic == MAGIC &&
           entry->crc == entry_crc(entry);
}

static bool is_whole(const struct rest *rest, uint64_t offset, const struct rest_entry *entry) {
    char piece[PIECE];
    uint64_t left = entry->len;
    uint32_t crc = 0;
    size_t n;

    for (; left > 0; left -= n, offset += n) {
        n = left < PIECE ? (size_t)left : PIECE;
        if (rest_read(rest, offset, piece, n) < 0)
            return false;
        crc = crc32c(crc, piece, n);
    }
    return crc == entry->data_crc;
}

int rest_open(struct rest *rest, const char *path) {
    struct rest_entry entry;

    *rest = (struct rest){ .path = path, .fd = open(path, O_RDWR | O_CLOEXEC) };
    if (rest->fd < 0)
        return errno == ENOENT ? 0 : -1;
    while (read_entry(rest, rest->end, &entry) && entry.chunk >= rest->next &&
           is_whole(rest, rest->end + sizeof(entry), &entry)) {
        rest->next = entry.chunk + 1;
        rest->end += sizeof(entry) + entry.len;
    }
    return ftruncate(rest->fd, (off_t)rest->end);
}

void rest_close(struct rest *rest) {
    if (rest->fd >= 0)
        close(rest->fd);
    rest->fd = -1;
}

bool rest_peek(struct rest *rest, uint64_t from, struct rest_entry *out, uint64_t *out_offset) {
    while (rest->fd >= 0 && rest->cursor < rest->end && read_entry(rest, rest->cursor, out)) {
        if (out->chunk >= from) {
            *out_offset = rest->cursor + sizeof(*out);
            return true;
        }
        rest->cursor += sizeof(*out) + out->len;
    }
    return false;
}

static int write_at(const struct rest *rest, uint64_t offset, const void *data, size_t len) {
    const char *at = data;
    ssize_t n;

    while (len > 0) {
        n = pwrite(rest->fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int rest_append(struct rest *rest, struct rest_entry *entry, const struct result_store *store,
    const struct result *result) {
    uint64_t at = rest->end + sizeof(*entry), done = 0;
    char piece[PIECE];
    ssize_t n;

    if (rest->fd < 0)
        rest->fd = open(rest->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (rest->fd < 0)
        return -1;
    entry->magic = MAGIC;
    entry->crc = entry_crc(entry);
    if (write_at(rest, rest->end, entry, sizeof(*entry)) < 0)
        return -1;
    FAILPOINT("mid-rest");
    while (done < entry->len) {
        n = result_read(store, result, done, piece, PIECE);
        if (n <= 0 || write_at(rest, at + done, piece, (size_t)n) < 0)
            return -1;
        done += (uint64_t)n;
    }
    rest->end = at + entry->len;
    rest->next = entry->chunk + 1;
    return 0;
}
