/*
 * One file by libconfig, whose only user this is: parse the text that config_scan() made, then
 * take each key to its row. libconfig knows types; names, units and ranges are the tables'.
 */
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "shared/suggest.h"
#include "supervisor/config_internal.h"

#define VALUE_MAX 512
#define QUOTE     64

struct config_file {
    struct config_reading *reading;
    struct config_source source;
    config_t tree;
    bool is_partial;
};

/* What may stand in the file for a type of ours. */
enum shape { WHOLE = 1, TEXT = 2, FRACTION = 4, TRUTH = 8, LIST = 16 };

static const struct {
    unsigned shapes;
    const char *words;
} accepted[] = {
    [SETTING_BOOL] = { TRUTH, "true or false" },
    [SETTING_NUMBER] = { WHOLE, "a whole number without quotes" },
    [SETTING_BYTES] = { WHOLE | TEXT, "a number of bytes, or a text as \"64k\"" },
    [SETTING_DURATION] = { WHOLE | TEXT, "a time in quotes, as \"150ms\" or \"30s\"" },
    [SETTING_PERCENT] = { WHOLE | TEXT | FRACTION, "a percentage, as \"5%\"" },
    [SETTING_CHOICE] = { TEXT, "a text in quotes" },
    [SETTING_TEXT] = { TEXT, "a text in quotes" },
    [SETTING_NUMBERS] = { WHOLE | LIST, "whole numbers in [ ]" },
    [SETTING_CHOICES] = { TEXT | LIST, "texts in [ ]" },
    [SETTING_INTEGER] = { WHOLE, "a whole number without quotes" },
    [SETTING_MODE] = { TEXT, "octal and in quotes, as \"0660\"" },
    [SETTING_PATH] = { TEXT, "a path in quotes" },
    [SETTING_TEXTS] = { TEXT | LIST, "a text in quotes, or several in [ ]" },
    [SETTING_INTERVAL] = { WHOLE | TEXT, "a number, or a text as \"1..1000\"" },
};

/* What the scan gave to a key that it refused. */
static bool is_renamed(const char *name) {
    return strncmp(name, CONFIG_RENAMED, strlen(CONFIG_RENAMED)) == 0;
}

static struct config_where where_of(
    const struct config_file *file, const config_setting_t *setting) {
    return config_source_where(&file->source, config_setting_source_line(setting));
}

struct config_file *config_file_open(struct config_reading *reading, const char *path) {
    struct config_file *file = calloc(1, sizeof(*file));
    struct config_where where;

    if (file == NULL)
        abort();
    file->reading = reading;
    config_init(&file->tree);
    if (config_scan(reading, &file->source, path) < 0) {
        config_file_close(file);
        return NULL;
    }
    if (config_read_string(&file->tree, file->source.text) == CONFIG_TRUE)
        return file;
    file->is_partial = true;
    where = config_source_where(&file->source, (unsigned)config_error_line(&file->tree));
    if (!config_is_blamed(reading, where))
        config_complain(reading, where, "%s, here or on the line before",
            config_error_text(&file->tree) != NULL ? config_error_text(&file->tree)
                                                   : "syntax error");
    return file;
}

void config_file_close(struct config_file *file) {
    config_destroy(&file->tree);
    config_source_fini(&file->source);
    free(file);
}

bool config_file_is_partial(const struct config_file *file) {
    return file->is_partial;
}

/* A value that the scan refused, and told of. */
static bool is_mended(const struct config_file *file, const config_setting_t *setting) {
    return config_setting_type(setting) == CONFIG_TYPE_STRING && file->reading->mistakes > 0 &&
           strstr(config_setting_get_string(setting), CONFIG_MENDED) != NULL;
}

bool config_file_has_group(const struct config_file *file, const char *name) {
    const config_setting_t *setting = config_setting_get_member(
        config_root_setting(&file->tree), name);

    return setting != NULL && config_setting_is_group(setting);
}

const char *config_file_peek(const struct config_file *file, const char *key) {
    const config_setting_t *setting = config_setting_get_member(
        config_root_setting(&file->tree), key);

    if (setting == NULL || config_setting_type(setting) != CONFIG_TYPE_STRING ||
        is_mended(file, setting))
        return NULL;
    return config_setting_get_string(setting);
}

/* ---- unknown keys ---- */

