/*
 * The keys of preforkd.conf and of a service's file: the only truth about them. The manual page,
 * the samples and -T come from here. What is about jobs stands in config_job_tables.c.
 */
#include <string.h>

#include "shared/wire.h"
#include "supervisor/config.h"
#include "supervisor/config_internal.h"

#define YEAR_MS   31536000000u
#define BYTES_MAX (1ull << 50)

static const char *const model_names[] = {
    [MODEL_PROCESS] = "process", [MODEL_THREAD] = "thread", [MODEL_EVENT] = "event", NULL
};
static const char *const pm_names[] = {
    [PM_STATIC] = "static", [PM_DYNAMIC] = "dynamic", [PM_ONDEMAND] = "ondemand", NULL
};
static const char *const port_policy_names[] = {
    [PORT_STRICT] = "strict", [PORT_NEXT] = "next", [PORT_ANY] = "any", NULL
};
static const char *const when_full_names[] = {
    [FULL_WAIT] = "wait", [FULL_REFUSE] = "refuse", NULL
};
static const char *const console_names[] = {
    [CONSOLE_AUTO] = "auto", [CONSOLE_ON] = "on", [CONSOLE_OFF] = "off", NULL
};
static const char *const lang_names[] = { [LANG_EN] = "en", [LANG_RU] = "ru", NULL };
static const char *const format_names[] = {
    [CONFIG_LOGFMT] = "logfmt", [CONFIG_JSON] = "json", NULL
};
static const char *const level_names[] = { [CONFIG_DEBUG] = "debug",
    [CONFIG_INFO] = "info",
    [CONFIG_WARN] = "warn",
    [CONFIG_ERROR] = "error",
    NULL };

#define DAEMON(field)  .name = #field, .offset = offsetof(struct config, field)
#define CONTROL(field) .name = #field, .offset = offsetof(struct config, control.field)
#define LOG(field)     .name = #field, .offset = offsetof(struct config, log.field)
#define SERVICE(field) .name = #field, .offset = offsetof(struct config_service, field)
#define SERVICE_MS(field)                                                  \
    .name = #field, .offset = offsetof(struct config_service, field##_ms), \
    .type = SETTING_DURATION, .operand = "TIME"
#define SERVICE_BYTES(field)                                                  \
    .name = #field, .offset = offsetof(struct config_service, field##_bytes), \
    .type = SETTING_BYTES, .operand = "BYTES"
#define NUMBER .type = SETTING_NUMBER, .operand = "N"

const struct setting config_daemon_settings[] = {
    { DAEMON(user), .type = SETTING_TEXT, .operand = "USER", .fallback_words = "as started",
        .help = "who the workers run as; needs a start as root" },
    { DAEMON(group), .type = SETTING_TEXT, .operand = "GROUP",
        .fallback_words = "the first group of user", .help = "the group the workers run as" },
    { DAEMON(services_dir), .type = SETTING_PATH, .operand = "FOLDER",
        .fallback_words = "services.d beside this file",
        .help = "where the services' files are, NAME.conf each" },
    { DAEMON(jobs_dir), .type = SETTING_PATH, .operand = "FOLDER",
        .fallback_words = "jobs.d beside this file, when it is there",
        .help = "where the files of defined jobs are, NAME.conf each" },
    { DAEMON(pid_file), .type = SETTING_PATH, .operand = "FILE", .fallback_words = "none",
        .help = "where the daemon's pid is written" },
    { DAEMON(process_max), NUMBER, .fallback = "1000", .min = 1, .max = 1000,
        .help = "workers of all services together" },
    { DAEMON(max_generations), NUMBER, .fallback = "4", .min = 2, .max = 64,
        .help = "configurations of which a service has workers alive; a reload beyond it waits" },
    { DAEMON(console), .type = SETTING_CHOICE, .operand = "HOW", .choices = console_names,
        .fallback = "auto",
        .help = "whether services talk on stdout; auto: in the foreground on a terminal" },
    { DAEMON(lang), .type = SETTING_CHOICE, .operand = "LANGUAGE", .choices = lang_names,
        .fallback = "en", .help = "language of the lines on the console" },
    { .name = NULL },
};

