/*
 * The client of the message log: lines go out, nothing comes back, "end" ends it. Only with --ack
 * is the server listened to: each message has to be acknowledged.
 */
#include "workers/services/message_log/send_cmd.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "shared/ask.h"
#include "shared/exit_code.h"
#include "shared/line_editor.h"
#include "shared/log.h"
#include "workers/services/message_log/message_log_sending.h"

struct values {
    const char *name;
    struct setting_texts message;
    uint64_t timeout_ms;
    unsigned wire;
    bool udp, ack, quiet, json, no_input, plain;
};

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(name), .type = SETTING_TEXT, .operand = "LOGIN",
        .fallback_words = "none; asked for on a terminal",
        .help = "say first who it is, and again before each message" },
    { OPTION(message), .type = SETTING_TEXTS, .operand = "TEXT",
        .fallback_words = "the lines of stdin", .help = "send this and end; may be repeated" },
    { OPTION(wire), .type = SETTING_CHOICE, .choices = wire_mode_names, .operand = "FORM",
        .fallback = "auto",
        .help = "how messages are told apart; auto is lines, which every server takes" },
    { OPTION(udp), .type = SETTING_BOOL, .help = "send datagrams" },
    { OPTION(ack), .type = SETTING_BOOL,
        .help = "wait until the server, with ack = true, has acknowledged each message" },
    { .name = "timeout",
        .type = SETTING_DURATION,
        .offset = offsetof(struct values, timeout_ms),
        .operand = "TIME",
        .fallback = "10s",
        .min = 1,
        .max = 86400000,
        .help = "how long to wait for the connection, and for each sign of progress" },
    { OPTION(no_input), .type = SETTING_BOOL,
        .help = "ask nobody where to connect to: what is not given is 127.0.0.1 50008" },
    { OPTION(plain), .type = SETTING_BOOL, .help = "plain lines: no line editing on a terminal" },
    { OPTION(quiet), .type = SETTING_BOOL, .help = "no summary" },
    { OPTION(json), .type = SETTING_BOOL, .help = "the summary in JSON, on stdout" },
    { .name = NULL },
};

/* ---- what was sent ---- */

static void summarize(const struct message_log_sending *sending, const struct values *values) {
    const uint64_t acknowledged = message_log_sending_count_acknowledged(sending);

    if (values->json && values->ack)
        printf(
            "{\"sent\":%" PRIu64 ",\"acknowledged\":%" PRIu64 "}\n", sending->sent, acknowledged);
    else if (values->json)
        printf("{\"sent\":%" PRIu64 "}\n", sending->sent);
    else if (!values->quiet)
        log_info("%" PRIu64 " message%s sent%s", sending->sent, sending->sent == 1 ? "" : "s",
            values->ack && acknowledged == sending->sent ? ", all acknowledged" : "");
}

/* ---- */

static char asked_name[256];

static int check_name(void *owner, const char *text, struct complaint *complaint) {
    (void)owner;
    if (strlen(text) >= sizeof(asked_name))
        return complaint_set(complaint, "a login has at most %zu bytes", sizeof(asked_name) - 1);
    strcpy(asked_name, text);
    return 0;
}

static int ask_name(bool is_russian, struct complaint *complaint) {
    const struct ask_question question = { .words = is_russian ? "Логин (Enter: без логина)"
                                                               : "Login (Enter: none)",
        .fallback = "",
        .check = check_name };

    return ask_person(&question, complaint);
}

static int check(const struct values *values, struct complaint *complaint) {
    if (values->ack && (values->udp || values->wire == WIRE_RAW))
        return complaint_set(complaint, "--ack does not go with %s: those are never answered",
            values->udp ? "--udp" : "--wire raw");
    return 0;
}

/* Where to and who. Returns an exit code. */
static int ask(struct values *values, const struct cmd_operands *operands,
    struct dial_target *target, struct complaint *complaint) {
    const struct ask_target where = { .service = "message_log",
        .host = "127.0.0.1",
        .port = "50008",
        .is_udp = values->udp,
        .is_silent = values->no_input,
        .is_russian = ask_is_russian() };
    const bool is_asked = values->name == NULL && values->message.count == 0 && !values->no_input &&
                          isatty(STDIN_FILENO);
    int exit_code = ask_where(&where, operands->text, operands->count, target, complaint);

    if (exit_code == EXIT_CODE_OK && is_asked)
        exit_code = ask_name(where.is_russian, complaint);
    if (values->name == NULL)
        values->name = asked_name;
    return exit_code;
}

/* Connect. Returns an exit code. */
static int open_talk(struct message_log_sending *sending, const struct values *values,
    const struct dial_target *target) {
    static const enum wire_mode modes[] = { WIRE_LINE, WIRE_FRAMED, WIRE_LINE, WIRE_RAW };
    int fd, exit_code = dial_open(target, values->timeout_ms, &fd, sending->complaint);

    if (exit_code == EXIT_CODE_OK)
        talk_init(&sending->talk, fd, target->proto == NET_UDP, modes[values->wire]);
    return exit_code;
}

static int send_all(struct message_log_sending *sending, const struct values *values) {
    int exit_code;

    sending->name = values->name;
    sending->wants_ack = values->ack;
    sending->timeout_ms = values->timeout_ms;
    if (values->message.count > 0)
        sending->given = &values->message;
    else
        line_editor_open(ask_is_russian() ? "Введите сообщение (или end для выхода): "
                                          : "Message (or end to leave): ",
            values->plain);
    exit_code = message_log_sending_run(sending);
    line_editor_close();
    return exit_code;
}

static int run_send(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .name = NULL };
    struct complaint complaint;
    struct dial_target target;
    struct message_log_sending sending = {
        .talk.fd = -1, .target = &target, .complaint = &complaint
    };
    struct cmd_operands operands;
    int exit_code = cmd_read_args(cmd, argv, &values, 0, 2, &operands);

    (void)argc;
    if (exit_code != CMD_READ)
        return exit_code;
    exit_code = check(&values, &complaint) < 0 ? EXIT_CODE_USAGE : EXIT_CODE_OK;
    if (exit_code == EXIT_CODE_OK)
        exit_code = ask(&values, &operands, &target, &complaint);
    if (exit_code == EXIT_CODE_OK)
        exit_code = open_talk(&sending, &values, &target);
    if (sending.talk.fd >= 0)
        exit_code = send_all(&sending, &values);
    if (exit_code != EXIT_CODE_OK)
        log_warnx("%s: %s", cmd->name, complaint.text);
    if (sending.talk.fd >= 0)
        summarize(&sending, &values);
    talk_fini(&sending.talk);
    return exit_code;
}

static const char *const examples[] = {
    "prefork send",
    "ask where to and who, then send what is typed, until \"end\"",
    "prefork send localhost 50008 --name Alice --message 'the door is open'",
    "one message under a login",
    "dmesg | prefork send tcp://127.0.0.1:50008 --ack",
    "each line a message; the exit status says whether all were acknowledged",
    NULL,
};

const struct cmd send_cmd = {
    .name = "send",
    .operands = "[HOST [PORT] | URL]",
    .summary = "send messages to a message log",
    .options = options_table,
    .examples = examples,
    .run = run_send,
};
