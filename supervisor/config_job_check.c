/*
 * What one job says. In the end it is made into the very job that `prefork job run` would run, and
 * checked as that is: what is refused there is refused here, with the line it stands in.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_internal.h"
#include "supervisor/job/job_json.h"

/* One job under the eye. */
struct check {
    struct config_reading *reading;
    struct config_job *job;
    const struct config_section *section, *own; /* own: without a table when the kernel is wrong */
};

static bool is_set(const struct check *check, const char *key) {
    return config_origin_of(check->section, key)->where.file != NULL;
}

/* Where the key stands; where the kernel does when nobody wrote the key. */
static struct config_where where_of(const struct check *check, const char *key) {
    struct config_where where = config_origin_of(check->section, key)->where;

    return where.file != NULL ? where : config_origin_of(check->section, "kernel")->where;
}

/* ---- keys that change nothing ---- */

static bool is_by_clock(const struct config_job *job) {
    return job->schedule.kind != SCHEDULE_MANUAL;
}

static bool is_again_and_again(const struct config_job *job) {
    return is_by_clock(job) && job->schedule.kind != SCHEDULE_START;
}

static const struct {
    const char *key;
    bool (*counts)(const struct config_job *job);
    const char *words;
} effects[] = {
    { "jitter", is_by_clock, "it is run by hand alone" },
    { "overlap", is_by_clock, "it is run by hand alone" },
    { "missed", is_again_and_again, "only run = \"every ...\" and \"at ...\" heed it" },
};

const char *config_job_effect(const void *job, const char *key) {
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        if (strcmp(effects[i].key, key) == 0 && !effects[i].counts(job))
            return effects[i].words;
    return NULL;
}

static void warn_without_effect(const struct check *check) {
    const struct config_origin *origin;

    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        origin = config_origin_of(check->section, effects[i].key);
        if (origin->where.file != NULL && !origin->is_bad && !effects[i].counts(check->job))
            config_warn(check->reading, origin->where, "%s changes nothing: %s", effects[i].key,
                effects[i].words);
    }
}

/* ---- what the kernel asks for ---- */

static void check_command(const struct check *check) {
    const struct config_job *job = check->job;
    bool takes_one = job->kernel->flags & KERNEL_ARGV;

    if (takes_one && !is_set(check, "command"))
        config_complain(check->reading, where_of(check, "kernel"),
            "kernel %s needs a command: write command = [ \"PROGRAM\", \"{lo}\", \"{hi}\" ]",
            job->kernel->name);
    else if (takes_one && job->command.count > 0 && job->command.text[0][0] == '\0')
        config_complain(
            check->reading, where_of(check, "command"), "command: must begin with a program");
    else if (!takes_one && is_set(check, "command"))
        config_complain(check->reading, where_of(check, "command"),
            "command: kernel %s takes no command", job->kernel->name);
    if (takes_one && check->reading->config->jobs.commands == COMMANDS_NONE &&
        !config_origin_of(&check->reading->memory->jobs, "commands")->is_bad)
        config_complain(check->reading, where_of(check, "kernel"),
            "kernel %s runs commands, which jobs.commands does not allow: write commands = "
            "\"admin\" in the group \"jobs\"",
            job->kernel->name);
}

static void check_kernel(const struct check *check) {
    const struct config_job *job = check->job;

    check_command(check);
    if ((job->kernel->flags & KERNEL_BYTES) && job->format == RESULT_CSV)
        config_complain(check->reading, where_of(check, "format"),
            "format: the result of kernel %s is bytes, not numbers: write \"text\" or \"json\"",
            job->kernel->name);
    if ((job->kernel->flags & KERNEL_BYTES) && job->count)
        config_complain(check->reading, where_of(check, "count"),
            "count: the result of kernel %s is bytes, not numbers", job->kernel->name);
    if (!(job->kernel->flags & KERNEL_PURE) && job->verify > 0)
        config_complain(check->reading, where_of(check, "verify"),
            "verify: kernel %s need not give the same result twice", job->kernel->name);
}

/* ---- the schedule, the output ---- */

static void check_run(const struct check *check) {
    struct schedule *schedule = &check->job->schedule;
    struct complaint complaint;

    if (config_origin_of(check->section, "run")->is_bad)
        return;
    if (schedule_parse(check->job->run, schedule, &complaint) < 0) {
        config_complain(check->reading, where_of(check, "run"), "run: %s", complaint.text);
        return;
    }
    warn_without_effect(check);
    if (schedule->kind == SCHEDULE_MANUAL)
        return;
    schedule->jitter_ms = check->job->jitter_ms;
    if (schedule_check_jitter(schedule, &complaint) < 0)
        config_complain(check->reading, where_of(check, "jitter"), "jitter: %s", complaint.text);
}

bool config_job_is_utf8(const char *text) {
    json_t *string = json_string(text);
    bool is_good = string != NULL;

    json_decref(string);
    return is_good;
}

