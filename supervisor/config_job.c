/*
 * The files of defined jobs. The kernel that a file names brings its own keys, as a service's type
 * does; where there is no folder of jobs there is no job, and nothing to complain of.
 */
#include <string.h>
#include <unistd.h>

#include "supervisor/config_internal.h"
#include "workers/kernels/kernel.h"

/* Returns false, and says so, when the name would pass for a number of a job. */
static bool take_name(struct config_reading *reading, struct config_job *job) {
    if (!config_folder_take_name(reading, job->file, "job", job->name))
        return false;
    if (strspn(job->name, "0123456789") < strlen(job->name))
        return true;
    config_complain(reading, (struct config_where){ .file = job->file },
        "the file's name is the job's: not digits alone, jobs that run have such names");
    return false;
}

/* While the kernel is not known its keys cannot be; those of any kernel pass. */
static const struct setting *const *list_unsure(struct config_memory *memory) {
    const struct setting **tables;
    size_t count = 0;

    while (kernels_table[count] != NULL)
        count++;
    tables = config_keep(memory, (count + 1) * sizeof(const struct setting *));
    for (size_t i = 0; i < count; i++)
        tables[i] = kernels_table[i]->params;
    return tables;
}

/* typed: NULL when the file names no kernel, or what stands there is refused already. */
static void refuse_kernel(struct config_reading *reading, unsigned index, const char *typed) {
    const struct config_origin *origin = config_origin_of(&reading->memory->job[index], "kernel");
    struct complaint complaint;

    if (typed != NULL && typed[0] != '\0') {
        kernels_choose(typed, &complaint);
        config_complain(reading, origin->where, "%s", complaint.text);
    } else if (typed == NULL && origin->where.file == NULL) {
        kernels_choose("", &complaint);
        config_complain(reading, (struct config_where){ .file = reading->config->job[index].file },
            "kernel is missing: write kernel = \"NAME\"%s", strchr(complaint.text, ';'));
    }
}

static void ask_for_interval(struct config_reading *reading, unsigned index) {
    struct config_where where = { .file = reading->config->job[index].file };

    if (config_origin_of(&reading->memory->job[index], "interval")->where.file == NULL)
        config_complain(
            reading, where, "interval is missing: write interval = 3345212 or \"100..200\"");
}

static void read_keys(struct config_reading *reading, unsigned index, struct config_file *file) {
    struct config_memory *m = reading->memory;
    struct config_job *job = &reading->config->job[index];
    struct config_scope scope = { .sections = { &m->job[index] }, .foreign = config_foreign_job };
    const char *kernel = config_file_peek(file, "kernel");

    job->kernel = kernel != NULL ? kernels_find(kernel) : NULL;
    if (job->kernel != NULL) {
        job->params = config_keep(m, job->kernel->params_size + 1);
        config_section_init(m, &m->job_own[index], job->kernel->params, NULL, job->params);
        scope.sections[1] = &m->job_own[index];
    } else
        scope.unsure = list_unsure(m);
    config_file_store(file, &scope);
    if (config_file_is_partial(file))
        return;
    if (job->kernel == NULL)
        refuse_kernel(reading, index, kernel);
    ask_for_interval(reading, index);
}

static void read_job(struct config_reading *reading, const char *path) {
    struct config_memory *m = reading->memory;
    unsigned index = reading->config->job_count;
    struct config_job *job = &reading->config->job[index];
    size_t mistakes = reading->mistakes;
    struct config_file *file;

    *job = (struct config_job){ .file = path };
    config_section_init(m, &m->job[index], config_job_settings, NULL, job);
    m->job[index].idle = config_job_effect;
    if (!take_name(reading, job) || (file = config_file_open(reading, path)) == NULL)
        return;
    read_keys(reading, index, file);
    config_file_close(file);
    m->is_job_wrong[index] = reading->mistakes > mistakes;
    reading->config->job_count++;
}

void config_job_read_all(struct config_reading *reading) {
    static const struct config_folder folder = { .key = "jobs_dir",
        .what = "job",
        .plural = "jobs",
        .most = CONFIG_JOBS_MAX,
        .read = read_job };
    struct config *config = reading->config;
    const char *usual = config_keep_path(reading->memory, config->file, "jobs.d");

    if (config->jobs_dir == NULL && access(usual, F_OK) == 0)
        config->jobs_dir = usual;
    if (config->jobs_dir != NULL)
        config_folder_read(reading, &folder, config->jobs_dir);
    if (config_origin_of(&reading->memory->jobs, "enabled")->where.file == NULL)
        config->jobs.enabled = reading->memory->has_jobs_group || config->job_count > 0;
}
