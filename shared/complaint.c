/*
 * Keep one complaint: a bounded line that is always terminated.
 * Apart from the log, because pure code complains too and must not write anywhere.
 */
#include "shared/complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int complaint_set(struct complaint *complaint, const char *format, ...) {
    va_list args;

    va_start(args, format);
    vsnprintf(complaint->text, sizeof(complaint->text), format, args);
    va_end(args);
    return -1;
}

int complaint_prefix(struct complaint *complaint, const char *format, ...) {
    char old[sizeof(complaint->text)];
    va_list args;
    int len;

    memcpy(old, complaint->text, sizeof(old));
    va_start(args, format);
    len = vsnprintf(complaint->text, sizeof(complaint->text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(complaint->text))
        return -1;
    snprintf(complaint->text + len, sizeof(complaint->text) - (size_t)len, ": %s", old);
    return -1;
}

int complaint_append(struct complaint *complaint, const char *text) {
    const size_t len = strlen(complaint->text);

    snprintf(complaint->text + len, sizeof(complaint->text) - len, "%s", text);
    return -1;
}
