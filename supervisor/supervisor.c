/*
 * The loop. Each turn reads what happened (signals, ends of children, their reports, the control
 * socket), then looks once at every service; all that is to be done follows from the state. One
 * bad service never stops another, and no child's fault stops the loop.
 */
#include "supervisor/supervisor.h"

#include <bsd/libutil.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/console.h"
#include "shared/exit_code.h"
#include "shared/version.h"
#include "supervisor/control.h"
#include "supervisor/detach.h"
#include "supervisor/listen_inherited.h"
#include "supervisor/log_keeper.h"
#include "supervisor/notify.h"
#include "supervisor/notify_keeper.h"
#include "supervisor/reload_sweep.h"
#include "supervisor/service_list.h"
#include "supervisor/signals.h"

#define TURN_MOST_MS 60000

/* ---- what happened ---- */

/* An event is the record as JSON. */
static void publish(struct control *control, const struct log_origin *origin, int level,
    const char *event, const char *text, const struct log_field *fields) {
    char line[LOG_LINE_MAX];
    size_t len = log_format_line(
        line, LOG_FORMAT_JSON, (enum log_level)level, origin, event, text, fields);

    line[len - 1] = '\0';
    control_publish(control, line);
}

void supervisor_note(struct supervisor *supervisor, const struct service *service,
    const struct child *child, int level, const char *event, const struct log_field *fields,
    const char *format, ...) {
    struct log_origin origin;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    origin = (struct log_origin){ .service = service != NULL ? service->config->name
                                             : child != NULL ? child_log_name(child)
                                                             : "",
        .slot = child != NULL ? child->slot : 0,
        .pid = child != NULL && child->pid > 0 ? child->pid : getpid() };
    log_write_as(&origin, level | LOG_EVERY, event, fields, "%s", text);
    if (supervisor->control != NULL)
        publish(supervisor->control, &origin, level, event, text, fields);
}

/* ---- start ---- */

/* Lanes and children take descriptors: as many as we may have. */
static void raise_file_limit(void) {
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int init(struct supervisor *supervisor) {
    raise_file_limit();
    supervisor->now_ns = supervisor->started_at_ns = clock_now_ns();
    supervisor->started_at_unix_s = (int64_t)(clock_wall_ns() / 1000000000);
    supervisor->generation = 1;
    supervisor->loop = loop_new_at(supervisor->loop_place);
    supervisor->board = scoreboard_new();
    if (supervisor->loop == NULL || supervisor->board == NULL ||
        log_lanes_open(&supervisor->lanes, supervisor->has_console) < 0 ||
        signals_watch(supervisor) < 0)
        return -1;
    loop_set_clock(supervisor->loop, &supervisor->now_ns);
    for (unsigned i = 0; i < supervisor->config->service_count; i++) {
        struct service *service = service_list_new(
            supervisor, supervisor->config, &supervisor->config->service[i], NULL);

        if (service == NULL)
            return -1;
        service_list_add(service);
    }
    return 0;
}

static void drop_unused_sockets(struct supervisor *supervisor) {
    struct complaint what;

    while (listen_inherited_drop_unused(supervisor->config, &what))
        supervisor_note(
            supervisor, NULL, NULL, LOG_LEVEL_WARN, "socket_unused", NULL, "%s", what.text);
}

/* All sockets first: nothing serves when something cannot. Every complaint is shown. */
static int start_services(struct supervisor *supervisor) {
    struct complaint complaint;
    int bad = 0;

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        if (!supervisor->service[i]->config->autostart ||
            service_start(supervisor->service[i], &complaint) == 0)
            continue;
        detach_complain(supervisor, complaint.text);
        bad++;
    }
    return bad == 0 ? 0 : -1;
}

/* ---- the loop ---- */

static bool has_ended(const struct supervisor *supervisor) {
    if (!supervisor->is_stopping || !jobs_keeper_has_ended(&supervisor->jobs))
        return false;
    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (supervisor->service[i]->state != SERVICE_STOPPED)
            return false;
    /* Candidates of a reload that was given up are on no list. */
    for (unsigned i = 0; i < SUPERVISOR_SERVICES_MAX; i++)
        if (supervisor->place[i].config != NULL && !TAILQ_EMPTY(&supervisor->place[i].children))
            return false;
    return true;
}

