/* Have the log file reopened; done when no byte goes to the old one any more. */
#include "supervisor/cli/cmd_reopen.h"

#include "shared/exit_code.h"
#include "supervisor/cli/control_client.h"

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "30s"),
    { .name = NULL },
};

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = "reopen" };
    struct cmd_operands operands;
    struct values values = { .client.json = false };
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 0, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    exit_code = control_client_ask(cmd, &values.client, &question);
    if (exit_code == EXIT_CODE_OK && values.client.json)
        printf("{\"reopened\":true}\n");
    return exit_code;
}

static const char *const examples[] = {
    "mv preforkd.log preforkd.log.1 && prefork reopen && gzip preforkd.log.1",
    "rotate by hand: every record is in one of the two files",
    NULL,
};

const struct cmd cmd_reopen = {
    .name = "reopen",
    .operands = "",
    .summary = "have the log file opened anew, after it was moved away",
    .options = options_table,
    .examples = examples,
    .run = run,
};
