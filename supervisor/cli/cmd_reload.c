/* Reload and tell the verdict, service by service; or tell what a reload would do. */
#include "supervisor/cli/cmd_reload.h"

#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/table.h"

struct values {
    struct control_client_options client;
    bool wait, no_wait;
};

static const struct setting reload_table[] = {
    { .name = "wait",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, wait),
        .help = "wait for the verdict; so it does anyway" },
    CONTROL_CLIENT_NO_WAIT(struct values, no_wait),
    CONTROL_CLIENT_SETTINGS(struct values, client, NULL),
    { .name = NULL },
};

static const struct setting diff_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "60s"),
    { .name = NULL },
};

enum { COLUMN_NAME, COLUMN_ACTION, COLUMN_CHANGES, COLUMNS };

static const struct table_column job_columns[COLUMNS] = {
    [COLUMN_NAME] = { .name = "JOB" },
    [COLUMN_ACTION] = { .name = "ACTION" },
    [COLUMN_CHANGES] = { .name = "CHANGES" },
};

static const struct table_column service_columns[COLUMNS] = {
    [COLUMN_NAME] = { .name = "SERVICE" },
    [COLUMN_ACTION] = { .name = "ACTION" },
    [COLUMN_CHANGES] = { .name = "CHANGES" },
};

static enum table_colour colour_of(const char *action) {
    if (strcmp(action, "kept") == 0)
        return TABLE_DIM;
    return strcmp(action, "removed") == 0 ? TABLE_WARN : TABLE_GOOD;
}

/* What becomes of each service, or of each job; what: its name's key. */
static void print_list(
    const json_t *list, const struct table_column columns[COLUMNS], const char *what) {
    struct table table;
    const json_t *item;
    const char *action;
    size_t i, row;

    table_init(&table, columns, COLUMNS);
    json_array_foreach(list, i, item) {
        action = json_read_text(item, "action");
        row = table_add_row(&table);
        table_set(&table, row, COLUMN_NAME, TABLE_PLAIN, "%s", json_read_text(item, what));
        table_set(&table, row, COLUMN_ACTION, colour_of(action), "%s", action);
        table_set(&table, row, COLUMN_CHANGES, TABLE_PLAIN, "%s", json_read_text(item, "changes"));
    }
    if (json_array_size(list) > 0)
        table_write(&table, stdout, table_width_of(stdout), table_has_colour(stdout));
    table_fini(&table);
}

/* Warnings, and the mistakes but the first, which is the error that ends the answer. */
static void print_complaints(const json_t *verdict) {
    const char *error = json_read_text(verdict, "error"), *text;
    const json_t *complaint;
    size_t i;

    json_array_foreach(json_object_get(verdict, "complaints"), i, complaint) {
        text = json_string_value(complaint);
        if (text != NULL && strcmp(text, error) != 0)
            log_warnx("%s", text);
    }
}

static void keep(void *owner, json_t *object) {
    json_t **verdict = owner;

    json_decref(*verdict);
    *verdict = json_incref(object);
}

/* jobs: "" when there is none. */
static void print_job_supervisor(const char *jobs, bool is_reload) {
    if (jobs[0] != '\0' && strcmp(jobs, "kept") != 0)
        printf("the job supervisor %s %s\n", is_reload ? "was" : "would be", jobs);
}

static void print_verdict(const json_t *verdict, int exit_code, bool is_reload) {
    const char *daemon = json_read_text(verdict, "daemon"),
               *later = json_read_text(verdict, "at_next_start");

    print_complaints(verdict);
    if (exit_code == EXIT_CODE_OK || exit_code == EXIT_CODE_INCOMPLETE) {
        print_list(json_object_get(verdict, "services"), service_columns, "service");
        print_list(json_object_get(verdict, "jobs"), job_columns, "job");
        print_job_supervisor(json_read_text(verdict, "job_supervisor"), is_reload);
        if (daemon[0] != '\0')
            printf("%s\n", daemon);
        if (later[0] != '\0')
            log_warnx("from the next start of preforkd on: %s", later);
    }
    if (exit_code == EXIT_CODE_OK && is_reload)
        log_info("generation %llu is in force after %.1f ms",
            (unsigned long long)json_read_number(verdict, "generation"),
            (double)json_read_number(verdict, "took_us") / 1000);
}

/* args is taken. */
static int ask(const struct cmd *cmd, const struct values *values, const char *verb, json_t *args) {
    json_t *verdict = NULL;
    struct control_client_question question = { .verb = verb,
        .args = args,
        .line = values->client.json ? control_client_print_json : keep,
        .owner = &verdict };
    const int exit_code = control_client_ask(cmd, &values->client, &question);

    if (verdict != NULL)
        print_verdict(verdict, exit_code, cmd == &cmd_reload);
    else if (exit_code == EXIT_CODE_OK && values->no_wait && values->client.json)
        printf("{\"reloaded\":false}\n");
    else if (exit_code == EXIT_CODE_OK && values->no_wait)
        log_info("preforkd was told to reload");
    json_decref(verdict);
    return exit_code;
}

/* Both verbs: a reload, and what one would do. */
static int run(const struct cmd *cmd, int argc, char **argv) {
    const bool is_reload = cmd == &cmd_reload;
    struct values values = { .no_wait = false };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 0, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (values.wait && values.no_wait) {
        log_warnx("%s: --wait and --no-wait contradict each other", cmd->name);
        return EXIT_CODE_USAGE;
    }
    return ask(cmd, &values, is_reload ? "reload" : "diff",
        is_reload ? json_pack("{s:b}", "wait", !values.no_wait) : NULL);
}

static const char *const reload_examples[] = {
    "prefork reload",
    "read the files again; what changed gets new workers, all else stays as it is",
    NULL,
};

const struct cmd cmd_reload = {
    .name = "reload",
    .operands = "",
    .summary = "put a changed configuration into force, or change nothing and say why",
    .options = reload_table,
    .examples = reload_examples,
    .run = run,
};

static const char *const diff_examples[] = {
    "prefork config diff",
    "what a reload would do with each service and each defined job",
    NULL,
};

const struct cmd cmd_config_diff = {
    .name = "config diff",
    .operands = "",
    .summary = "what a reload would do",
    .options = diff_table,
    .examples = diff_examples,
    .run = run,
};
