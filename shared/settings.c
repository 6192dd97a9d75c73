/*
 * The settings-table mechanism: a small parser for each type, found by the type's place in one
 * array, so that a new type is a row and not a case in five switches.
 */
#include "shared/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/interval.h"
#include "shared/number.h"
#include "shared/suggest.h"

#define VALUE_TEXT_MAX 256
#define QUOTE_MAX      80

typedef int parse_fn(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint);
typedef void format_fn(const struct setting *setting, const void *value, char *dst, size_t size);

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit time_units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
    { "s", 1000 }, { "ms", 1 } };
static const struct unit byte_units[] = { { "G", 1u << 30 }, { "M", 1u << 20 }, { "k", 1u << 10 },
    { "", 1 } };

/* The value in the largest unit that leaves nothing over; 0 needs none. */
static void format_unit(const struct setting *setting, uint64_t value, char dst[NUMBER_TEXT_MAX]) {
    const struct unit *unit = setting->type == SETTING_DURATION ? time_units : byte_units;

    while (value % unit->size != 0)
        unit++;
    snprintf(
        dst, NUMBER_TEXT_MAX, "%" PRIu64 "%s", value / unit->size, value != 0 ? unit->name : "");
}

static void format_bound(const struct setting *setting, uint64_t bound, char dst[NUMBER_TEXT_MAX]) {
    if (setting->type == SETTING_DURATION || setting->type == SETTING_BYTES)
        format_unit(setting, bound, dst);
    else if (setting->type == SETTING_INTEGER)
        snprintf(dst, NUMBER_TEXT_MAX, "%" PRId64, (int64_t)bound);
    else if (setting->type == SETTING_MODE)
        snprintf(dst, NUMBER_TEXT_MAX, "%04" PRIo64, bound);
    else
        number_format_grouped(dst, bound);
}

static bool is_outside(const struct setting *setting, uint64_t value) {
    return (setting->min != 0 || setting->max != 0) &&
           (value < setting->min || value > setting->max);
}

static int refuse_range(const struct setting *setting, const char *text, struct complaint *out) {
    char lowest[NUMBER_TEXT_MAX], highest[NUMBER_TEXT_MAX];

    format_bound(setting, setting->min, lowest);
    format_bound(setting, setting->max, highest);
    complaint_set(out, "%.80s is outside the allowed range, %s to %s", text, lowest, highest);
    if (setting->unset != NULL)
        snprintf(out->text + strlen(out->text), 32, ", or \"%.20s\"", setting->unset);
    return -1;
}

static int parse_number(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    uint64_t number = 0;
    int rc;

    if (setting->unset != NULL && strcmp(text, setting->unset) == 0) {
        *(uint64_t *)value = UINT64_MAX;
        return 0;
    }
    if (setting->type == SETTING_BYTES)
        rc = number_parse_bytes(text, strlen(text), &number, complaint);
    else if (setting->type == SETTING_DURATION && strcmp(text, "0") != 0)
        rc = number_parse_duration_ms(text, strlen(text), &number, complaint);
    else
        rc = number_parse_u64(text, strlen(text), &number, complaint);
    if (rc < 0)
        return -1;
    if (is_outside(setting, number))
        return refuse_range(setting, text, complaint);
    *(uint64_t *)value = number;
    return 0;
}

static void format_number(const struct setting *setting, const void *value, char *dst, size_t n) {
    uint64_t number = *(const uint64_t *)value;
    char text[NUMBER_TEXT_MAX];

    if (setting->unset != NULL && number == UINT64_MAX)
        snprintf(dst, n, "%s", setting->unset);
    else if (setting->type == SETTING_NUMBER)
        snprintf(dst, n, "%" PRIu64, number);
    else {
        format_unit(setting, number, text);
        snprintf(dst, n, "%s", text);
    }
}

static int parse_integer(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    bool is_negative = text[0] == '-';
    uint64_t number;
    int64_t integer;

    if (number_parse_u64(text + is_negative, strlen(text + is_negative), &number, complaint) < 0)
        return -1;
    if (number > INT64_MAX)
        return refuse_range(setting, text, complaint);
    integer = is_negative ? -(int64_t)number : (int64_t)number;
    if ((setting->min != 0 || setting->max != 0) &&
        (integer < (int64_t)setting->min || integer > (int64_t)setting->max))
        return refuse_range(setting, text, complaint);
    *(int64_t *)value = integer;
    return 0;
}

static void format_integer(const struct setting *setting, const void *value, char *dst, size_t n) {
    (void)setting;
    snprintf(dst, n, "%" PRId64, *(const int64_t *)value);
}

