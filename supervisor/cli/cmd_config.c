/*
 * The configuration is read by preforkd alone, so these verbs run it: -T to show what it makes of
 * the files, -t to check them. The daemon that runs says which files are meant.
 */
#include "supervisor/cli/cmd_config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/daemon_program.h"
#include "supervisor/cli/json_read.h"

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

static void keep_file(void *owner, json_t *object) {
    snprintf(owner, PATH_MAX, "%s", json_read_text(object, "file"));
}

/* The file of the daemon that runs. Returns an exit code. */
static int ask_file(
    const struct cmd *cmd, const struct values *values, char file[PATH_MAX], bool is_silent) {
    struct control_client_question question = {
        .verb = "config", .line = keep_file, .owner = file, .is_silent = is_silent
    };

    file[0] = '\0';
    return control_client_ask(cmd, &values->client, &question);
}

/* Become preforkd, or with --json show what it says in one object. */
static int run_daemon(const struct cmd *cmd, const struct values *values, const char **daemon) {
    json_t *lines, *complaints, *object;
    int exit_code;

    if (!values->client.json)
        return daemon_program_exec(cmd->name, daemon);
    exit_code = daemon_program_capture(cmd->name, daemon, &lines, &complaints);
    object = json_pack("{s:b,s:o,s:o}", "good", exit_code == EXIT_CODE_OK, "lines", lines,
        "complaints", complaints);
    control_client_print_json(NULL, object);
    json_decref(object);
    return exit_code;
}

static int run_show(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    char file[PATH_MAX];
    const char *daemon[] = { NULL, "-T", "-f", file, NULL };
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (operands.count == 1)
        daemon[3] = operands.text[0];
    else if ((exit_code = ask_file(cmd, &values, file, false)) != EXIT_CODE_OK)
        return exit_code;
    return run_daemon(cmd, &values, daemon);
}

/* Without a daemon the usual file is meant: preforkd knows which one that is. */
static int run_test(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    char file[PATH_MAX];
    const char *daemon[] = { NULL, "-t", "-f", file, NULL };
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (operands.count == 1)
        daemon[3] = operands.text[0];
    else if ((exit_code = ask_file(cmd, &values, file, true)) == EXIT_CODE_UNAVAILABLE)
        daemon[2] = NULL;
    else if (exit_code != EXIT_CODE_OK)
        return exit_code;
    return run_daemon(cmd, &values, daemon);
}

static const char *const show_examples[] = {
    "prefork config show",
    "every value that the daemon's files give, and where it comes from",
    "prefork config show ./preforkd.conf",
    "the same for another file; no daemon is needed",
    NULL,
};

const struct cmd cmd_config_show = {
    .name = "config show",
    .operands = "[FILE]",
    .summary = "the configuration as it is read, each value with its origin",
    .options = options_table,
    .examples = show_examples,
    .run = run_show,
};

static const char *const test_examples[] = {
    "prefork config test",
    "is what stands in the files right? Exit status 78 when it is not",
    "prefork config test ./preforkd.conf",
    "the same for another file",
    NULL,
};

const struct cmd cmd_config_test = {
    .name = "config test",
    .operands = "[FILE]",
    .summary = "check the configuration; every mistake with its file and line",
    .options = options_table,
    .examples = test_examples,
    .run = run_test,
};
