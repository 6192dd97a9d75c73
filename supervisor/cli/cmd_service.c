/* Start a service, or replace its workers one by one; wait until that is so. */
#include "supervisor/cli/cmd_service.h"

#include "supervisor/cli/control_client.h"

struct values {
    struct control_client_options client;
    bool no_wait;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_NO_WAIT(struct values, no_wait),
    CONTROL_CLIENT_SETTINGS(struct values, client, NULL),
    { .name = NULL },
};

/* The verb's name is the same here and there. */
static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .no_wait = false };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    return control_client_change(cmd, &values.client, cmd->name,
        json_pack("{s:s,s:b}", "service", operands.text[0], "wait", !values.no_wait));
}

static const char *const start_examples[] = {
    "prefork start echo",
    "bind its ports and start its workers; done when they are ready",
    NULL,
};

const struct cmd cmd_start = {
    .name = "start",
    .operands = "SERVICE",
    .summary = "start a service that is stopped or has failed",
    .options = options_table,
    .examples = start_examples,
    .run = run,
};

static const char *const restart_examples[] = {
    "prefork restart echo",
    "new workers are ready before old ones leave: no connection is lost",
    NULL,
};

const struct cmd cmd_restart = {
    .name = "restart",
    .operands = "SERVICE",
    .summary = "replace all workers of a service, losing no connection",
    .options = options_table,
    .examples = restart_examples,
    .run = run,
};