static int parse_mode(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    uint64_t mode = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "01234567") != len)
        return complaint_set(complaint, "\"%.80s\" is not an octal mode: write 0660", text);
    for (; *text != '\0'; text++)
        mode = mode * 8 + (uint64_t)(*text - '0');
    if (is_outside(setting, mode))
        return refuse_range(setting, text - len, complaint);
    *(uint64_t *)value = mode;
    return 0;
}

static void format_mode(const struct setting *setting, const void *value, char *dst, size_t n) {
    (void)setting;
    snprintf(dst, n, "%04" PRIo64, *(const uint64_t *)value);
}

static int parse_bool(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    (void)setting;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return complaint_set(complaint, "must be true or false");
    *(bool *)value = text[0] == 't';
    return 0;
}

static void format_bool(const struct setting *setting, const void *value, char *dst, size_t n) {
    (void)setting;
    snprintf(dst, n, "%s", *(const bool *)value ? "true" : "false");
}

static int parse_percent(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    (void)setting;
    return number_parse_percent(text, strlen(text), value, complaint);
}

static void format_percent(const struct setting *setting, const void *value, char *dst, size_t n) {
    double percent = *(const double *)value;
    int digits = 0;

    (void)setting;
    do /* as few digits as say the same number, and never an exponent: none is read */
        snprintf(dst, n, "%.*f%%", digits, percent);
    while (strtod(dst, NULL) != percent && digits++ < 20);
}

/* Index of the choice, or -1 with "…; allowed: a, b, c" and the nearest one. */
static int find_choice(
    const struct setting *setting, const char *text, size_t len, struct complaint *complaint) {
    char typed[QUOTE_MAX + 1], allowed[VALUE_TEXT_MAX] = "";
    struct suggestion best = { .word = "" };
    size_t used = 0;

    snprintf(typed, sizeof(typed), "%.*s", (int)(len < sizeof(typed) ? len : sizeof(typed)), text);
    for (int i = 0; setting->choices[i] != NULL; i++) {
        if (strcmp(setting->choices[i], typed) == 0)
            return i;
        suggest_offer(&best, typed, setting->choices[i]);
        used += (size_t)snprintf(
            allowed + used, sizeof(allowed) - used, "%s%s", i > 0 ? ", " : "", setting->choices[i]);
    }
    if (best.word[0] != '\0')
        return complaint_set(complaint, "unknown \"%s\", did you mean \"%s\"? allowed: %s", typed,
            best.word, allowed);
    return complaint_set(complaint, "unknown \"%s\"; allowed: %s", typed, allowed);
}

static int parse_choice(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    int index = find_choice(setting, text, strlen(text), complaint);

    if (index < 0)
        return -1;
    *(unsigned *)value = (unsigned)index;
    return 0;
}

static void format_choice(const struct setting *setting, const void *value, char *dst, size_t n) {
    snprintf(dst, n, "%s", setting->choices[*(const unsigned *)value]);
}

static int parse_choices(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    unsigned bits = 0;
    const char *comma;
    int index;

    for (;; text = comma + 1) {
        comma = strchrnul(text, ',');
        index = find_choice(setting, text, (size_t)(comma - text), complaint);
        if (index < 0)
            return -1;
        bits |= 1u << index;
        if (*comma == '\0')
            break;
    }
    *(unsigned *)value = bits;
    return 0;
}

static void format_choices(const struct setting *setting, const void *value, char *dst, size_t n) {
    size_t used = 0;

    dst[0] = '\0';
    for (unsigned i = 0; setting->choices[i] != NULL && used < n; i++)
        if (*(const unsigned *)value & 1u << i)
            used += (size_t)snprintf(
                dst + used, n - used, "%s%s", used > 0 ? "," : "", setting->choices[i]);
}

static int parse_text(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    (void)setting;
    if (text[0] == '\0')
        return complaint_set(complaint, "must not be empty");
    *(const char **)value = text;
    return 0;
}

static void format_text(const struct setting *setting, const void *value, char *dst, size_t n) {
    const char *text = *(const char *const *)value;

    (void)setting;
    snprintf(dst, n, "%s", text != NULL ? text : "");
}

static int parse_texts(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    struct setting_texts *texts = value;
    unsigned most = setting->max != 0 ? (unsigned)setting->max : SETTING_TEXTS_MAX;

    if (texts->count == most)
        return complaint_set(complaint, "has too many, at most %u are allowed", most);
    texts->text[texts->count++] = text;
    return 0;
}

static void format_texts(const struct setting *setting, const void *value, char *dst, size_t n) {
    const struct setting_texts *texts = value;
    size_t used = 0;

    (void)setting;
    dst[0] = '\0';
    for (unsigned i = 0; i < texts->count && used < n; i++)
        used += (size_t)snprintf(dst + used, n - used, "%s%s", i > 0 ? "," : "", texts->text[i]);
}

