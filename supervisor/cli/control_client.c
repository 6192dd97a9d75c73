/* The client of the control socket: one question, one answer of one or more lines. */
#include "supervisor/cli/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "shared/log.h"
#include "supervisor/cli/control_talk.h"

#define USUAL_PLACE "/run/preforkd/control.sock"
#define GOING_ON    (-1)

struct talk {
    const struct cmd *cmd;
    const struct control_client_options *options;
    struct control_client_question *question;
    const char *path;
    struct control_talk line;
    int pidfd;       /* of the daemon; -1 */
    uint64_t end_ms; /* UINT64_MAX: none */
    char progress[256];
};

const char *control_client_path(const struct control_client_options *options) {
    const char *path = options->control;

    if (path == NULL)
        path = getenv("PREFORK_CONTROL");
    return path != NULL && path[0] != '\0' ? path : USUAL_PLACE;
}

/* ---- connecting ---- */

int control_client_refuse(const struct cmd *cmd, const char *path, int error) {
    if (error == EACCES || error == EPERM) {
        log_warnx("%s: no right to open the control socket %s", cmd->name, path);
        return EXIT_CODE_PERMISSION;
    }
    if (error == EAGAIN) {
        log_warnx("%s: the daemon at %s does not take connections", cmd->name, path);
        return EXIT_CODE_TIME_LIMIT;
    }
    if (error == ENAMETOOLONG) {
        log_warnx("%s: the path of a socket has at most %zu bytes: %s", cmd->name,
            sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, path);
        return EXIT_CODE_USAGE;
    }
    if (error == ENOENT || error == ECONNREFUSED)
        log_warnx("%s: no preforkd answers at %s: is it running? --control names another socket",
            cmd->name, path);
    else
        log_warnx("%s: cannot connect to %s: %s", cmd->name, path, strerror(error));
    return EXIT_CODE_UNAVAILABLE;
}

