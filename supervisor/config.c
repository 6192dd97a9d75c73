/*
 * The order of reading: the daemon's file, then each service's and each job's in the order of the
 * names, then what only the whole can tell. Everything is looked at before anything is refused.
 */
#include "supervisor/config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_words.h"
#include "shared/failpoint.h"
#include "shared/leave.h"
#include "shared/suggest.h"
#include "supervisor/config_internal.h"

#define CHILD_S 30 /* that the trial may take */

static const char *const group_names[] = { "control", "log", "jobs", "defaults", NULL };

static void init(struct config_reading *reading, const char *path) {
    struct config *config = config_new();
    struct config_memory *m = config->memory;

    *reading = (struct config_reading){ .config = config, .memory = m };
    config->file = config_keep_path(m, NULL, path);
    config->uid = (uid_t)-1;
    config->gid = (gid_t)-1;
    config_section_init(m, &m->daemon, config_daemon_settings, NULL, config);
    config_section_init(m, &m->control, config_control_settings, "control", config);
    config_section_init(m, &m->log, config_log_settings, "log", config);
    config_section_init(m, &m->jobs, config_jobs_settings, "jobs", config);
    config_section_init(m, &m->defaults, config_service_settings, "defaults", &m->default_values);
}

/* ---- the daemon's file ---- */

/* What makes a service cannot be shared by all. */
static void refuse_default(struct config_reading *reading, const char *key) {
    struct config_origin *origin = config_origin_of(&reading->memory->defaults, key);

    if (origin->where.file == NULL)
        return;
    config_complain(
        reading, origin->where, "defaults.%s: each service must say this for itself", key);
    *origin = (struct config_origin){ .is_bad = false };
    reading->memory->default_values.type_name = NULL;
    reading->memory->default_values.listen_texts.count = 0;
}

static void read_daemon(struct config_reading *reading) {
    struct config_memory *m = reading->memory;
    struct config_file *file = config_file_open(reading, reading->config->file);
    struct config_section *groups[] = { &m->control, &m->log, &m->jobs, &m->defaults };
    struct config_scope top = {
        .sections = { &m->daemon }, .groups = group_names, .foreign = config_foreign_daemon
    };
    const char *const *const foreign[] = { NULL, NULL, config_foreign_jobs,
        config_foreign_service };
    struct config_scope scope = { .sections = { NULL } };

    if (file == NULL)
        return;
    config_file_store(file, &top);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        scope.group = group_names[i];
        scope.sections[0] = groups[i];
        scope.foreign = foreign[i];
        config_file_store(file, &scope);
    }
    m->has_jobs_group = config_file_has_group(file, "jobs");
    config_file_close(file);
    refuse_default(reading, "type");
    refuse_default(reading, "listen");
}

/* ---- services ---- */

