/*
 * The configuration as it counts, for programs: the same rows as in config_dump.c, as JSON. A value
 * stands as a user would write it; times and sizes also as a number, so that nobody has to read
 * units.
 */
#include <jansson.h>

#include "shared/json_text.h"
#include "supervisor/config_internal.h"

#define VALUE_MAX 512

static json_t *make_texts(const struct setting_texts *texts) {
    json_t *list = json_array();

    for (unsigned i = 0; i < texts->count; i++)
        json_array_append_new(list, json_text_new(texts->text[i]));
    return list;
}

static json_t *make_numbers(const struct setting_numbers *numbers) {
    json_t *list = json_array();

    for (unsigned i = 0; i < numbers->count; i++)
        json_array_append_new(list, json_integer((json_int_t)numbers->value[i]));
    return list;
}

static json_t *make_choices(const struct setting *row, unsigned bits) {
    json_t *list = json_array();

    for (unsigned i = 0; row->choices[i] != NULL; i++)
        if (bits >> i & 1)
            json_array_append_new(list, json_string(row->choices[i]));
    return list;
}

static bool is_unset(const struct setting *row, const void *value) {
    return row->unset != NULL && *(const uint64_t *)value == UINT64_MAX;
}

static json_t *make_value(const struct setting *row, const void *values) {
    const void *value = (const char *)values + row->offset;
    char text[VALUE_MAX];

    switch (row->type) {
    case SETTING_BOOL:
        return json_boolean(*(const bool *)value);
    case SETTING_NUMBER:
        if (!is_unset(row, value))
            return json_integer((json_int_t) * (const uint64_t *)value);
        break;
    case SETTING_INTEGER:
        return json_integer(*(const int64_t *)value);
    case SETTING_PERCENT:
        return json_real(*(const double *)value);
    case SETTING_TEXT:
    case SETTING_PATH:
        return *(const char *const *)value != NULL ? json_text_new(*(const char *const *)value)
                                                   : json_null();
    case SETTING_TEXTS:
        return make_texts(value);
    case SETTING_NUMBERS:
        return make_numbers(value);
    case SETTING_CHOICES:
        return make_choices(row, *(const unsigned *)value);
    case SETTING_BYTES:
    case SETTING_DURATION:
    case SETTING_MODE:
    case SETTING_CHOICE:
    case SETTING_INTERVAL:
        break;
    }
    return json_string(settings_format(row, values, text, sizeof(text)));
}

static json_t *make_row(const struct config_section *section, const struct setting *row) {
    const struct config_where *where = &section->origin[row - section->table].where;
    const void *value = (const char *)section->values + row->offset;
    const char *idle = section->idle != NULL ? section->idle(section->values, row->name) : NULL;
    json_t *object = json_object();

    json_object_set_new(object, "value", make_value(row, section->values));
    if (row->type == SETTING_DURATION && !is_unset(row, value))
        json_object_set_new(object, "ms", json_integer((json_int_t) * (const uint64_t *)value));
    if (row->type == SETTING_BYTES && !is_unset(row, value))
        json_object_set_new(object, "bytes", json_integer((json_int_t) * (const uint64_t *)value));
    json_object_set_new(
        object, "file", where->file != NULL ? json_text_new(where->file) : json_null());
    json_object_set_new(
        object, "line", where->file != NULL ? json_integer(where->line) : json_null());
    if (idle != NULL)
        json_object_set_new(object, "changes_nothing", json_string(idle));
    return object;
}

/* Every row, or (is_said) only what was said in a file. */
static json_t *make_section(const struct config_section *section, bool is_said) {
    json_t *object = json_object();

    for (const struct setting *row = section->table; row != NULL && row->name != NULL; row++)
        if (!is_said || section->origin[row - section->table].where.file != NULL)
            json_object_set_new(object, row->name, make_row(section, row));
    return object;
}

/* Where it listens: as said, or by the type's own default. */
static json_t *make_listen(const struct config_service *service) {
    char text[NET_TEXT_MAX], whole[NET_TEXT_MAX + 8];
    json_t *list = json_array();

    for (unsigned i = 0; i < service->listen_count; i++) {
        net_format(text, &service->listen[i].address);
        snprintf(whole, sizeof(whole), "%s://%s", net_proto_name(service->listen[i].proto), text);
        json_array_append_new(list, json_text_new(whole));
    }
    return list;
}

static json_t *make_id(uint32_t id) {
    return id != (uint32_t)-1 ? json_integer(id) : json_null();
}

static json_t *make_service(const struct config *config, unsigned i) {
    const struct config_service *service = &config->service[i];
    const struct config_memory *memory = config->memory;
    json_t *object = json_object();

    json_object_set_new(object, "name", json_text_new(service->name));
    json_object_set_new(object, "file", json_text_new(service->file));
    json_object_set_new(object, "listen", make_listen(service));
    json_object_set_new(object, "uid", make_id(service->uid));
    json_object_set_new(object, "gid", make_id(service->gid));
    json_object_set_new(object, "keys", make_section(&memory->common[i], false));
    json_object_set_new(object, "own", make_section(&memory->own[i], false));
    return object;
}

static json_t *make_definition(const struct config *config, unsigned i) {
    const struct config_memory *memory = config->memory;
    json_t *object = json_object();

    json_object_set_new(object, "name", json_text_new(config->job[i].name));
    json_object_set_new(object, "file", json_text_new(config->job[i].file));
    json_object_set_new(object, "keys", make_section(&memory->job[i], false));
    json_object_set_new(object, "own", make_section(&memory->job_own[i], false));
    return object;
}

int config_dump_json(const char *file, FILE *out, FILE *complaints) {
    struct config *config = config_read_plain(file, complaints);
    const struct config_memory *memory;
    json_t *object = json_object(), *services = json_array(), *definitions = json_array();
    int rc = -1;

    if (config == NULL)
        goto out;
    memory = config->memory;
    json_object_set_new(object, "file", json_text_new(config->file));
    json_object_set_new(object, "uid", make_id(config->uid));
    json_object_set_new(object, "gid", make_id(config->gid));
    json_object_set_new(object, "jobs_uid", make_id(config->jobs.uid));
    json_object_set_new(object, "jobs_gid", make_id(config->jobs.gid));
    json_object_set_new(object, "command_uid", make_id(config->jobs.command_uid));
    json_object_set_new(object, "daemon", make_section(&memory->daemon, false));
    json_object_set_new(object, "control", make_section(&memory->control, false));
    json_object_set_new(object, "log", make_section(&memory->log, false));
    json_object_set_new(object, "jobs", make_section(&memory->jobs, false));
    json_object_set_new(object, "defaults", make_section(&memory->defaults, true));
    for (unsigned i = 0; i < config->service_count; i++)
        json_array_append_new(services, make_service(config, i));
    json_object_set(object, "services", services);
    for (unsigned i = 0; i < config->job_count; i++)
        json_array_append_new(definitions, make_definition(config, i));
    json_object_set(object, "definitions", definitions);
    json_dumpf(object, out, JSON_COMPACT);
    fputc('\n', out);
    rc = 0;
out:
    json_decref(definitions);
    json_decref(services);
    json_decref(object);
    if (config != NULL)
        config_free(config);
    return rc;
}