/* Whose end is waited for: known before it can go. */
static void find_daemon(struct talk *talk) {
    struct ucred cred = { .pid = 0 };
    socklen_t len = sizeof(cred);

    if (talk->question->is_end &&
        getsockopt(talk->line.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid > 0)
        talk->pidfd = pidfd_open(cred.pid, 0);
}

static bool is_nobody(int error) {
    return error != EACCES && error != EPERM && error != EAGAIN && error != ENAMETOOLONG;
}

static int connect_to_daemon(struct talk *talk) {
    const uint64_t limit_ms = talk->options->timeout_ms;
    const int error = control_talk_open(
        &talk->line, talk->path, limit_ms != 0 ? limit_ms : UINT64_MAX);

    if (error != 0 && talk->question->is_silent && is_nobody(error))
        return EXIT_CODE_UNAVAILABLE;
    if (error != 0)
        return control_client_refuse(talk->cmd, talk->path, error);
    find_daemon(talk);
    return GOING_ON;
}

/* ---- asking ---- */

static int refuse_late(const struct talk *talk) {
    log_warnx("%s: not done after %llu ms%s%s", talk->cmd->name,
        (unsigned long long)talk->options->timeout_ms, talk->progress[0] != '\0' ? "; " : "",
        talk->progress);
    return EXIT_CODE_TIME_LIMIT;
}

static int send_question(struct talk *talk) {
    switch (control_talk_ask(&talk->line, talk->question->verb, talk->question->args)) {
    case EILSEQ:
        log_warnx("%s: what was typed is not UTF-8, or there is no memory", talk->cmd->name);
        return EXIT_CODE_USAGE;
    case E2BIG:
        log_warnx("%s: what was typed is longer than a question may be", talk->cmd->name);
        return EXIT_CODE_USAGE;
    case EAGAIN:
        return refuse_late(talk);
    default:
        return GOING_ON;
    }
}

/*
 * Wait until the descriptor is readable. Returns GOING_ON, or an exit code: the time is over, or
 * nobody will ever read what an answer without end says.
 */
static int wait_for(const struct talk *talk, int fd) {
    struct pollfd polls[] = { { .fd = fd, .events = POLLIN },
        { .fd = talk->question->is_endless ? STDOUT_FILENO : -1 } };
    uint64_t now_ms;
    int rc;

    for (;;) {
        now_ms = clock_now_ms();
        if (now_ms >= talk->end_ms)
            return refuse_late(talk);
        rc = poll(
            polls, 2, talk->end_ms - now_ms < 1000000 ? (int)(talk->end_ms - now_ms) : 1000000);
        if (rc > 0 && polls[1].revents & POLLERR)
            return EXIT_CODE_IO;
        if (rc > 0)
            return GOING_ON;
    }
}

/* One more piece of the answer. Returns GOING_ON, or an exit code at the end. */
static int receive(struct talk *talk) {
    int exit_code = wait_for(talk, talk->line.fd);
    ssize_t n;

    if (exit_code != GOING_ON)
        return exit_code;
    n = control_talk_receive(&talk->line);
    if (n > 0 || (n < 0 && errno == EAGAIN))
        return GOING_ON;
    if (n < 0 && (errno == EMSGSIZE || errno == ENOMEM)) {
        log_warnx("%s: the answer is too long", talk->cmd->name);
        return EXIT_CODE_DATA;
    }
    if (talk->question->is_end)
        return EXIT_CODE_OK;
    log_warnx("%s: preforkd went away before it had answered", talk->cmd->name);
    return EXIT_CODE_UNAVAILABLE;
}

/* ---- the answer ---- */

static int take_last(const struct talk *talk, const json_t *object) {
    const char *error = json_string_value(json_object_get(object, "error"));

    if (error != NULL)
        log_warnx("%s: %s", talk->cmd->name, error);
    return (int)json_integer_value(json_object_get(object, "exit"));
}

static int take_object(struct talk *talk, json_t *object) {
    const char *progress = json_string_value(json_object_get(object, "progress"));

    if (json_is_true(json_object_get(object, "done")))
        return take_last(talk, object);
    if (progress != NULL) {
        snprintf(talk->progress, sizeof(talk->progress), "%s", progress);
        log_info("%s", progress);
    } else if (talk->question->line != NULL) {
        talk->question->line(talk->question->owner, object);
    }
    return GOING_ON;
}

/* All lines that are whole. */
static int take_lines(struct talk *talk) {
    struct control_talk_bytes none;
    int exit_code = GOING_ON;
    json_t *object;

    while (exit_code == GOING_ON) {
        switch (control_talk_next(&talk->line, &object, &none)) {
        case CONTROL_TALK_LINE:
            exit_code = take_object(talk, object);
            json_decref(object);
            break;
        case CONTROL_TALK_GARBAGE:
            log_warnx("%s: what answers at %s is no preforkd", talk->cmd->name, talk->path);
            return EXIT_CODE_DATA;
        case CONTROL_TALK_BYTES: /* not asked for */
        case CONTROL_TALK_NOTHING:
            return GOING_ON;
        }
    }
    return exit_code;
}

/* The socket closes a moment before the process ends. */
static int wait_for_end(const struct talk *talk, int exit_code) {
    if (exit_code != EXIT_CODE_OK || talk->pidfd < 0)
        return exit_code;
    exit_code = wait_for(talk, talk->pidfd);
    return exit_code == GOING_ON ? EXIT_CODE_OK : exit_code;
}

int control_client_ask(const struct cmd *cmd, const struct control_client_options *options,
    struct control_client_question *question) {
    struct talk talk = { .cmd = cmd,
        .options = options,
        .question = question,
        .line = { .fd = -1 },
        .pidfd = -1,
        .end_ms = UINT64_MAX };
    int exit_code;

    talk.path = control_client_path(options);
    if (options->timeout_ms != 0)
        talk.end_ms = clock_now_ms() + options->timeout_ms;
    exit_code = connect_to_daemon(&talk);
    if (exit_code == GOING_ON)
        exit_code = send_question(&talk);
    else
        json_decref(question->args);
    while (exit_code == GOING_ON) {
        exit_code = receive(&talk);
        if (exit_code == GOING_ON)
            exit_code = take_lines(&talk);
    }
    exit_code = wait_for_end(&talk, exit_code);
    if (talk.pidfd >= 0)
        close(talk.pidfd);
    control_talk_close(&talk.line);
    return exit_code;
}

void control_client_print_json(void *owner, json_t *object) {
    char *text = json_text_dump(object, isatty(STDOUT_FILENO) != 0);

    (void)owner;
    if (text != NULL)
        puts(text);
    fflush(stdout);
    free(text);
}

static void say_words(void *owner, json_t *object) {
    const char *words = json_string_value(json_object_get(object, "words"));

    (void)owner;
    if (words != NULL)
        log_info("%s", words);
}

int control_client_change(const struct cmd *cmd, const struct control_client_options *options,
    const char *verb, json_t *args) {
    struct control_client_question question = { .verb = verb, .args = args };

    if (args == NULL) { /* "stop" without a name would be another question */
        log_warnx("%s: the name of a service is plain text", cmd->name);
        return EXIT_CODE_USAGE;
    }
    question.line = options->json ? control_client_print_json : say_words;
    return control_client_ask(cmd, options, &question);
}