static void check_texts(const struct check *check) {
    const struct config_job *job = check->job;
    const struct config_where *element = config_origin_of(check->section, "command")->element;

    for (unsigned i = 0; i < job->command.count; i++)
        if (!config_job_is_utf8(job->command.text[i]))
            config_complain(check->reading, element[i], "command: must be UTF-8");
    if (job->output == NULL)
        return;
    if (!config_job_is_utf8(job->output))
        config_complain(check->reading, where_of(check, "output"), "output: must be UTF-8");
    if (job->output[strlen(job->output) - 1] == '/')
        config_complain(check->reading, where_of(check, "output"),
            "output: %s is a folder, a file is needed", job->output);
    config_check_folder(check->reading, check->section, "output", job->output);
}

/* ---- the whole ---- */

/* An option's name in a complaint, and its key here. */
static const char *const renamed[] = { "timeout", "deadline", "json", "format", "csv", "format",
    "seed_format", "format", NULL };

/* Take "--chunk-timeout" at text for the key; returns how many bytes it has. */
static size_t take_option(const char *text, char *key, size_t size) {
    size_t len = 2;

    for (; islower((unsigned char)text[len]) || text[len] == '-'; len++)
        if (len - 1 < size)
            key[len - 2] = text[len] == '-' ? '_' : text[len];
    key[len - 2 < size ? len - 2 : size - 1] = '\0';
    for (int i = 0; renamed[i] != NULL; i += 2)
        if (strcmp(renamed[i], key) == 0)
            snprintf(key, size, "%s", renamed[i + 1]);
    return len;
}

/* Say it with keys for options, where the first of them stands. */
static void pass_on(const struct check *check, const char *complaint) {
    struct config_where where = config_origin_of(check->section, "kernel")->where;
    char text[2 * sizeof(((struct complaint *)NULL)->text)] = "", key[64];
    const struct config_section *section;
    size_t used = 0;
    bool is_found = false;

    while (*complaint != '\0' && used + sizeof(key) < sizeof(text)) {
        if (strncmp(complaint, "--", 2) != 0 || !islower((unsigned char)complaint[2])) {
            text[used++] = *complaint++;
            continue;
        }
        complaint += take_option(complaint, key, sizeof(key));
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", key);
        section = settings_find(check->section->table, key) != NULL ? check->section
                  : settings_find(check->own->table, key) != NULL   ? check->own
                                                                    : NULL;
        if (section != NULL && !is_found && config_origin_of(section, key)->where.file != NULL)
            where = config_origin_of(section, key)->where;
        is_found = is_found || section != NULL;
    }
    text[used] = '\0';
    config_complain(check->reading, where, "%s", text);
}

/* The options of a command line that say the same. */
static void set_options(const struct config_job *job, struct job_options *options) {
    settings_set_defaults(job_spec_settings, options);
    options->chunk = job->chunk;
    options->count = job->count;
    options->json = job->format == RESULT_JSON;
    options->csv = job->format == RESULT_CSV;
    options->seed_format = job->format == RESULT_SHEET;
    options->timeout_ms = job->deadline_ms;
    options->chunk_timeout_ms = job->chunk_timeout_ms;
    options->stall_ms = job->stall_ms;
    options->retries = job->retries;
    options->on_held = job->on_held;
    options->verify = job->verify;
}

/* The job's JSON, kept; NULL: a text that JSON cannot say, which is told of already. */
static const char *make_what(struct config_memory *memory, const struct job_spec *spec) {
    json_t *what = job_json_write(spec);
    char *text = what != NULL ? json_dumps(what, JSON_COMPACT) : NULL;
    const char *kept = text != NULL ? config_keep_text(memory, text, strlen(text)) : NULL;

    free(text);
    json_decref(what);
    return kept;
}

static void check_as_job(const struct check *check) {
    struct config_job *job = check->job;
    char *argv[SETTING_TEXTS_MAX + 1] = { NULL };
    struct job_spec spec = { .kernel = { .ops = job->kernel, .interval = job->interval } };
    struct complaint complaint;
    int exit_code;

    for (unsigned i = 0; i < job->command.count; i++)
        argv[i] = (char *)(uintptr_t)job->command.text[i];
    spec.kernel.argv = job->command.count > 0 ? argv : NULL;
    spec.kernel.params = malloc(job->kernel->params_size + 1);
    if (spec.kernel.params == NULL)
        abort();
    memcpy(spec.kernel.params, job->params, job->kernel->params_size);
    set_options(job, &spec.options);
    if (!check->reading->is_again && job_spec_prepare(&spec, &complaint, &exit_code) < 0)
        pass_on(check, complaint.text);
    job->what = make_what(check->reading->memory, &spec);
    job_spec_fini(&spec);
}

void config_job_check(struct config_reading *reading, unsigned index) {
    struct config_job *job = &reading->config->job[index];
    struct check check = { .reading = reading,
        .job = job,
        .section = &reading->memory->job[index],
        .own = &reading->memory->job_own[index] };
    size_t mistakes = reading->mistakes;

    check_run(&check);
    check_texts(&check);
    if (job->kernel == NULL)
        return;
    check_kernel(&check);
    if (!reading->memory->is_job_wrong[index] && reading->mistakes == mistakes)
        check_as_job(&check);
}
