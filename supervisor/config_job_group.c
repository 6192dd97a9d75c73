/* What the group "jobs" says, and what jobs say of each other. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_internal.h"

static uid_t effective(uid_t uid) {
    return uid != (uid_t)-1 ? uid : geteuid();
}

static struct config_where where_of(const struct config_reading *reading, const char *key) {
    return config_origin_of(&reading->memory->jobs, key)->where;
}

/*
 * Who runs as the job supervisor can read every result and change every job: those of others, once
 * all may run commands. root could do so anyway.
 */
static void check_commands(struct config_reading *reading) {
    const struct config *config = reading->config;
    bool is_own = effective(config->jobs.command_uid) == effective(config->jobs.uid);

    if (config->jobs.command_user != NULL && config->jobs.commands == COMMANDS_NONE)
        config_warn(reading, where_of(reading, "command_user"),
            "jobs.command_user changes nothing: jobs.commands is \"none\"");
    if (config->jobs.commands != COMMANDS_ALL ||
        config_origin_of(&reading->memory->jobs, "command_user")->is_bad)
        return;
    if (config->jobs.command_user == NULL)
        config_complain(reading, where_of(reading, "commands"),
            "jobs.commands: \"all\" needs a command_user: what runs as the job supervisor can read "
            "the jobs of all");
    else if (is_own || config->jobs.command_uid == 0)
        config_complain(reading, where_of(reading, "command_user"),
            "jobs.command_user: with commands = \"all\" it must be %s: what runs as \"%.64s\" can "
            "read the jobs of all",
            is_own ? "another user than the job supervisor's" : "another user than root",
            config->jobs.command_user);
}

static void check_texts(struct config_reading *reading) {
    const struct config *config = reading->config;
    const char *user = config->jobs.command_user;

    if (!config_job_is_utf8(config->jobs.spool_dir))
        config_complain(reading, where_of(reading, "spool_dir"), "jobs.spool_dir: must be UTF-8");
    if (user != NULL && !config_job_is_utf8(user))
        config_complain(
            reading, where_of(reading, "command_user"), "jobs.command_user: must be UTF-8");
    config_check_folder(reading, &reading->memory->jobs, "spool_dir", config->jobs.spool_dir);
}

/* The default bends to what was said; what was said must fit. */
static void check_sizes(struct config_reading *reading) {
    struct config *config = reading->config;

    if (config->jobs.max_result_bytes <= config->jobs.max_spool_bytes)
        return;
    if (where_of(reading, "max_result").file == NULL)
        config->jobs.max_result_bytes = config->jobs.max_spool_bytes;
    else
        config_complain(reading, where_of(reading, "max_result"),
            "jobs.max_result, %" PRIu64 " bytes, must not be above jobs.max_spool, %" PRIu64
            " bytes",
            config->jobs.max_result_bytes, config->jobs.max_spool_bytes);
}

static bool is_below(const char *path, const char *folder) {
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/')
        len--;
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void check_output(struct config_reading *reading, unsigned index) {
    const struct config *config = reading->config;
    const char *output = config->job[index].output;
    const struct config_where *at =
        &config_origin_of(&reading->memory->job[index], "output")->where;
    const struct config_where *other;

    if (output == NULL)
        return;
    if (is_below(output, config->jobs.spool_dir))
        config_complain(
            reading, *at, "output: %s is in jobs.spool_dir, which is the jobs' own", output);
    for (unsigned i = 0; i < index; i++) {
        if (config->job[i].output == NULL || strcmp(config->job[i].output, output) != 0)
            continue;
        other = &config_origin_of(&reading->memory->job[i], "output")->where;
        config_complain(reading, *at, "output: %s is taken by job \"%s\" (%s:%u)", output,
            config->job[i].name, other->file, other->line);
        return;
    }
}

void config_job_group_check(struct config_reading *reading) {
    check_commands(reading);
    check_sizes(reading);
    check_texts(reading);
    for (unsigned i = 0; i < reading->config->job_count; i++)
        check_output(reading, i);
}
