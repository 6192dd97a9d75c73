/*
 * A test of a word may see what is not there, but only behind what is: so whoever finds something
 * looks at the bytes one by one.
 */
#include "shared/byte_run.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define ONES 0x0101010101010101u
#define TOPS 0x8080808080808080u

static uint64_t load(const char *data) {
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

static bool has_zero(uint64_t word) {
    return ((word - ONES) & ~word & TOPS) != 0;
}

static uint64_t fill(char byte) {
    return ONES * (unsigned char)byte;
}

#if defined(__SSE2__)
/* Sixteen at once: how many bytes are passed in whole sixteens. */
static size_t pass_wide(const char *data, size_t len, char a, char b, char c) {
    const __m128i all_a = _mm_set1_epi8(a), all_b = _mm_set1_epi8(b), all_c = _mm_set1_epi8(c);
    __m128i wide, found;
    size_t n = 0;

    for (; len - n >= sizeof(wide); n += sizeof(wide)) {
        wide = _mm_loadu_si128((const __m128i *)(const void *)(data + n));
        found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(wide, all_a), _mm_cmpeq_epi8(wide, all_b)),
            _mm_cmpeq_epi8(wide, all_c));
        if (_mm_movemask_epi8(found) != 0)
            break;
    }
    return n;
}
#else
static size_t pass_wide(const char *data, size_t len, char a, char b, char c) {
    (void)data, (void)len, (void)a, (void)b, (void)c;
    return 0;
}
#endif

size_t byte_run_without(const char *data, size_t len, char a, char b, char c) {
    const uint64_t all_a = fill(a), all_b = fill(b), all_c = fill(c);
    size_t n = pass_wide(data, len, a, b, c);
    uint64_t word;

    for (; len - n >= sizeof(word); n += sizeof(word)) {
        word = load(data + n);
        if (has_zero(word ^ all_a) || has_zero(word ^ all_b) || has_zero(word ^ all_c))
            break;
    }
    while (n < len && data[n] != a && data[n] != b && data[n] != c)
        n++;
    return n;
}

size_t byte_run_shown(const char *data, size_t len) {
    uint64_t word;
    size_t n = 0;

    for (; len - n >= sizeof(word); n += sizeof(word)) {
        word = load(data + n);
        /* The top bit: above ASCII; or below ' '; or DEL, which one more makes so. */
        if (((word | (word - ' ' * ONES) | (word + ONES)) & TOPS) != 0)
            break;
    }
    while (n < len && data[n] >= ' ' && data[n] < 0x7f)
        n++;
    return n;
}
