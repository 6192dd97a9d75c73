/* One job: what it is, how far it is, why it ended, what can be done. */
#include "supervisor/cli/cmd_job_show.h"

#include <ctype.h>
#include <stddef.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/cli/job_view.h"

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

static void show(void *owner, json_t *line) {
    const bool *is_json = owner;
    const struct job_view_place place = job_view_stdout();
    json_t *job = json_object_get(line, "job");

    if (job != NULL && *is_json)
        control_client_print_json(NULL, job);
    else if (job != NULL)
        job_view_write(&place, job);
}

/* A number, or the name of a definition. NULL with a complaint. */
static json_t *read_which(const char *text, struct complaint *complaint) {
    uint64_t id;

    if (!isdigit((unsigned char)text[0]))
        return json_text_new(text);
    return job_args_read_id(text, &id, complaint) == 0 ? json_integer((json_int_t)id) : NULL;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = "job.show", .line = show };
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    struct complaint complaint;
    json_t *which;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    which = read_which(operands.text[0], &complaint);
    if (which == NULL) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return EXIT_CODE_USAGE;
    }
    question.args = json_pack("{s:o}", "id", which);
    question.owner = &values.client.json;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork job show 17",
    "all of job 17: how far, how long, why it ended, what can be done now",
    "prefork job show nightly",
    "the same of the last run of what jobs.d/nightly.conf defines",
    NULL,
};

const struct cmd cmd_job_show = {
    .name = "job show",
    .operands = "ID|NAME",
    .summary = "all of one job: what, how far, why it ended, what to do next",
    .options = options_table,
    .examples = examples,
    .run = run,
};
