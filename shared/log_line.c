/*
 * A record becomes a line in one pass over one buffer. Room for the line's end is set aside from
 * the start, so that a line can be ended wherever its text had to be cut.
 * Dates are reckoned here: gmtime_r() and localtime_r() both take a lock.
 */
#include "shared/log_line.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/escape.h"

#define END_ROOM   16 /* ,"cut":true} and the newline */
#define VALUE_ROOM 24 /* the least room a value is begun with: any number fits */
#define PIECE_MAX  (4 * ESCAPE_JSON_GROWTH + 1)

enum style { STYLE_JSON, STYLE_QUOTED, STYLE_SENTENCE };

struct line {
    char *start, *at, *end; /* end: END_ROOM before that of the buffer */
    bool is_json, is_cut;
};

static _Atomic int zone_s;

void log_line_refresh_zone(void) {
    time_t now = (time_t)(clock_wall_ns() / 1000000000u);
    struct tm local;

    if (localtime_r(&now, &local) != NULL)
        atomic_store_explicit(&zone_s, (int)local.tm_gmtoff, memory_order_relaxed);
}

/* ---- escaping ---- */

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t encode_json(char *out, const unsigned char *s, int step, uint32_t rune) {
    static const char hex[] = "0123456789abcdef";
    size_t used;

    /* \u0000 is JSON, but many readers refuse it: as good as broken. */
    if (*s == '\0')
        step = ESCAPE_BROKEN;
    if (step == 1)
        return escape_json(out, (const char *)s, 1, true, &used);
    if (step < 1) {
        memcpy(out, "\xef\xbf\xbd", 3);
        return 3;
    }
    if (escape_is_shown(rune)) {
        memcpy(out, s, (size_t)step);
        return (size_t)step;
    }
    /* All that is not shown lies below U+10000. */
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = hex[rune >> (12 - 4 * i) & 15];
    return 6;
}

/* The escaped form of what is at s, in out[PIECE_MAX]; *out_step bytes of s. */
static size_t encode(
    enum style style, char *out, const unsigned char *s, size_t len, int *out_step) {
    uint32_t rune = 0;
    int step = escape_decode(s, len, &rune);

    *out_step = step > 0 ? step : 1;
    if (style == STYLE_JSON)
        return encode_json(out, s, step, rune);
    if (*s == '"') {
        memcpy(out, "\\\"", 2);
        if (style == STYLE_QUOTED)
            return 2;
        out[0] = '"';
        return 1;
    }
    return escape_line(out, PIECE_MAX, (const char *)s, (size_t)*out_step);
}

/* Escape a text up to `end`; what does not fit is left out and noted. */
static void put_text(
    struct line *line, enum style style, const char *end, const char *text, size_t len) {
    const unsigned char *s = (const unsigned char *)text, *last = s + len;
    char piece[PIECE_MAX], *at = line->at;
    size_t n;
    int step;

    while (s < last) {
        if (is_plain(*s) && at < end) {
            *at++ = (char)*s++;
            continue;
        }
        n = encode(style, piece, s, (size_t)(last - s), &step);
        if (n > (size_t)(end - at)) {
            line->is_cut = true;
            break;
        }
        memcpy(at, piece, n);
        at += n;
        s += step;
    }
    line->at = at;
}

size_t log_line_fit(const char *text, size_t len, size_t room) {
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0, taken = 0, cost, bytes;
    uint32_t rune;
    int step;

    while (taken < len) {
        step = escape_decode(s + taken, len - taken, &rune);
        bytes = step > 0 ? (size_t)step : 1;
        cost = is_plain(s[taken]) ? 1 : ESCAPE_JSON_GROWTH * bytes;
        if (step > 1 && escape_is_shown(rune))
            cost = bytes;
        if (used + cost > room)
            break;
        used += cost;
        taken += bytes;
    }
    return taken;
}

/* ---- pieces ---- */

static void put(struct line *line, const char *text, size_t len) {
    memcpy(line->at, text, len);
    line->at += len;
}

static void put_digits(struct line *line, unsigned number, int width) {
    for (int i = width - 1; i >= 0; i--, number /= 10)
        line->at[i] = (char)('0' + number % 10);
    line->at += width;
}

static void put_number(struct line *line, uint64_t number) {
    char digits[20];
    size_t n = sizeof(digits);

    do
        digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(line, digits + n, sizeof(digits) - n);
}

/* False, and noted, when there is no room for the key and a value. */
static bool put_key(struct line *line, const char *key) {
    size_t len = strlen(key);

    if (line->at + len + 4 + VALUE_ROOM > line->end) {
        line->is_cut = true;
        return false;
    }
    if (line->is_json) {
        put(line, ",", line->at == line->start + 1 ? 0 : 1);
        put(line, "\"", 1);
        put(line, key, len);
        put(line, "\":", 2);
    } else {
        put(line, " ", line->at == line->start ? 0 : 1);
        put(line, key, len);
        put(line, "=", 1);
    }
    return true;
}

static bool is_bare(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!is_plain((unsigned char)text[i]) || text[i] == ' ' || text[i] == '=')
            return false;
    return len > 0;
}

/* `most` bounds the escaped text. */
static void put_field(
    struct line *line, const char *key, const char *text, size_t len, size_t most) {
    size_t room;

    if (!put_key(line, key))
        return;
    room = (size_t)(line->end - line->at) - 2;
    if (room > most)
        room = most;
    if (!line->is_json && len <= room && is_bare(text, len)) {
        put(line, text, len);
        return;
    }
    put(line, "\"", 1);
    put_text(line, line->is_json ? STYLE_JSON : STYLE_QUOTED, line->at + room, text, len);
    put(line, "\"", 1);
}

