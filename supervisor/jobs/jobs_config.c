/*
 * The text comes from the supervisor alone, over a socket: what is missing or of another kind is a
 * mistake of ours, or of a supervisor of another version, and the whole text is refused.
 */
#include "supervisor/jobs/jobs_config.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/job/engine.h"

#define DEFINITIONS_MAX 1024

/* The words, in the order of the enums. */
static const char *const who_names[] = { "none", "admin", "all", NULL };
static const char *const overlap_names[] = { "skip", "queue", NULL };
static const char *const missed_names[] = { "skip", "once", NULL };

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    { "workers", offsetof(struct jobs_config, workers) },
    { "max_running", offsetof(struct jobs_config, max_running) },
    { "max_queued", offsetof(struct jobs_config, max_queued) },
    { "max_per_user", offsetof(struct jobs_config, max_per_user) },
    { "max_result_bytes", offsetof(struct jobs_config, max_result_bytes) },
    { "max_spool_bytes", offsetof(struct jobs_config, max_spool_bytes) },
    { "keep_jobs", offsetof(struct jobs_config, keep_jobs) },
    { "keep_for_ms", offsetof(struct jobs_config, keep_for_ms) },
    { "graceful_timeout_ms", offsetof(struct jobs_config, graceful_timeout_ms) },
};

static const struct {
    const char *name;
    size_t offset;
} ids[] = {
    { "admin_uid", offsetof(struct jobs_config, admin_uid) },
    { "command_uid", offsetof(struct jobs_config, command_uid) },
    { "command_gid", offsetof(struct jobs_config, command_gid) },
};

static int read_number(
    const json_t *object, const char *name, uint64_t *out, struct complaint *complaint) {
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return complaint_set(complaint, "%s: a whole number is needed", name);
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

/* -1 is an id, too: nobody's. */
static int read_id(
    const json_t *object, const char *name, uint32_t *out, struct complaint *complaint) {
    const json_t *value = json_object_get(object, name);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < -1 || number > UINT32_MAX)
        return complaint_set(complaint, "%s: an id is needed", name);
    *out = (uint32_t)number;
    return 0;
}

/* The index of the word. */
static int read_word(const json_t *object, const char *name, const char *const *words,
    unsigned *out, struct complaint *complaint) {
    const char *word = json_string_value(json_object_get(object, name));

    for (unsigned i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return 0;
        }
    return complaint_set(
        complaint, "%s: \"%.40s\" is none of the words it may be", name, word != NULL ? word : "");
}

