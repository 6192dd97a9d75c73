/*
 * Progress. The rate is smoothed, and the time left is not guessed before there is something to
 * guess from. When nothing moves, the line says what is waited for.
 */
#include "supervisor/job/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/number.h"

#define BAR_EVERY_MS   100u
#define LINE_EVERY_MS  10000u
#define JSON_EVERY_MS  1000u
#define GUESS_AFTER_MS 2000u
#define GUESS_CHUNKS   3u
#define WAIT_AFTER_MS  2000u
#define SMOOTHING      0.2
#define LINE_MAX_BYTES 400

static struct {
    enum job_progress how;
    const char *lane_word;
    uint64_t every_ms, begun_ms, shown_ms;
    uint64_t first_chunks;
    double last_numbers, rate; /* numbers in a second */
    bool is_drawn, has_rate;
} progress;

static enum job_progress choose(const struct job_options *options) {
    bool is_stdout_free = options->output != NULL || options->count || !isatty(STDOUT_FILENO);

    if (options->quiet)
        return JOB_PROGRESS_NONE;
    if (options->progress != JOB_PROGRESS_AUTO)
        return options->progress;
    if (options->json)
        return JOB_PROGRESS_NONE;
    return isatty(STDERR_FILENO) && is_stdout_free ? JOB_PROGRESS_BAR : JOB_PROGRESS_LINE;
}

void progress_begin(
    const struct job_spec *spec, const struct progress_view *view, uint64_t now_ms) {
    memset(&progress, 0, sizeof(progress));
    progress.first_chunks = view->chunks_done;
    progress.last_numbers = view->numbers_done;
    progress.how = choose(&spec->options);
    progress.lane_word = spec->engine->lane_word;
    progress.begun_ms = progress.shown_ms = now_ms;
    progress.every_ms = progress.how == JOB_PROGRESS_BAR    ? BAR_EVERY_MS
                        : progress.how == JOB_PROGRESS_JSON ? JSON_EVERY_MS
                                                            : LINE_EVERY_MS;
}

static void say(const char *text, size_t len) {
    if (write(STDERR_FILENO, text, len) < 0) {
        /* Nobody looks. */
    }
}

void progress_clear(void) {
    if (!progress.is_drawn)
        return;
    say("\r\033[K", 4);
    progress.is_drawn = false;
}

static void smooth_rate(const struct progress_view *view, uint64_t passed_ms) {
    double rate = (view->numbers_done - progress.last_numbers) * 1000.0 / (double)passed_ms;

    if (rate < 0)
        rate = 0; /* a lane died and its half of a chunk is gone */
    progress.rate = progress.has_rate ? progress.rate + SMOOTHING * (rate - progress.rate) : rate;
    progress.has_rate = true;
    progress.last_numbers = view->numbers_done;
}

static bool can_guess(const struct progress_view *view, uint64_t now_ms) {
    return progress.rate > 0 && (now_ms - progress.begun_ms >= GUESS_AFTER_MS ||
                                    view->chunks_done - progress.first_chunks >= GUESS_CHUNKS);
}

static double seconds_left(const struct progress_view *view) {
    return (view->numbers - view->numbers_done) / progress.rate;
}

