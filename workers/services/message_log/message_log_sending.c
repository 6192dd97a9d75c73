/*
 * One loop over the socket and stdin: what may go out is sent, what comes is looked at for
 * acknowledgements, and who makes no progress for too long is left.
 */
#include "workers/services/message_log/message_log_sending.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/dial.h"
#include "shared/exit_code.h"
#include "shared/line_editor.h"
#include "shared/text_clean.h"

#define UNACKNOWLEDGED_MOST 64u /* then it waits: what is under way may have to be told as lost */
#define UNSENT_MOST         65536u
#define LAST_WORD_MS        100u

static volatile sig_atomic_t was_interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    was_interrupted = 1;
}

/* ---- out ---- */

static int refuse_send(struct message_log_sending *sending, int error) {
    if (error == ECONNREFUSED)
        return dial_refuse_absent(sending->target, sending->complaint);
    if (error == EPIPE || error == ECONNRESET)
        complaint_set(sending->complaint, "the server closed after %" PRIu64 " message%s",
            sending->sent, sending->sent == 1 ? "" : "s");
    else
        complaint_set(sending->complaint, "cannot send: %s", strerror(error));
    return error == EMSGSIZE ? EXIT_CODE_USAGE : EXIT_CODE_UNAVAILABLE;
}

static int put(struct message_log_sending *sending, const char *text, size_t len) {
    dial_wait(-1, 0, talk_send_due_ms(&sending->talk));
    if (talk_send(&sending->talk, text, len, clock_now_ms()) < 0)
        return refuse_send(sending, errno);
    sending->owed++;
    return EXIT_CODE_OK;
}

/* One message, its login before it. Returns an exit code. */
static int put_message(struct message_log_sending *sending, const char *text, size_t len) {
    const size_t name = strlen(sending->name);
    char *whole;
    int exit_code;

    sending->sent++;
    if (name == 0)
        return put(sending, text, len);
    whole = malloc(name + 2 + len);
    if (whole == NULL)
        return refuse_send(sending, ENOMEM);
    memcpy(whole, sending->name, name);
    memcpy(whole + name, ": ", 2);
    memcpy(whole + name + 2, text, len);
    exit_code = put(sending, whole, name + 2 + len);
    free(whole);
    return exit_code;
}

static bool is_end(const char *text, size_t len) {
    return len == 3 && memcmp(text, "end", 3) == 0;
}

/* The lines of what was typed or given. */
static int put_lines(struct message_log_sending *sending, const char *text, size_t len) {
    int exit_code = EXIT_CODE_OK;
    const char *line;
    size_t line_len;

    while (exit_code == EXIT_CODE_OK && !sending->has_ended &&
           text_next_line(&text, &len, &line, &line_len)) {
        sending->has_ended = is_end(line, line_len);
        if (line_len > 0 && !sending->has_ended)
            exit_code = put_message(sending, line, line_len);
    }
    return exit_code;
}

static bool may_go_on(const struct message_log_sending *sending) {
    return sending->talk.unsent_len < UNSENT_MOST &&
           talk_send_due_ms(&sending->talk) <= clock_now_ms() &&
           (!sending->wants_ack || sending->owed - sending->paid < UNACKNOWLEDGED_MOST);
}

/* What there is to send now. Returns an exit code. */
static int put_more(struct message_log_sending *sending) {
    enum line_editor_found found;
    const char *text;
    size_t len;
    int exit_code = EXIT_CODE_OK;

    while (exit_code == EXIT_CODE_OK && !sending->has_ended && may_go_on(sending)) {
        if (sending->given != NULL) {
            text = sending->given->text[sending->given_at++];
            exit_code = put_lines(sending, text, strlen(text));
            sending->has_ended |= sending->given_at >= sending->given->count;
            continue;
        }
        found = line_editor_next(&text, &len);
        if (found == LINE_EDITOR_NONE)
            break;
        if (found == LINE_EDITOR_LINE)
            exit_code = put_lines(sending, text, len);
        sending->has_ended |= found == LINE_EDITOR_END;
    }
    return exit_code;
}

/* ---- in ---- */

/* Whatever the server says is not shown: the lab has it so. */
static void take(void *owner, const char *text, size_t len) {
    struct message_log_sending *sending = owner;

    if (len <= 3 || memcmp(text, "ok ", 3) != 0 || sending->paid >= sending->owed)
        return;
    sending->paid++;
    sending->progress_at_ms = clock_now_ms();
}

/* ---- the conversation ---- */

static bool is_done(const struct message_log_sending *sending) {
    return sending->has_ended && !talk_has_unsent(&sending->talk) &&
           (!sending->wants_ack || sending->paid == sending->owed);
}

