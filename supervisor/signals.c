/* The table, and the descriptor it is read from. */
#include "supervisor/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/console.h"
#include "shared/log.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

static void stop(struct supervisor *supervisor) {
    /* A second one means: now. */
    supervisor_stop(supervisor, supervisor->is_stopping);
}

static void stop_fast(struct supervisor *supervisor) {
    if (console_is_on() && isatty(STDOUT_FILENO))
        console_say("%s", ""); /* behind the ^C that the terminal shows */
    supervisor_stop(supervisor, true);
}

static void reopen(struct supervisor *supervisor) {
    supervisor_reopen_logs(supervisor, NULL, NULL);
}

static void reload(struct supervisor *supervisor) {
    reload_ask(supervisor, RELOAD_REAL);
}

static void scale_all(struct supervisor *supervisor, int by, const char *who) {
    struct service *service;
    unsigned most;

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service = supervisor->service[i];
        most = service_count_most(service);
        if (service->state == SERVICE_RUNNING && (by > 0 || most > 1))
            service_scale(service, most + (unsigned)by, who);
    }
}

static void scale_up(struct supervisor *supervisor) {
    scale_all(supervisor, 1, "a SIGTTIN");
}

static void scale_down(struct supervisor *supervisor) {
    scale_all(supervisor, -1, "a SIGTTOU");
}

const struct signals_row signals_table[] = {
    { SIGTERM, "SIGTERM", "stop", "stop gracefully; a second time: at once", stop },
    { SIGQUIT, "SIGQUIT", "stop", "stop gracefully; a second time: at once", stop },
    { SIGINT, "SIGINT", NULL, "stop at once: sessions end between two messages", stop_fast },
    { SIGHUP, "SIGHUP", "reload", "reload the configuration", reload },
    { SIGUSR1, "SIGUSR1", "reopen", "reopen the log file", reopen },
    { SIGTTIN, "SIGTTIN", "scale", "one worker more for each service", scale_up },
    { SIGTTOU, "SIGTTOU", "scale", "one worker less for each service", scale_down },
};

const size_t signals_count = sizeof(signals_table) / sizeof(signals_table[0]);

static void act(struct supervisor *supervisor, int number, int sender) {
    for (size_t i = 0; i < signals_count; i++)
        if (signals_table[i].number == number) {
            supervisor_note(supervisor, NULL, NULL, LOG_LEVEL_INFO, "signal",
                (const struct log_field[]){ LOG_TEXT("signal", signals_table[i].name),
                    LOG_NUMBER("sender_pid", (uint64_t)sender), { .key = NULL } },
                "%s from pid %d: %s", signals_table[i].name, sender, signals_table[i].meaning);
            signals_table[i].act(supervisor);
        }
}

static void signal_ready(struct loop_watch *watch, uint32_t events) {
    struct signalfd_siginfo info;

    (void)events;
    while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
        act(watch->owner, (int)info.ssi_signo, (int)info.ssi_pid);
}

int signals_watch(struct supervisor *supervisor) {
    sigset_t all;

    /* Faults must still end the process, and nothing else may interrupt it. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTSTP);
    sigdelset(&all, SIGCONT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
        return -1;
    supervisor->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (supervisor->signal_fd < 0)
        return -1;
    supervisor->signal_watch = (struct loop_watch){
        .fd = supervisor->signal_fd, .ready = signal_ready, .owner = supervisor
    };
    return loop_add(supervisor->loop, &supervisor->signal_watch, EPOLLIN);
}
