/* The settings table as people read it: --help and the lists of the manual pages. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shared/settings.h"

/* What the default is, in words; empty when there is nothing to say, as for a flag. */
static const char *fallback_words(const struct setting *setting, bool is_option) {
    if (setting->fallback_words != NULL)
        return setting->fallback_words;
    if (setting->fallback != NULL && !(is_option && setting->type == SETTING_BOOL))
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
        if (table->letter != '\0')
            fprintf(line, "  -%c,", table->letter);
        fprintf(line, "%s%s", table->letter != '\0' ? " " : "  ",
            settings_option_name(table, option, sizeof(option)));
        if (table->operand != NULL) {
            fputc(' ', line);
            write_choices(line, table, table->type == SETTING_CHOICES ? "," : "|");
        }
        fclose(line);
        fprintf(out, strlen(left) < 26 ? "%-26s" : "%s\n%26s", left, "");
        fprintf(out, "%s", table->help);
        if (fallback_words(table, true)[0] != '\0')
            fprintf(out, " (default: %s)", fallback_words(table, true));
        fputc('\n', out);
    }
}

/* What stands under an item, in sentences. */
static void write_sentences(FILE *out, const struct setting *setting, bool is_option) {
    const char *words = fallback_words(setting, is_option);

    fprintf(out, "\n%c%s.\n", toupper((unsigned char)setting->help[0]), setting->help + 1);
    if (words[0] != '\0')
        fprintf(out, "Default: %s.\n", words);
}

void settings_write_mdoc(FILE *out, const struct setting *table) {
    char option[64];

    for (; table->name != NULL; table++) {
        fputs(".It ", out);
        if (table->letter != '\0')
            fprintf(out, "Fl %c , ", table->letter);
        fprintf(out, "Fl Fl %s", settings_option_name(table, option, sizeof(option)) + 2);
        if (table->operand != NULL) {
            fprintf(out, " Ar ");
            write_choices(out, table, table->type == SETTING_CHOICES ? "," : " | ");
        }
        write_sentences(out, table, true);
    }
}

void settings_write_keys_mdoc(FILE *out, const struct setting *table) {
    for (; table->name != NULL; table++) {
        fprintf(out, ".It Ic %s = Ar ", table->name);
        if (table->type == SETTING_BOOL)
            fputs("true | false", out);
        else if (table->type == SETTING_NUMBERS)
            fputs("[ N, ... ]", out);
        else
            write_choices(out, table, table->type == SETTING_CHOICES ? "," : " | ");
        write_sentences(out, table, false);
    }
}
