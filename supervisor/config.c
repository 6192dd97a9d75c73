/*
 * The order of reading: the daemon's file, then each service's in the order of the names, then
 * what only the whole can tell. Everything is looked at before anything is refused.
 */
#include "supervisor/config.h"

#include <dirent.h>
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
    struct config_scope scope = { .sections = { NULL } };

    if (file == NULL)
        return;
    config_file_store(file, &top);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        scope.group = group_names[i];
        scope.sections[0] = groups[i];
        scope.foreign = groups[i] == &m->defaults ? config_foreign_service : NULL;
        config_file_store(file, &scope);
    }
    config_file_close(file);
    refuse_default(reading, "type");
    refuse_default(reading, "listen");
}

/* ---- services ---- */

/* Returns false, and says so, when the file's name cannot name a service. */
static bool take_name(struct config_reading *reading, struct config_service *service) {
    const char *name = strrchr(service->file, '/') + 1;
    struct config_where file = { .file = service->file };
    size_t len = strlen(name) - strlen(".conf");

    if (len == 0 || len >= CONFIG_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != len ||
        name[0] == '-') {
        config_complain(reading, file,
            "the file's name is the service's: 1 to %d letters, digits, \"-\" or \"_\" before "
            "\".conf\", not \"-\" first",
            CONFIG_NAME_MAX - 1);
        return false;
    }
    memcpy(service->name, name, len);
    service->name[len] = '\0';
    return true;
}

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
    if (!take_name(reading, service) || (file = config_file_open(reading, path)) == NULL)
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

static int is_service_file(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len >= 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_services(struct config_reading *reading) {
    struct config *config = reading->config;
    struct config_where where = config_origin_of(&reading->memory->daemon, "services_dir")->where;
    struct dirent **list = NULL;
    char *path;
    int count;

    if (where.file == NULL)
        where.file = config->file;
    if (config->services_dir == NULL)
        config->services_dir = config_keep_path(reading->memory, config->file, "services.d");
    count = scandir(config->services_dir, &list, is_service_file, compare_names);
    if (count < 0)
        config_complain(reading, where, "services_dir: the folder %s cannot be read: %s",
            config->services_dir, strerror(errno));
    else if (count == 0)
        config_warn(reading, where, "services_dir: no service: there is no NAME.conf in %s",
            config->services_dir);
    else if (count > CONFIG_SERVICES_MAX)
        config_complain(reading, where, "services_dir: %s has %d services, at most %d are allowed",
            config->services_dir, count, CONFIG_SERVICES_MAX);
    for (int i = 0; i < count; i++) {
        if (count <= CONFIG_SERVICES_MAX) {
            if (asprintf(&path, "%s/%s", config->services_dir, list[i]->d_name) < 0)
                abort();
            read_service(reading, config_keep_text(reading->memory, path, strlen(path)));
            free(path);
        }
        free(list[i]);
    }
    free(list);
}

struct config *config_read_plain(const char *file, FILE *complaints) {
    struct config_reading reading;
    struct config *config;

    init(&reading, file);
    config = reading.config;
    read_daemon(&reading);
    /* Where the services are is only known when the first file could be read. */
    if (reading.mistakes == 0 || config->services_dir != NULL ||
        config_origin_of(&reading.memory->daemon, "services_dir")->where.file == NULL)
        read_services(&reading);
    config_identity_resolve(&reading);
    for (unsigned i = 0; i < config->service_count; i++)
        config_check_service(&reading, i);
    config_check_whole(&reading);
    config_complaints_write(&reading, complaints);
    if (reading.mistakes == 0)
        return config;
    config_free(config);
    return NULL;
}

/* ---- the trial ---- */

/* In the child: it may end as it likes, only the last byte says that it did not. */
static _Noreturn void try(const char *file, int verdict_fd) {
    FILE *nowhere = fopen("/dev/null", "w");
    sigset_t none;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_S);
    if (nowhere == NULL || fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        leave_process(1);
    FAILPOINT("config-trial");
    config_free(config_read_plain(file, nowhere));
    if (write(verdict_fd, "", 1) != 1)
        leave_process(1);
    leave_process(0);
}

struct config *config_read_guarded(const char *file, FILE *complaints) {
    char words[EXIT_WORDS_MAX] = "is not known how";
    siginfo_t info = { .si_pid = 0 };
    int verdict[2];
    ssize_t n;
    char byte;
    pid_t pid;

    if (pipe2(verdict, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        fprintf(complaints, "%s: no child to read it first: %s\n", file, strerror(errno));
        return NULL;
    }
    if (pid == 0)
        try(file, verdict[1]);
    close(verdict[1]);
    while ((n = read(verdict[0], &byte, 1)) < 0 && errno == EINTR)
        continue;
    close(verdict[0]);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
        continue;
    if (n == 1)
        return config_read_plain(file, complaints);
    if (info.si_pid == pid)
        exit_words_describe(words, info.si_code, info.si_status);
    fprintf(complaints, "%s: the process that read it first %s\n", file, words);
    return NULL;
}
