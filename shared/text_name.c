/*
 * Names in code points. This is the only file that knows libunistring. What a look-alike is stands
 * in two tables after Unicode's confusables (UTS 39), for three scripts. No context counts: one
 * foreign letter put into a name must not change how the others are read.
 */
#include "shared/text_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "shared/escape.h"
#include "shared/text_clean.h"
#include "shared/text_utf8.h"

#define TYPED_MAX  1024u /* bytes of what was typed that are looked at */
#define RUNES_MAX  128u  /* before they are composed */
#define GROWN_MAX  512u  /* room for them normalised; more comes from the heap */
#define DIGITS_MAX 12

struct runes {
    uint32_t at[GROWN_MAX];
    size_t n;
};

struct look {
    uint32_t rune;
    uint32_t like;
};

/* Greek small letters that look like another Latin letter than their capitals do. */
static const struct look looks_small[] = { { 0x3b3, 'y' }, { 0x3b7, 'n' }, { 0x3bd, 'v' },
    { 0x3c3, 'o' }, { 0x3c5, 'u' }, { 0x3c9, 'w' } };

/* Folded letters, by either of their shapes. */
static const struct look looks[] = {
    /* ASCII: one upright stroke is as good as another */
    { '0', 'o' }, { '1', 'l' }, { 'i', 'l' }, { '|', 'l' },
    /* Latin */
    { 0x131, 'l' }, { 0x1c0, 'l' }, { 0x251, 'a' }, { 0x261, 'g' }, { 0x269, 'l' }, { 0x28b, 'u' },
    /* Greek */
    { 0x3b1, 'a' }, { 0x3b2, 'b' }, { 0x3b5, 'e' }, { 0x3b6, 'z' }, { 0x3b7, 'h' }, { 0x3b9, 'l' },
    { 0x3ba, 'k' }, { 0x3bc, 'm' }, { 0x3bd, 'n' }, { 0x3bf, 'o' }, { 0x3c1, 'p' }, { 0x3c4, 't' },
    { 0x3c5, 'y' }, { 0x3c7, 'x' }, { 0x3dd, 'f' }, { 0x3f3, 'j' },
    /* Cyrillic */
    { 0x430, 'a' }, { 0x431, '6' }, { 0x432, 'b' }, { 0x433, 'r' }, { 0x435, 'e' }, { 0x437, '3' },
    { 0x438, 'u' }, { 0x43a, 'k' }, { 0x43c, 'm' }, { 0x43d, 'h' }, { 0x43e, 'o' }, { 0x43f, 'n' },
    { 0x440, 'p' }, { 0x441, 'c' }, { 0x442, 't' }, { 0x443, 'y' }, { 0x445, 'x' }, { 0x44c, 'b' },
    { 0x455, 's' }, { 0x456, 'l' }, { 0x458, 'j' }, { 0x461, 'w' }, { 0x475, 'v' }, { 0x4af, 'y' },
    { 0x4bb, 'h' }, { 0x4cf, 'l' }, { 0x501, 'd' }, { 0x50d, 'g' }, { 0x51b, 'q' }, { 0x51d, 'w' },
    /* Dashes and quotation marks */
    { 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' }, { 0x2014, '-' },
    { 0x2015, '-' }, { 0x2212, '-' }, { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x2bc, '\'' }
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_blank(uint32_t rune) {
    return (rune >= '\t' && rune <= '\r') || rune == 0x2028 || rune == 0x2029 || rune == 0x2800 ||
           uc_is_general_category(rune, UC_CATEGORY_Zs);
}

static bool is_accent(uint32_t rune) {
    return uc_is_general_category(rune, UC_CATEGORY_M);
}

/* Nothing to see: controls, formats (also bidirectional ones), ignorables, no characters. */
static bool is_unseen(uint32_t rune) {
    return uc_is_general_category(rune, UC_CATEGORY_Cc) ||
           uc_is_general_category(rune, UC_CATEGORY_Cf) ||
           uc_is_property_default_ignorable_code_point(rune) ||
           uc_is_property_not_a_character(rune);
}

static void add(struct runes *runes, uint32_t rune) {
    if (is_blank(rune)) {
        if (runes->n > 0 && runes->at[runes->n - 1] != ' ')
            runes->at[runes->n++] = ' ';
    } else if (!is_unseen(rune) && (runes->n > 0 || (!text_is_mark(rune) && !is_accent(rune)))) {
        runes->at[runes->n++] = rune;
    }
}

static void decode(struct runes *runes, const char *text, size_t len, size_t most,
    void (*take)(struct runes *, uint32_t)) {
    uint32_t rune;
    int step;

    runes->n = 0;
    for (size_t i = 0; i < len && runes->n < most; i += (size_t)step) {
        step = escape_decode((const unsigned char *)text + i, len - i, &rune);
        take(runes, step > 0 ? rune : 0xfffd);
        step = step > 0 ? step : (int)text_utf8_broken(text + i, len - i);
    }
}

/* Take over what libunistring made; without memory for it the runes stay as they are. */
static void take_result(struct runes *runes, uint32_t *result, size_t n) {
    if (result == NULL)
        return;
    runes->n = n < GROWN_MAX ? n : GROWN_MAX;
    memcpy(runes->at, result, runes->n * sizeof(*result));
}

static void normalise(struct runes *runes, uninorm_t form) {
    uint32_t room[GROWN_MAX], *result;
    size_t n = GROWN_MAX;

    result = u32_normalize(form, runes->at, runes->n, room, &n);
    take_result(runes, result, n);
    if (result != room)
        free(result);
}

static void fold(struct runes *runes) {
    uint32_t room[GROWN_MAX], *result;
    size_t n = GROWN_MAX;

    result = u32_casefold(runes->at, runes->n, NULL, UNINORM_NFKD, room, &n);
    take_result(runes, result, n);
    if (result != room)
        free(result);
}

/* At most `most` code points, none without its accents and no space at the end. */
static void cut(struct runes *runes, size_t most) {
    size_t n = most;

    if (runes->n > most) {
        while (n > 0 && is_accent(runes->at[n]))
            n--;
        runes->n = n > 0 ? n : most;
    }
    while (runes->n > 0 && runes->at[runes->n - 1] == ' ')
        runes->n--;
}

static size_t encode(char dst[TEXT_NAME_MAX + 1], const struct runes *runes) {
    size_t used = 0;
    int step;

    for (size_t i = 0; i < runes->n; i++, used += (size_t)step) {
        step = u8_uctomb((uint8_t *)dst + used, runes->at[i], (ptrdiff_t)(TEXT_NAME_MAX - used));
        if (step < 0)
            break;
    }
    dst[used] = '\0';
    return used;
}

size_t text_name(char dst[TEXT_NAME_MAX + 1], const char *typed, size_t len) {
    struct runes runes;

    decode(&runes, typed, text_utf8_cut(typed, len, TYPED_MAX), RUNES_MAX, add);
    normalise(&runes, UNINORM_NFC);
    cut(&runes, TEXT_NAME_RUNES);
    return encode(dst, &runes);
}

static void add_any(struct runes *runes, uint32_t rune) {
    runes->at[runes->n++] = rune;
}

static void look_up(struct runes *runes, const struct look *table, size_t rows) {
    for (size_t i = 0; i < runes->n; i++)
        for (size_t row = 0; row < rows; row++)
            if (table[row].rune == runes->at[i]) {
                runes->at[i] = table[row].like;
                break;
            }
}

size_t text_name_skeleton(char dst[TEXT_NAME_MAX + 1], const char *name, size_t len) {
    struct runes runes;

    decode(&runes, name, len, RUNES_MAX, add_any);
    normalise(&runes, UNINORM_NFKD);
    look_up(&runes, looks_small, COUNT(looks_small));
    fold(&runes);
    look_up(&runes, looks, COUNT(looks));
    return encode(dst, &runes);
}

size_t text_name_suffix(char dst[TEXT_NAME_MAX + 1], const char *name, size_t len, unsigned n) {
    char suffix[DIGITS_MAX];
    int digits = snprintf(suffix, sizeof(suffix), "_%u", n);
    struct runes runes;

    decode(&runes, name, len, RUNES_MAX, add_any);
    cut(&runes, TEXT_NAME_RUNES - (size_t)digits);
    for (int i = 0; i < digits; i++)
        add_any(&runes, (unsigned char)suffix[i]);
    return encode(dst, &runes);
}
