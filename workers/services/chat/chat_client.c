/* The client's life and its loop: the connection, signals, what is typed. */
#include "workers/services/chat/chat_client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/line_editor.h"
#include "workers/services/chat/chat_client_state.h"

#define HELLO_MS       2000u /* a server that speaks frames answers sooner */
#define GOODBYE_MS     1000u
#define SILENCE_MS     60000u /* then it is asked for a sign of life */
#define ANSWER_MS      20000u
#define RETRY_FIRST_MS 100u
#define RETRY_MOST_MS  5000u
#define RETRY_DIAL_MS  1000u /* nothing else happens while it is dialled */
#define LINES_MOST     64    /* that were typed, before it is looked around */

/* ---- phases ---- */

void chat_client_set_phase(struct chat_client *client, enum chat_client_phase phase) {
    client->phase = phase;
    client->phase_at_ms = clock_now_ms();
}

void chat_client_end(struct chat_client *client, int exit_code) {
    client->exit_code = exit_code;
    chat_client_set_phase(client, CHAT_CLIENT_OVER);
}

/* Nothing can be done about it any more. */
static void give_up(struct chat_client *client, const char *why) {
    const unsigned pending = chat_client_count_pending(client);

    complaint_set(client->complaint, "the connection is lost: %s", why);
    if (pending == 0) {
        chat_client_end(client, EXIT_CODE_UNAVAILABLE);
        return;
    }
    complaint_set(
        client->complaint, "the connection is lost, and %u messages may not be said", pending);
    chat_client_end(client, EXIT_CODE_INCOMPLETE);
}

void chat_client_lose(struct chat_client *client, const char *why) {
    const enum chat_client_phase phase = client->phase;

    talk_fini(&client->talk);
    if (phase == CHAT_CLIENT_LEAVING || phase == CHAT_CLIENT_OVER) {
        chat_client_set_phase(client, CHAT_CLIENT_OVER);
        return;
    }
    if (client->wire == WIRE_AUTO) {
        /* Whoever closes on a frame may be a classic server. */
        client->wire = WIRE_RAW;
        client->retry_at_ms = 0;
        chat_client_set_phase(client, CHAT_CLIENT_LOST);
        return;
    }
    if (client->wire != WIRE_FRAMED || !client->was_in || client->settings->reconnect_ms == 0) {
        give_up(client, why);
        return;
    }
    if (client->lost_at_ms == 0) {
        client->lost_at_ms = clock_now_ms();
        client->retry_ms = RETRY_FIRST_MS;
        chat_client_tell(client, "lost", json_pack("{s:s}", "reason", why),
            client->settings->is_russian ? "Соединение потеряно (%s), восстанавливаю..."
                                         : "The connection is lost (%s), trying again...",
            why);
    }
    client->retry_at_ms = clock_now_ms() + client->retry_ms / 2 +
                          (uint64_t)random() % (client->retry_ms / 2 + 1);
    client->retry_ms = client->retry_ms * 2 < RETRY_MOST_MS ? client->retry_ms * 2 : RETRY_MOST_MS;
    chat_client_set_phase(client, CHAT_CLIENT_LOST);
}

/* ---- the connection ---- */

static const char *const form_names[] = { "framed", "framed", "line", "raw" };

/* A server that is sent datagrams does not say whether it is there. */
static const char *const introductions[2][2] = {
    { "You are in the chat %s as %s", "Вы в чате %s как %s" },
    { "Sending to the chat %s as %s; datagrams may get lost",
        "Пишу в чат %s как %s; датаграммы могут теряться" },
};

static void begin(struct chat_client *client, int fd) {
    const bool is_datagram = client->settings->target.proto == NET_UDP;
    const enum wire_mode mode = client->wire == WIRE_AUTO ? WIRE_FRAMED : client->wire;
    char where[DIAL_TEXT_MAX];

    talk_init(&client->talk, fd, is_datagram, mode);
    client->heard_at_ms = clock_now_ms();
    client->has_pinged = false;
    client->send_error = 0;
    chat_client_set_phase(client, CHAT_CLIENT_GREETING);
    chat_client_greet(client);
    if (chat_client_is_json(client))
        return;
    chat_client_set_phase(client, CHAT_CLIENT_IN);
    dial_format(where, &client->settings->target);
    chat_client_tell(client, "connected",
        json_pack("{s:s,s:s}", "peer", where, "wire",
            is_datagram ? "datagram" : form_names[client->wire]),
        introductions[is_datagram][client->settings->is_russian], where, client->name);
}

