/*
 * The configuration as it counts: each value with where it comes from. What is written can be read
 * again and says the same; what is not set, or changes nothing, is a comment.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"
#include "supervisor/config_internal.h"

#define VALUE_MAX  512
#define VALUE_WIDE 44 /* where the origins stand, when there is room */

/* Bytes of the character at text that a terminal shows as it is; 0 when it would not. */
static size_t plain_len(const char *text) {
    unsigned char lead = (unsigned char)text[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    char shown[4 * ESCAPE_LINE_GROWTH + 1];

    if (lead == '"' || lead == '\\' || strnlen(text, len) < len)
        return 0;
    escape_line(shown, sizeof(shown), text, len);
    return strlen(shown) == len && memcmp(shown, text, len) == 0 ? len : 0;
}

static void write_text(FILE *out, const char *text) {
    size_t len;

    fputc('"', out);
    for (; *text != '\0'; text += len > 0 ? len : 1) {
        len = plain_len(text);
        if (len > 0)
            fwrite(text, 1, len, out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fprintf(out, "\\x%02x", (unsigned char)*text);
    }
    fputc('"', out);
}

static void write_texts(FILE *out, const struct setting_texts *texts) {
    fputs("[ ", out);
    for (unsigned i = 0; i < texts->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_text(out, texts->text[i]);
    }
    fputs(texts->count > 0 ? " ]" : "]", out);
}

static void write_number(FILE *out, const char *text) {
    fprintf(out, "%s%s", text, strtoll(text, NULL, 10) > INT32_MAX ? "L" : "");
}

/* A list as its type writes it, a,b,c, in brackets. */
static void write_list(FILE *out, char *list, void (*write_one)(FILE *out, const char *text)) {
    const char *separator = "";
    char *rest = NULL;

    fputs("[ ", out);
    for (char *one = strtok_r(list, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        fputs(separator, out);
        write_one(out, one);
        separator = ", ";
    }
    fputs(" ]", out);
}

static void write_value(FILE *out, const struct setting *row, const void *values) {
    const void *value = (const char *)values + row->offset;
    char text[VALUE_MAX];

    settings_format(row, values, text, sizeof(text));
    if (row->type == SETTING_TEXT || row->type == SETTING_PATH)
        write_text(out, *(const char *const *)value);
    else if (row->type == SETTING_TEXTS)
        write_texts(out, value);
    else if (row->type == SETTING_NUMBERS)
        write_list(out, text, write_number);
    else if (row->type == SETTING_CHOICES)
        write_list(out, text, write_text);
    else if (row->type == SETTING_BOOL)
        fputs(text, out);
    else if ((row->type == SETTING_NUMBER || row->type == SETTING_INTEGER) &&
             (row->unset == NULL || strcmp(text, row->unset) != 0))
        write_number(out, text);
    else
        write_text(out, text);
}

static bool is_missing(const struct setting *row, const void *values) {
    const void *value = (const char *)values + row->offset;

    if (row->type == SETTING_TEXTS)
        return ((const struct setting_texts *)value)->count == 0;
    return (row->type == SETTING_TEXT || row->type == SETTING_PATH) &&
           *(const char *const *)value == NULL;
}

static void write_origin(FILE *out, const struct setting *row, const struct config_origin *origin,
    bool is_missing_value) {
    char file[VALUE_MAX];

    if (origin->where.file == NULL) {
        fprintf(out, "# default%s%s\n", is_missing_value && row->fallback_words != NULL ? ": " : "",
            is_missing_value && row->fallback_words != NULL ? row->fallback_words : "");
        return;
    }
    escape_line(file, sizeof(file), origin->where.file, strlen(origin->where.file));
    fprintf(out, "# %s:%u\n", file, origin->where.line);
}

static bool is_idle(const struct config_section *section, const struct setting *row) {
    return section->idle != NULL && section->idle(section->values, row->name) != NULL;
}

static void write_row(FILE *out, const struct config_section *section, const struct setting *row) {
    const struct config_origin *origin = &section->origin[row - section->table];
    bool is_default = origin->where.file == NULL;
    bool is_void = is_missing(row, section->values);
    char *line = NULL;
    size_t size;
    FILE *text = open_memstream(&line, &size);

    if (text == NULL)
        abort();
    fprintf(text, "%s%s%s = ", section->group != NULL ? "    " : "",
        is_void || (is_default && is_idle(section, row)) ? "#" : "", row->name);
    if (!is_void)
        write_value(text, row, section->values);
    fputs(is_void ? "" : ";", text);
    fclose(text);
    fprintf(out, "%-*s ", VALUE_WIDE, line);
    write_origin(out, row, origin, is_void);
    free(line);
}

static void write_section(FILE *out, const struct config_section *section) {
    if (section->table == NULL)
        return;
    if (section->group != NULL)
        fprintf(out, "%s : {\n", section->group);
    for (const struct setting *row = section->table; row->name != NULL; row++)
        write_row(out, section, row);
    if (section->group != NULL)
        fputs("};\n", out);
}

/* Only what was said: the rest is in each service. */
static void write_defaults(FILE *out, const struct config_section *section) {
    bool is_open = false;

    for (const struct setting *row = section->table; row->name != NULL; row++) {
        if (section->origin[row - section->table].where.file == NULL)
            continue;
        fputs(is_open ? "" : "defaults : {\n", out);
        is_open = true;
        write_row(out, section, row);
    }
    fputs(is_open ? "};\n" : "", out);
}

static void write_heading(FILE *out, const char *file) {
    char text[VALUE_MAX];

    escape_line(text, sizeof(text), file, strlen(file));
    fprintf(out, "# file %s\n", text);
}

/* A service or a job: the keys that all have, and its type's or kernel's own. */
static void write_file(FILE *out, const char *file, const struct config_section *common,
    const struct config_section *own) {
    fputc('\n', out);
    write_heading(out, file);
    write_section(out, common);
    write_section(out, own);
}

int config_dump(const char *file, FILE *out, FILE *complaints) {
    struct config *config = config_read_plain(file, complaints);
    const struct config_memory *memory;

    if (config == NULL)
        return -1;
    memory = config->memory;
    write_heading(out, config->file);
    write_section(out, &memory->daemon);
    write_section(out, &memory->control);
    write_section(out, &memory->log);
    write_section(out, &memory->jobs);
    write_defaults(out, &memory->defaults);
    for (unsigned i = 0; i < config->service_count; i++)
        write_file(out, config->service[i].file, &memory->common[i], &memory->own[i]);
    for (unsigned i = 0; i < config->job_count; i++)
        write_file(out, config->job[i].file, &memory->job[i], &memory->job_own[i]);
    config_free(config);
    return 0;
}