/* The row of exactly this name: dashes are not underscores in a file. */
static const struct setting *find_row(const struct setting *table, const char *name) {
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

/* The nearest of our keys and of what others call them; the latter lead to ours. True: exact. */
static bool suggest(
    const struct config_scope *scope, const char *name, char dst[SUGGEST_WORD_MAX]) {
    struct suggestion ours = { .word = "" }, foreign = { .word = "" };

    for (int i = 0; i < 2 && scope->sections[i] != NULL; i++)
        for (const struct setting *s = scope->sections[i]->table; s->name != NULL; s++)
            suggest_offer(&ours, name, s->name);
    for (int i = 0; scope->groups != NULL && scope->groups[i] != NULL; i++)
        suggest_offer(&ours, name, scope->groups[i]);
    for (int i = 0; scope->foreign != NULL && scope->foreign[i] != NULL; i += 2)
        suggest_offer(&foreign, name, scope->foreign[i]);
    snprintf(dst, SUGGEST_WORD_MAX, "%s", ours.word);
    if (foreign.word[0] == '\0' || (ours.word[0] != '\0' && ours.distance <= foreign.distance))
        return false;
    for (int i = 0; scope->foreign[i] != NULL; i += 2)
        if (strcmp(scope->foreign[i], foreign.word) == 0)
            snprintf(dst, SUGGEST_WORD_MAX, "%s", scope->foreign[i + 1]);
    return foreign.distance == 0;
}

static void refuse_unknown(
    struct config_file *file, const struct config_scope *scope, const config_setting_t *setting) {
    const char *name = config_setting_name(setting), *place = config_belongs_to(name);
    struct config_where where = where_of(file, setting);
    char nearest[SUGGEST_WORD_MAX];
    const char *dot;

    for (int i = 0; scope->unsure != NULL && scope->unsure[i] != NULL; i++)
        if (find_row(scope->unsure[i], name) != NULL)
            return;
    if (!suggest(scope, name, nearest) && place != NULL)
        config_complain(file->reading, where, "unknown key \"%.*s\" here: it belongs into %s",
            QUOTE, name, place);
    else if ((dot = strchr(nearest, '.')) != NULL)
        config_complain(file->reading, where,
            "unknown key \"%.*s\", did you mean \"%s\" in the group \"%.*s\"?", QUOTE, name,
            dot + 1, (int)(dot - nearest), nearest);
    else if (nearest[0] != '\0')
        config_complain(file->reading, where, "unknown key \"%.*s\", did you mean \"%s\"?", QUOTE,
            name, nearest);
    else
        config_complain(file->reading, where,
            "unknown key \"%.*s\"; preforkd.conf(5) lists those there are", QUOTE, name);
}

/* ---- values ---- */

static unsigned shape_of(const config_setting_t *setting) {
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return WHOLE;
    case CONFIG_TYPE_FLOAT:
        return FRACTION;
    case CONFIG_TYPE_STRING:
        return TEXT;
    case CONFIG_TYPE_BOOL:
        return TRUTH;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return LIST;
    default:
        return 0;
    }
}

/* The value as a user would write it on a command line, kept for as long as the config. */
static const char *text_of(struct config_file *file, const config_setting_t *setting) {
    struct config_memory *memory = file->reading->memory;
    const char *text;
    char number[64];

    switch (shape_of(setting)) {
    case TEXT:
        text = config_setting_get_string(setting);
        return config_keep_text(memory, text, strlen(text));
    case TRUTH:
        return config_setting_get_bool(setting) ? "true" : "false";
    case FRACTION:
        snprintf(number, sizeof(number), "%.17g", config_setting_get_float(setting));
        break;
    default:
        snprintf(number, sizeof(number), "%lld", config_setting_get_int64(setting));
    }
    return config_keep_text(memory, number, strlen(number));
}

/* Returns false, and says so, when a value of this shape cannot be. */
static bool check_shape(struct config_file *file, const struct config_section *section,
    const struct setting *row, const config_setting_t *setting, struct config_where where,
    unsigned allowed) {
    unsigned shape = shape_of(setting);

    if (is_mended(file, setting))
        return false;
    if (shape == TEXT && row->unset != NULL &&
        strcmp(config_setting_get_string(setting), row->unset) == 0)
        return true;
    if (shape & allowed)
        return true;
    config_complain(file->reading, where, "%s%s%s: must be %s%s%s%s",
        section->group != NULL ? section->group : "", section->group != NULL ? "." : "", row->name,
        accepted[row->type].words, row->unset != NULL ? ", or \"" : "",
        row->unset != NULL ? row->unset : "", row->unset != NULL ? "\"" : "");
    return false;
}