static int parse_numbers(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    struct setting_numbers numbers = { .count = 0 };
    const char *comma;

    for (;; text = comma + 1) {
        comma = strchrnul(text, ',');
        if (numbers.count == SETTING_NUMBERS_MAX)
            return complaint_set(
                complaint, "has too many numbers, at most %d are allowed", SETTING_NUMBERS_MAX);
        if (number_parse_u64(
                text, (size_t)(comma - text), &numbers.value[numbers.count], complaint) < 0)
            return -1;
        if (is_outside(setting, numbers.value[numbers.count]))
            return refuse_range(setting, text, complaint);
        numbers.count++;
        if (*comma == '\0')
            break;
    }
    *(struct setting_numbers *)value = numbers;
    return 0;
}

static void format_numbers(const struct setting *setting, const void *value, char *dst, size_t n) {
    const struct setting_numbers *numbers = value;
    size_t used = 0;

    (void)setting;
    dst[0] = '\0';
    for (unsigned i = 0; i < numbers->count && used < n; i++)
        used += (size_t)snprintf(
            dst + used, n - used, "%s%" PRIu64, i > 0 ? "," : "", numbers->value[i]);
}

static int parse_interval(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    static const char prefix[] = "interval: ";
    size_t len = sizeof(prefix) - 1;

    (void)setting;
    if (interval_parse(text, strlen(text), value, complaint) == 0)
        return 0;
    if (strncmp(complaint->text, prefix, len) == 0) /* who shows it puts the setting's name there */
        memmove(complaint->text, complaint->text + len, strlen(complaint->text + len) + 1);
    return -1;
}

static void format_interval(const struct setting *setting, const void *value, char *dst, size_t n) {
    const struct interval *interval = value;

    (void)setting;
    if (interval->is_empty)
        snprintf(dst, n, "0");
    else
        snprintf(dst, n, "%" PRIu64 "..%" PRIu64, interval->lo, interval->hi);
}

static const struct {
    parse_fn *parse;
    format_fn *format;
} types[] = {
    [SETTING_BOOL] = { parse_bool, format_bool },
    [SETTING_NUMBER] = { parse_number, format_number },
    [SETTING_BYTES] = { parse_number, format_number },
    [SETTING_DURATION] = { parse_number, format_number },
    [SETTING_PERCENT] = { parse_percent, format_percent },
    [SETTING_CHOICE] = { parse_choice, format_choice },
    [SETTING_TEXT] = { parse_text, format_text },
    [SETTING_NUMBERS] = { parse_numbers, format_numbers },
    [SETTING_CHOICES] = { parse_choices, format_choices },
    [SETTING_INTEGER] = { parse_integer, format_integer },
    [SETTING_MODE] = { parse_mode, format_mode },
    [SETTING_PATH] = { parse_text, format_text },
    [SETTING_TEXTS] = { parse_texts, format_texts },
    [SETTING_INTERVAL] = { parse_interval, format_interval },
};

const struct setting *settings_find(const struct setting *table, const char *name) {
    size_t i;

    for (; table->name != NULL; table++) {
        for (i = 0; name[i] != '\0'; i++)
            if ((name[i] == '-' ? '_' : name[i]) != table->name[i])
                break;
        if (name[i] == '\0' && table->name[i] == '\0')
            return table;
    }
    return NULL;
}

void settings_set_defaults(const struct setting *table, void *values) {
    struct complaint complaint;

    for (; table->name != NULL; table++)
        if (table->fallback != NULL &&
            settings_set(table, table->fallback, values, &complaint) < 0) {
            fprintf(stderr, "settings table: %s\n", complaint.text);
            abort();
        }
}

int settings_store(
    const struct setting *setting, const char *text, void *values, struct complaint *complaint) {
    return types[setting->type].parse(setting, text, (char *)values + setting->offset, complaint);
}

int settings_set(
    const struct setting *setting, const char *text, void *values, struct complaint *complaint) {
    char option[64];

    if (settings_store(setting, text, values, complaint) == 0)
        return 0;
    return complaint_prefix(complaint, "%s", settings_option_name(setting, option, sizeof(option)));
}

char *settings_format(const struct setting *setting, const void *values, char *dst, size_t size) {
    types[setting->type].format(setting, (const char *)values + setting->offset, dst, size);
    return dst;
}

char *settings_option_name(const struct setting *setting, char *dst, size_t size) {
    snprintf(dst, size, "--%s", setting->name);
    for (char *c = dst; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    return dst;
}
