#ifndef SHARED_SUGGEST_H
#define SHARED_SUGGEST_H

/* "did you mean …?": the nearest of some known words. Pure; callable anywhere. */

#include <stddef.h>

/*
 * How many single-letter insertions, removals, replacements and swaps of neighbours lead from a
 * to b (optimal string alignment distance). Words longer than 63 bytes are far from everything.
 */
unsigned suggest_distance(const char *a, const char *b);

#define SUGGEST_WORD_MAX 64

/* The best candidate so far: start with { .word = "" } and offer each known word in turn. */
struct suggestion {
    char word[SUGGEST_WORD_MAX]; /* a copy; empty while none is near */
    unsigned distance;
};

/* Keep candidate when it is near enough to typed and nearer than what was there. */
void suggest_offer(struct suggestion *best, const char *typed, const char *candidate);

#endif
