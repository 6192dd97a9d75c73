/*
 * The settings-table mechanism: a small parser for each type, found by the type's place in one
 * array, so that a new type is a row and not a case in five switches.
 */
#include "shared/settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/number.h"
#include "shared/suggest.h"

#define VALUE_TEXT_MAX 256
#define QUOTE_MAX      80

typedef int parse_fn(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint);
typedef void format_fn(const struct setting *setting, const void *value, char *dst, size_t size);

static bool is_outside(const struct setting *setting, uint64_t value) {
    return (setting->min != 0 || setting->max != 0) &&
           (value < setting->min || value > setting->max);
}

static int refuse_range(const struct setting *setting, const char *text, struct complaint *out) {
    char lowest[NUMBER_TEXT_MAX], highest[NUMBER_TEXT_MAX];
    const char *unit = setting->type == SETTING_DURATION ? " ms" : "";

    return complaint_set(out, "%.80s is outside the allowed range, %s%s to %s%s", text,
        number_format_grouped(lowest, setting->min), unit,
        number_format_grouped(highest, setting->max), unit);
}

static int parse_number(
    const struct setting *setting, const char *text, void *value, struct complaint *complaint) {
    uint64_t number = 0;
    int rc;

    if (setting->type == SETTING_BYTES)
        rc = number_parse_bytes(text, strlen(text), &number, complaint);
    else if (setting->type == SETTING_DURATION)
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
    snprintf(dst, n, "%" PRIu64 "%s", *(const uint64_t *)value,
        setting->type == SETTING_DURATION ? "ms" : "");
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
    (void)setting;
    snprintf(dst, n, "%g%%", *(const double *)value);
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

int settings_set(
    const struct setting *setting, const char *text, void *values, struct complaint *complaint) {
    char option[64];

    if (types[setting->type].parse(setting, text, (char *)values + setting->offset, complaint) == 0)
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

/* What the default is, in words; empty when there is nothing to say. */
static const char *fallback_words(const struct setting *setting) {
    if (setting->fallback_words != NULL)
        return setting->fallback_words;
    if (setting->fallback != NULL && setting->type != SETTING_BOOL)
        return setting->fallback;
    return "";
}

static void write_choices(FILE *out, const struct setting *setting, const char *separator) {
    if (setting->choices == NULL)
        fputs(setting->operand, out);
    for (int i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++)
        fprintf(out, "%s%s", i > 0 ? separator : "", setting->choices[i]);
}

void settings_write_help(FILE *out, const struct setting *table) {
    char option[64], left[160];
    FILE *line;

    for (; table->name != NULL; table++) {
        memset(left, 0, sizeof(left));
        line = fmemopen(left, sizeof(left), "w");
        if (line == NULL)
            abort();
        fprintf(line, "  %s", settings_option_name(table, option, sizeof(option)));
        if (table->operand != NULL) {
            fputc(' ', line);
            write_choices(line, table, table->type == SETTING_CHOICES ? "," : "|");
        }
        fclose(line);
        fprintf(out, strlen(left) < 26 ? "%-26s" : "%s\n%26s", left, "");
        fprintf(out, "%s", table->help);
        if (fallback_words(table)[0] != '\0')
            fprintf(out, " (default: %s)", fallback_words(table));
        fputc('\n', out);
    }
}

void settings_write_mdoc(FILE *out, const struct setting *table) {
    char option[64];

    for (; table->name != NULL; table++) {
        fprintf(out, ".It Fl Fl %s", settings_option_name(table, option, sizeof(option)) + 2);
        if (table->operand != NULL) {
            fprintf(out, " Ar ");
            write_choices(out, table, table->type == SETTING_CHOICES ? "," : " | ");
        }
        fprintf(out, "\n%c%s.\n", toupper((unsigned char)table->help[0]), table->help + 1);
        if (fallback_words(table)[0] != '\0')
            fprintf(out, "Default: %s.\n", fallback_words(table));
    }
}
