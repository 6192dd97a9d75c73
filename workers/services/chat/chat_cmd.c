/* The chat at a terminal: where to, who, and then chat_client_run(). */
#include "workers/services/chat/chat_cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/ask.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "workers/services/chat/chat_client.h"

struct values {
    const char *name;
    uint64_t timeout_ms, reconnect_ms;
    unsigned wire, lang;
    bool udp, bot, stay, json, no_input, plain;
};

static const char *const langs[] = { "auto", "en", "ru", NULL };

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(name), .type = SETTING_TEXT, .operand = "NAME",
        .fallback_words = "asked for on a terminal, else Anonymous", .help = "who it is" },
    { OPTION(wire), .type = SETTING_CHOICE, .choices = wire_mode_names, .operand = "FORM",
        .fallback = "auto",
        .help = "how messages are told apart; auto tries frames, then what classic clients do" },
    { OPTION(udp), .type = SETTING_BOOL, .help = "send datagrams" },
    { OPTION(bot), .type = SETTING_BOOL,
        .help = "for scripts: lines on stdin are said, what happens is JSON on stdout; as --json "
                "--plain --no-input" },
    { OPTION(stay), .type = SETTING_BOOL, .help = "listen on when stdin has ended" },
    { .name = "timeout",
        .type = SETTING_DURATION,
        .offset = offsetof(struct values, timeout_ms),
        .operand = "TIME",
        .fallback = "5s",
        .min = 1,
        .max = 86400000,
        .help = "how long to wait for the connection" },
    { .name = "reconnect",
        .type = SETTING_DURATION,
        .offset = offsetof(struct values, reconnect_ms),
        .operand = "TIME",
        .fallback = "60s",
        .max = 86400000,
        .help = "how long to try to come back when the connection is lost, over frames; 0: not" },
    { OPTION(lang), .type = SETTING_CHOICE, .choices = langs, .operand = "LANG", .fallback = "auto",
        .help = "the language of what is shown; auto is that of $LANG" },
    { OPTION(no_input), .type = SETTING_BOOL,
        .help = "ask nobody where to and who: what is not given is 127.0.0.1 8004" },
    { OPTION(plain), .type = SETTING_BOOL, .help = "plain lines: no line editing on a terminal" },
    { OPTION(json), .type = SETTING_BOOL, .help = "what happens as JSON, an object a line" },
    { .name = NULL },
};

static int check_name(void *owner, const char *text, struct complaint *complaint) {
    struct chat_client_settings *settings = owner;

    if (strlen(text) >= sizeof(settings->name))
        return complaint_set(complaint, "a name has at most %zu bytes", sizeof(settings->name) - 1);
    if (strpbrk(text, "\r\n") != NULL)
        return complaint_set(complaint, "a name is one line");
    strcpy(settings->name, text);
    return 0;
}

/* Who. Returns an exit code. */
static int take_name(struct chat_client_settings *settings, const struct values *values,
    struct complaint *complaint) {
    const struct ask_question question = { .words = settings->is_russian ? "Ваше имя" : "Your name",
        .fallback = settings->is_russian ? "Аноним" : "Anonymous",
        .check = check_name,
        .owner = settings };

    if (values->name == NULL && !values->no_input && isatty(STDIN_FILENO))
        return ask_person(&question, complaint);
    return check_name(settings,
               values->name != NULL && values->name[0] != '\0' ? values->name : question.fallback,
               complaint) == 0
               ? EXIT_CODE_OK
               : EXIT_CODE_USAGE;
}

static int run_chat(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .name = NULL };
    struct cmd_operands operands;
    struct complaint complaint;
    struct ask_target ask = { .service = "chat", .host = "127.0.0.1", .port = "8004" };
    struct chat_client_settings settings;
    int exit_code = cmd_read_args(cmd, argv, &values, 0, 2, &operands);

    (void)argc;
    if (exit_code != CMD_READ)
        return exit_code;
    values.no_input |= values.bot;
    settings = (struct chat_client_settings){ .wire = (enum wire_mode)values.wire,
        .timeout_ms = values.timeout_ms,
        .reconnect_ms = values.reconnect_ms,
        .is_russian = values.lang == 0 ? ask_is_russian() : values.lang == 2,
        .is_json = values.json || values.bot,
        .is_plain = values.plain || values.bot,
        .stays = values.stay };
    ask.is_udp = values.udp;
    ask.is_silent = values.no_input;
    ask.is_russian = settings.is_russian;
    exit_code = ask_where(&ask, operands.text, operands.count, &settings.target, &complaint);
    if (exit_code == EXIT_CODE_OK)
        exit_code = take_name(&settings, &values, &complaint);
    if (exit_code == EXIT_CODE_OK)
        exit_code = chat_client_run(&settings, &complaint);
    if (exit_code != EXIT_CODE_OK)
        log_warnx("%s: %s", cmd->name, complaint.text);
    return exit_code;
}

static const char *const examples[] = {
    "prefork chat",
    "ask where to and who, then chat",
    "prefork chat localhost 8004 --name Alice",
    "the same without questions",
    "tail -f build.log | prefork chat --bot --name builder > said.json",
    "each line is said; what the others say is JSON",
    NULL,
};

const struct cmd chat_cmd = {
    .name = "chat",
    .operands = "[HOST [PORT] | URL]",
    .summary = "take part in a chat",
    .options = options_table,
    .examples = examples,
    .run = run_chat,
};
