#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

/*
 * The configuration, checked: preforkd.conf, one file a service and one file a job. Whatever is
 * wrong becomes a line "FILE:LINE: what; what is allowed", all of them at once, and then there is
 * no configuration. The only user of libconfig, and it runs in a forked child first: libconfig ends
 * the process on some inputs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "shared/interval.h"
#include "shared/net.h"
#include "supervisor/jobs/schedule.h"
#include "workers/services/service.h"

struct kernel_ops;

#define CONFIG_LISTEN_MAX   8
#define CONFIG_SERVICES_MAX 64
#define CONFIG_JOBS_MAX     64
#define CONFIG_NAME_MAX     32

enum config_model { MODEL_PROCESS, MODEL_THREAD, MODEL_EVENT };
enum config_pm { PM_STATIC, PM_DYNAMIC, PM_ONDEMAND };
enum config_port_policy { PORT_STRICT, PORT_NEXT, PORT_ANY };
enum config_when_full { FULL_WAIT, FULL_REFUSE };
enum config_console { CONSOLE_AUTO, CONSOLE_ON, CONSOLE_OFF };
enum config_lang { LANG_EN, LANG_RU };
enum config_log_format { CONFIG_LOGFMT, CONFIG_JSON };
enum config_log_level { CONFIG_DEBUG, CONFIG_INFO, CONFIG_WARN, CONFIG_ERROR };
enum config_submit { SUBMIT_ADMIN, SUBMIT_ALL };
enum config_commands { COMMANDS_NONE, COMMANDS_ADMIN, COMMANDS_ALL };
enum config_overlap { OVERLAP_SKIP, OVERLAP_QUEUE };
enum config_missed { MISSED_SKIP, MISSED_ONCE };

struct config_listen {
    enum net_proto proto;
    struct net_address address;
};

/* One service. Texts belong to the config. */
struct config_service {
    char name[CONFIG_NAME_MAX]; /* the file's name without .conf */
    const char *file;
    const char *type_name;
    const struct service_ops *type;
    struct setting_texts listen_texts; /* as written, UNIX paths made absolute */
    struct config_listen listen[CONFIG_LISTEN_MAX];
    unsigned listen_count;
    void *settings; /* the type's own; settings_size bytes */

    unsigned model; /* enum config_model */
    unsigned pm;    /* enum config_pm */
    bool autostart, watchdog;
    uint64_t max_children, start_servers, min_spare_servers, max_spare_servers;
    uint64_t max_spawn_rate; /* forks a second */
    uint64_t process_idle_timeout_ms;
    uint64_t max_requests, max_requests_jitter; /* stream sessions or datagrams; 0: no limit */
    uint64_t max_worker_lifetime_ms;            /* 0: no limit */
    uint64_t reload_on_pss_bytes;               /* 0: no limit */
    uint64_t max_recycling;                     /* workers in replacement at once */
    uint64_t worker_timeout_ms, worker_boot_timeout_ms, graceful_timeout_ms;
    uint64_t restart_delay_ms, restart_max_delay_ms; /* backoff of deaths before READY */
    uint64_t start_retries;     /* deaths before READY in a row until FATAL; 0: for ever BACKOFF */
    uint64_t threads_per_child; /* 1..256 */
    uint64_t worker_connections;
    uint64_t idle_stop_ms; /* STOPPED after so long without a message over all workers; 0: never */

    unsigned port_policy; /* enum config_port_policy */
    uint64_t backlog;
    uint64_t listen_mode; /* of UNIX sockets, octal text in the file */
    uint64_t max_connections, max_connections_per_source; /* 0: no limit */
    uint64_t max_rate, max_rate_per_source;               /* connections or datagrams a second; 0 */
    unsigned when_full;                                   /* enum config_when_full */
    const char *full_line;                      /* sent to whom is refused; NULL: nothing */
    uint64_t idle_timeout_ms, write_timeout_ms; /* 0: none */
    uint64_t write_buffer_bytes;

    unsigned wire;                     /* enum wire_mode; services of texts */
    uint64_t first_message_timeout_ms; /* 0: none */
    uint64_t message_timeout_ms;       /* 0: none */
    const char *room;                  /* services that hear a bus; NULL: of the service's name */

    const char *user, *group; /* NULL: as the daemon */
    uid_t uid;                /* resolved, the daemon's when user is NULL; (uid_t)-1: stay */
    gid_t gid;
    uint64_t rlimit_nofile, rlimit_as_bytes, rlimit_core_bytes; /* UINT64_MAX: as inherited */
    const char *cpu_affinity;                                   /* "0,2-3"; NULL: any */
    uint64_t cpu_mask[16];                                      /* parsed; all 0: any */
    int64_t nice;
};