static int patience_ms(const struct supervisor *supervisor) {
    static uint64_t (*const next_at_ns[])(const struct supervisor *) = { log_keeper_next_at_ns,
        jobs_keeper_next_at_ns, reload_next_at_ns, notify_keeper_next_at_ns };
    uint64_t next_ns = supervisor->now_ns + TURN_MOST_MS * 1000000ull, at_ns;

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        at_ns = service_next_at_ns(supervisor->service[i]);
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    for (size_t i = 0; i < sizeof(next_at_ns) / sizeof(next_at_ns[0]); i++) {
        at_ns = next_at_ns[i](supervisor);
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    if (next_ns <= supervisor->now_ns)
        return 0;
    return (int)((next_ns - supervisor->now_ns) / 1000000) + 1;
}

static bool has_started(const struct supervisor *supervisor) {
    if (supervisor->jobs.state == JOBS_KEEPER_STARTING)
        return false;
    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (supervisor->service[i]->state == SERVICE_STARTING)
            return false;
    return true;
}

/* Whoever started us is told what has not come up; the daemon goes on trying. */
static void tell_start(struct supervisor *supervisor) {
    const struct service *service;
    char text[CONFIG_NAME_MAX + 256];
    int exit_code = EXIT_CODE_OK;

    if (supervisor->jobs.state == JOBS_KEEPER_BACKOFF) {
        snprintf(text, sizeof(text), "the job supervisor is BACKOFF: it %s",
            supervisor->jobs.last_death);
        detach_complain(supervisor, text);
        exit_code = EXIT_CODE_INCOMPLETE;
    }
    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service = supervisor->service[i];
        if (!service->config->autostart || service->state == SERVICE_RUNNING)
            continue;
        snprintf(text, sizeof(text), "%s is %s: %s", service->config->name,
            service_state_name(service->state), service->last_death);
        detach_complain(supervisor, text);
        exit_code = EXIT_CODE_INCOMPLETE;
    }
    detach_tell(supervisor, exit_code);
}

/* Whoever looks on is told what is going on, and how to end it. */
static void say_on_console(
    const struct supervisor *supervisor, const char *english, const char *russian) {
    if (console_is_on() && isatty(STDOUT_FILENO))
        console_say("%s", supervisor->config->lang == LANG_RU ? russian : english);
}

static void say_started(struct supervisor *supervisor) {
    if (supervisor->is_said_started || supervisor->is_stopping || !has_started(supervisor))
        return;
    supervisor->is_said_started = true;
    say_on_console(supervisor, "press Ctrl+C to stop", "Нажмите Ctrl+C для остановки");
}

static void serve(struct supervisor *supervisor) {
    while (!has_ended(supervisor)) {
        if (loop_turn(supervisor->loop, patience_ms(supervisor)) < 0)
            log_warn("the supervisor cannot wait");
        for (unsigned i = 0; i < supervisor->service_count; i++)
            service_tend(supervisor->service[i], supervisor->now_ns);
        jobs_keeper_tend(supervisor);
        reload_tend(supervisor);
        log_keeper_tend(supervisor);
        control_tend(supervisor->control);
        log_flush_repeats();
        if (supervisor->detached_fd >= 0 && has_started(supervisor))
            tell_start(supervisor);
        say_started(supervisor);
        notify_keeper_tend(supervisor, has_started(supervisor));
    }
}

void supervisor_stop(struct supervisor *supervisor, bool fast) {
    struct child *child;

    if (!supervisor->is_stopping)
        say_on_console(supervisor, "stopping ...", "Остановка сервера...");
    supervisor->is_stopping = true;
    supervisor->is_fast = supervisor->is_fast || fast;
    reload_abort(supervisor);
    jobs_keeper_stop(supervisor, supervisor->is_fast);
    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service_stop(supervisor->service[i], "the daemon stops");
        if (!supervisor->is_fast)
            continue;
        TAILQ_FOREACH (child, &supervisor->service[i]->children, link)
            child_cut(child, supervisor->now_ns, "the daemon stops at once");
    }
}

void supervisor_reopen_logs(
    struct supervisor *supervisor, void (*done)(void *owner, int error), void *owner) {
    log_keeper_reopen(supervisor, done, owner);
}

