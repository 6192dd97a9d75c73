/* Numbers, intervals, durations, sizes, shares: whatever is accepted reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "shared/interval.h"
#include "shared/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok) {
    if (!ok)
        abort();
}

static void check_number(const char *text, size_t len) {
    struct complaint complaint;
    char again[NUMBER_TEXT_MAX];
    uint64_t value, other;
    size_t digits;

    if (number_parse_u64(text, len, &value, &complaint) < 0)
        return;
    number_format_grouped(again, value);
    check(number_parse_u64(again, strlen(again), &other, &complaint) == 0 && other == value);
    digits = number_format_u64(again, value);
    check(number_parse_u64(again, digits, &other, &complaint) == 0 && other == value);
}

static void check_interval(const char *text, size_t len) {
    struct interval interval, other;
    struct complaint complaint;
    char again[INTERVAL_TEXT_MAX];

    if (interval_parse(text, len, &interval, &complaint) < 0 || interval.is_empty)
        return;
    check(interval.lo <= interval.hi);
    interval_format(again, &interval);
    check(interval_parse(again, strlen(again), &other, &complaint) == 0);
    check(other.lo == interval.lo && other.hi == interval.hi);
    interval_format_sheet(again, interval.lo, interval.hi);
    check(interval_parse(again, strlen(again), &other, &complaint) == 0 && other.hi == interval.hi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct complaint complaint;
    char text[NUMBER_TEXT_MAX];
    uint64_t value;
    double percent;

    check_number((const char *)data, size);
    check_interval((const char *)data, size);
    if (number_parse_duration_ms((const char *)data, size, &value, &complaint) == 0)
        number_format_span(text, value);
    if (number_parse_bytes((const char *)data, size, &value, &complaint) == 0)
        number_format_bytes(text, value);
    if (number_parse_percent((const char *)data, size, &percent, &complaint) == 0)
        check(percent >= 0 && percent <= 100);
    return 0;
}
