/*
 * The loop of one who waits. It never blocks on the daemon or on the reader of stdout alone, so
 * that a signal always finds it listening.
 */
#include "supervisor/cli/job_client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/control_talk.h"
#include "supervisor/cli/job_onlooker.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/job/output.h"

#define GOING_ON       (-1)
#define LOST           (-2)
#define PAUSE_LEAST_MS 10u
#define PAUSE_MOST_MS  500u
#define POLL_MOST_MS   1000000u
#define LOOK_AFTER_MS  1000u

struct waiting {
    struct job_client *client;
    const char *path;
    struct control_talk talk;
    struct job_onlooker onlooker;
    struct output output; /* fd -1: nothing is written */
    int signals;
    uint64_t first;     /* byte of the result that comes first on stdout */
    uint64_t end_ms;    /* the time limit; UINT64_MAX: none */
    uint64_t silent_ms; /* since when nobody is heard */
    uint64_t pause_ms;  /* before it is tried again */
    bool is_heard;      /* on this connection */
    bool is_over;       /* the job, as was heard on this connection */
    bool has_met;       /* there was a connection, ever */
    bool has_begun;     /* somebody was heard, ever */
    char why[256];      /* nobody is there, in words */
};

/* ---- ending ---- */

static void say_how_to_return(const struct job_client *client) {
    if (client->id == 0)
        log_warnx("it is not known whether there is a job now: prefork job list --all shows it");
    else if (client->is_stream)
        log_warnx("job %" PRIu64 " is left to itself: prefork job result %" PRIu64
                  " --from %" PRIu64 " goes on here, prefork job cancel %" PRIu64 " ends it",
            client->id, client->id, client->from, client->id);
    else
        log_warnx("job %" PRIu64 " is left to itself: prefork job wait %" PRIu64
                  " comes back to it, prefork job cancel %" PRIu64 " ends it",
            client->id, client->id, client->id);
}

static int leave_by_signal(struct waiting *waiting) {
    struct signalfd_siginfo info;

    if (read(waiting->signals, &info, sizeof(info)) != sizeof(info))
        return GOING_ON;
    say_how_to_return(waiting->client);
    return info.ssi_signo == SIGINT ? EXIT_CODE_INTERRUPTED : EXIT_CODE_TERMINATED;
}

static int leave_late(const struct waiting *waiting) {
    log_warnx("%s: not done after %" PRIu64 " ms", waiting->client->cmd->name,
        waiting->client->timeout_ms);
    say_how_to_return(waiting->client);
    return EXIT_CODE_TIME_LIMIT;
}

static int leave_alone(const struct waiting *waiting) {
    char span[NUMBER_TEXT_MAX];

    log_warnx("%s: nobody has answered for %s: %s", waiting->client->cmd->name,
        number_format_span(span, waiting->client->options->patience_ms * 1000000u), waiting->why);
    if (waiting->has_met)
        say_how_to_return(waiting->client);
    return EXIT_CODE_UNAVAILABLE;
}

static int leave_unread(const struct waiting *waiting) {
    if (errno == EPIPE)
        log_warnx("stdout was closed by its reader");
    else
        log_warn("%s: stdout cannot be written", waiting->client->cmd->name);
    say_how_to_return(waiting->client);
    return EXIT_CODE_IO;
}

/* ---- waiting ---- */

/* Look on, if it is time to and a job is known. Returns when it will be time. */
static uint64_t look_on(struct waiting *waiting, uint64_t now_ms) {
    struct job_onlooker *onlooker = &waiting->onlooker;

    if (now_ms >= onlooker->open_at_ms && waiting->client->id == 0)
        onlooker->open_at_ms = now_ms + LOOK_AFTER_MS;
    else if (now_ms >= onlooker->open_at_ms)
        job_onlooker_open(onlooker, waiting->path, waiting->client->id);
    return onlooker->open_at_ms;
}

static void note_heard(struct waiting *waiting) {
    waiting->is_heard = waiting->has_begun = true;
}

/* Whoever looked on in vain looks again: without a sign the stream would be taken for dead. */
static void hear_onlooker(struct waiting *waiting) {
    if (job_onlooker_hear(&waiting->onlooker, waiting->client->line, waiting->client->owner))
        note_heard(waiting);
    if (waiting->onlooker.talk.fd < 0 && !waiting->is_heard)
        job_onlooker_begin(&waiting->onlooker, clock_now_ms() + LOOK_AFTER_MS);
}

/*
 * Wait for the daemon, or with for_output for the reader of stdout, or with neither for the time
 * alone. Returns GOING_ON when it may be so, LOST at until_ms, or an exit code.
 */
