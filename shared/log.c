/*
 * The log quartet. A record is built in one buffer and leaves by one write, because several
 * processes share stderr, and several threads a pipe. Control characters are escaped here, at the
 * sink: a file name or an argument may hold anything.
 */
#include "shared/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/log_line.h"
#include "shared/log_repeat.h"

#define RECORD_MAX 2048

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a record is one write that others cannot cut");

static const char *program_name = "prefork";
static bool hide_info;
static void (*before_line)(void);
static const struct log_field *topic;

/* Where records go; fd -1: lines for a person on stderr. */
static struct {
    int fd;
    enum log_format format;
    enum log_level lowest;
    struct log_origin self;
    _Atomic uint64_t *dropped;
    _Atomic uint64_t untold; /* dropped since the last event=log_dropped */
} lane = { .fd = -1 };

void log_init(const char *program) {
    program_name = program;
}

void log_set_quiet(bool quiet) {
    hide_info = quiet;
}

void log_set_topic(const struct log_field *fields) {
    topic = fields;
}

void log_set_before(void (*before)(void)) {
    before_line = before;
}

void log_use_records(int fd, enum log_format format, enum log_level lowest, const char *service,
    unsigned slot, _Atomic uint64_t *dropped) {
    lane.fd = fd;
    lane.format = format;
    lane.lowest = lowest;
    lane.self = (struct log_origin){ .service = service, .slot = slot, .pid = getpid() };
    lane.dropped = dropped;
    atomic_store(&lane.untold, 0);
    log_repeat_reset();
    log_line_refresh_zone();
}

/* ---- lines for a person ---- */

static void write_line(
    int error, const struct log_field *fields, const char *format, va_list args) {
    char plain[RECORD_MAX], line[2 * RECORD_MAX];
    size_t len;
    int n;

    n = vsnprintf(plain, sizeof(plain), format, args);
    len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof(plain))
        len = sizeof(plain) - 1;
    if (error != 0 && len < sizeof(plain) - 3)
        snprintf(plain + len, sizeof(plain) - len, ": %s", strerror(error));
    n = snprintf(line, sizeof(line), "%s: ", program_name);
    len = (size_t)n + escape_line(line + n, sizeof(line) - (size_t)n - 1, plain, strlen(plain));
    if (fields != NULL)
        len += log_line_fields(line + len, sizeof(line) - len - 1, fields);
    line[len++] = '\n';
    if (before_line != NULL)
        before_line();
    if (write(STDERR_FILENO, line, len) < 0) {
        /* Nobody listens: there is no better place to say so. */
    }
}

/* ---- records ---- */

/*
 * Room to make a record in. Threads take one of a few that are there for all of them, because a
 * stack that has once held a record keeps its pages for as long as the thread lives. Nobody waits:
 * when all are taken the stack must do.
 */
struct scratch {
    atomic_flag is_taken;
    char short_msg[512]; /* before the line, so that most records touch one page */
    char line[LOG_LINE_MAX], msg[LOG_LINE_MAX];
};

#define SCRATCHES 4
static struct scratch scratches[SCRATCHES] = { [0 ... SCRATCHES - 1] = {
                                                   .is_taken = ATOMIC_FLAG_INIT } };

static struct scratch *take_scratch(void) {
    for (size_t i = 0; i < SCRATCHES; i++)
        if (!atomic_flag_test_and_set(&scratches[i].is_taken))
            return &scratches[i];
    return NULL;
}

