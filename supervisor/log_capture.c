/*
 * Captured output. The pipe itself is the buffer: a look at its head, as many records as there
 * are whole lines in it, and what they held is taken out.
 */
#include "supervisor/log_capture.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/log_line.h"
#include "supervisor/log_sink.h"

#define LOOK_MAX    16384
#define PART_MAX    2048 /* of a record's text when escaped */
#define PATIENCE_NS 1000000000u

static bool tell(struct log_capture *capture, struct log_stage *stage, const char *text, size_t len,
    bool is_last) {
    enum log_level level = capture->is_stderr ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    bool is_part = capture->parts > 0 || !is_last;
    struct log_field fields[] = { LOG_TEXT("stream", capture->is_stderr ? "stderr" : "stdout"),
        LOG_NUMBER("part", capture->parts + 1), { 0 } };
    struct log_record record = { .at_ns = clock_wall_ns(),
        .level = level,
        .origin = capture->origin,
        .event = "output",
        .msg = text,
        .msg_len = len,
        .fields = fields };
    char line[LOG_LINE_MAX];

    if (!is_part)
        fields[1] = (struct log_field){ 0 };
    if (level >= stage->lowest &&
        !log_stage_put(stage, line, log_line_make(line, stage->format, &record)))
        return false;
    capture->parts = is_last ? 0 : capture->parts + 1;
    return true;
}

/* How much of the line at `text` is told at once; *out_has_end: its newline follows. */
static size_t measure(const char *text, size_t len, bool *out_has_end) {
    const char *end = memchr(text, '\n', len);
    size_t line = end != NULL ? (size_t)(end - text) : len, part;

    part = log_line_fit(text, line, PART_MAX);
    *out_has_end = end != NULL && part == line;
    return part;
}

static bool may_wait(struct log_capture *capture) {
    uint64_t now_ns = clock_now_ns();

    if (capture->partial_at_ns == 0)
        capture->partial_at_ns = now_ns;
    return now_ns - capture->partial_at_ns < PATIENCE_NS;
}

/*
 * Tell the lines in this look at the pipe. Returns how many bytes are told, -1 when blocked before
 * the first. all: also what has no end.
 */
static ssize_t tell_lines(
    struct log_capture *capture, struct log_stage *stage, const char *text, size_t len, bool all) {
    size_t at = 0, part;
    bool has_end;

    while (at < len) {
        part = measure(text + at, len - at, &has_end);
        if (!has_end && part == len - at && !all)
            break;
        if (!tell(capture, stage, text + at, part, has_end || (all && part == len - at)))
            return at > 0 ? (ssize_t)at : -1;
        at += part + has_end;
    }
    return (ssize_t)at;
}

bool log_capture_take(struct log_capture *capture, struct log_stage *stage, bool all) {
    char text[LOOK_MAX];
    ssize_t len, told;

    while ((len = log_sink_peek(capture->fd, text, sizeof(text))) > 0) {
        told = tell_lines(capture, stage, text, (size_t)len, all);
        if (told < 0)
            return false;
        if (told == 0 && may_wait(capture))
            return true;
        if (told == 0 && tell_lines(capture, stage, text, (size_t)len, true) < len)
            return false;
        log_sink_drop(capture->fd, (size_t)(told > 0 ? told : len));
        capture->partial_at_ns = 0;
    }
    capture->partial_at_ns = 0;
    return true;
}
