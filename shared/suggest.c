/* Nearest words by optimal string alignment, three rows at a time. */
#include "shared/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX (SUGGEST_WORD_MAX - 1)

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

unsigned suggest_distance(const char *a, const char *b) {
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2], *spare;
    size_t n = strlen(a), m = strlen(b);

    if (n > WORD_MAX || m > WORD_MAX)
        return UINT_MAX;
    for (size_t j = 0; j <= m; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1, UINT_MAX);
        }
        spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[m];
}

void suggest_offer(struct suggestion *best, const char *typed, const char *candidate) {
    unsigned distance = suggest_distance(typed, candidate);

    if (distance > strlen(candidate) / 3 + 1)
        return;
    if (best->word[0] == '\0' || distance < best->distance) {
        snprintf(best->word, sizeof(best->word), "%s", candidate);
        best->distance = distance;
    }
}