static void put_word(struct line *line, const char *key, const char *text) {
    put_field(line, key, text, strlen(text), LOG_LINE_MAX);
}

static void put_count(struct line *line, const char *key, uint64_t number) {
    if (put_key(line, key))
        put_number(line, number);
}

static void put_fields(struct line *line, const struct log_field *field) {
    for (; field != NULL && field->key != NULL; field++) {
        if (field->text != NULL)
            put_word(line, field->key, field->text);
        else
            put_count(line, field->key, field->number);
    }
}

/* ---- time ---- */

/* Days since 1970 as year, month and day: the Gregorian calendar counted from 1 March 0000. */
static void put_date(struct line *line, uint64_t days) {
    uint64_t since = days + 719468, era = since / 146097, day_of_era = since % 146097;
    unsigned year_of_era = (unsigned)((day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                                          day_of_era / 146096) /
                                      365);
    unsigned day_of_year = (unsigned)day_of_era -
                           (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * day_of_year + 2) / 153;
    unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;

    put_digits(line, year_of_era + (unsigned)era * 400 + (month <= 2), 4);
    put(line, "-", 1);
    put_digits(line, month, 2);
    put(line, "-", 1);
    put_digits(line, day_of_year - (153 * from_march + 2) / 5 + 1, 2);
}

static void put_time_of_day(struct line *line, unsigned second) {
    put_digits(line, second / 3600, 2);
    put(line, ":", 1);
    put_digits(line, second / 60 % 60, 2);
    put(line, ":", 1);
    put_digits(line, second % 60, 2);
}

static void put_timestamp(struct line *line, uint64_t at_ns) {
    uint64_t at_s = at_ns / 1000000000u;

    put_key(line, "ts");
    put(line, "\"", line->is_json);
    put_date(line, at_s / 86400);
    put(line, "T", 1);
    put_time_of_day(line, (unsigned)(at_s % 86400));
    put(line, ".", 1);
    put_digits(line, (unsigned)(at_ns / 1000000u % 1000), 3);
    put(line, "Z", 1);
    put(line, "\"", line->is_json);
}

/* ---- lines ---- */

static void put_record(struct line *line, const struct log_record *record) {
    static const char *const names[] = { "debug", "info", "warn", "error" };

    put_timestamp(line, record->at_ns);
    put_word(line, "level", names[record->level]);
    if (record->origin.service != NULL && record->origin.service[0] != '\0')
        put_word(line, "service", record->origin.service);
    if (record->origin.slot > 0)
        put_count(line, "slot", record->origin.slot);
    if (record->origin.pid > 0)
        put_count(line, "pid", (uint64_t)record->origin.pid);
    put_word(line, "event", record->event);
    if (record->msg != NULL)
        put_field(line, "msg", record->msg, record->msg_len, LOG_MSG_MAX);
}

static void put_sentence(struct line *line, const struct log_record *record) {
    const char *text = record->msg != NULL ? record->msg : record->event;
    size_t len = record->msg != NULL ? record->msg_len : strlen(record->event);
    int64_t local_s = (int64_t)(record->at_ns / 1000000000u) + atomic_load(&zone_s);

    put_time_of_day(line, (unsigned)(local_s % 86400));
    put(line, " ", 1);
    if (record->origin.service != NULL && record->origin.service[0] != '\0') {
        put_text(line, STYLE_SENTENCE, line->at + LOG_MSG_MAX / 4, record->origin.service,
            strlen(record->origin.service));
        if (record->origin.slot > 0) {
            put(line, "[", 1);
            put_number(line, record->origin.slot);
            put(line, "]", 1);
        }
        put(line, " ", 1);
    }
    put_text(line, STYLE_SENTENCE, line->at + LOG_MSG_MAX, text, len);
}

size_t log_line_make(
    char dst[LOG_LINE_MAX], enum log_format format, const struct log_record *record) {
    struct line line = { .start = dst,
        .at = dst,
        .end = dst + LOG_LINE_MAX - END_ROOM,
        .is_json = format == LOG_FORMAT_JSON };

    if (line.is_json)
        put(&line, "{", 1);
    if (format == LOG_FORMAT_HUMAN)
        put_sentence(&line, record);
    else
        put_record(&line, record);
    put_fields(&line, record->fields);
    if (line.is_cut && line.is_json)
        put(&line, ",\"cut\":true", 11);
    else if (line.is_cut)
        put(&line, " cut=1", 6);
    put(&line, "}", line.is_json);
    put(&line, "\n", 1);
    return (size_t)(line.at - dst);
}

size_t log_line_fields(char *dst, size_t size, const struct log_field *fields) {
    /* A line that has begun: the first field is parted from the text before it, too. */
    struct line line = { .at = dst, .end = dst + size - 1 };

    put_fields(&line, fields);
    *line.at = '\0';
    return (size_t)(line.at - dst);
}

size_t log_format_line(char dst[LOG_LINE_MAX], enum log_format format, enum log_level level,
    const struct log_origin *origin, const char *event, const char *msg,
    const struct log_field *fields) {
    struct log_record record = { .at_ns = clock_wall_ns(),
        .level = level,
        .origin = *origin,
        .event = event,
        .msg = msg,
        .msg_len = msg != NULL ? strlen(msg) : 0,
        .fields = fields };

    return log_line_make(dst, format, &record);
}
