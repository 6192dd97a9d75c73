/* End a job, or let one that has ended badly go on. */
#include "supervisor/cli/cmd_job_cancel.h"

#include <inttypes.h>
#include <stddef.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/cli/json_read.h"

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

/* What the answer says: {"id","state"}, or the job itself. */
static void say(void *owner, json_t *line) {
    const json_t *job = json_object_get(line, "job");
    const char *state = json_read_text(job != NULL ? job : line, "state");
    const uint64_t *id = owner;

    if (state[0] != '\0')
        log_info("job %" PRIu64 " is %s", *id, state);
}

/* Both verbs. */
static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = cmd == &cmd_job_cancel ? "job.cancel"
                                                                               : "job.retry" };
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    struct complaint complaint;
    uint64_t id;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (job_args_read_id(operands.text[0], &id, &complaint) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return EXIT_CODE_USAGE;
    }
    question.args = json_pack("{s:I}", "id", (json_int_t)id);
    question.line = values.client.json ? control_client_print_json : say;
    question.owner = &id;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const cancel_examples[] = {
    "prefork job cancel 17",
    "end job 17; what is done is kept, and retry goes on from there",
    NULL,
};

const struct cmd cmd_job_cancel = {
    .name = "job cancel",
    .operands = "ID",
    .summary = "end a job, or take it out of the queue",
    .options = options_table,
    .examples = cancel_examples,
    .run = run,
};

static const char *const retry_examples[] = {
    "prefork job retry 17",
    "let job 17, that failed or was cancelled, go on where it was",
    NULL,
};

const struct cmd cmd_job_retry = {
    .name = "job retry",
    .operands = "ID",
    .summary = "let a job that ended badly go on where it was",
    .options = options_table,
    .examples = retry_examples,
    .run = run,
};
