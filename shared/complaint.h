#ifndef SHARED_COMPLAINT_H
#define SHARED_COMPLAINT_H

/*
 * One line about one mistake, for a person: what, where, what is allowed.
 * Functions that check input fill it and return -1; the caller decides where it is shown. What a
 * user typed stands in it as it was typed: whoever shows the line escapes it (log.h does).
 */

struct complaint {
    char text[512];
};

/*
 * Write the line. Callable anywhere; does not allocate.
 * Returns -1, so that a check can end in "return complaint_set(...)".
 */
int complaint_set(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "PREFIX: " before the line that is already there. Returns -1. */
int complaint_prefix(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write a text behind the line that is already there. Returns -1. */
int complaint_append(struct complaint *complaint, const char *text);

#endif
