/*
 * What stands in a file without quotes. libconfig 1.5 stores an integer beyond 32 bits cut to
 * them, and one beyond 64 as the largest; only the source text tells. Pure.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_internal.h"

static bool is_integer(const char *run, bool *out_is_hex, bool *out_is_long) {
    const char *at = run + (*run == '+' || *run == '-');
    size_t n;

    *out_is_hex = at == run && at[0] == '0' && tolower((unsigned char)at[1]) == 'x';
    at += *out_is_hex ? 2 : 0;
    n = strspn(at, *out_is_hex ? "0123456789abcdefABCDEF" : "0123456789");
    *out_is_long = n > 0 && at[n] == 'L';
    return n > 0 && (at[n] == '\0' || strcmp(at + n, "L") == 0 || strcmp(at + n, "LL") == 0);
}

static enum config_literal judge_integer(const char *run, bool is_hex, bool is_long) {
    unsigned long long bits;
    long long value;
    bool is_short;

    errno = 0;
    if (is_hex) {
        bits = strtoull(run, NULL, 16);
        is_short = bits <= INT32_MAX;
        if (errno != 0 || bits > INT64_MAX)
            return CONFIG_LITERAL_HUGE;
    } else {
        value = strtoll(run, NULL, 10);
        is_short = value >= INT32_MIN && value <= INT32_MAX;
        if (errno != 0)
            return CONFIG_LITERAL_HUGE;
    }
    return is_long || is_short ? CONFIG_LITERAL_GOOD : CONFIG_LITERAL_LONG;
}

enum config_literal config_literal_judge(const char *run) {
    bool is_hex, is_long;
    double value;
    char *end;

    if (strcasecmp(run, "true") == 0 || strcasecmp(run, "false") == 0)
        return CONFIG_LITERAL_GOOD;
    if (is_integer(run, &is_hex, &is_long))
        return judge_integer(run, is_hex, is_long);
    if (strspn(run, "+-.0123456789eE") < strlen(run) || strpbrk(run, "0123456789") == NULL ||
        isalpha((unsigned char)run[0]))
        return CONFIG_LITERAL_WORD;
    value = strtod(run, &end);
    if (*end != '\0')
        return CONFIG_LITERAL_WORD;
    return isfinite(value) ? CONFIG_LITERAL_GOOD : CONFIG_LITERAL_INFINITE;
}