/* Returns an exit code, with the complaint unless it is 0. */
static int dial(struct chat_client *client, uint64_t timeout_ms) {
    int fd, exit_code;

    exit_code = dial_open(&client->settings->target, timeout_ms, &fd, client->complaint);
    if (exit_code == EXIT_CODE_OK)
        begin(client, fd);
    return exit_code;
}

static void dial_again(struct chat_client *client) {
    const struct chat_client_settings *settings = client->settings;
    const uint64_t most_ms = settings->timeout_ms < RETRY_DIAL_MS ? settings->timeout_ms
                                                                  : RETRY_DIAL_MS;
    struct complaint why;
    int exit_code = dial(client, client->was_in ? most_ms : settings->timeout_ms);

    if (exit_code == EXIT_CODE_OK)
        return;
    if (!client->was_in) {
        chat_client_end(client, exit_code);
        return;
    }
    why = *client->complaint;
    if (clock_now_ms() >= client->lost_at_ms + settings->reconnect_ms)
        give_up(client, why.text);
    else
        chat_client_lose(client, why.text);
}

/* The server has not said hello: it speaks no frames, or is none of ours. */
static void greet_again(struct chat_client *client) {
    if (client->wire != WIRE_AUTO) {
        chat_client_lose(client, "the server does not answer");
        return;
    }
    chat_client_tell(client, "classic", NULL, "%s",
        client->settings->is_russian ? "Сервер не понимает кадров: говорю, как простой клиент"
                                     : "The server speaks no frames: going on as a classic client");
    chat_client_lose(client, "no answer");
}

static void receive(struct chat_client *client) {
    int rc = talk_receive(&client->talk, clock_now_ms(), chat_client_hear, client);

    if (client->talk.fd < 0 || client->phase == CHAT_CLIENT_OVER)
        return;
    if (client->phase == CHAT_CLIENT_IN && client->lost_at_ms > 0) {
        client->lost_at_ms = 0;
        chat_client_tell(client, "resumed", NULL, "%s",
            client->settings->is_russian ? "Соединение восстановлено"
                                         : "The connection is there again");
    }
    if (rc > 0)
        return;
    if (rc < 0 && errno == ECONNREFUSED && !client->has_heard) /* a datagram has come back */
        chat_client_end(client, dial_refuse_absent(&client->settings->target, client->complaint));
    else if (client->phase == CHAT_CLIENT_GREETING && client->wire == WIRE_AUTO)
        greet_again(client);
    else
        chat_client_lose(client, rc == 0 ? "the server has closed it" : strerror(errno));
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t next_due_ms(const struct chat_client *client) {
    const bool is_up = client->talk.fd >= 0;
    uint64_t due_ms = is_up ? talk_due_ms(&client->talk) : UINT64_MAX;

    switch (client->phase) {
    case CHAT_CLIENT_LOST:
        return client->retry_at_ms;
    case CHAT_CLIENT_GREETING:
        return earlier(due_ms, client->phase_at_ms + HELLO_MS);
    case CHAT_CLIENT_LEAVING:
        return earlier(due_ms, client->phase_at_ms + GOODBYE_MS);
    default:
        if (chat_client_is_json(client))
            due_ms = earlier(
                due_ms, client->heard_at_ms + SILENCE_MS + (client->has_pinged ? ANSWER_MS : 0));
        else if (!client->input_ended && talk_send_due_ms(&client->talk) > clock_now_ms())
            due_ms = earlier(due_ms, talk_send_due_ms(&client->talk));
        return due_ms;
    }
}

static void look_at_silence(struct chat_client *client, uint64_t now_ms) {
    if (!chat_client_is_json(client) || now_ms < client->heard_at_ms + SILENCE_MS)
        return;
    if (!client->has_pinged)
        chat_client_send_json(client, json_pack("{s:s}", "t", "ping"));
    else if (now_ms >= client->heard_at_ms + SILENCE_MS + ANSWER_MS)
        chat_client_lose(client, "the server is silent");
    client->has_pinged = true;
}

static void look_at_time(struct chat_client *client) {
    const uint64_t now_ms = clock_now_ms();

    if (client->phase == CHAT_CLIENT_LOST && now_ms >= client->retry_at_ms)
        dial_again(client);
    else if (client->phase == CHAT_CLIENT_GREETING && now_ms >= client->phase_at_ms + HELLO_MS)
        greet_again(client);
    else if (client->phase == CHAT_CLIENT_LEAVING && now_ms >= client->phase_at_ms + GOODBYE_MS)
        chat_client_set_phase(client, CHAT_CLIENT_OVER);
    else if (client->phase == CHAT_CLIENT_IN)
        look_at_silence(client, now_ms);
    if (client->talk.fd >= 0 && talk_due_ms(&client->talk) <= now_ms)
        receive(client);
}

/* ---- what is typed, and signals ---- */

static void take_input(struct chat_client *client) {
    enum line_editor_found found = LINE_EDITOR_LINE;
    const char *text;
    size_t len;

    for (int i = 0; i < LINES_MOST && chat_client_may_say(client); i++) {
        found = line_editor_next(&text, &len);
        if (found != LINE_EDITOR_LINE)
            break;
        chat_client_say(client, text, len);
    }
    client->input_ended |= found == LINE_EDITOR_END;
    /* What is said has to be acknowledged before it is left. */
    if (client->input_ended && !client->settings->stays && client->phase == CHAT_CLIENT_IN &&
        chat_client_count_pending(client) == 0 && talk_send_due_ms(&client->talk) <= clock_now_ms())
        chat_client_leave(client);
}

static void stop_for_a_while(void) {
    line_editor_suspend();
    raise(SIGSTOP);
    line_editor_resume();
}

static void take_signal(struct chat_client *client, int signals) {
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGWINCH) {
        line_editor_resize();
    } else if (info.ssi_signo == SIGTSTP) {
        stop_for_a_while();
    } else {
        complaint_set(client->complaint, "interrupted");
        client->exit_code = info.ssi_signo == SIGTERM ? EXIT_CODE_TERMINATED
                                                      : EXIT_CODE_INTERRUPTED;
        if (client->is_interrupted)
            chat_client_set_phase(client, CHAT_CLIENT_OVER);
        client->is_interrupted = true;
        chat_client_leave(client);
    }
}