static bool store_text(struct config_file *file, const struct config_section *section,
    const struct setting *row, const char *text, struct config_where where) {
    struct complaint complaint;

    if (row->type == SETTING_PATH && text[0] != '\0')
        text = config_keep_path(file->reading->memory, where.file, text);
    if (settings_store(row, text, section->values, &complaint) == 0)
        return true;
    config_complain(file->reading, where, "%s%s%s: %s",
        section->group != NULL ? section->group : "", section->group != NULL ? "." : "", row->name,
        complaint.text);
    return false;
}

/* A list whose type wants one text: a,b,c */
static const char *join(struct config_file *file, const config_setting_t *list) {
    char joined[VALUE_MAX] = "";
    size_t used = 0;

    for (int i = 0; i < config_setting_length(list) && used < sizeof(joined); i++)
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s", i > 0 ? "," : "",
            text_of(file, config_setting_get_elem(list, (unsigned)i)));
    return config_keep_text(file->reading->memory, joined, strlen(joined));
}

static bool store_list(struct config_file *file, const struct config_section *section,
    const struct setting *row, const config_setting_t *list, struct config_where where) {
    struct config_origin *origin = &section->origin[row - section->table];
    const struct setting_texts *texts = (const void *)((const char *)section->values + row->offset);
    unsigned allowed = accepted[row->type].shapes & ~(unsigned)LIST;
    const config_setting_t *element;
    bool is_good = true;

    for (int i = 0; i < config_setting_length(list); i++) {
        element = config_setting_get_elem(list, (unsigned)i);
        where = where_of(file, element);
        if (!check_shape(file, section, row, element, where, allowed)) {
            is_good = false;
            continue;
        }
        if (row->type != SETTING_TEXTS)
            continue;
        if (origin->element != NULL && texts->count < SETTING_TEXTS_MAX)
            origin->element[texts->count] = where;
        is_good = store_text(file, section, row, text_of(file, element), where) && is_good;
    }
    if (row->type != SETTING_TEXTS && is_good)
        is_good = store_text(file, section, row, join(file, list), where);
    if (config_setting_length(list) == 0 && row->type == SETTING_TEXTS)
        config_complain(file->reading, where, "%s: must not be empty", row->name);
    return is_good;
}

static void store_value(struct config_file *file, const struct config_section *section,
    const struct setting *row, const config_setting_t *setting) {
    struct config_origin *origin = &section->origin[row - section->table];
    struct config_where where = where_of(file, setting);

    *origin = (struct config_origin){ .where = where };
    if (row->type == SETTING_TEXTS) {
        origin->element = config_keep(
            file->reading->memory, SETTING_TEXTS_MAX * sizeof(*origin->element));
        origin->element[0] = where;
    }
    if (config_setting_type(setting) == CONFIG_TYPE_NONE) /* the parser stopped here */
        origin->is_bad = true;
    else if (!check_shape(file, section, row, setting, where, accepted[row->type].shapes))
        origin->is_bad = true;
    else if (shape_of(setting) == LIST)
        origin->is_bad = !store_list(file, section, row, setting, where);
    else
        origin->is_bad = !store_text(file, section, row, text_of(file, setting), where);
}

static bool is_group(const struct config_scope *scope, const char *name) {
    for (int i = 0; scope->groups != NULL && scope->groups[i] != NULL; i++)
        if (strcmp(scope->groups[i], name) == 0)
            return true;
    return false;
}

static void store_key(
    struct config_file *file, const struct config_scope *scope, const config_setting_t *setting) {
    const char *name = config_setting_name(setting);
    const struct setting *row;

    if (is_renamed(name) || is_group(scope, name))
        return;
    for (int i = 0; i < 2 && scope->sections[i] != NULL; i++) {
        row = find_row(scope->sections[i]->table, name);
        if (row != NULL) {
            store_value(file, scope->sections[i], row, setting);
            return;
        }
    }
    refuse_unknown(file, scope, setting);
}

void config_file_store(struct config_file *file, const struct config_scope *scope) {
    const config_setting_t *group = config_root_setting(&file->tree);

    if (scope->group != NULL) {
        group = config_setting_get_member(group, scope->group);
        if (group == NULL)
            return;
        if (!config_setting_is_group(group)) {
            if (!is_mended(file, group))
                config_complain(file->reading, where_of(file, group),
                    "%s: must be a group: %s : { ... };", scope->group, scope->group);
            return;
        }
    }
    for (int i = 0; i < config_setting_length(group); i++)
        store_key(file, scope, config_setting_get_elem(group, (unsigned)i));
}