static int wait_for(struct waiting *waiting, int fd, bool for_output, uint64_t until_ms) {
    struct pollfd polls[] = { { .fd = fd, .events = POLLIN },
        { .fd = waiting->signals, .events = POLLIN },
        { .fd = waiting->output.fd, .events = for_output ? POLLOUT : 0 }, { .events = POLLIN } };
    const uint64_t now_ms = clock_now_ms(), look_ms = look_on(waiting, now_ms);
    uint64_t end_ms = until_ms < waiting->end_ms ? until_ms : waiting->end_ms;
    int n;

    if (now_ms >= waiting->end_ms)
        return leave_late(waiting);
    if (now_ms >= until_ms)
        return LOST;
    end_ms = look_ms < end_ms ? look_ms : end_ms;
    polls[3].fd = waiting->onlooker.talk.fd;
    n = poll(polls, 4, end_ms - now_ms < POLL_MOST_MS ? (int)(end_ms - now_ms) : (int)POLL_MOST_MS);
    if (n > 0 && polls[1].revents != 0)
        return leave_by_signal(waiting);
    if (n > 0 && !for_output && polls[2].revents & (POLLERR | POLLHUP)) {
        errno = EPIPE;
        return leave_unread(waiting);
    }
    if (n > 0 && polls[3].revents != 0)
        hear_onlooker(waiting);
    return GOING_ON;
}

/* ---- the answer ---- */

static int write_bytes(struct waiting *waiting, struct control_talk_bytes bytes) {
    struct job_client *client = waiting->client;
    struct output *output = &waiting->output;
    enum output_state state;
    int exit_code = GOING_ON;

    output_lend(output, bytes.at, bytes.len, 0);
    while (exit_code == GOING_ON) {
        state = output_flush(output);
        client->from = waiting->first + output->offset - output->waiting;
        if (state == OUTPUT_EMPTY)
            break;
        exit_code = state == OUTPUT_ERROR ? leave_unread(waiting)
                                          : wait_for(waiting, -1, true, UINT64_MAX);
    }
    return exit_code;
}

static void note_why(struct waiting *waiting, const char *why) {
    snprintf(waiting->why, sizeof(waiting->why), "%s", why);
}

/*
 * By this exit code says who is leaving, or not there yet, that one may ask again; and so does one
 * who has heard of a job. But it may be how the job itself ended.
 */
static int take_last(struct waiting *waiting, const json_t *line) {
    const char *error = json_string_value(json_object_get(line, "error"));
    const int exit_code = (int)json_integer_value(json_object_get(line, "exit"));

    if (exit_code == EXIT_CODE_UNAVAILABLE && waiting->has_begun && !waiting->is_over) {
        note_why(waiting, error != NULL ? error : "the job supervisor is away");
        return LOST;
    }
    if (error != NULL)
        log_warnx("%s: %s", waiting->client->cmd->name, error);
    return exit_code;
}

static int take_line(struct waiting *waiting, json_t *line) {
    struct job_client *client = waiting->client;
    const char *words = json_string_value(json_object_get(line, "progress"));

    if (json_is_true(json_object_get(line, "done")))
        return take_last(waiting, line);
    if (words != NULL) { /* of the supervisor, while the job supervisor is away */
        note_why(waiting, words);
        log_info("%s", words);
        return GOING_ON;
    }
    note_heard(waiting);
    waiting->is_over |= json_is_integer(json_object_get(json_object_get(line, "job"), "exit"));
    if (client->id == 0)
        client->id = json_read_number(line, "id");
    if (client->line != NULL)
        client->line(client->owner, line);
    return GOING_ON;
}

static int take_all(struct waiting *waiting) {
    struct control_talk_bytes bytes;
    int exit_code = GOING_ON;
    json_t *line;

    while (exit_code == GOING_ON)
        switch (control_talk_next(&waiting->talk, &line, &bytes)) {
        case CONTROL_TALK_LINE:
            exit_code = take_line(waiting, line);
            json_decref(line);
            break;
        case CONTROL_TALK_BYTES:
            note_heard(waiting);
            exit_code = write_bytes(waiting, bytes);
            break;
        case CONTROL_TALK_GARBAGE:
            log_warnx(
                "%s: what answers at %s is no preforkd", waiting->client->cmd->name, waiting->path);
            return EXIT_CODE_DATA;
        case CONTROL_TALK_NOTHING:
            return GOING_ON;
        }
    return exit_code;
}

/*
 * For how long the daemon may say nothing on this connection. Of a job that is known there is a
 * sign in a moment, if somebody is there at all; so much time it has, however late it is.
 */
static uint64_t silence_ends_at_ms(const struct waiting *waiting) {
    const struct job_client *client = waiting->client;
    const uint64_t end_ms = waiting->silent_ms + client->options->patience_ms,
                   least_ms = clock_now_ms() + (client->id != 0 ? 2 * LOOK_AFTER_MS : 0);

    return end_ms > least_ms ? end_ms : least_ms;
}

