#ifndef SHARED_LOG_REPEAT_H
#define SHARED_LOG_REPEAT_H

/*
 * Which records come too often. A table of counters without a lock: threads count in it at once,
 * and a fork at any moment leaves nothing held. Time is given, so that tests need not wait.
 */

#include "shared/log.h"

/* Forget everything. After fork, before any thread. */
void log_repeat_reset(void);

/*
 * Count a record; true: it is to be held back. event and format are literals: they are kept.
 * Two are the same when their events read the same and their formats are the same literal.
 */
bool log_repeat_holds(enum log_level level, const char *event, const char *format, uint64_t now_ms);

struct log_repeat {
    enum log_level level;
    const char *event, *format;
    uint64_t count; /* held back and not told yet */
};

/* Cheap: false when log_repeat_next() would be. */
bool log_repeat_is_due(uint64_t now_ms);

/* The next kind of record whose window is over and of which some were held back. */
bool log_repeat_next(uint64_t now_ms, struct log_repeat *out);

#endif
