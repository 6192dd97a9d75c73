/* Follow a job: to its end, or byte by byte. Both go on when the daemon was away. */
#include "supervisor/cli/cmd_job_wait.h"

#include <stddef.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/cli/job_talk.h"
#include "supervisor/job/job_settings.h"

struct values {
    struct job_options talk;
    struct job_client_options client;
    uint64_t timeout_ms, from;
    bool no_follow;
};

#define TIMEOUT                                                                      \
    {                                                                                \
        .name = "timeout", .type = SETTING_DURATION,                                 \
        .offset = offsetof(struct values, timeout_ms), .operand = "TIME",            \
        .fallback_words = "none", .help = "give up after this time; the job goes on" \
    }
#define JSON(words)                                                                         \
    {                                                                                       \
        .name = "json", .type = SETTING_BOOL, .offset = offsetof(struct values, talk.json), \
        .help = (words)                                                                     \
    }

static const struct setting wait_table[] = {
    JOB_SETTINGS_TALK(struct values, talk.),
    JSON("the job at its end, in JSON"),
    TIMEOUT,
    JOB_CLIENT_SETTINGS(struct values, client),
    { .name = NULL },
};

static const struct setting result_table[] = {
    { .name = "no_follow",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, no_follow),
        .help = "what is there now, and no more" },
    { .name = "from",
        .type = SETTING_BYTES,
        .offset = offsetof(struct values, from),
        .operand = "BYTES",
        .fallback = "0",
        .max = INT64_MAX,
        .help = "leave so many bytes out at the beginning" },
    JOB_SETTINGS_TALK(struct values, talk.),
    JSON("what is said on stderr, in JSON"),
    TIMEOUT,
    JOB_CLIENT_SETTINGS(struct values, client),
    { .name = NULL },
};

static json_t *question_of(uint64_t id, const struct values *values, bool is_result) {
    if (!is_result)
        return json_pack("{s:I}", "id", (json_int_t)id);
    return json_pack("{s:I,s:I,s:b}", "id", (json_int_t)id, "from", (json_int_t)values->from,
        "follow", !values->no_follow);
}

/* Both verbs. */
static int run(const struct cmd *cmd, int argc, char **argv) {
    const bool is_result = cmd == &cmd_job_result;
    struct values values = { .from = 0 };
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
    struct job_talk talk = { .spec.options = values.talk,
        .client = { .cmd = cmd,
            .options = &values.client,
            .timeout_ms = values.timeout_ms,
            .verb = is_result ? "job.result" : "job.wait",
            .args = question_of(id, &values, is_result),
            .is_stream = is_result,
            .id = id,
            .from = values.from } };
    exit_code = job_talk_ask(&talk);
    json_decref(talk.client.args);
    job_talk_fini(&talk);
    return exit_code;
}

static const char *const wait_examples[] = {
    "prefork job wait 17",
    "show how far job 17 is, and end as it ends",
    "prefork job wait 17 --timeout 5m || echo not yet",
    "for five minutes at most",
    NULL,
};

const struct cmd cmd_job_wait = {
    .name = "job wait",
    .operands = "ID",
    .summary = "wait for the end of a job and exit as it did",
    .options = wait_table,
    .examples = wait_examples,
    .run = run,
};

static const char *const result_examples[] = {
    "prefork job result 17 >found.txt",
    "the result of job 17, while it runs in the order in which it will stand",
    "prefork job result 17 --from 1048576 >>found.txt",
    "go on with what was broken off after the first MiB",
    "prefork job result 17 --no-follow | tail",
    "what there is now",
    NULL,
};

const struct cmd cmd_job_result = {
    .name = "job result",
    .operands = "ID",
    .summary = "write the result of a job, as it comes while the job runs",
    .options = result_table,
    .examples = result_examples,
    .run = run,
};
