/* Stop a service; without one, the daemon, and wait until its process is gone. */
#include "supervisor/cli/cmd_stop.h"

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"

struct values {
    struct control_client_options client;
    bool no_wait, fast;
};

static const struct setting options_table[] = {
    { .name = "fast",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, fast),
        .help = "the daemon: end sessions at once instead of letting them finish" },
    CONTROL_CLIENT_NO_WAIT(struct values, no_wait),
    CONTROL_CLIENT_SETTINGS(struct values, client, NULL),
    { .name = NULL },
};

static int stop_daemon(const struct cmd *cmd, const struct values *values) {
    struct control_client_question question = { .verb = "stop", .is_end = !values->no_wait };
    int exit_code;

    question.args = json_pack("{s:b,s:b}", "wait", !values->no_wait, "fast", values->fast);
    exit_code = control_client_ask(cmd, &values->client, &question);
    if (exit_code != EXIT_CODE_OK)
        return exit_code;
    if (values->client.json)
        printf("{\"stopped\":%s}\n", values->no_wait ? "false" : "true");
    else
        log_info(values->no_wait ? "preforkd was told to stop" : "preforkd has stopped");
    return EXIT_CODE_OK;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .no_wait = false };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (operands.count == 0)
        return stop_daemon(cmd, &values);
    if (values.fast) {
        log_warnx("%s: --fast is for the daemon, not for one service", cmd->name);
        return EXIT_CODE_USAGE;
    }
    return control_client_change(cmd, &values.client, "stop",
        json_pack("{s:s,s:b}", "service", operands.text[0], "wait", !values.no_wait));
}

static const char *const examples[] = {
    "prefork stop echo",
    "let its sessions finish, close its ports; done when its last worker is gone",
    "prefork stop",
    "stop the daemon; done when its process is gone",
    NULL,
};

const struct cmd cmd_stop = {
    .name = "stop",
    .operands = "[SERVICE]",
    .summary = "stop a service; without one, the daemon",
    .options = options_table,
    .examples = examples,
    .run = run,
};