const struct setting config_control_settings[] = {
    { CONTROL(socket), .type = SETTING_PATH, .operand = "FILE",
        .fallback = "/run/preforkd/control.sock", .help = "the socket that prefork speaks to" },
    { CONTROL(mode), .type = SETTING_MODE, .operand = "MODE", .fallback = "0660", .max = 0777,
        .help = "its rights: who may connect may look, root and the daemon's user may change" },
    { .name = NULL },
};

const struct setting config_log_settings[] = {
    { LOG(file), .type = SETTING_PATH, .operand = "FILE", .fallback_words = "stderr",
        .help = "the log file" },
    { LOG(format), .type = SETTING_CHOICE, .operand = "FORMAT", .choices = format_names,
        .fallback = "logfmt", .help = "how a record is written" },
    { LOG(level), .type = SETTING_CHOICE, .operand = "LEVEL", .choices = level_names,
        .fallback = "info", .help = "the least level that is written" },
    { .name = "rotate_size",
        .offset = offsetof(struct config, log.rotate_bytes),
        .type = SETTING_BYTES,
        .operand = "BYTES",
        .fallback = "0",
        .max = BYTES_MAX,
        .help = "begin a new file when it has grown to this; 0: never" },
    { LOG(rotate_keep), NUMBER, .fallback = "5", .min = 1, .max = 1000,
        .help = "how many old files are kept, as FILE.1, FILE.2 and so on" },
    { .name = NULL },
};

