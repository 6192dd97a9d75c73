/* The last events, and with --follow those that come, until nobody reads them any more. */
#include "supervisor/cli/cmd_events.h"

#include <inttypes.h>
#include <string.h>

#include "shared/escape.h"
#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/table.h"

#define KEPT 100

struct values {
    struct control_client_options client;
    uint64_t last;
    bool follow;
};

static const struct setting options_table[] = {
    { .name = "follow",
        .letter = 'f',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, follow),
        .help = "go on with those that come" },
    { .name = "last",
        .letter = 'n',
        .type = SETTING_NUMBER,
        .offset = offsetof(struct values, last),
        .operand = "N",
        .fallback_words = "100, and none with --follow",
        .max = KEPT,
        .help = "how many of those that have been" },
    CONTROL_CLIENT_SETTINGS(struct values, client, NULL),
    { .name = NULL },
};

static enum table_colour level_colour(const char *level) {
    if (strcmp(level, "error") == 0)
        return TABLE_BAD;
    return strcmp(level, "warn") == 0 ? TABLE_WARN : TABLE_PLAIN;
}

/* The time of day, when the stamp has the form of RFC 3339; else all of it. */
static const char *time_of_day(const char *stamp, int *out_len) {
    const char *mark = strchr(stamp, 'T');

    if (mark == NULL) {
        *out_len = (int)strlen(stamp);
        return stamp;
    }
    *out_len = (int)strcspn(mark + 1, ".,Z+-");
    return mark + 1;
}

void cmd_events_write(FILE *out, const json_t *event, bool has_colour) {
    const char *service = json_read_text(event, "service"), *msg = json_read_text(event, "msg");
    enum table_colour colour = level_colour(json_read_text(event, "level"));
    char text[1024], line[2048];
    int len, used;
    const char *time = time_of_day(json_read_text(event, "ts"), &len);

    used = snprintf(text, sizeof(text), "%.*s %s", len, time, service);
    if (json_read_number(event, "slot") > 0)
        used += snprintf(
            text + used, sizeof(text) - (size_t)used, "/%" PRIu64, json_read_number(event, "slot"));
    snprintf(text + used, sizeof(text) - (size_t)used, "%s%s", service[0] != '\0' ? ": " : "",
        msg[0] != '\0' ? msg : json_read_text(event, "event"));
    escape_line(line, sizeof(line), text, strlen(text));
    fprintf(out, "%s%s%s\n", table_colour_on(colour, has_colour), line,
        table_colour_off(colour, has_colour));
}

static void show(void *owner, json_t *object) {
    const struct values *values = owner;

    if (json_is_true(json_object_get(object, "following"))) {
        log_info("waiting for events; Ctrl-C ends it");
        return;
    }
    if (values->client.json) {
        control_client_print_json(NULL, object);
        return;
    }
    cmd_events_write(stdout, object, table_has_colour(stdout));
    fflush(stdout);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .last = UINT64_MAX };
    struct control_client_question question = { .verb = "events" };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 0, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (values.last == UINT64_MAX)
        values.last = values.follow ? 0 : KEPT;
    question.args = json_pack(
        "{s:b,s:I}", "follow", values.follow, "last", (json_int_t)values.last);
    question.line = show;
    question.owner = &values;
    question.is_endless = values.follow;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork events",
    "what the daemon remembers: the last hundred",
    "prefork events --follow",
    "watch: starts, deaths with their causes, changes of state",
    "prefork events -f --json | jq 'select(.event == \"worker_exit\")'",
    "for programs",
    NULL,
};

const struct cmd cmd_events = {
    .name = "events",
    .operands = "",
    .summary = "what has happened in the daemon, and what happens",
    .options = options_table,
    .examples = examples,
    .run = run,
};
