/*
 * The stage is a pipe with a number of slots, a page each; a lane's records take no more slots
 * here than there. Slots in use are counted from above, and the stage is flushed before they
 * could run out: a record must not be split between lane and stage.
 */
#include "supervisor/log_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/clock.h"

#define TOLD_AFTER_MS 1000 /* a reader who is slow for less is not worth a record */

static unsigned count_slots(int pipe_fd) {
    int bytes = fcntl(pipe_fd, F_GETPIPE_SZ);

    return bytes > 0 ? (unsigned)bytes / (unsigned)sysconf(_SC_PAGESIZE) : 1;
}

static size_t count_bytes(int pipe_fd) {
    int bytes = 0;

    return ioctl(pipe_fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

int log_stage_open(struct log_stage *stage, int read_fd, int write_fd) {
    stage->read_fd = read_fd;
    stage->write_fd = write_fd;
    stage->slots = count_slots(write_fd);
    stage->staged = count_bytes(read_fd);
    stage->taken = stage->staged > 0 ? stage->slots : 0;
    return log_file_open(&stage->file, stage->staged > 0);
}

/* ---- to the file ---- */

static void tell_what_others_did(struct log_stage *stage) {
    bool was_deleted = stage->file.was_deleted, was_truncated = stage->file.was_truncated;

    stage->file.was_deleted = stage->file.was_truncated = false;
    if (was_deleted)
        log_stage_tell(stage, LOG_LEVEL_WARN, "log_deleted",
            "the log file was deleted; this is a new one", NULL);
    if (was_truncated)
        log_stage_tell(
            stage, LOG_LEVEL_INFO, "log_truncated", "somebody cut the log file short", NULL);
}

static void tell_block(struct log_stage *stage) {
    uint64_t for_ms = (clock_now_ns() - stage->blocked_at_ns) / 1000000;
    struct log_field fields[] = { LOG_TEXT("error", strerror(stage->blocked_errno)),
        LOG_NUMBER("for_ms", for_ms), LOG_NUMBER("torn", stage->file.torn), { 0 } };

    stage->file.torn = 0;
    if (stage->blocked_errno != EAGAIN || for_ms >= TOLD_AFTER_MS)
        log_stage_tell(stage, LOG_LEVEL_WARN, "log_stalled",
            "for a while the log could not be written", fields);
}

bool log_stage_flush(struct log_stage *stage) {
    if (stage->is_blocked)
        stage->staged = count_bytes(stage->read_fd);
    if (stage->staged == 0 && !stage->is_blocked)
        return true;
    if (log_file_write(&stage->file, stage->read_fd, stage->staged, &stage->staged) < 0) {
        if (!stage->is_blocked) {
            stage->blocked_at_ns = clock_now_ns();
            stage->blocked_errno = errno;
        }
        stage->is_blocked = true;
        return false;
    }
    stage->taken = 0;
    if (stage->is_blocked) {
        stage->is_blocked = false;
        tell_block(stage);
    }
    tell_what_others_did(stage);
    return stage->staged == 0 || log_stage_flush(stage);
}

/* ---- into the stage ---- */

/* Room for so many slots and bytes; a new file when they would be too many for this one. */
static bool make_room(struct log_stage *stage, unsigned slots, size_t len) {
    if (stage->is_blocked)
        return false;
    if (stage->taken + slots > stage->slots && !log_stage_flush(stage))
        return false;
    if (stage->file.size + stage->staged + len <= stage->file.rotate_at)
        return true;
    if (!log_stage_flush(stage))
        return false;
    if (log_file_is_full(&stage->file, len))
        log_file_rotate(&stage->file);
    return true;
}

bool log_stage_take(struct log_stage *stage, int lane_fd) {
    size_t len = count_bytes(lane_fd);
    unsigned slots;
    ssize_t n;

    if (len == 0)
        return true;
    slots = count_slots(lane_fd);
    if (!make_room(stage, slots, len))
        return false;
    n = splice(lane_fd, NULL, stage->write_fd, NULL, len, SPLICE_F_NONBLOCK);
    if (n > 0) {
        stage->staged += (size_t)n;
        stage->taken += slots;
    }
    return true;
}

bool log_stage_put(struct log_stage *stage, const char *line, size_t len) {
    if (!make_room(stage, 1, len) || write(stage->write_fd, line, len) != (ssize_t)len)
        return false;
    stage->staged += len;
    stage->taken++;
    return true;
}

void log_stage_tell(struct log_stage *stage, enum log_level level, const char *event,
    const char *msg, const struct log_field *fields) {
    struct log_origin self = { .service = "", .pid = getpid() };
    char line[LOG_LINE_MAX];

    if (level >= stage->lowest)
        log_stage_put(
            stage, line, log_format_line(line, stage->format, level, &self, event, msg, fields));
}