const struct setting config_service_settings[] = {
    { .name = "type",
        .offset = offsetof(struct config_service, type_name),
        .type = SETTING_TEXT,
        .operand = "TYPE",
        .fallback_words = "none, it must be given",
        .help = "what the service does" },
    { .name = "listen",
        .offset = offsetof(struct config_service, listen_texts),
        .type = SETTING_TEXTS,
        .operand = "[ ADDRESS, ... ]",
        .max = CONFIG_LISTEN_MAX,
        .fallback_words = "the type's own",
        .help = "addresses: tcp://127.0.0.1:50007, udp://[::1]:5400, unix:///run/NAME.sock" },
    { SERVICE(autostart), .type = SETTING_BOOL, .fallback = "true",
        .help = "start with the daemon; else by prefork start" },
    { SERVICE(watchdog), .type = SETTING_BOOL, .fallback = "false",
        .help = "feed the watchdog of systemd only while this service serves" },
    { SERVICE(model), .type = SETTING_CHOICE, .operand = "MODEL", .choices = model_names,
        .fallback = "process",
        .help = "how a worker serves: one session at a time, one thread "
                "a session, or all in one event loop" },
    { SERVICE(pm), .type = SETTING_CHOICE, .operand = "HOW", .choices = pm_names,
        .fallback = "dynamic",
        .help = "how many workers: always max_children, as many as keep some spare, or none until "
                "somebody comes" },
    { SERVICE(max_children), NUMBER, .fallback = "8", .min = 1, .max = 1000,
        .help = "the most workers" },
    { SERVICE(start_servers), NUMBER, .fallback = "0", .max = 1000,
        .help = "workers at start, for dynamic; 0: midway between the spare ones" },
    { SERVICE(min_spare_servers), NUMBER, .fallback = "1", .min = 1, .max = 1000,
        .help = "fork more when fewer are idle, for dynamic" },
    { SERVICE(max_spare_servers), NUMBER, .fallback = "3", .min = 1, .max = 1000,
        .help = "retire some when more are idle, for dynamic" },
    { SERVICE(max_spawn_rate), NUMBER, .fallback = "32", .min = 1, .max = 1000,
        .help = "the most forks a second" },
    { SERVICE_MS(process_idle_timeout), .fallback = "10s", .min = 1, .max = YEAR_MS,
        .help = "retire a worker that was idle for so long, for ondemand" },
    { SERVICE(max_requests), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "replace a worker after so many sessions or datagrams; 0: never" },
    { SERVICE(max_requests_jitter), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "up to so many more, by chance, lest all are replaced at once" },
    { SERVICE_MS(max_worker_lifetime), .fallback = "0", .max = YEAR_MS,
        .help = "replace a worker of this age; 0: never" },
    { SERVICE_BYTES(reload_on_pss), .fallback = "0", .max = BYTES_MAX,
        .help = "replace a worker that holds more memory (PSS); 0: never" },
    { SERVICE(max_recycling), NUMBER, .fallback = "1", .min = 1, .max = 1000,
        .help = "the most workers in replacement at once" },
    { SERVICE_MS(worker_timeout), .fallback = "30s", .max = YEAR_MS,
        .help = "end a worker that hangs in one message for so long; 0: never" },
    { SERVICE_MS(worker_boot_timeout), .fallback = "60s", .max = YEAR_MS,
        .help = "end a worker that is not ready after so long; 0: never" },
    { SERVICE_MS(graceful_timeout), .fallback = "30s", .max = YEAR_MS,
        .help = "what a leaving worker has to finish its sessions" },
    { SERVICE_MS(restart_delay), .fallback = "100ms", .min = 1, .max = YEAR_MS,
        .help = "wait after a worker died before it was ready; doubled for each in a row" },
    { SERVICE_MS(restart_max_delay), .fallback = "60s", .min = 1, .max = YEAR_MS,
        .help = "the longest such wait" },
    { SERVICE(start_retries), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "give up (FATAL) after so many such deaths in a row; 0: never" },
    { SERVICE(threads_per_child), NUMBER, .fallback = "64", .min = 1, .max = 256,
        .help = "sessions of a worker, for thread" },
    { SERVICE(worker_connections), NUMBER, .fallback = "1024", .min = 1, .max = 1000000,
        .help = "sessions of a worker, for event" },
    { SERVICE_MS(idle_stop), .fallback = "0", .max = YEAR_MS,
        .help = "stop the service after so long without a message; 0: never" },
    { SERVICE(port_policy), .type = SETTING_CHOICE, .operand = "HOW", .choices = port_policy_names,
        .fallback = "strict", .help = "when the port is busy: fail, take the next one, or any" },
    { SERVICE(backlog), NUMBER, .fallback = "511", .min = 1, .max = 65535,
        .help = "connections that may wait to be accepted" },
    { SERVICE(listen_mode), .type = SETTING_MODE, .operand = "MODE", .fallback = "0660",
        .max = 0777, .help = "rights of UNIX sockets" },
    { SERVICE(max_connections), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "the most sessions of all workers together; 0: as many as they hold" },
    { SERVICE(max_connections_per_source), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "the most sessions of one address (IPv6: of one /64); 0: no limit" },
    { SERVICE(max_rate), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "the most new sessions or datagrams a second; 0: no limit" },
    { SERVICE(max_rate_per_source), NUMBER, .fallback = "0", .max = UINT32_MAX,
        .help = "likewise of one address" },
    { SERVICE(when_full), .type = SETTING_CHOICE, .operand = "HOW", .choices = when_full_names,
        .fallback = "wait",
        .help = "who comes when all is taken waits in the backlog, or is "
                "turned away" },
    { SERVICE(full_line), .type = SETTING_TEXT, .operand = "TEXT", .fallback_words = "nothing",
        .help = "what is sent to whom is turned away" },
    { SERVICE_MS(idle_timeout), .fallback = "300s", .max = YEAR_MS,
        .help = "end a session in which nothing came for so long; 0: never" },
    { SERVICE_MS(write_timeout), .fallback = "60s", .max = YEAR_MS,
        .help = "end a session whose peer takes nothing for so long; 0: never" },
    { SERVICE_BYTES(write_buffer), .fallback = "256k", .min = 4096, .max = 1u << 30,
        .help = "what is kept for a peer that reads slowly" },
    { SERVICE(wire), .type = SETTING_CHOICE, .operand = "FORM", .choices = wire_mode_names,
        .fallback = "auto",
        .help = "what peers speak, for services of texts: frames with a length, lines, or raw "
                "text without an end; auto: each as its first bytes tell" },
    { SERVICE_MS(first_message_timeout), .fallback = "300s", .max = YEAR_MS,
        .help = "end a session of texts that has said nothing for so long (10s when more than "
                "half of the room is taken); 0: never" },
    { SERVICE_MS(message_timeout), .fallback = "10s", .max = YEAR_MS,
        .help = "end a session of texts in which a message has begun and is not complete after so "
                "long; 0: never" },
    { SERVICE(room), .type = SETTING_TEXT, .operand = "NAME",
        .fallback_words = "the service's name",
        .help = "services of one type that name the same room hear each other" },
    { SERVICE(user), .type = SETTING_TEXT, .operand = "USER",
        .fallback_words = "as the daemon's file says",
        .help = "who the workers run as; needs a start as root" },
    { SERVICE(group), .type = SETTING_TEXT, .operand = "GROUP",
        .fallback_words = "the first group of user", .help = "the group the workers run as" },
    { SERVICE(rlimit_nofile), NUMBER, .fallback = "inherit", .unset = "inherit", .min = 16,
        .max = 1u << 30, .help = "the most descriptors of a worker" },
    { .name = "rlimit_as",
        .offset = offsetof(struct config_service, rlimit_as_bytes),
        .type = SETTING_BYTES,
        .operand = "BYTES",
        .fallback = "inherit",
        .unset = "inherit",
        .min = 1u << 20,
        .max = BYTES_MAX,
        .help = "the most address space of a worker" },
    { .name = "rlimit_core",
        .offset = offsetof(struct config_service, rlimit_core_bytes),
        .type = SETTING_BYTES,
        .operand = "BYTES",
        .fallback = "inherit",
        .unset = "inherit",
        .max = BYTES_MAX,
        .help = "the largest core file of a worker" },
    { SERVICE(cpu_affinity), .type = SETTING_TEXT, .operand = "LIST", .fallback_words = "any",
        .help = "the CPUs the workers run on, as \"0,2-3\"" },
    { SERVICE(nice), .type = SETTING_INTEGER, .operand = "N", .fallback = "0", .min = (uint64_t)-20,
        .max = 19, .help = "priority of the workers, -20 (first) to 19" },
    { .name = NULL },
};

