/* The jobs of the daemon, or those that its files define, as a table. */
#include "supervisor/cli/cmd_job_list.h"

#include <stddef.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/job_view.h"

struct values {
    struct control_client_options client;
    uint64_t last;
    bool all, definitions;
};

static const struct setting options_table[] = {
    { .name = "all",
        .letter = 'a',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, all),
        .help = "those that have ended, too" },
    { .name = "last",
        .letter = 'n',
        .type = SETTING_NUMBER,
        .offset = offsetof(struct values, last),
        .operand = "N",
        .fallback_words = "all",
        .min = 1,
        .max = INT32_MAX,
        .help = "only the newest N" },
    { .name = "definitions",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, definitions),
        .help = "the jobs that files define, and when each runs next" },
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

struct listing {
    const char *key; /* of the object in each line */
    json_t *list;    /* NULL: print them as they come */
};

static void take(void *owner, json_t *line) {
    struct listing *listing = owner;
    json_t *object = json_object_get(line, listing->key);

    if (object == NULL)
        return;
    if (listing->list == NULL)
        control_client_print_json(NULL, object);
    else
        json_array_append(listing->list, object);
}

static void write_list(const struct listing *listing, const struct values *values) {
    const struct job_view_place place = job_view_stdout();

    if (json_array_size(listing->list) == 0)
        log_info("%s", values->definitions ? "no file defines a job"
                       : values->all       ? "there is no job"
                                           : "no job waits or runs; --all shows those that were");
    else if (values->definitions)
        job_view_write_definitions(&place, listing->list);
    else
        job_view_write_list(&place, listing->list);
}

static json_t *question_of(const struct values *values) {
    if (values->definitions)
        return json_pack("{s:b}", "definitions", true);
    if (values->last == 0)
        return json_pack("{s:b}", "all", values->all);
    return json_pack("{s:b,s:I}", "all", values->all, "last", (json_int_t)values->last);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .all = false };
    struct listing listing = { .list = NULL };
    struct control_client_question question = { .verb = "job.list", .line = take };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 0, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (values.definitions && (values.all || values.last != 0)) {
        log_warnx("%s: --all and --last are for jobs, not for --definitions", cmd->name);
        return EXIT_CODE_USAGE;
    }
    listing.key = values.definitions ? "definition" : "job";
    if (!values.client.json)
        listing.list = json_array();
    question.args = question_of(&values);
    question.owner = &listing;
    exit_code = control_client_ask(cmd, &values.client, &question);
    if (exit_code == EXIT_CODE_OK && listing.list != NULL)
        write_list(&listing, &values);
    json_decref(listing.list);
    return exit_code;
}

static const char *const examples[] = {
    "prefork job list",
    "the jobs that wait and run",
    "prefork job list --all --last 20",
    "the newest twenty, with those that have ended and why",
    "prefork job list --definitions",
    "what the files in jobs.d define, and when it runs next",
    "prefork job list --all --json | jq 'select(.state == \"failed\").id'",
    "for programs: an object for each job",
    NULL,
};

const struct cmd cmd_job_list = {
    .name = "job list",
    .operands = "",
    .summary = "the jobs of the daemon: state, how far, since when",
    .options = options_table,
    .examples = examples,
    .run = run,
};