/* A job that a file defines. Texts belong to the config. */
struct config_job {
    char name[CONFIG_NAME_MAX]; /* the file's name without .conf; never digits alone: an id is */
    const char *file;
    const char *kernel_name;
    const struct kernel_ops *kernel;
    void *params; /* the kernel's own; params_size bytes */
    struct interval interval;
    struct setting_texts command; /* for a kernel that takes one */
    uint64_t chunk;               /* 0: the kernel's choice */
    bool count;
    unsigned format;    /* enum result_format */
    const char *output; /* a copy of the whole result goes there; NULL: only in the spool */
    const char *run;    /* as written */
    uint64_t jitter_ms;
    struct schedule schedule;                         /* what both say */
    unsigned overlap;                                 /* enum config_overlap */
    unsigned missed;                                  /* enum config_missed */
    uint64_t deadline_ms, chunk_timeout_ms, stall_ms; /* 0: none */
    uint64_t retries;
    unsigned on_held; /* as job_options has it */
    double verify;
    bool enabled;
    const char *what; /* kernel, parameters, interval and options as JSON: job_json.h */
};

struct config {
    const char *file; /* as given, absolute */
    const char *user, *group;
    uid_t uid; /* (uid_t)-1: stay */
    gid_t gid;
    const char *services_dir;
    const char *jobs_dir;     /* NULL: none was named, and there is none beside the file */
    const char *pid_file;     /* NULL: none */
    uint64_t process_max;     /* workers of all services together */
    uint64_t max_generations; /* of configurations with living workers, for each service */
    unsigned console;         /* enum config_console */
    unsigned lang;            /* enum config_lang */
    struct {
        const char *socket;
        uint64_t mode; /* octal */
    } control;
    struct {
        const char *file; /* NULL: stderr */
        unsigned format, level;
        uint64_t rotate_bytes, rotate_keep; /* 0: not by size */
    } log;
    struct {
        bool enabled;     /* there is a job supervisor */
        uint64_t workers; /* chunks that are computed at once */
        unsigned engine;  /* index of engine_table */
        const char *spool_dir;
        const char *user, *group; /* NULL: as the daemon */
        uid_t uid;                /* resolved; (uid_t)-1: stay */
        gid_t gid;
        unsigned submit;          /* enum config_submit */
        unsigned commands;        /* enum config_commands */
        const char *command_user; /* NULL: as the job supervisor */
        uid_t command_uid;        /* resolved, the job supervisor's when command_user is NULL */
        gid_t command_gid;
        uint64_t max_running, max_queued, max_per_user;
        uint64_t max_result_bytes, max_spool_bytes;
        uint64_t keep_jobs, keep_for_ms;
        uint64_t graceful_timeout_ms, supervisor_timeout_ms;
    } jobs;
    struct config_service service[CONFIG_SERVICES_MAX]; /* sorted by name */
    unsigned service_count;
    struct config_job job[CONFIG_JOBS_MAX]; /* sorted by name, those that are not enabled, too */
    unsigned job_count;
    void *memory;                /* what owns the texts */
    struct config *next_retired; /* the reload's */
};

/*
 * Read and check. Complaints go to `complaints`, one a line, warnings as "FILE:LINE: warning: …".
 * A folder or a regular file that is too big is refused. Parent or a checking child, before or
 * after fork; blocks on the disk. services_dir NULL in the file: the services.d beside it.
 * Loads the libraries of the kernels that jobs want.
 * Returns the configuration, or NULL when there was a mistake. (libconfig has a config_read().)
 */
struct config *config_read_plain(const char *file, FILE *complaints);

/*
 * As config_read_plain(), of files that another process has just found good: no library is loaded.
 */
struct config *config_read_again(const char *file, FILE *complaints);

/*
 * As config_read_plain(), but a forked child tries first: nothing in the files can end the caller.
 * Blocks until the child is done.
 */
struct config *config_read_guarded(const char *file, FILE *complaints);

/* The words of the files for enum config_model and enum config_pm. Pure; callable anywhere. */
const char *config_model_name(unsigned model);
const char *config_pm_name(unsigned pm);

void config_free(struct config *config);

/* Write it merged, each value with where it comes from ("# FILE:LINE" or "# default"). */
int config_dump(const char *file, FILE *out, FILE *complaints);

/* The same as one object of JSON, in one line. */
int config_dump_json(const char *file, FILE *out, FILE *complaints);

/* The tables, for manual pages and tests: the daemon's keys, a service's common keys, a job's. */
extern const struct setting config_daemon_settings[], config_control_settings[],
    config_log_settings[], config_jobs_settings[], config_service_settings[], config_job_settings[];

#endif