static int open_signals(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the loop ---- */

static int timeout_of(const struct chat_client *client) {
    const uint64_t due_ms = next_due_ms(client), now_ms = clock_now_ms();

    if (due_ms == UINT64_MAX)
        return -1;
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < 60000 ? (int)(due_ms - now_ms) : 60000;
}

static void turn(struct chat_client *client, int signals) {
    struct pollfd watch[3] = { { .fd = client->talk.fd, .events = POLLIN },
        { .fd = chat_client_may_say(client) ? STDIN_FILENO : -1, .events = POLLIN },
        { .fd = signals, .events = POLLIN } };

    if (client->talk.fd >= 0 && talk_has_unsent(&client->talk))
        watch[0].events |= POLLOUT;
    poll(watch, 3, timeout_of(client));
    if (watch[2].revents != 0)
        take_signal(client, signals);
    if (client->talk.fd >= 0 && client->talk.fd == watch[0].fd) {
        /* What the server said before it closed is heard all the same. */
        if (talk_flush(&client->talk) < 0)
            client->send_error = errno;
        if ((watch[0].revents & ~POLLOUT) != 0)
            receive(client);
    }
    look_at_time(client);
    take_input(client);
    if (client->talk.fd >= 0 && client->send_error != 0)
        chat_client_lose(client, strerror(client->send_error));
}

static void make_key(char key[33]) {
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        abort();
    for (unsigned i = 0; i < sizeof(bytes); i++)
        snprintf(key + 2 * (size_t)i, 3, "%02x", bytes[i]);
}

int chat_client_run(const struct chat_client_settings *settings, struct complaint *complaint) {
    struct chat_client client = { .settings = settings,
        .complaint = complaint,
        .talk.fd = -1,
        .wire = settings->target.proto == NET_UDP ? WIRE_RAW : settings->wire,
        .pending = { .first_id = 1, .next_id = 1 } };
    int signals, exit_code;

    strcpy(client.name, settings->name);
    make_key(client.key);
    srandom((unsigned)clock_now_ns());
    signals = open_signals();
    line_editor_open(settings->is_russian ? "Введите сообщение (или /quit для выхода): "
                                          : "Message (or /quit to leave): ",
        settings->is_plain);
    exit_code = dial(&client, settings->timeout_ms);
    if (exit_code != EXIT_CODE_OK)
        chat_client_end(&client, exit_code);
    while (client.phase != CHAT_CLIENT_OVER)
        turn(&client, signals);
    line_editor_close();
    talk_fini(&client.talk);
    chat_client_forget(&client);
    close(signals);
    return client.exit_code;
}
