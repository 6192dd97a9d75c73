/* The command line, by tables. */
#include "shared/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shared/suggest.h"

#define NAME_MAX_BYTES 64

void options_begin(struct options *options, char **argv) {
    *options = (struct options){ .argv = argv };
}

void options_add(struct options *options, const struct setting *table, void *values) {
    options->sets[options->set_count].table = table;
    options->sets[options->set_count].values = values;
    options->set_count++;
}

static int refuse_unknown(
    const struct options *options, const char *argument, struct complaint *complaint) {
    struct suggestion best = { .word = "" };
    char name[NAME_MAX_BYTES], typed[NAME_MAX_BYTES];

    snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(argument, "="), argument);
    for (int i = 0; i < options->set_count; i++)
        for (const struct setting *s = options->sets[i].table; s->name != NULL; s++)
            suggest_offer(&best, typed, settings_option_name(s, name, sizeof(name)));
    if (best.word[0] == '\0')
        return complaint_set(complaint, "unknown option %s; --help shows those there are", typed);
    return complaint_set(complaint, "unknown option %s, did you mean %s?", typed, best.word);
}

/* The row and the values of the option in argument; *out_value is what follows "=", or NULL. */
static const struct setting *find(const struct options *options, const char *argument,
    void **out_values, const char **out_value) {
    char name[NAME_MAX_BYTES];
    size_t len = strcspn(argument + 2, "=");
    const struct setting *setting;

    if (len >= sizeof(name))
        return NULL;
    memcpy(name, argument + 2, len);
    name[len] = '\0';
    *out_value = argument[2 + len] == '=' ? argument + 3 + len : NULL;
    for (int i = 0; i < options->set_count; i++) {
        setting = settings_find(options->sets[i].table, name);
        if (setting != NULL) {
            *out_values = options->sets[i].values;
            return setting;
        }
    }
    return NULL;
}

static const struct setting *find_letter(
    const struct options *options, char letter, void **out_values) {
    for (int i = 0; i < options->set_count; i++)
        for (const struct setting *s = options->sets[i].table; s->name != NULL; s++)
            if (s->letter == letter) {
                *out_values = options->sets[i].values;
                return s;
            }
    return NULL;
}

static int refuse_without_value(
    const char *argument, const struct setting *setting, struct complaint *complaint) {
    return complaint_set(
        complaint, "%s needs a value: %s %s", argument, argument, setting->operand);
}

/* -abc: flags, of which the last may take a value: the rest, or the next argument. */
static int store_letters(struct options *options, struct complaint *complaint) {
    const char *argument = options->argv[options->at++], *value;
    const struct setting *setting;
    void *values;

    for (const char *letter = argument + 1; *letter != '\0'; letter++) {
        setting = find_letter(options, *letter, &values);
        if (setting == NULL)
            return refuse_unknown(options, argument, complaint);
        if (setting->type != SETTING_BOOL) {
            value = letter[1] != '\0' ? letter + 1 : options->argv[options->at];
            options->at += letter[1] == '\0' && value != NULL;
            if (value == NULL)
                return refuse_without_value(argument, setting, complaint);
            return settings_set(setting, value, values, complaint);
        }
        if (settings_set(setting, "true", values, complaint) < 0)
            return -1;
    }
    return 0;
}

static int store(struct options *options, struct complaint *complaint) {
    const char *argument = options->argv[options->at++], *value;
    const struct setting *setting;
    void *values;

    setting = find(options, argument, &values, &value);
    if (setting == NULL)
        return refuse_unknown(options, argument, complaint);
    if (value == NULL && setting->type == SETTING_BOOL)
        value = "true";
    if (value == NULL && options->argv[options->at] == NULL)
        return refuse_without_value(argument, setting, complaint);
    if (value == NULL)
        value = options->argv[options->at++];
    return settings_set(setting, value, values, complaint);
}

/* A dash and a digit is somebody's negative number, not an option. */
static bool is_option(const char *argument) {
    return argument[0] == '-' && argument[1] != '\0' && !isdigit((unsigned char)argument[1]);
}

enum options_found options_next(
    struct options *options, const char **out_operand, struct complaint *complaint) {
    const char *argument;

    options->is_next_to_last = true;
    while ((argument = options->argv[options->at]) != NULL) {
        if (strcmp(argument, "--") == 0) {
            options->rest = options->argv + options->at + 1;
            return OPTIONS_END;
        }
        if (!is_option(argument)) {
            *out_operand = argument;
            options->at++;
            return OPTIONS_OPERAND;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
            return OPTIONS_HELP;
        options->is_next_to_last = false;
        if ((argument[1] == '-' ? store : store_letters)(options, complaint) < 0)
            return OPTIONS_BAD;
    }
    return OPTIONS_END;
}
