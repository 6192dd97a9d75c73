/* A reader of the log that forgives nothing. */
#include "tests/system/records.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/harness.h"

static const char *const order[] = { "ts", "level", "service", "slot", "pid", "event", "msg" };
enum { ORDERED = sizeof(order) / sizeof(order[0]) };

static void add(struct record *record, const char *key, size_t key_len, char *value) {
    CHECK(record->count < RECORD_FIELDS_MAX, "a record of too many fields");
    record->key[record->count] = strndup(key, key_len);
    record->value[record->count++] = value;
}

/* ---- logfmt ---- */

static bool is_bare(char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

/* Behind the value that begins here. */
static const char *skip_value(const char *at, const char *line) {
    if (*at != '"') {
        const char *begin = at;
        while (is_bare(*at))
            at++;
        CHECK(at > begin, "an empty value without quotes: %s", line);
        return at;
    }
    for (at++; *at != '"'; at++) {
        CHECK(*at != '\0' && (unsigned char)*at >= ' ' && *at != 0x7f, "a broken value: %s", line);
        at += *at == '\\';
    }
    return at + 1;
}

static void parse_logfmt(struct record *record, const char *line) {
    const char *key, *begin, *end;

    for (const char *at = line;; at = end + 1) {
        key = at;
        while ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_')
            at++;
        CHECK(at > key && *at == '=', "no key at \"%.40s\": %s", key, line);
        begin = at + 1;
        end = skip_value(begin, line);
        CHECK(*end == ' ' || *end == '\0', "rubbish at \"%.40s\": %s", end, line);
        add(record, key, (size_t)(at - key),
            *begin == '"' ? strndup(begin + 1, (size_t)(end - begin) - 2)
                          : strndup(begin, (size_t)(end - begin)));
        if (*end == '\0')
            return;
    }
}

/* ---- JSON ---- */

static void parse_json(struct record *record, const char *line) {
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error), *value;
    const char *key;
    char *text;

    CHECK(json_is_object(object), "%s: %s", error.text, line);
    for (const char *at = line; *at != '\0'; at++)
        CHECK((unsigned char)*at >= ' ' && *at != 0x7f, "a control character: %s", line);
    json_object_foreach(object, key, value) {
        text = json_is_string(value) ? strdup(json_string_value(value))
                                     : json_dumps(value, JSON_ENCODE_ANY);
        add(record, key, strlen(key), text);
    }
    json_decref(object);
}

/* ---- what both have ---- */

const char *records_get(const struct record *record, const char *key) {
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->key[i], key) == 0)
            return record->value[i];
    return NULL;
}

int64_t records_time_s(const struct record *record) {
    const char *ts = records_get(record, "ts"), *rest;
    struct tm tm = { 0 };

    rest = strptime(ts, "%Y-%m-%dT%H:%M:%S.", &tm);
    CHECK(rest != NULL && strlen(rest) == 4 && rest[3] == 'Z', "no time: %s", ts);
    return timegm(&tm);
}

/* The known ones come first and in their order; none comes twice. */
static void check_order(const struct record *record, const char *line) {
    static const char *const needed[] = { "ts", "level", "event" };
    size_t next = 0, i = 0, k;

    for (; i < record->count && next < ORDERED; next++)
        i += strcmp(record->key[i], order[next]) == 0;
    for (; i < record->count; i++) {
        for (k = 0; k < ORDERED; k++)
            CHECK(strcmp(record->key[i], order[k]) != 0, "%s out of order: %s", order[k], line);
        for (k = 0; k < i; k++)
            CHECK(
                strcmp(record->key[i], record->key[k]) != 0, "%s twice: %s", record->key[k], line);
    }
    for (k = 0; k < sizeof(needed) / sizeof(needed[0]); k++)
        CHECK(records_get(record, needed[k]) != NULL, "no %s: %s", needed[k], line);
    records_time_s(record);
}

struct records records_parse(const char *text) {
    struct records records = { .count = 0 };
    size_t room = 0;
    const char *end;
    char *line;

    for (; *text != '\0'; text = end + 1) {
        end = strchr(text, '\n');
        CHECK(end != NULL, "it ends within a line: %s", text);
        line = strndup(text, (size_t)(end - text));
        if (records.count == room) {
            room = room > 0 ? 2 * room : 1024;
            records.record = realloc(records.record, room * sizeof(struct record));
        }
        records.record[records.count] = (struct record){ .count = 0 };
        if (*line == '{')
            parse_json(&records.record[records.count], line);
        else
            parse_logfmt(&records.record[records.count], line);
        check_order(&records.record[records.count++], line);
        free(line);
    }
    return records;
}

struct records records_read(const char *path) {
    size_t len;
    char *text = harness_read_file(path, &len);
    struct records records;

    CHECK(strlen(text) == len, "%s has a hole at %zu", path, strlen(text));
    records = records_parse(text);
    free(text);
    return records;
}

size_t records_count(const struct records *records, const char *event) {
    size_t count = 0;

    for (size_t i = 0; i < records->count; i++)
        count += event == NULL || strcmp(records_get(&records->record[i], "event"), event) == 0;
    return count;
}

const struct record *records_find(const struct records *records, const char *event) {
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records_get(&records->record[i], "event"), event) == 0)
            return &records->record[i];
    harness_fail(__FILE__, __LINE__, "event", "no record of %s", event);
}

uint64_t records_sum(const struct records *records, const char *event, const char *key) {
    uint64_t sum = 0;

    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records_get(&records->record[i], "event"), event) == 0)
            sum += strtoull(records_get(&records->record[i], key), NULL, 10);
    return sum;
}

/* ---- the manual page ---- */

/* Is the name in the list of the page that begins with this comment? */
static bool is_documented(const char *page, const char *list, const char *name) {
    const char *at = strstr(page, list), *end = strstr(at, "\n.El\n");
    const size_t len = strlen(name);

    while ((at = strstr(at, name)) != NULL && at < end) {
        const bool begins = at[-1] == '"' || at[-1] == ' ';

        if (begins && (at[len] == '"' || at[len] == ','))
            return true;
        at += len;
    }
    return false;
}

void records_check_names(const struct records *records) {
    static char *page;
    char path[512];

    if (page == NULL) {
        snprintf(path, sizeof(path), "%s/man/preforkd.8", harness_root());
        page = harness_read_file(path, NULL);
    }
    for (size_t i = 0; i < records->count; i++) {
        const struct record *record = &records->record[i];
        const char *event = records_get(record, "event");

        CHECK(event != NULL && is_documented(page, ".\\\" events", event),
            "event=%s is not in preforkd(8)", event);
        for (size_t k = 0; k < record->count; k++)
            CHECK(is_documented(page, ".\\\" fields", record->key[k]),
                "the field %s of event=%s is not in preforkd(8)", record->key[k], event);
    }
}