static size_t format_rate(char *dst, size_t size, double rate) {
    static const char *const units[] = { "", " k", " M", " G", " T", " P", " E" };
    size_t unit = 0;

    for (; rate >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        rate /= 1000;
    return (size_t)snprintf(dst, size, "%.3g%s/s", rate, units[unit]);
}

/* What is done, how fast, how long still, and what is waited for. */
static size_t format_words(
    char *dst, size_t size, const struct progress_view *view, uint64_t now_ms) {
    char done[NUMBER_TEXT_MAX], all[NUMBER_TEXT_MAX], span[NUMBER_TEXT_MAX];
    size_t len;

    len = (size_t)snprintf(dst, size, "%3.0f %%  %s of %s chunks",
        view->numbers > 0 ? 100.0 * view->numbers_done / view->numbers : 100.0,
        number_format_grouped(done, view->chunks_done), number_format_grouped(all, view->chunks));
    if (progress.rate > 0) {
        len += (size_t)snprintf(dst + len, size - len, "  ");
        len += format_rate(dst + len, size - len, progress.rate);
    }
    if (can_guess(view, now_ms) && seconds_left(view) < 60)
        len += (size_t)snprintf(dst + len, size - len, "  %.0f s left", seconds_left(view) + 0.5);
    else if (can_guess(view, now_ms) && seconds_left(view) < 1e10)
        len += (size_t)snprintf(dst + len, size - len, "  %s left",
            number_format_span(span, (uint64_t)(seconds_left(view) * 1e9)));
    if (view->is_output_blocked)
        len += (size_t)snprintf(dst + len, size - len, "  the reader of stdout stalls");
    else if (view->head_for_ms >= WAIT_AFTER_MS && view->head_lane != 0)
        len += (size_t)snprintf(dst + len, size - len,
            "  waiting for chunk %" PRIu64 ", attempt %" PRIu32 ", %s %" PRIu32, view->head + 1,
            view->head_attempt, progress.lane_word, view->head_lane);
    return len < size ? len : size - 1;
}

static size_t columns(void) {
    struct winsize window;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_col < 20)
        return 80;
    return window.ws_col < LINE_MAX_BYTES ? window.ws_col : LINE_MAX_BYTES;
}

static void draw_bar(const struct progress_view *view, uint64_t now_ms) {
    char words[LINE_MAX_BYTES], line[3 * LINE_MAX_BYTES];
    size_t width = columns() - 1, len = format_words(words, sizeof(words), view, now_ms), used = 1;
    size_t cells = width > len + 7 ? width - len - 3 : 0, full;
    double share = view->numbers > 0 ? view->numbers_done / view->numbers : 1.0;

    if (cells > 40)
        cells = 40;
    full = (size_t)(share * (double)cells);
    line[0] = '\r';
    if (cells > 0) {
        line[used++] = '[';
        memset(line + used, '#', full);
        memset(line + used + full, '.', cells - full);
        used += cells;
        line[used++] = ']';
    }
    if (len > width - (cells > 0 ? cells + 2 : 0))
        len = width - (cells > 0 ? cells + 2 : 0);
    memcpy(line + used, words, len);
    used += len;
    memcpy(line + used, "\033[K", 3);
    say(line, used + 3);
    progress.is_drawn = true;
}

static void write_line(const struct progress_view *view, uint64_t now_ms) {
    char line[LINE_MAX_BYTES + 16];
    size_t len = (size_t)snprintf(line, sizeof(line), "progress: ");

    len += format_words(line + len, LINE_MAX_BYTES, view, now_ms);
    line[len++] = '\n';
    say(line, len);
}

static void write_json(const struct progress_view *view, uint64_t now_ms) {
    char line[LINE_MAX_BYTES], left[32] = "null";

    if (can_guess(view, now_ms))
        snprintf(left, sizeof(left), "%.3f", seconds_left(view));
    snprintf(line, sizeof(line),
        "{\"event\":\"progress\",\"elapsed_ms\":%" PRIu64 ",\"chunks_done\":%" PRIu64
        ",\"chunks\":%" PRIu64 ",\"numbers_done\":%.0f,\"numbers\":%.0f,\"numbers_per_s\":%.0f,"
        "\"left_s\":%s,\"head\":%" PRIu64 ",\"output_blocked\":%s}\n",
        now_ms - progress.begun_ms, view->chunks_done, view->chunks, view->numbers_done,
        view->numbers, progress.rate, left, view->head + 1,
        view->is_output_blocked ? "true" : "false");
    say(line, strlen(line));
}

bool progress_is_due(uint64_t now_ms) {
    return progress.how != JOB_PROGRESS_NONE && now_ms - progress.shown_ms >= progress.every_ms;
}

void progress_show(const struct progress_view *view, uint64_t now_ms) {
    static void (*const show[])(const struct progress_view *, uint64_t) = {
        [JOB_PROGRESS_BAR] = draw_bar,
        [JOB_PROGRESS_LINE] = write_line,
        [JOB_PROGRESS_JSON] = write_json,
    };

    if (!progress_is_due(now_ms))
        return;
    smooth_rate(view, now_ms - progress.shown_ms);
    progress.shown_ms = now_ms;
    show[progress.how](view, now_ms);
}
