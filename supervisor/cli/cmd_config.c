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

/* What preforkd says, in one object. is_dump: it writes the configuration as JSON itself. */
static int show_json(const struct cmd *cmd, const char **daemon, bool is_dump) {
    json_t *lines, *complaints, *object, *config;
    int exit_code = daemon_program_capture(cmd->name, daemon, &lines, &complaints);

    object = json_pack("{s:b}", "good", exit_code == EXIT_CODE_OK);
    if (is_dump) {
        config = json_array_size(lines) == 1
                     ? json_loads(json_string_value(json_array_get(lines, 0)), 0, NULL)
                     : NULL;
        json_object_set_new(object, "config", config != NULL ? config : json_null());
    } else {
        json_object_set(object, "lines", lines);
    }
    json_object_set(object, "complaints", complaints);
    control_client_print_json(NULL, object);
    json_decref(object);
    json_decref(lines);
    json_decref(complaints);
    return exit_code;
}

/*
 * Run preforkd with this option on the file that is meant. Without a daemon, and when is_usual, the
 * usual file is: preforkd knows which one that is.
 */
static int run_on_file(const struct cmd *cmd, char **argv, const char *option, bool is_usual) {
    const bool is_dump = strcmp(option, "-T") == 0;
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    char file[PATH_MAX];
    const char *daemon[] = { NULL, option, NULL, NULL, NULL, NULL };
    int exit_code, count = 2;

    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (operands.count == 0)
        exit_code = ask_file(cmd, &values, file, is_usual);
    if (operands.count == 0 && exit_code != EXIT_CODE_OK &&
        !(is_usual && exit_code == EXIT_CODE_UNAVAILABLE))
        return exit_code;
    if (exit_code != EXIT_CODE_UNAVAILABLE) {
        daemon[count++] = "-f";
        daemon[count++] = operands.count == 1 ? operands.text[0] : file;
    }
    if (!values.client.json)
        return daemon_program_exec(cmd->name, daemon);
    if (is_dump)
        daemon[count] = "--json";
    return show_json(cmd, daemon, is_dump);
}

static int run_show(const struct cmd *cmd, int argc, char **argv) {
    (void)argc;
    return run_on_file(cmd, argv, "-T", false);
}

static int run_test(const struct cmd *cmd, int argc, char **argv) {
    (void)argc;
    return run_on_file(cmd, argv, "-t", true);
}

static const char *const show_examples[] = {
    "prefork config show",
    "every value that the daemon's files give, and where it comes from",
    "prefork config show ./preforkd.conf",
    "the same for another file; no daemon is needed",
    "prefork config show --json | jq '.config.services[].keys.max_children.value'",
    "for programs",
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