/* Is there something that the server has to do next? */
static bool is_waiting(const struct message_log_sending *sending) {
    return talk_has_unsent(&sending->talk) || (sending->wants_ack && sending->paid < sending->owed);
}

static int poll_timeout_ms(const struct message_log_sending *sending) {
    const uint64_t now_ms = clock_now_ms(), send_ms = talk_send_due_ms(&sending->talk);
    uint64_t due_ms = now_ms + 60000;

    if (is_waiting(sending))
        due_ms = sending->progress_at_ms + sending->timeout_ms;
    if (!sending->has_ended && send_ms > now_ms && send_ms < due_ms)
        due_ms = send_ms;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

/* Wait, and take what is there. Returns an exit code. */
static int turn(struct message_log_sending *sending) {
    const bool listens = !sending->has_ended && sending->given == NULL;
    const size_t unsent = sending->talk.unsent_len;
    struct pollfd watch[2] = { { .fd = sending->talk.fd, .events = POLLIN },
        { .fd = listens && may_go_on(sending) ? STDIN_FILENO : -1, .events = POLLIN } };
    int rc;

    if (talk_has_unsent(&sending->talk))
        watch[0].events |= POLLOUT;
    poll(watch, 2, poll_timeout_ms(sending));
    if (talk_flush(&sending->talk) < 0)
        return refuse_send(sending, errno);
    if (sending->talk.unsent_len < unsent)
        sending->progress_at_ms = clock_now_ms();
    if (watch[0].revents == 0)
        return EXIT_CODE_OK;
    rc = talk_receive(&sending->talk, clock_now_ms(), take, sending);
    if (rc > 0 || is_done(sending))
        return EXIT_CODE_OK;
    return refuse_send(sending, rc == 0 ? EPIPE : errno);
}

static int refuse_late(const struct message_log_sending *sending) {
    complaint_set(sending->complaint, "%" PRIu64 " of %" PRIu64 " messages %s after %" PRIu64 " ms",
        sending->owed - sending->paid, sending->owed,
        sending->wants_ack ? "are not acknowledged" : "are not sent", sending->timeout_ms);
    return EXIT_CODE_TIME_LIMIT;
}

static void catch_interrupts(void) {
    const struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL); /* the second one ends it at once */
}

static int converse(struct message_log_sending *sending) {
    int exit_code = EXIT_CODE_OK;

    if (sending->name[0] != '\0')
        exit_code = put(sending, sending->name, strlen(sending->name));
    sending->progress_at_ms = clock_now_ms();
    while (exit_code == EXIT_CODE_OK && !was_interrupted) {
        if (!is_waiting(sending))
            sending->progress_at_ms = clock_now_ms();
        exit_code = put_more(sending);
        if (exit_code != EXIT_CODE_OK || is_done(sending))
            break;
        exit_code = turn(sending);
        if (exit_code == EXIT_CODE_OK && is_waiting(sending) &&
            clock_now_ms() >= sending->progress_at_ms + sending->timeout_ms)
            exit_code = refuse_late(sending);
    }
    if (exit_code == EXIT_CODE_OK && was_interrupted) {
        complaint_set(sending->complaint, "interrupted");
        exit_code = EXIT_CODE_INTERRUPTED;
    }
    return exit_code;
}

/*
 * Goodbye. What the server has sent is read, since a socket that is closed with something unread
 * takes back what it has sent. A datagram that nobody took is told by the next call.
 */
static int say_goodbye(struct message_log_sending *sending) {
    const uint64_t end_ms = clock_now_ms() + LAST_WORD_MS;
    int rc = 1;

    dial_wait(-1, 0, talk_send_due_ms(&sending->talk));
    if (talk_send(&sending->talk, "end", 3, clock_now_ms()) < 0)
        return errno == ECONNREFUSED ? refuse_send(sending, errno) : EXIT_CODE_OK;
    talk_finish(&sending->talk);
    while (rc > 0 && dial_wait(sending->talk.fd, POLLIN, end_ms) != 0)
        rc = talk_receive(&sending->talk, clock_now_ms(), take, sending);
    if (rc < 0 && errno == ECONNREFUSED)
        return refuse_send(sending, errno);
    return EXIT_CODE_OK;
}

int message_log_sending_run(struct message_log_sending *sending) {
    int exit_code, last;

    catch_interrupts();
    exit_code = converse(sending);
    if (exit_code == EXIT_CODE_OK || exit_code == EXIT_CODE_INTERRUPTED) {
        last = say_goodbye(sending);
        exit_code = last != EXIT_CODE_OK ? last : exit_code;
    }
    return exit_code;
}

uint64_t message_log_sending_count_acknowledged(const struct message_log_sending *sending) {
    const uint64_t unpaid = sending->owed - sending->paid;

    return unpaid < sending->sent ? sending->sent - unpaid : 0;
}