static bool send_record(const struct log_record *record, char line[LOG_LINE_MAX]) {
    size_t len = log_line_make(line, lane.format, record);
    ssize_t n;

    do
        n = write(lane.fd, line, len);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static void count_dropped(void) {
    atomic_fetch_add(&lane.untold, 1);
    if (lane.dropped != NULL)
        atomic_fetch_add_explicit(lane.dropped, 1, memory_order_relaxed);
}

/* A record of the log's own. It is not counted when it finds no room: it comes again. */
static bool send_own(enum log_level level, const char *event, const char *msg,
    const struct log_field *fields, char line[LOG_LINE_MAX]) {
    return send_record(&(struct log_record){ .at_ns = clock_wall_ns(),
                           .level = level,
                           .origin = lane.self,
                           .event = event,
                           .msg = msg,
                           .msg_len = strlen(msg),
                           .fields = fields },
        line);
}

/* False: there is still no room, so that nothing may go before the number of what was dropped. */
static bool tell_dropped(char line[LOG_LINE_MAX]) {
    uint64_t count = atomic_exchange(&lane.untold, 0);
    struct log_field fields[] = { LOG_NUMBER("count", count), { 0 } };

    if (count == 0 ||
        send_own(LOG_LEVEL_WARN, "log_dropped", "records found no room", fields, line))
        return true;
    atomic_fetch_add(&lane.untold, count);
    return false;
}

static void send_or_count(const struct log_record *record, char line[LOG_LINE_MAX]) {
    if (atomic_load_explicit(&lane.untold, memory_order_relaxed) > 0 && !tell_dropped(line))
        count_dropped();
    else if (!send_record(record, line))
        count_dropped();
}

static void tell_repeats(uint64_t now_ms, char line[LOG_LINE_MAX]) {
    struct log_repeat repeat;

    while (log_repeat_next(now_ms, &repeat)) {
        struct log_field fields[] = { LOG_TEXT("what", repeat.event),
            LOG_NUMBER("count", repeat.count), { 0 } };

        send_or_count(&(struct log_record){ .at_ns = clock_wall_ns(),
                          .level = repeat.level,
                          .origin = lane.self,
                          .event = "repeated",
                          .msg = repeat.format,
                          .msg_len = strlen(repeat.format),
                          .fields = fields },
            line);
    }
}

/* Apart, so that its line is not on the stack of who has nothing to tell. */
static __attribute__((noinline)) void flush_repeats(uint64_t now_ms) {
    char line[LOG_LINE_MAX];

    tell_repeats(now_ms, line);
}

void log_flush_repeats(void) {
    const uint64_t now_ms = clock_now_ms();
    int saved_errno = errno;

    log_line_refresh_zone();
    if (lane.fd >= 0 && log_repeat_is_due(now_ms))
        flush_repeats(now_ms);
    errno = saved_errno;
}

struct said {
    const struct log_origin *origin;
    int level; /* with LOG_EVERY or without */
    const char *event;
    const struct log_field *fields;
    int error; /* errno to tell; 0: none */
};

static void make_record(
    const struct said *said, const char *format, va_list args, struct scratch *scratch) {
    char *msg = scratch->short_msg;
    va_list again;
    size_t len;
    int n;

    va_copy(again, args);
    n = vsnprintf(msg, sizeof(scratch->short_msg), format, args);
    if (n >= (int)sizeof(scratch->short_msg) || said->error != 0) {
        msg = scratch->msg;
        n = vsnprintf(msg, LOG_LINE_MAX, format, again);
    }
    va_end(again);
    len = n < 0 ? 0 : (size_t)n;
    if (len >= LOG_LINE_MAX)
        len = LOG_LINE_MAX - 1;
    if (said->error != 0) {
        snprintf(msg + len, LOG_LINE_MAX - len, ": %s", strerror(said->error));
        len += strlen(msg + len);
    }
    send_or_count(&(struct log_record){ .at_ns = clock_wall_ns(),
                      .level = (enum log_level)(said->level & ~LOG_EVERY),
                      .origin = *said->origin,
                      .event = said->event,
                      .msg = msg,
                      .msg_len = len,
                      .fields = said->fields },
        scratch->line);
}

static __attribute__((noinline)) void make_record_on_stack(
    const struct said *said, const char *format, va_list args) {
    struct scratch scratch;

    make_record(said, format, args, &scratch);
}

static void write_record(const struct said *said, const char *format, va_list args) {
    const enum log_level level = (enum log_level)(said->level & ~LOG_EVERY);
    const uint64_t now_ms = clock_now_ms();
    struct scratch *scratch;

    if (level < lane.lowest)
        return;
    scratch = take_scratch();
    if (scratch != NULL)
        tell_repeats(now_ms, scratch->line);
    if ((said->level & LOG_EVERY) || !log_repeat_holds(level, said->event, format, now_ms)) {
        if (scratch != NULL)
            make_record(said, format, args, scratch);
        else
            make_record_on_stack(said, format, args);
    }
    if (scratch != NULL)
        atomic_flag_clear(&scratch->is_taken);
}

static void say(const struct said *said, const char *format, va_list args) {
    int saved_errno = errno;

    if (lane.fd >= 0)
        write_record(said, format, args);
    else if ((said->level & ~LOG_EVERY) > LOG_LEVEL_INFO ||
             ((said->level & ~LOG_EVERY) == LOG_LEVEL_INFO && !hide_info))
        write_line(said->error, said->fields, format, args);
    errno = saved_errno;
}

void log_write(
    int level, const char *event, const struct log_field *fields, const char *format, ...) {
    va_list args;

    va_start(args, format);
    say(&(struct said){ &lane.self, level, event, fields, 0 }, format, args);
    va_end(args);
}

bool log_is_wanted(int level) {
    level &= ~LOG_EVERY;
    if (lane.fd >= 0)
        return level >= (int)lane.lowest;
    return level > LOG_LEVEL_INFO || (level == LOG_LEVEL_INFO && !hide_info);
}

void log_write_as(const struct log_origin *origin, int level, const char *event,
    const struct log_field *fields, const char *format, ...) {
    va_list args;

    va_start(args, format);
    say(&(struct said){ origin, level, event, fields, 0 }, format, args);
    va_end(args);
}

/* ---- the quartet ---- */

#define SAY(level, error)                                                                 \
    do {                                                                                  \
        va_list args;                                                                     \
        va_start(args, format);                                                           \
        say(&(struct said){ &lane.self, (level), "talk", topic, (error) }, format, args); \
        va_end(args);                                                                     \
    } while (0)

void log_fatal(int exit_code, const char *format, ...) {
    SAY(LOG_LEVEL_ERROR | LOG_EVERY, errno);
    _exit(exit_code);
}

void log_fatalx(int exit_code, const char *format, ...) {
    SAY(LOG_LEVEL_ERROR | LOG_EVERY, 0);
    _exit(exit_code);
}

void log_warn(const char *format, ...) {
    SAY(LOG_LEVEL_WARN, errno);
}

void log_warnx(const char *format, ...) {
    SAY(LOG_LEVEL_WARN, 0);
}

void log_info(const char *format, ...) {
    SAY(LOG_LEVEL_INFO, 0);
}
