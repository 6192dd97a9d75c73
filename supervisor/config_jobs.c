/* Values are written as the tables of the settings write them, so that words have one place. */
#include "supervisor/config_jobs.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 64

static json_t *make_text(const char *text) {
    return text != NULL ? json_string(text) : json_null();
}

static json_t *make_number(uint64_t number) {
    return json_integer((json_int_t)number);
}

static json_t *make_id(uint32_t id) {
    return json_integer(id != (uint32_t)-1 ? (json_int_t)id : -1);
}

/* The word of a choice. */
static json_t *make_word(const struct setting *table, const char *key, const void *values) {
    char text[VALUE_MAX];

    return json_string(settings_format(settings_find(table, key), values, text, sizeof(text)));
}

static void put_definition(json_t *list, const struct config_job *job) {
    char run[SCHEDULE_TEXT_MAX];
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(job->name));
    json_object_set_new(object, "what", json_loads(job->what, 0, NULL));
    json_object_set_new(object, "output", make_text(job->output));
    json_object_set_new(object, "run", json_string(schedule_format(&job->schedule, run)));
    json_object_set_new(object, "jitter_ms", make_number(job->schedule.jitter_ms));
    json_object_set_new(object, "overlap", make_word(config_job_settings, "overlap", job));
    json_object_set_new(object, "missed", make_word(config_job_settings, "missed", job));
    json_array_append_new(list, object);
}

static json_t *make_definitions(const struct config *config) {
    json_t *list = json_array();

    for (unsigned i = 0; i < config->job_count; i++)
        if (config->job[i].enabled)
            put_definition(list, &config->job[i]);
    return list;
}

static void put_limits(json_t *object, const struct config *config) {
    json_object_set_new(object, "workers", make_number(config->jobs.workers));
    json_object_set_new(object, "max_running", make_number(config->jobs.max_running));
    json_object_set_new(object, "max_queued", make_number(config->jobs.max_queued));
    json_object_set_new(object, "max_per_user", make_number(config->jobs.max_per_user));
    json_object_set_new(object, "max_result_bytes", make_number(config->jobs.max_result_bytes));
    json_object_set_new(object, "max_spool_bytes", make_number(config->jobs.max_spool_bytes));
    json_object_set_new(object, "keep_jobs", make_number(config->jobs.keep_jobs));
    json_object_set_new(object, "keep_for_ms", make_number(config->jobs.keep_for_ms));
    json_object_set_new(
        object, "graceful_timeout_ms", make_number(config->jobs.graceful_timeout_ms));
}

char *config_jobs_write(const struct config *config) {
    json_t *object;
    char *text;

    if (!config->jobs.enabled)
        return NULL;
    object = json_object();
    json_object_set_new(object, "engine", make_word(config_jobs_settings, "engine", config));
    json_object_set_new(object, "spool_dir", json_string(config->jobs.spool_dir));
    json_object_set_new(object, "admin_uid", make_id(geteuid()));
    json_object_set_new(object, "submit", make_word(config_jobs_settings, "submit", config));
    json_object_set_new(object, "commands", make_word(config_jobs_settings, "commands", config));
    json_object_set_new(object, "command_user", make_text(config->jobs.command_user));
    json_object_set_new(object, "command_uid", make_id(config->jobs.command_uid));
    json_object_set_new(object, "command_gid", make_id(config->jobs.command_gid));
    put_limits(object, config);
    json_object_set_new(object, "definitions", make_definitions(config));
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL)
        abort();
    return text;
}

bool config_jobs_becomes_another(const struct config *config) {
    const uid_t uid = config->jobs.uid != (uid_t)-1 ? config->jobs.uid : geteuid();

    return config->jobs.commands != COMMANDS_NONE && config->jobs.command_user != NULL &&
           uid != 0 && config->jobs.command_uid != uid;
}

bool config_jobs_needs_restart(const struct config *was, const struct config *is) {
    return was->jobs.uid != is->jobs.uid || was->jobs.gid != is->jobs.gid ||
           strcmp(was->jobs.spool_dir, is->jobs.spool_dir) != 0 ||
           config_jobs_becomes_another(was) != config_jobs_becomes_another(is);
}
