#ifndef TESTS_SYSTEM_RECORDS_H
#define TESTS_SYSTEM_RECORDS_H

/*
 * The log as who reads it by a program sees it: lines that must parse, logfmt or JSON, with the
 * fields in the order of the design. Written apart from shared/log_line.c, which it checks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FIELDS_MAX 24

struct record {
    size_t count;
    char *key[RECORD_FIELDS_MAX], *value[RECORD_FIELDS_MAX]; /* values of logfmt without quotes,
                                                                escapes as they stand */
};

struct records {
    size_t count;
    struct record *record;
};

/* Parse a text; CHECKs every line and its order of fields. Freed with the test. */
struct records records_parse(const char *text);

/* All records of a file. */
struct records records_read(const char *path);

/* CHECKs that every field and every event of them is in the manual page preforkd(8). */
void records_check_names(const struct records *records);

/* The value of a field, or NULL. */
const char *records_get(const struct record *record, const char *key);

/* How many there are of this event; NULL: of all. */
size_t records_count(const struct records *records, const char *event);

/* The first of this event; CHECKs that there is one. */
const struct record *records_find(const struct records *records, const char *event);

/* The sum of a number field over the records of an event. */
uint64_t records_sum(const struct records *records, const char *event, const char *key);

/* The time of a record, seconds since 1970. */
int64_t records_time_s(const struct record *record);

#endif
