/* The facts are the daemon's; here they become paragraphs, topic by topic. */
#include "supervisor/cli/cmd_explain.h"

#include <string.h>

#include "supervisor/cli/control_client.h"
#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/table.h"

#define INDENT 10

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

struct topic {
    const char *label; /* NULL ends a list */
    void (*say)(struct prose *prose, const json_t *facts);
};

static const struct topic service_topics[] = {
    { "size", explain_pool_say_size },
    { "scaled", explain_pool_say_scale },
    { "restarts", explain_pool_say_backoff },
    { "deaths", explain_pool_say_deaths },
    { "queue", explain_peers_say_queue },
    { "refused", explain_peers_say_refused },
    { "replaced", explain_workers_say_replacing },
    { "idle", explain_peers_say_stop },
    { .label = NULL },
};

static const struct topic jobs_topics[] = {
    { "wanted", explain_jobs_say_wanted },
    { "work", explain_jobs_say_work },
    { "restarts", explain_jobs_say_backoff },
    { "leaving", explain_jobs_say_leaving },
    { "deaths", explain_jobs_say_last_death },
    { .label = NULL },
};

static void write_head(FILE *out, unsigned width, const json_t *facts) {
    struct prose prose = { .len = 0 };
    char text[NUMBER_TEXT_MAX];

    prose_add(&prose, "%s is %s for %s%s%s.",
        strcmp(json_read_text(facts, "kind"), "jobs") == 0 ? "the job supervisor"
                                                           : json_read_text(facts, "service"),
        json_read_text(facts, "state"), explain_span(text, facts, "state_for_ms"),
        explain_has(facts, "state_reason") ? ": " : "", json_read_text(facts, "state_reason"));
    prose_write(&prose, out, "", 0, width);
}

/* One paragraph for each of the list. */
static void write_each(FILE *out, unsigned width, const json_t *list, const char *label,
    void (*say)(struct prose *prose, const json_t *one)) {
    struct prose prose;

    for (size_t i = 0; i < json_array_size(list); i++) {
        prose = (struct prose){ .len = 0 };
        say(&prose, json_array_get(list, i));
        prose_write(&prose, out, label, INDENT, width);
    }
}

void cmd_explain_write(FILE *out, unsigned width, const json_t *facts) {
    const bool is_jobs = strcmp(json_read_text(facts, "kind"), "jobs") == 0;
    const struct topic *topic = is_jobs ? jobs_topics : service_topics;
    struct prose prose;

    write_head(out, width, facts);
    for (; topic->label != NULL; topic++) {
        prose = (struct prose){ .len = 0 };
        topic->say(&prose, facts);
        prose_write(&prose, out, topic->label, INDENT, width);
    }
    write_each(out, width, json_object_get(facts, "deaths"), "death", explain_pool_say_death);
    if (!is_jobs)
        write_each(
            out, width, json_object_get(facts, "leaving"), "leaving", explain_workers_say_leaving);
}

static void show(void *owner, json_t *facts) {
    (void)owner;
    cmd_explain_write(stdout, table_width_of(stdout), facts);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = "explain" };
    struct cmd_operands operands;
    struct values values = { .client.json = false };
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    question.args = json_pack("{s:s}", "service", operands.text[0]);
    question.line = values.client.json ? control_client_print_json : show;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork explain echo",
    "why its pool has this size, who holds a drain open, what was refused by which limit",
    "prefork explain jobs",
    "why there is a job supervisor or none, what it does, how it died",
    "prefork explain echo --json | jq .fork.next_try_ms",
    "the facts, for programs",
    NULL,
};

const struct cmd cmd_explain = {
    .name = "explain",
    .operands = "SERVICE|jobs",
    .summary = "why a service is as it is: its size, its deaths, who holds a drain open",
    .options = options_table,
    .examples = examples,
    .run = run,
};
