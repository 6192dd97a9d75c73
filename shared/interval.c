/* Intervals as text. Where the two bounds are parted is decided here, once, for every verb. */
#include "shared/interval.h"

#include <stdio.h>
#include <string.h>

/* Find what parts the bounds: "..", an en dash, or a "-" that is not the sign of the first. */
static const char *find_parting(const char *text, size_t len, size_t *out_size) {
    size_t start = 0;

    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] == '.' && text[i + 1] == '.') {
            *out_size = 2;
            return text + i;
        }
    }
    while (start < len && (text[start] == ' ' || text[start] == '-'))
        start++;
    for (size_t i = start; i < len; i++) {
        if (text[i] == '-' && text[i - 1] != 'e' && text[i - 1] != 'E') {
            *out_size = 1;
            return text + i;
        }
        if (i + 2 < len && memcmp(text + i, "\xe2\x80\x93", 3) == 0) {
            *out_size = 3;
            return text + i;
        }
    }
    return NULL;
}

int interval_parse(
    const char *text, size_t len, struct interval *out, struct complaint *complaint) {
    char lo[NUMBER_TEXT_MAX], hi[NUMBER_TEXT_MAX];
    const char *parting, *second;
    size_t size = 0;

    parting = find_parting(text, len, &size);
    if (parting == NULL) {
        if (number_parse_u64(text, len, &out->hi, complaint) < 0)
            return complaint_prefix(complaint, "interval");
        out->lo = 1;
        out->is_empty = out->hi == 0;
        return 0;
    }
    second = parting + size;
    if (number_parse_u64(text, (size_t)(parting - text), &out->lo, complaint) < 0 ||
        number_parse_u64(second, len - (size_t)(second - text), &out->hi, complaint) < 0)
        return complaint_prefix(complaint, "interval");
    out->is_empty = false;
    if (out->lo > out->hi)
        return complaint_set(complaint,
            "interval: %s..%s runs backwards: the first number must not be above the second; did "
            "you mean %s..%s?",
            number_format_grouped(lo, out->lo), number_format_grouped(hi, out->hi), hi, lo);
    return 0;
}

char *interval_format(char dst[INTERVAL_TEXT_MAX], const struct interval *interval) {
    char lo[NUMBER_TEXT_MAX], hi[NUMBER_TEXT_MAX];

    if (interval->is_empty)
        snprintf(dst, INTERVAL_TEXT_MAX, "nothing");
    else
        snprintf(dst, INTERVAL_TEXT_MAX, "%s..%s", number_format_grouped(lo, interval->lo),
            number_format_grouped(hi, interval->hi));
    return dst;
}

char *interval_format_sheet(char dst[INTERVAL_TEXT_MAX], uint64_t first, uint64_t last) {
    char lo[NUMBER_TEXT_MAX], hi[NUMBER_TEXT_MAX];

    snprintf(dst, INTERVAL_TEXT_MAX, "%s - %s", number_format_grouped(lo, first),
        number_format_grouped(hi, last));
    return dst;
}
