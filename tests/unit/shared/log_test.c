/* Records: their syntax in each format, hostile bytes, what finds no room, what repeats. */
#include "shared/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/log_line.h"
#include "shared/log_repeat.h"

static int lane[2];
static _Atomic uint64_t dropped;
static char text[1 << 17];

static void use(enum log_format format, enum log_level lowest) {
    cr_assert_eq(pipe2(lane, O_CLOEXEC | O_NONBLOCK), 0);
    log_use_records(lane[1], format, lowest, "echo", 3, &dropped);
}

/* All that is in the pipe, terminated. */
static const char *said(void) {
    ssize_t n = read(lane[0], text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static unsigned count_lines(const char *from, const char *with) {
    unsigned count = 0;
    const char *end;

    for (; (end = strchr(from, '\n')) != NULL; from = end + 1)
        count += memmem(from, (size_t)(end - from), with, strlen(with)) != NULL;
    return count;
}

/* ---- formats ---- */

static const struct log_field fields[] = { { .key = "peer", .text = "127.0.0.1:9" },
    { .key = "doing", .text = "two \"words\"" }, { .key = "eq", .text = "a=b" },
    { .key = "none", .text = "" }, { .key = "n", .number = 18446744073709551615u }, { 0 } };

static size_t make(char *line, enum log_format format, const char *msg, size_t len) {
    struct log_record record = { .at_ns = 1795271415123456789u,
        .level = LOG_LEVEL_WARN,
        .origin = { "echo", 1, 123 },
        .event = "ready",
        .msg = msg,
        .msg_len = len,
        .fields = fields };
    size_t n = log_line_make(line, format, &record);

    line[n] = '\0';
    return n;
}

Test(log, logfmt_has_its_fields_in_order) {
    char line[LOG_LINE_MAX + 1];

    make(line, LOG_FORMAT_LOGFMT, "it serves", 9);
    cr_assert_str_eq(line,
        "ts=2026-11-21T14:30:15.123Z level=warn service=echo slot=1 pid=123 event=ready "
        "msg=\"it serves\" peer=127.0.0.1:9 doing=\"two \\\"words\\\"\" eq=\"a=b\" none=\"\" "
        "n=18446744073709551615\n");
}

Test(log, json_has_its_fields_in_order) {
    char line[LOG_LINE_MAX + 1];

    make(line, LOG_FORMAT_JSON, "it serves", 9);
    cr_assert_str_eq(line,
        "{\"ts\":\"2026-11-21T14:30:15.123Z\",\"level\":\"warn\",\"service\":\"echo\",\"slot\":1,"
        "\"pid\":123,\"event\":\"ready\",\"msg\":\"it serves\",\"peer\":\"127.0.0.1:9\","
        "\"doing\":\"two \\\"words\\\"\",\"eq\":\"a=b\",\"none\":\"\","
        "\"n\":18446744073709551615}\n");
}

Test(log, human_has_local_time_and_words) {
    char line[LOG_LINE_MAX + 1];

    setenv("TZ", "LAB-3", 1);
    log_line_refresh_zone();
    make(line, LOG_FORMAT_HUMAN, "it \"serves\"\n", 12);
    cr_assert_str_eq(line, "17:30:15 echo[1] it \"serves\"\\n peer=127.0.0.1:9 "
                           "doing=\"two \\\"words\\\"\" eq=\"a=b\" none=\"\" "
                           "n=18446744073709551615\n");
}

Test(log, what_is_not_known_is_left_out) {
    struct log_origin nobody = { "", 0, 0 };
    char line[LOG_LINE_MAX + 1];
    size_t n = log_format_line(
        line, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, &nobody, "start", NULL, NULL);

    line[n] = '\0';
    cr_assert_str_eq(strchr(line, ' '), " level=info event=start\n");
    n = log_format_line(line, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, &nobody, "start", NULL, NULL);
    line[n] = '\0';
    cr_assert_str_eq(strchr(line, ' '), " start\n");
}

Test(log, dates_are_those_of_the_calendar) {
    char line[LOG_LINE_MAX + 1], wanted[64];
    struct log_record record = { .event = "e" };
    struct tm tm;

    for (uint64_t day = 0; day < 60000; day++) {
        time_t at = (time_t)(day * 86400 + day % 86400);

        record.at_ns = (uint64_t)at * 1000000000u + 7000000u;
        log_line_make(line, LOG_FORMAT_LOGFMT, &record);
        gmtime_r(&at, &tm);
        strftime(wanted, sizeof(wanted), "ts=%Y-%m-%dT%H:%M:%S.007Z ", &tm);
        cr_assert_eq(memcmp(line, wanted, strlen(wanted)), 0, "%.40s, not %s", line, wanted);
    }
}

/* ---- hostile text ---- */

/* Read the value of `key` in a line of logfmt: every byte of it must follow the grammar. */
static bool logfmt_is_valid(const char *line, size_t len) {
    const char *at = line, *end = line + len - 1;

    if (len == 0 || *end != '\n')
        return false;
    while (at < end) {
        while (at < end && (*at == '_' || (*at >= 'a' && *at <= 'z')))
            at++;
        if (at == end || *at++ != '=')
            return false;
        if (at < end && *at == '"') {
            for (at++; at < end && *at != '"'; at++) {
                if ((unsigned char)*at < 0x20 || *at == 0x7f)
                    return false;
                if (*at == '\\' && ++at == end)
                    return false;
            }
            if (at++ == end)
                return false;
        } else {
            for (; at < end && *at != ' '; at++)
                if (*at <= 0x20 || *at > 0x7e || *at == '"' || *at == '=')
                    return false;
        }
        if (at < end && (*at++ != ' ' || at == end))
            return false;
    }
    return true;
}

static bool is_utf8_of_one_line(const char *line, size_t len) {
    const unsigned char *s = (const unsigned char *)line;
    uint32_t rune;
    int step;

    for (size_t i = 0; i + 1 < len; i += (size_t)step) {
        step = escape_decode(s + i, len - i, &rune);
        if (step < 1 || (!escape_is_shown(rune) && rune != '\\'))
            return false;
    }
    return len > 0 && len <= LOG_LINE_MAX && line[len - 1] == '\n';
}

static bool json_is_valid(const char *line, size_t len) {
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_is_object(object) && json_string_length(json_object_get(object, "ts")) == 24;

    json_decref(object);
    return ok;
}

static void fill(char *dst, size_t len, unsigned kind, unsigned short state[3]) {
    static const char *const nasty[] = { "\"", "\\", "\n", "\r", "\033[2J", "\xff", "\xc3",
        "\xe2\x80\xae", "\xc2\x9b", "\xf0\x9f\x98\x80", "=", " ", "\x7f", "\xed\xa0\x80", "x" };
    const char *piece;

    for (size_t i = 0; i < len; i++) {
        if (kind == 0) {
            dst[i] = (char)nrand48(state);
            continue;
        }
        piece = nasty[(size_t)nrand48(state) % (sizeof(nasty) / sizeof(nasty[0]))];
        for (size_t k = 0; piece[k] != '\0' && i + k < len; k++)
            dst[i + k] = piece[k];
        i += strlen(piece) - 1;
    }
}

Test(log, any_bytes_make_one_valid_line) {
    unsigned short state[3] = { 1, 2, 3 };
    char line[LOG_LINE_MAX + 64], msg[6000], value[3000], other[300];
    size_t len, n;

    for (unsigned i = 0; i < 20000; i++) {
        len = (size_t)nrand48(state) % (i % 8 == 0 ? sizeof(msg) : 200);
        fill(msg, len, i & 1, state);
        fill(value, sizeof(value), i & 1, state);
        value[(size_t)nrand48(state) % (i % 16 == 0 ? sizeof(value) : 100)] = '\0';
        memcpy(other, value, sizeof(other) - 1);
        other[sizeof(other) - 1] = '\0';
        struct log_field own[] = { LOG_NUMBER("at", i), LOG_TEXT("v", value),
            LOG_TEXT("other", other), LOG_NUMBER("number", INT64_MAX), { 0 } };
        struct log_record record = { .at_ns = 1,
            .origin = { "chat", 1, 1 },
            .event = i & 2 ? "talk" : other,
            .msg = msg,
            .msg_len = len,
            .fields = own };

        n = log_line_make(line, LOG_FORMAT_LOGFMT, &record);
        cr_assert(
            logfmt_is_valid(line, n) && is_utf8_of_one_line(line, n), "%u: %.*s", i, (int)n, line);
        n = log_line_make(line, LOG_FORMAT_JSON, &record);
        cr_assert(
            json_is_valid(line, n) && is_utf8_of_one_line(line, n), "%u: %.*s", i, (int)n, line);
        n = log_line_make(line, LOG_FORMAT_HUMAN, &record);
        cr_assert(is_utf8_of_one_line(line, n), "%u: %.*s", i, (int)n, line);
    }
}

Test(log, long_text_is_cut_and_says_so) {
    char line[LOG_LINE_MAX + 1], msg[5000];
    size_t n;

    memset(msg, '\n', sizeof(msg));
    n = make(line, LOG_FORMAT_LOGFMT, msg, sizeof(msg));
    cr_assert(logfmt_is_valid(line, n));
    cr_assert_not_null(strstr(line, " n=18446744073709551615 cut=1\n"));
    n = make(line, LOG_FORMAT_JSON, msg, sizeof(msg));
    cr_assert_not_null(strstr(line, ",\"n\":18446744073709551615,\"cut\":true}\n"));
    cr_assert_null(strstr((make(line, LOG_FORMAT_LOGFMT, msg, 9), line), "cut="));
}

Test(log, what_fits_is_never_cut) {
    unsigned short state[3] = { 4, 5, 6 };
    char line[LOG_LINE_MAX + 1], msg[6000];
    size_t fits;

    for (unsigned i = 0; i < 3000; i++) {
        fill(msg, sizeof(msg), i % 3, state);
        fits = log_line_fit(msg, sizeof(msg), 3000);
        cr_assert_gt(fits, 450);
        for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_HUMAN; format++) {
            make(line, (enum log_format)format, msg, fits);
            cr_assert(strstr(line, " cut=") == NULL && strstr(line, "\"cut\"") == NULL, "%u", i);
        }
    }
    memset(msg, 'a', sizeof(msg));
    cr_assert_eq(log_line_fit(msg, sizeof(msg), 3000), 3000);
    cr_assert_eq(log_line_fit("ab\xd0\x96", 4, 3), 2);
}

/* ---- the quartet as records ---- */

Test(log, talk_becomes_records_and_keeps_errno) {
    use(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    errno = ENOENT;
    log_warn("cannot open %s", "x");
    cr_assert_eq(errno, ENOENT);
    log_info("a sentence");
    log_write(LOG_LEVEL_DEBUG, "detail", NULL, "not at this level");
    log_write_as(&(struct log_origin){ "chat", 2, 77 }, LOG_LEVEL_ERROR, "death", NULL, "%d", 5);
    said();
    cr_assert_eq(count_lines(text, ""), 3);
    cr_assert_not_null(strstr(text, " level=warn service=echo slot=3 pid="));
    cr_assert_not_null(
        strstr(text, " event=talk msg=\"cannot open x: No such file or directory\"\n"));
    cr_assert_not_null(strstr(text, " event=talk msg=\"a sentence\"\n"));
    cr_assert_not_null(strstr(text, " level=error service=chat slot=2 pid=77 event=death msg=5\n"));
    log_use_records(-1, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "", 0, NULL);
    log_warnx("to a person");
    cr_assert_str_eq(said(), "");
}

Test(log, without_records_it_is_a_sentence_for_a_person) {
    int err[2];

    cr_assert_eq(pipe(err), 0);
    dup2(err[1], STDERR_FILENO);
    log_init("prefork");
    log_warnx("bad \033 %d", 7);
    log_write(LOG_LEVEL_WARN, "full", fields, "no room");
    log_set_quiet(true);
    log_info("hidden");
    log_write(LOG_LEVEL_INFO, "hidden", NULL, "hidden");
    lane[0] = err[0];
    cr_assert_str_eq(said(),
        "prefork: bad \\x1b 7\n"
        "prefork: no room peer=127.0.0.1:9 doing=\"two \\\"words\\\"\" eq=\"a=b\" none=\"\" "
        "n=18446744073709551615\n");
}

Test(log, what_finds_no_room_is_counted_and_told_first) {
    unsigned sent = 0, told = 0;
    const char *at;

    use(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    dropped = 0;
    errno = EXDEV;
    for (; dropped < 10; sent++)
        log_write(LOG_LEVEL_INFO | LOG_EVERY, "count", NULL, "%u", sent);
    cr_assert_eq(errno, EXDEV);
    said();
    cr_assert_eq(count_lines(text, "event=count"), sent - 10);
    log_write(LOG_LEVEL_INFO | LOG_EVERY, "after", NULL, "here again");
    said();
    at = strstr(text, "event=log_dropped msg=\"records found no room\" count=");
    cr_assert_not_null(at);
    sscanf(strstr(at, "count="), "count=%u", &told);
    cr_assert_eq(told, 10);
    cr_assert_lt(at, strstr(text, "event=after"));
    log_write(LOG_LEVEL_INFO, "after", NULL, "and only once");
    cr_assert_null(strstr(said(), "log_dropped"));
    cr_assert_eq(dropped, 10);
}

/* A short record must not slip in before the number of those that were too long. */
Test(log, nothing_goes_before_the_number_of_what_was_dropped) {
    static char page[4096];

    use(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    dropped = 0;
    for (int i = 0; i < 15; i++)
        cr_assert_eq(write(lane[1], page, sizeof(page)), (ssize_t)sizeof(page));
    cr_assert_eq(write(lane[1], page, sizeof(page) - 100), (ssize_t)sizeof(page) - 100);
    log_write(LOG_LEVEL_INFO, "long", NULL, "%0500d", 1);
    cr_assert_eq(dropped, 1);
    log_write(LOG_LEVEL_INFO, "s", NULL, "1");
    cr_assert_eq(dropped, 2);
    said();
    log_write(LOG_LEVEL_INFO, "s", NULL, "2");
    cr_assert_not_null(strstr(said(), "event=log_dropped"));
    cr_assert_not_null(strstr(text, " count=2\n"));
}

/* ---- repeats ---- */

Test(log, repeats_are_held_back_and_their_number_told) {
    use(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    for (unsigned i = 0; i < 100; i++) {
        log_warnx("again %u", i);
        log_write(LOG_LEVEL_WARN | LOG_EVERY, "death", NULL, "each is told");
    }
    log_warnx("something else");
    said();
    cr_assert_eq(count_lines(text, "msg=\"again "), LOG_REPEATS_MAX);
    cr_assert_eq(count_lines(text, "event=death"), 100);
    cr_assert_eq(count_lines(text, "something else"), 1);
    cr_assert_eq(count_lines(text, "event=repeated"), 0);
}

Test(log, repeats_of_a_window_that_is_over_are_told_by_any_record) {
    static const char format[] = "again %u";
    uint64_t before_ms = clock_now_ms() - LOG_REPEATS_S * 1000 - 1;

    for (unsigned i = 0; i < 2; i++) {
        use(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
        for (unsigned k = 0; k < 75; k++)
            log_repeat_holds(LOG_LEVEL_WARN, "full", format, before_ms);
        if (i == 0)
            log_info("anything");
        else
            log_flush_repeats();
        said();
        cr_assert_eq(count_lines(text, "\"event\":\"repeated\",\"msg\":\"again %u\","
                                       "\"what\":\"full\",\"count\":55}"),
            1, "%s", text);
        log_flush_repeats();
        cr_assert_str_eq(said(), "");
    }
}

Test(log, windows_of_repeats_follow_each_other) {
    static const char format[] = "x", more[] = "y";
    struct log_repeat repeat;
    unsigned held = 0;

    log_repeat_reset();
    for (uint64_t ms = 1000; ms < 11000; ms += 10)
        held += log_repeat_holds(LOG_LEVEL_WARN, "e", format, ms);
    cr_assert_eq(held, 1000 - 2 * LOG_REPEATS_MAX);
    cr_assert(log_repeat_holds(LOG_LEVEL_WARN, "e", format, 10999));
    cr_assert_not(log_repeat_holds(LOG_LEVEL_WARN, "e", more, 10999));
    cr_assert_not(log_repeat_holds(LOG_LEVEL_WARN, "f", format, 10999));
    cr_assert_not(log_repeat_next(10999, &repeat));
    cr_assert(log_repeat_next(11000, &repeat));
    cr_assert_eq(repeat.count, held + 1);
    cr_assert_str_eq(repeat.format, "x");
    cr_assert_not(log_repeat_next(20000, &repeat));
}

Test(log, many_kinds_of_records_share_the_table) {
    static char formats[1000];
    struct log_repeat repeat;

    log_repeat_reset();
    for (unsigned i = 0; i < sizeof(formats); i++)
        for (unsigned k = 0; k < LOG_REPEATS_MAX; k++)
            cr_assert_not(log_repeat_holds(LOG_LEVEL_WARN, "e", formats + i, 1000 + 5000 * i));
    cr_assert_not(log_repeat_next(UINT64_MAX - 1, &repeat));
}

#define THREADS 4
#define EACH    50000

static void *flood(void *arg) {
    (void)arg;
    for (unsigned i = 0; i < EACH; i++)
        log_write(LOG_LEVEL_INFO, "flood", NULL, "%u of many", i);
    return NULL;
}

/* Each record is written, or held back and told, or dropped and told. */
Test(log, threads_lose_no_count) {
    uint64_t written, told = 0, lost = 0, n;
    pthread_t threads[THREADS];
    struct log_repeat repeat;

    use(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
    dropped = 0;
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(threads + i, NULL, flood, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    said();
    written = count_lines(text, "event=flood");
    for (const char *at = text; (at = strstr(at, "event=repeated")) != NULL; at++)
        if (sscanf(strstr(at, "count="), "count=%lu", &n) == 1)
            told += n;
    while (log_repeat_next(clock_now_ms() + 10000, &repeat))
        lost += repeat.count;
    cr_assert_eq(written + told + lost + dropped, THREADS * EACH);
    cr_assert_lt(written, 1000);
}

Test(log, a_record_costs_little) {
    uint64_t at_ns, spent_ns;
    char line[LOG_LINE_MAX];

    at_ns = clock_now_ns();
    for (unsigned i = 0; i < 100000; i++)
        make(line, LOG_FORMAT_LOGFMT, "a message of the usual length, with words", 41);
    spent_ns = clock_now_ns() - at_ns;
    fprintf(stderr, "a line takes %lu ns\n", spent_ns / 100000);
    cr_expect_lt(spent_ns / 100000, 20000);
}