struct service *supervisor_find_service(struct supervisor *supervisor, const char *name) {
    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (strcmp(supervisor->service[i]->config->name, name) == 0)
            return supervisor->service[i];
    return NULL;
}

static void release(struct supervisor *supervisor) {
    while (supervisor->service_count > 0)
        service_list_drop(supervisor->service[0]);
    reload_sweep_all(supervisor);
    if (supervisor->control != NULL)
        control_close(supervisor->control);
    log_keeper_stop(supervisor);
    jobs_keeper_free(&supervisor->jobs);
    log_lanes_close(&supervisor->lanes);
    if (supervisor->pid_file != NULL)
        pidfile_remove(supervisor->pid_file);
    scoreboard_free(supervisor->board);
    if (supervisor->signal_fd >= 0)
        close(supervisor->signal_fd);
}

/* One daemon for each pid file: the second is refused while the first lives. */
static int open_pid_file(struct supervisor *supervisor, struct complaint *complaint) {
    const char *path = supervisor->config->pid_file;
    pid_t other = 0;

    if (path == NULL)
        return 0;
    supervisor->pid_file = pidfile_open(path, 0644, &other);
    if (supervisor->pid_file != NULL)
        return pidfile_write(supervisor->pid_file);
    if (errno == EEXIST)
        return complaint_set(complaint, "pid_file %s: pid %d has it", path, other);
    return complaint_set(complaint, "pid_file %s: %s", path, strerror(errno));
}

/* Returns 0, or -1 when it is told what is wrong. */
static int open_all(struct supervisor *supervisor) {
    struct complaint complaint;

    if (open_pid_file(supervisor, &complaint) == 0 &&
        log_keeper_start(supervisor, &complaint) == 0 && control_open(supervisor, &complaint) == 0)
        return 0;
    detach_complain(supervisor, complaint.text);
    return -1;
}

static int start_and_serve(struct supervisor *supervisor) {
    if (open_all(supervisor) < 0)
        return EXIT_CODE_CONFIG;
    supervisor_note(supervisor, NULL, NULL, LOG_LEVEL_INFO, "start",
        (const struct log_field[]){ LOG_TEXT("version", PREFORK_VERSION),
            LOG_TEXT("config", supervisor->config->file), { .key = NULL } },
        "preforkd %s starts with %u service%s", PREFORK_VERSION, supervisor->service_count,
        supervisor->service_count == 1 ? "" : "s");
    drop_unused_sockets(supervisor);
    if (start_services(supervisor) < 0) {
        supervisor->is_stopping = true;
        supervisor_stop(supervisor, true);
        serve(supervisor);
        return EXIT_CODE_CONFIG;
    }
    jobs_keeper_configure(supervisor, false);
    serve(supervisor);
    say_on_console(supervisor, "stopped", "Сервер остановлен");
    supervisor_note(supervisor, NULL, NULL, LOG_LEVEL_INFO, "stop", NULL, "preforkd stops");
    return EXIT_CODE_OK;
}

void supervisor_forget(struct supervisor *supervisor) {
    munmap(supervisor, sizeof(*supervisor) + loop_size());
}

int supervisor_run(struct config *config, bool is_foreground, bool has_console) {
    struct supervisor *supervisor = mmap(NULL, sizeof(*supervisor) + loop_size(),
        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int exit_code;

    if (supervisor == MAP_FAILED) {
        log_warn("the supervisor cannot start");
        return EXIT_CODE_SYSTEM;
    }
    supervisor->config = config;
    supervisor->is_foreground = is_foreground;
    supervisor->has_console = has_console;
    supervisor->signal_fd = -1;
    supervisor->detached_fd = -1;
    listen_inherited_take(LISTEN_INHERITED_FIRST);
    if (!is_foreground)
        detach_start(supervisor);
    setproctitle("supervisor");
    if (init(supervisor) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "the supervisor cannot start");
    exit_code = start_and_serve(supervisor);
    release(supervisor);
    /* Last of all: whoever is told may start again at once, and nothing of ours is in the way. */
    if (supervisor->detached_fd >= 0)
        detach_tell(supervisor, exit_code);
    config_free(supervisor->config);
    supervisor_forget(supervisor);
    return exit_code;
}