/* What others call it, and what it is called here. */
const char *const config_foreign_daemon[] = { "pidfile", "pid_file", "pid", "pid_file",
    "include_dir", "services_dir", "services", "services_dir", "language", "lang", "locale", "lang",
    "uid", "user", "gid", "group", "limit", "process_max", "process_limit", "process_max",
    "max_processes", "process_max", "log_file", "log.file", "logfile", "log.file", "error_log",
    "log.file", "log_level", "log.level", "loglevel", "log.level", "log_format", "log.format",
    "control_socket", "control.socket", "socket", "control.socket", "spool_dir", "jobs.spool_dir",
    "job_dir", "jobs_dir", "schedules_dir", "jobs_dir", NULL };

const char *const config_foreign_service[] = { "workers", "max_children", "worker_processes",
    "max_children", "processes", "max_children", "process_limit", "max_children", "max_clients",
    "max_children", "numprocs", "max_children", "children", "max_children", "instances",
    "max_children", "threads", "threads_per_child", "port", "listen", "ports", "listen", "bind",
    "listen", "address", "listen", "socket", "listen", "host", "listen", "timeout",
    "worker_timeout", "connections", "worker_connections", "client_limit", "worker_connections",
    "max_use", "max_requests", "service_count", "max_requests", "max_age", "max_worker_lifetime",
    "reload_on_rss", "reload_on_pss", "uid", "user", "gid", "group", "priority", "nice",
    "spare_servers", "min_spare_servers", "process_min_avail", "min_spare_servers", "engine",
    "model", "service", "type", "cps", "max_rate", "per_source", "max_connections_per_source",
    "keepalive_timeout", "idle_timeout", "max_idle", "process_idle_timeout", "startretries",
    "start_retries", "limit_nofile", "rlimit_nofile", NULL };

const char *config_belongs_to(const char *key) {
    static const struct {
        const struct setting *table;
        const char *words;
    } places[] = {
        { config_daemon_settings, "the top of the daemon's file" },
        { config_service_settings, "a service's file, or the group \"defaults\" of the daemon's" },
        { config_control_settings, "the group \"control\" of the daemon's file" },
        { config_log_settings, "the group \"log\" of the daemon's file" },
        { config_jobs_settings, "the group \"jobs\" of the daemon's file" },
        { config_job_settings, "a job's file" },
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        for (const struct setting *row = places[i].table; row->name != NULL; row++)
            if (strcmp(row->name, key) == 0)
                return places[i].words;
    return NULL;
}

/* ---- what others say in the same words ---- */

const char *config_model_name(unsigned model) {
    return model_names[model];
}

const char *config_pm_name(unsigned pm) {
    return pm_names[pm];
}
