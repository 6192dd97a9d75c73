/* The table of checks, and what they share: findings, and numbers out of the configuration. */
#include "supervisor/cli/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json_text.h"
#include "supervisor/cli/json_read.h"

#define TEXT_MAX 1024

/* Descriptors: of the supervisor for itself and for each worker; of a worker beside its sessions.
 */
#define SUPERVISOR_FILES 128
#define FILES_EACH       8 /* pidfd, orders, both ends of three pipes */
#define WORKER_FILES     32

const struct doctor_check doctor_checks[] = {
    { "configuration", "whether the configuration can be used, as preforkd -t says",
        doctor_config_look },
    { "rights", "who may write the files of the configuration", doctor_config_look_rights },
    { "files", "descriptors: RLIMIT_NOFILE, fs.file-max and fs.nr_open against what the pools need",
        doctor_limits_look_files },
    { "processes",
        "processes and threads: RLIMIT_NPROC, kernel.threads-max and kernel.pid_max against what "
        "the pools need",
        doctor_limits_look_processes },
    { "cgroup", "memory and processes that the control group allows", doctor_memory_look_cgroup },
    { "memory", "free memory, and overcommit, against what the pools need", doctor_memory_look },
    { "swap", "whether memory is being swapped", doctor_memory_look_swap },
    { "backlog", "net.core.somaxconn against backlog of each service", doctor_limits_look_backlog },
    { "low-ports", "ports that only root may have, by net.ipv4.ip_unprivileged_port_start",
        doctor_port_look_low },
    { "ports", "ports and sockets that somebody else has", doctor_port_look },
    { "log", "whether the log file and its folder can be written", doctor_place_look_log },
    { "control", "whether the control socket can be made", doctor_place_look_control },
    { "spool", "whether jobs can be kept: the folder, its owner, mode and room",
        doctor_jobs_look_spool },
    { "command-user", "who commands of jobs run as", doctor_jobs_look_command },
    { "space", "free space and inodes where the log, the sockets and the jobs are",
        doctor_place_look_space },
    { "kernel", "what of the kernel preforkd uses", doctor_kernel_look },
    { "clock", "whether the clocks are sane", doctor_kernel_look_clock },
    { "unit", "whether systemd knows preforkd", doctor_install_look_unit },
    { "user", "whether there is a user for the daemon", doctor_install_look_user },
    { "daemon", "whether a daemon answers, and of which version", doctor_daemon_look },
    { "services", "whether the services run", doctor_daemon_look_services },
    { "jobs", "whether the job supervisor runs", doctor_jobs_look },
    { "log-writer", "whether the log writer lives, and whether records were lost",
        doctor_daemon_look_log },
    { .name = NULL },
};

const char *doctor_grade_name(enum doctor_grade grade) {
    static const char *const names[] = {
        [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_BAD] = "bad"
    };

    return names[grade];
}

void doctor_find(
    struct doctor *doctor, enum doctor_grade grade, const char *mend, const char *format, ...) {
    json_t *finding = json_object();
    char text[TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_object_set_new(finding, "check", json_string(doctor->check->name));
    json_object_set_new(finding, "grade", json_string(doctor_grade_name(grade)));
    json_object_set_new(finding, "what", json_text_new(text));
    json_object_set_new(finding, "mend", mend != NULL ? json_text_new(mend) : json_null());
    json_array_append_new(doctor->findings, finding);
}

enum doctor_grade doctor_worst(const struct doctor *doctor) {
    enum doctor_grade worst = DOCTOR_OK;
    const char *grade;

    for (size_t i = 0; i < json_array_size(doctor->findings); i++) {
        grade = json_read_text(json_array_get(doctor->findings, i), "grade");
        while (worst < DOCTOR_BAD && strcmp(grade, doctor_grade_name(worst)) != 0 &&
               (strcmp(grade, "bad") == 0 || worst == DOCTOR_OK))
            worst++;
    }
    return worst;
}

/* ---- the configuration ---- */

const json_t *doctor_value(const json_t *section, const char *key) {
    return json_object_get(json_object_get(section, key), "value");
}

uint64_t doctor_number(const json_t *section, const char *key) {
    const json_t *row = json_object_get(section, key), *value = json_object_get(row, "value");

    if (!json_is_integer(value))
        value = json_object_get(row, "ms");
    if (!json_is_integer(value))
        value = json_object_get(row, "bytes");
    return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

const char *doctor_text(const json_t *section, const char *key) {
    return json_string_value(doctor_value(section, key));
}

const json_t *doctor_services(const json_t *object) {
    return json_object_get(object, "services");
}

uint32_t doctor_id(const json_t *object, const char *key, uint32_t fallback) {
    const json_t *id = json_object_get(object, key);

    return json_is_integer(id) ? (uint32_t)json_integer_value(id) : fallback;
}

static bool is_model(const json_t *keys, const char *name) {
    const char *model = doctor_text(keys, "model");

    return model != NULL && strcmp(model, name) == 0;
}

static void add_need(struct doctor_need *need, const json_t *service) {
    const json_t *keys = json_object_get(service, "keys");
    const uint64_t workers = doctor_number(keys, "max_children"),
                   each = is_model(keys, "event")    ? doctor_number(keys, "worker_connections")
                          : is_model(keys, "thread") ? doctor_number(keys, "threads_per_child")
                                                     : 1,
                   files = each + json_array_size(json_object_get(service, "listen")) +
                           WORKER_FILES;

    need->workers += workers;
    need->threads += workers * (is_model(keys, "thread") ? each + 1 : 1);
    need->sessions += workers * each;
    need->supervisor_files += FILES_EACH * workers +
                              2 * json_array_size(json_object_get(service, "listen"));
    if (files <= need->worker_files)
        return;
    need->worker_files = files;
    need->worker_name = json_read_text(service, "name");
}

void doctor_look(struct doctor *doctor) {
    const json_t *services = doctor_services(doctor->config);

    doctor->need = (struct doctor_need){ .supervisor_files = SUPERVISOR_FILES };
    for (size_t i = 0; i < json_array_size(services); i++)
        add_need(&doctor->need, json_array_get(services, i));
    for (doctor->check = doctor_checks; doctor->check->name != NULL; doctor->check++)
        doctor->check->look(doctor);
}

/* ---- */

uint64_t doctor_read_number(const char *path) {
    FILE *file = fopen(path, "re");
    uint64_t number = UINT64_MAX;

    if (file == NULL)
        return UINT64_MAX;
    if (fscanf(file, "%" SCNu64, &number) != 1)
        number = UINT64_MAX;
    fclose(file);
    return number;
}

pid_t doctor_daemon_pid(const struct doctor *doctor) {
    return (pid_t)json_integer_value(json_object_get(doctor->status, "pid"));
}