static void refuse_type(struct config_reading *reading, const struct config_section *section,
    const char *typed, bool is_partial) {
    const struct config_origin *origin = config_origin_of(section, "type");
    struct config_where file = {
        .file = reading->config->service[reading->config->service_count].file
    };
    struct suggestion best = { .word = "" };
    char known[256] = "";
    size_t used = 0;

    for (size_t i = 0; services_table[i] != NULL && used < sizeof(known); i++) {
        if (typed != NULL)
            suggest_offer(&best, typed, services_table[i]->name);
        used += (size_t)snprintf(
            known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", services_table[i]->name);
    }
    if (typed == NULL && origin->where.file == NULL && !is_partial)
        config_complain(
            reading, file, "type is missing: write type = \"NAME\"; there are %s", known);
    else if (typed != NULL && best.word[0] != '\0')
        config_complain(reading, origin->where,
            "type: unknown \"%.64s\", did you mean \"%s\"? allowed: %s", typed, best.word, known);
    else if (typed != NULL && typed[0] != '\0')
        config_complain(
            reading, origin->where, "type: unknown \"%.64s\"; allowed: %s", typed, known);
}

/* While the type is not known its keys cannot be; those of any type pass. */
static const struct setting *const *list_unsure(struct config_memory *memory) {
    const struct setting **tables;
    size_t count = 0;

    while (services_table[count] != NULL)
        count++;
    tables = config_keep(memory, (count + 1) * sizeof(const struct setting *));
    for (size_t i = 0; i < count; i++)
        tables[i] = services_table[i]->settings;
    return tables;
}

/* In the status, in the log and for explain the job supervisor has this name. */
static bool check_own_name(struct config_reading *reading, const struct config_service *service) {
    const struct config_where where = { .file = service->file };

    if (strcmp(service->name, "jobs") != 0)
        return true;
    config_complain(
        reading, where, "\"jobs\" is the job supervisor's name; name the file otherwise");
    return false;
}

/* What the type wants otherwise, where the group "defaults" says nothing. */
static void take_defaults(const struct config_section *section, struct config_service *service) {
    const char *const *pair = service->type->defaults;
    struct complaint complaint;

    for (; pair != NULL && pair[0] != NULL; pair += 2)
        if (config_origin_of(section, pair[0])->where.file == NULL &&
            settings_store(settings_find(section->table, pair[0]), pair[1], service, &complaint) <
                0)
            abort();
}

static void read_service(struct config_reading *reading, const char *path) {
    struct config_memory *m = reading->memory;
    unsigned index = reading->config->service_count;
    struct config_service *service = &reading->config->service[index];
    struct config_scope scope = { .sections = { &m->common[index] },
        .foreign = config_foreign_service };
    struct config_file *file;
    const char *type;

    *service = m->default_values;
    service->file = path;
    service->uid = (uid_t)-1;
    service->gid = (gid_t)-1;
    config_section_copy(m, &m->common[index], &m->defaults, service);
    m->common[index].idle = config_check_effect;
    if (!config_folder_take_name(reading, path, "service", service->name) ||
        !check_own_name(reading, service) || (file = config_file_open(reading, path)) == NULL)
        return;
    type = config_file_peek(file, "type");
    service->type = type != NULL ? services_find(type) : NULL;
    if (service->type != NULL) {
        service->settings = config_keep(m, service->type->settings_size + 1);
        config_section_init(m, &m->own[index], service->type->settings, NULL, service->settings);
        take_defaults(&m->common[index], service);
        scope.sections[1] = &m->own[index];
    } else
        scope.unsure = list_unsure(m);
    config_file_store(file, &scope);
    m->is_partial[index] = config_file_is_partial(file);
    if (service->type == NULL)
        refuse_type(reading, &m->common[index], type, m->is_partial[index]);
    config_file_close(file);
    reading->config->service_count++;
}

static void read_services(struct config_reading *reading) {
    static const struct config_folder folder = { .key = "services_dir",
        .what = "service",
        .plural = "services",
        .most = CONFIG_SERVICES_MAX,
        .read = read_service };
    struct config *config = reading->config;
    struct config_where where = config_origin_of(&reading->memory->daemon, "services_dir")->where;

    if (where.file == NULL)
        where.file = config->file;
    if (config->services_dir == NULL)
        config->services_dir = config_keep_path(reading->memory, config->file, "services.d");
    if (config_folder_read(reading, &folder, config->services_dir) == 0)
        config_warn(reading, where, "services_dir: no service: there is no NAME.conf in %s",
            config->services_dir);
}

/* ---- all ---- */

/* Where the files are is only known when the first one could be read. */
static bool is_folder_known(const struct config_reading *reading, const char *key) {
    const struct config_origin *origin = config_origin_of(&reading->memory->daemon, key);

    return origin->where.file == NULL || !origin->is_bad;
}

static void check_all(struct config_reading *reading) {
    config_identity_resolve(reading);
    for (unsigned i = 0; i < reading->config->service_count; i++)
        config_check_service(reading, i);
    for (unsigned i = 0; i < reading->config->job_count; i++)
        config_job_check(reading, i);
    config_check_whole(reading);
    config_job_group_check(reading);
}

static struct config *read_all(const char *file, FILE *complaints, bool is_again) {
    struct config_reading reading;

    init(&reading, file);
    reading.is_again = is_again;
    read_daemon(&reading);
    if (is_folder_known(&reading, "services_dir"))
        read_services(&reading);
    if (is_folder_known(&reading, "jobs_dir"))
        config_job_read_all(&reading);
    check_all(&reading);
    config_complaints_write(&reading, complaints);
    if (reading.mistakes == 0)
        return reading.config;
    config_free(reading.config);
    return NULL;
}

struct config *config_read_plain(const char *file, FILE *complaints) {
    return read_all(file, complaints, false);
}

struct config *config_read_again(const char *file, FILE *complaints) {
    return read_all(file, complaints, true);
}

/* ---- the trial ---- */

/* In the child: it may end as it likes, only the last byte says that it did not: is all good? */
static _Noreturn void try(const char *file, int verdict_fd) {
    FILE *nowhere = fopen("/dev/null", "w");
    struct config *config;
    bool is_good;
    sigset_t none;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_S);
    if (nowhere == NULL || fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        leave_process(1);
    FAILPOINT("config-trial");
    config = config_read_plain(file, nowhere);
    is_good = config != NULL;
    config_free(config);
    if (write(verdict_fd, &is_good, sizeof(is_good)) != sizeof(is_good))
        leave_process(1);
    leave_process(0);
}

struct config *config_read_guarded(const char *file, FILE *complaints) {
    char words[EXIT_WORDS_MAX] = "is not known how";
    siginfo_t info = { .si_pid = 0 };
    int verdict[2];
    ssize_t n;
    bool is_good;
    pid_t pid;

    if (pipe2(verdict, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        fprintf(complaints, "%s: no child to read it first: %s\n", file, strerror(errno));
        return NULL;
    }
    if (pid == 0)
        try(file, verdict[1]);
    close(verdict[1]);
    while ((n = read(verdict[0], &is_good, sizeof(is_good))) < 0 && errno == EINTR)
        continue;
    close(verdict[0]);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
        continue;
    if (n == sizeof(is_good))
        return is_good ? config_read_again(file, complaints) : config_read_plain(file, complaints);
    if (info.si_pid == pid)
        exit_words_describe(words, info.si_code, info.si_status);
    fprintf(complaints, "%s: the process that read it first %s\n", file, words);
    return NULL;
}
