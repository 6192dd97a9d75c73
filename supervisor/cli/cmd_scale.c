/* Set the number of workers: absolutely, or by a signed step. */
#include "supervisor/cli/cmd_scale.h"

#include <inttypes.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/cli/control_client.h"

#define STEP_MOST 100000u

struct values {
    struct control_client_options client;
    bool no_wait;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_NO_WAIT(struct values, no_wait),
    CONTROL_CLIENT_SETTINGS(struct values, client, NULL),
    { .name = NULL },
};

/* N, +N or -N into an argument of the question. */
static int read_number(const char *text, json_t *args, struct complaint *complaint) {
    bool has_sign = text[0] == '+' || text[0] == '-';
    uint64_t n;

    if (number_parse_u64(text + has_sign, strlen(text + has_sign), &n, complaint) < 0)
        return complaint_prefix(complaint, "\"%.40s\"", text);
    if (n > STEP_MOST)
        return complaint_set(complaint, "\"%.40s\" is more than %u", text, STEP_MOST);
    json_object_set_new(
        args, has_sign ? "by" : "n", json_integer(text[0] == '-' ? -(json_int_t)n : (json_int_t)n));
    return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .no_wait = false };
    struct cmd_operands operands;
    struct complaint complaint;
    json_t *args;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 2, 2, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    args = json_pack("{s:s,s:b}", "service", operands.text[0], "wait", !values.no_wait);
    if (read_number(operands.text[1], args, &complaint) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        json_decref(args);
        return EXIT_CODE_USAGE;
    }
    return control_client_change(cmd, &values.client, "scale", args);
}

static const char *const examples[] = {
    "prefork scale echo 8",
    "at most eight workers, until the service is started anew",
    "prefork scale echo +1",
    "one more",
    "prefork scale echo 0",
    "as many as are configured",
    NULL,
};

const struct cmd cmd_scale = {
    .name = "scale",
    .operands = "SERVICE N|+N|-N",
    .summary = "change how many workers a service may have",
    .options = options_table,
    .examples = examples,
    .run = run,
};