/* Hear one answer. Returns the exit code or LOST. */
static int listen_to(struct waiting *waiting) {
    const uint64_t limit_ms = silence_ends_at_ms(waiting);
    int exit_code = GOING_ON;
    ssize_t n;

    while (exit_code == GOING_ON) {
        exit_code = wait_for(
            waiting, waiting->talk.fd, false, waiting->is_heard ? UINT64_MAX : limit_ms);
        if (exit_code != GOING_ON)
            break;
        n = control_talk_receive(&waiting->talk);
        if (n > 0)
            exit_code = take_all(waiting);
        else if (n == 0 || errno != EAGAIN)
            exit_code = LOST;
    }
    return exit_code;
}

/* ---- asking ---- */

static int send_question(struct waiting *waiting) {
    const struct job_client *client = waiting->client;
    const char *verb = client->verb;
    json_t *args = client->args;

    if (client->is_stream && client->id != 0 && waiting->has_begun) {
        verb = "job.result";
        args = json_pack("{s:I,s:I,s:b}", "id", (json_int_t)client->id, "from",
            (json_int_t)client->from, "follow",
            json_is_true(json_object_get(client->args, "follow")));
    } else {
        json_incref(args);
    }
    switch (control_talk_ask(&waiting->talk, verb, args)) {
    case EILSEQ:
        log_warnx("%s: what was typed is not UTF-8, or there is no memory", client->cmd->name);
        return EXIT_CODE_USAGE;
    case E2BIG:
        log_warnx("%s: a job is described by at most %u bytes; this one by more, its command is "
                  "too long",
            client->cmd->name, CONTROL_TALK_LINE_MAX);
        return EXIT_CODE_USAGE;
    case EAGAIN:
        return LOST;
    default:
        return GOING_ON;
    }
}

/* Connect, ask, hear the answer. Returns the exit code or LOST. */
static int converse(struct waiting *waiting) {
    int error, exit_code;

    waiting->is_heard = waiting->is_over = false;
    error = control_talk_open(&waiting->talk, waiting->path, 0);
    if (error != 0 && error != EAGAIN && !waiting->has_met)
        return control_client_refuse(waiting->client->cmd, waiting->path, error);
    if (error != 0) {
        note_why(waiting, error == EAGAIN ? "the daemon does not take connections" : "no preforkd");
        return LOST;
    }
    waiting->has_met = true;
    note_why(waiting, "the daemon says nothing");
    waiting->talk.has_data = waiting->client->is_stream;
    exit_code = send_question(waiting);
    if (waiting->client->is_stream)
        job_onlooker_begin(&waiting->onlooker, clock_now_ms() + LOOK_AFTER_MS);
    if (exit_code == GOING_ON)
        exit_code = listen_to(waiting);
    job_onlooker_begin(&waiting->onlooker, UINT64_MAX);
    control_talk_close(&waiting->talk);
    return exit_code;
}

/* After a loss. Returns GOING_ON when it is time to try again, or an exit code. */
static int pause_for_return(struct waiting *waiting) {
    const uint64_t now_ms = clock_now_ms();
    uint64_t limit_ms;
    int exit_code;

    if (waiting->is_heard) {
        waiting->silent_ms = now_ms;
        waiting->pause_ms = PAUSE_LEAST_MS;
        log_info("the connection was lost; going on as soon as preforkd answers again");
    }
    limit_ms = waiting->silent_ms + waiting->client->options->patience_ms;
    if (now_ms >= limit_ms)
        return leave_alone(waiting);
    limit_ms = limit_ms - now_ms < waiting->pause_ms ? limit_ms : now_ms + waiting->pause_ms;
    do
        exit_code = wait_for(waiting, -1, false, limit_ms);
    while (exit_code == GOING_ON);
    waiting->pause_ms *= waiting->pause_ms < PAUSE_MOST_MS ? 2 : 1;
    return exit_code == LOST ? GOING_ON : exit_code;
}

/* ---- the whole ---- */

static int begin(struct waiting *waiting) {
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    waiting->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (waiting->signals >= 0 &&
        (!waiting->client->is_stream || output_open_stdout(&waiting->output) == 0))
        return GOING_ON;
    log_warn("%s: cannot wait", waiting->client->cmd->name);
    return EXIT_CODE_SYSTEM;
}

int job_client_ask(struct job_client *client) {
    const struct control_client_options at = { .control = client->options->control };
    struct waiting waiting = { .client = client,
        .path = control_client_path(&at),
        .talk = { .fd = -1 },
        .onlooker = { .talk.fd = -1, .open_at_ms = UINT64_MAX },
        .output = { .fd = -1 },
        .signals = -1,
        .first = client->from,
        .end_ms = UINT64_MAX,
        .silent_ms = clock_now_ms(),
        .pause_ms = PAUSE_LEAST_MS };
    int exit_code = begin(&waiting);

    if (client->timeout_ms != 0)
        waiting.end_ms = waiting.silent_ms + client->timeout_ms;
    while (exit_code == GOING_ON) {
        exit_code = converse(&waiting);
        if (exit_code == LOST)
            exit_code = pause_for_return(&waiting);
    }
    if (waiting.output.fd >= 0)
        output_close(&waiting.output);
    if (waiting.signals >= 0)
        close(waiting.signals);
    return exit_code;
}