/* A copy; NULL when there is null. */
static int read_text(
    const json_t *object, const char *name, char **out, struct complaint *complaint) {
    const json_t *value = json_object_get(object, name);

    *out = NULL;
    if (json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return complaint_set(complaint, "%s: a text is needed", name);
    *out = strdup(json_string_value(value));
    return *out != NULL ? 0 : complaint_set(complaint, "no memory");
}

static int read_name(const json_t *object, char name[ENTRY_NAME_MAX], struct complaint *complaint) {
    const char *text = json_string_value(json_object_get(object, "name"));

    if (text == NULL || text[0] == '\0' || strlcpy(name, text, ENTRY_NAME_MAX) >= ENTRY_NAME_MAX)
        return complaint_set(
            complaint, "name: a text of 1 to %d bytes is needed", ENTRY_NAME_MAX - 1);
    return 0;
}

static int read_schedule(
    const json_t *object, struct schedule *schedule, struct complaint *complaint) {
    const char *run = json_string_value(json_object_get(object, "run"));

    if (schedule_parse(run != NULL ? run : "", schedule, complaint) < 0)
        return complaint_prefix(complaint, "run");
    return read_number(object, "jitter_ms", &schedule->jitter_ms, complaint);
}

static int read_definition(
    const json_t *object, struct jobs_definition *out, struct complaint *complaint) {
    unsigned overlap = 0, missed = 0;

    out->what = json_incref(json_object_get(object, "what"));
    if (!json_is_object(out->what))
        return complaint_set(complaint, "what: an object is needed");
    if (read_name(object, out->name, complaint) < 0 ||
        read_text(object, "output", &out->output, complaint) < 0 ||
        read_schedule(object, &out->schedule, complaint) < 0 ||
        read_word(object, "overlap", overlap_names, &overlap, complaint) < 0 ||
        read_word(object, "missed", missed_names, &missed, complaint) < 0)
        return -1;
    out->overlap = overlap;
    out->missed = missed;
    return 0;
}

static int read_definitions(
    const json_t *list, struct jobs_config *config, struct complaint *complaint) {
    size_t count = json_array_size(list);
    struct jobs_definition *definition;

    if (!json_is_array(list) || count > DEFINITIONS_MAX)
        return complaint_set(
            complaint, "definitions: a list of at most %d is needed", DEFINITIONS_MAX);
    config->definition = calloc(count + 1, sizeof(*config->definition));
    if (config->definition == NULL)
        return complaint_set(complaint, "no memory");
    for (size_t i = 0; i < count; i++) {
        definition = &config->definition[config->definition_count++];
        if (read_definition(json_array_get(list, i), definition, complaint) < 0)
            return complaint_prefix(complaint, "definition %zu", i + 1);
        if (i > 0 && strcmp(definition[-1].name, definition->name) >= 0)
            return complaint_set(complaint, "definition %zu: they must be in order", i + 1);
    }
    return 0;
}

static int read_numbers(
    const json_t *object, struct jobs_config *config, struct complaint *complaint) {
    char *base = (char *)config;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (read_number(object, numbers[i].name, (uint64_t *)(void *)(base + numbers[i].offset),
                complaint) < 0)
            return -1;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        if (read_id(object, ids[i].name, (uint32_t *)(void *)(base + ids[i].offset), complaint) < 0)
            return -1;
    if (config->workers == 0)
        return complaint_set(complaint, "workers: at least 1 is needed");
    return 0;
}

static int read_all(const json_t *object, struct jobs_config *config, struct complaint *complaint) {
    unsigned submit = 0, commands = 0;

    if (read_numbers(object, config, complaint) < 0 ||
        read_word(object, "engine", engine_names, &config->engine, complaint) < 0 ||
        read_word(object, "submit", who_names, &submit, complaint) < 0 ||
        read_word(object, "commands", who_names, &commands, complaint) < 0 ||
        read_text(object, "spool_dir", &config->spool_dir, complaint) < 0 ||
        read_text(object, "command_user", &config->command_user, complaint) < 0)
        return -1;
    config->submit = submit;
    config->commands = commands;
    if (config->spool_dir == NULL)
        return complaint_set(complaint, "spool_dir: a text is needed");
    return read_definitions(json_object_get(object, "definitions"), config, complaint);
}

struct jobs_config *jobs_config_read(const char *text, size_t len, struct complaint *complaint) {
    struct jobs_config *config = calloc(1, sizeof(*config));
    json_error_t error;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    int rc = -1;

    if (config == NULL)
        complaint_set(complaint, "no memory");
    else if (object == NULL)
        complaint_set(complaint, "%s", error.text);
    else
        rc = read_all(object, config, complaint);
    json_decref(object);
    if (rc == 0)
        return config;
    complaint_prefix(complaint, "the job supervisor's configuration");
    jobs_config_free(config);
    return NULL;
}

void jobs_config_free(struct jobs_config *config) {
    if (config == NULL)
        return;
    for (unsigned i = 0; i < config->definition_count; i++) {
        json_decref(config->definition[i].what);
        free(config->definition[i].output);
    }
    free(config->definition);
    free(config->spool_dir);
    free(config->command_user);
    free(config);
}

const struct jobs_definition *jobs_config_find(const struct jobs_config *config, const char *name) {
    for (unsigned i = 0; i < config->definition_count; i++)
        if (strcmp(config->definition[i].name, name) == 0)
            return &config->definition[i];
    return NULL;
}
