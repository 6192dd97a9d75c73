/* The daemon's answer as a table for a person; --json gives it as it came. */
#include "supervisor/cli/cmd_status.h"

#include <inttypes.h>
#include <string.h>

#include "shared/escape.h"
#include "shared/exit_code.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/prose.h"
#include "supervisor/cli/status_jobs.h"
#include "supervisor/cli/table.h"

#define INDENT 15 /* of what is said of one service */

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

enum {
    SERVICE,
    STATE,
    MODEL,
    WORKERS,
    NOW,
    TOTAL,
    REQUESTS,
    BYTES_IN,
    BYTES_OUT,
    QUEUE,
    RESTARTS,
    PSS,
    LISTEN,
    COLUMNS
};

static const struct table_column columns[COLUMNS] = {
    [SERVICE] = { .name = "SERVICE" },
    [STATE] = { .name = "STATE" },
    [MODEL] = { .name = "MODEL", .spared = 2 },
    [WORKERS] = { .name = "WORKERS", .is_number = true },
    [NOW] = { .name = "CONN", .is_number = true },
    [TOTAL] = { .name = "TOTAL", .is_number = true, .spared = 3 },
    [REQUESTS] = { .name = "REQUESTS", .is_number = true, .spared = 1 },
    [BYTES_IN] = { .name = "IN", .is_number = true, .spared = 8 },
    [BYTES_OUT] = { .name = "OUT", .is_number = true, .spared = 7 },
    [QUEUE] = { .name = "QUEUE", .is_number = true, .spared = 6 },
    [RESTARTS] = { .name = "RESTARTS", .is_number = true, .spared = 4 },
    [PSS] = { .name = "PSS", .is_number = true, .spared = 5 },
    [LISTEN] = { .name = "LISTEN" },
};

enum { SLOT, PID, WORKER_STATE, SESSIONS, WORKER_REQUESTS, UP, WORKER_PSS, WORKER_COLUMNS };

static const struct table_column worker_columns[WORKER_COLUMNS] = {
    [SLOT] = { .name = "SLOT", .is_number = true },
    [PID] = { .name = "PID", .is_number = true },
    [WORKER_STATE] = { .name = "STATE" },
    [SESSIONS] = { .name = "SESSIONS", .is_number = true },
    [WORKER_REQUESTS] = { .name = "REQUESTS", .is_number = true, .spared = 1 },
    [UP] = { .name = "UP", .is_number = true, .spared = 2 },
    [WORKER_PSS] = { .name = "PSS", .is_number = true, .spared = 3 },
};

static enum table_colour state_colour(const char *state) {
    if (strcmp(state, "RUNNING") == 0)
        return TABLE_GOOD;
    if (strcmp(state, "FATAL") == 0)
        return TABLE_BAD;
    return strcmp(state, "STOPPED") == 0 ? TABLE_DIM : TABLE_WARN;
}

static enum table_colour worker_colour(const char *state) {
    if (strcmp(state, "idle") == 0 || strcmp(state, "active") == 0)
        return TABLE_PLAIN;
    return TABLE_WARN;
}

static uint64_t sum_of_workers(const json_t *service, const char *key) {
    const json_t *workers = json_object_get(service, "workers");
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(workers); i++)
        sum += json_read_number(json_array_get(workers, i), key);
    return sum;
}

static void set_number(
    struct table *table, size_t row, size_t column, const json_t *object, const char *key) {
    table_set(table, row, column, TABLE_PLAIN, "%" PRIu64, json_read_number(object, key));
}

static void set_bytes(struct table *table, size_t row, size_t column, uint64_t bytes) {
    char text[NUMBER_TEXT_MAX];

    table_set(
        table, row, column, TABLE_PLAIN, "%s", bytes > 0 ? number_format_bytes(text, bytes) : "-");
}

static void add_service(struct table *table, const json_t *service) {
    const char *state = json_read_text(service, "state");
    const json_t *queue = json_object_get(service, "queue");
    uint64_t ready = json_read_number(service, "ready"),
             wanted = json_read_number(service, "wanted"),
             waiting = json_read_number(queue, "waiting");
    size_t row = table_add_row(table);
    char listen[TABLE_CELL_MAX];

    table_set(table, row, SERVICE, TABLE_PLAIN, "%s", json_read_text(service, "name"));
    table_set(table, row, STATE, state_colour(state), "%s", state);
    table_set(table, row, MODEL, TABLE_PLAIN, "%s", json_read_text(service, "model"));
    table_set(table, row, WORKERS, ready < wanted ? TABLE_WARN : TABLE_PLAIN,
        "%" PRIu64 "/%" PRIu64, ready, wanted);
    set_number(table, row, NOW, service, "connections");
    set_number(table, row, TOTAL, service, "connections_total");
    set_number(table, row, REQUESTS, service, "requests");
    set_bytes(table, row, BYTES_IN, json_read_number(service, "bytes_in"));
    set_bytes(table, row, BYTES_OUT, json_read_number(service, "bytes_out"));
    if (json_is_object(queue))
        table_set(table, row, QUEUE, waiting > 0 ? TABLE_WARN : TABLE_PLAIN, "%" PRIu64, waiting);
    else
        table_set(table, row, QUEUE, TABLE_PLAIN, "-");
    set_number(table, row, RESTARTS, service, "restarts");
    set_bytes(table, row, PSS, sum_of_workers(service, "pss_bytes"));
    table_set(table, row, LISTEN, TABLE_PLAIN, "%s",
        json_read_joined(service, "listen", listen, sizeof(listen)));
}

/* One line: what runs. */
static void write_summary(const struct cmd_status_place *place, const json_t *status) {
    const json_t *services = json_object_get(status, "services"), *service;
    size_t count = json_array_size(services), running = 0, workers = 0;
    struct prose prose = { .len = 0 };
    uint64_t connections = 0;
    char span[NUMBER_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        service = json_array_get(services, i);
        running += strcmp(json_read_text(service, "state"), "RUNNING") == 0;
        workers += json_array_size(json_object_get(service, "workers"));
        connections += json_read_number(service, "connections");
    }
    prose_add(&prose,
        "preforkd %s, pid %" PRIu64 ", up %s%s: %zu of %zu service%s running, %zu worker%s, "
        "%" PRIu64 " connection%s",
        json_read_text(status, "version"), json_read_number(status, "pid"),
        json_read_span(span, json_read_number(status, "uptime_s")),
        json_is_true(json_object_get(status, "is_stopping")) ? ", stopping" : "", running, count,
        count == 1 ? "" : "s", workers, workers == 1 ? "" : "s", connections,
        connections == 1 ? "" : "s");
    prose_write(&prose, place->out, "", 0, place->width);
}

/* Text of the daemon, safe for a terminal. */
static void write_escaped(FILE *out, const char *text) {
    char line[1024];

    escape_line(line, sizeof(line), text, strlen(text));
    fputs(line, out);
}

/* Why it is not as it should be; nothing when it is. */
static void write_trouble(const struct cmd_status_place *place, const json_t *service) {
    const char *state = json_read_text(service, "state"),
               *reason = json_read_text(service, "state_reason");
    const json_t *death = json_object_get(service, "last_death");
    enum table_colour colour = state_colour(state);
    struct prose prose = { .len = 0 };
    char span[NUMBER_TEXT_MAX];

    if (strcmp(state, "RUNNING") == 0 || (reason[0] == '\0' && !json_is_object(death)))
        return;
    prose_add(&prose, "%s is %s for %s%s%s", json_read_text(service, "name"), state,
        json_read_span(span, json_read_number(service, "state_for_s")),
        reason[0] != '\0' ? ": " : "", reason);
    if (json_is_object(death))
        prose_add(&prose, "; a worker %s, %s ago", json_read_text(death, "words"),
            json_read_span(span, json_read_number(death, "ago_s")));
    fputs(table_colour_on(colour, place->has_colour), place->out);
    prose_write(&prose, place->out, "", 0, place->width);
    fputs(table_colour_off(colour, place->has_colour), place->out);
}

void cmd_status_write(const struct cmd_status_place *place, const json_t *status) {
    const json_t *services = json_object_get(status, "services");
    struct table table;

    write_summary(place, status);
    status_jobs_write_line(place, json_object_get(status, "jobs"));
    if (json_array_size(services) == 0)
        return;
    table_init(&table, columns, COLUMNS);
    for (size_t i = 0; i < json_array_size(services); i++)
        add_service(&table, json_array_get(services, i));
    fputc('\n', place->out);
    table_write(&table, place->out, place->width, place->has_colour);
    table_fini(&table);
    for (size_t i = 0; i < json_array_size(services); i++)
        write_trouble(place, json_array_get(services, i));
}

/* ---- one service ---- */

static void write_workers(const struct cmd_status_place *place, const json_t *workers) {
    struct table table;
    char span[NUMBER_TEXT_MAX];
    const json_t *worker;
    const char *state;
    size_t row;

    table_init(&table, worker_columns, WORKER_COLUMNS);
    for (size_t i = 0; i < json_array_size(workers); i++) {
        worker = json_array_get(workers, i);
        state = json_read_text(worker, "state");
        row = table_add_row(&table);
        set_number(&table, row, SLOT, worker, "slot");
        set_number(&table, row, PID, worker, "pid");
        table_set(&table, row, WORKER_STATE, worker_colour(state), "%s", state);
        set_number(&table, row, SESSIONS, worker, "sessions");
        set_number(&table, row, WORKER_REQUESTS, worker, "requests");
        table_set(&table, row, UP, TABLE_PLAIN, "%s",
            json_read_span(span, json_read_number(worker, "uptime_s")));
        set_bytes(&table, row, WORKER_PSS, json_read_number(worker, "pss_bytes"));
    }
    fputc('\n', place->out);
    table_write(&table, place->out, place->width, place->has_colour);
    table_fini(&table);
}

static void write_traffic(FILE *out, const json_t *service) {
    char in[NUMBER_TEXT_MAX], sent[NUMBER_TEXT_MAX];
    const json_t *queue = json_object_get(service, "queue");

    fprintf(out, "  connections  %" PRIu64 " now, %" PRIu64 " in all, %" PRIu64 " refused",
        json_read_number(service, "connections"), json_read_number(service, "connections_total"),
        json_read_number(service, "refused"));
    fprintf(out, ", %" PRIu64 " timed out, %" PRIu64 " cut\n",
        json_read_number(service, "timed_out"), json_read_number(service, "cut"));
    fprintf(out, "  handed over  %" PRIu64 " sessions; %" PRIu64 " requests cut off unanswered\n",
        json_read_number(service, "handed_over"), json_read_number(service, "cut_unanswered"));
    fprintf(out, "  requests     %" PRIu64 ", %" PRIu64 " datagrams, %" PRIu64 " dropped\n",
        json_read_number(service, "requests"), json_read_number(service, "datagrams"),
        json_read_number(service, "dropped"));
    fprintf(out, "  bytes        %s in, %s out\n",
        number_format_bytes(in, json_read_number(service, "bytes_in")),
        number_format_bytes(sent, json_read_number(service, "bytes_out")));
    if (json_is_object(queue))
        fprintf(out,
            "  queue        %" PRIu64 " of %" PRIu64 " connections wait, %s of datagrams, "
            "%" PRIu64 " overrun\n",
            json_read_number(queue, "waiting"), json_read_number(queue, "limit"),
            number_format_bytes(in, json_read_number(queue, "waiting_bytes")),
            json_read_number(queue, "overrun"));
}

static void write_deaths(const struct cmd_status_place *place, const json_t *service) {
    const json_t *death = json_object_get(service, "last_death");
    struct prose prose = { .len = 0 };
    char span[NUMBER_TEXT_MAX];

    prose_add(&prose, "%" PRIu64, json_read_number(service, "restarts"));
    if (json_is_object(death))
        prose_add(&prose, "; %s ago a worker %s",
            json_read_span(span, json_read_number(death, "ago_s")), json_read_text(death, "words"));
    prose_write(&prose, place->out, "  restarts", INDENT, place->width);
}

static void write_listen(const struct cmd_status_place *place, const json_t *service) {
    struct prose prose = { .len = 0 };
    char listen[1024];

    json_read_joined(service, "listen", listen, sizeof(listen));
    prose_add(&prose, "%s", listen[0] != '\0' ? listen : "nowhere");
    prose_write(&prose, place->out, "  listen", INDENT, place->width);
}

void cmd_status_write_service(const struct cmd_status_place *place, const json_t *service) {
    const char *state = json_read_text(service, "state"),
               *reason = json_read_text(service, "state_reason");
    enum table_colour colour = state_colour(state);
    const json_t *workers = json_object_get(service, "workers");
    char span[NUMBER_TEXT_MAX];
    FILE *out = place->out;

    fprintf(out, "%s is %s%s%s for %s", json_read_text(service, "name"),
        table_colour_on(colour, place->has_colour), state,
        table_colour_off(colour, place->has_colour),
        json_read_span(span, json_read_number(service, "state_for_s")));
    if (reason[0] != '\0') {
        fputs(": ", out);
        write_escaped(out, reason);
    }
    fprintf(out, "\n  type         %s, model %s, pm %s\n", json_read_text(service, "type"),
        json_read_text(service, "model"), json_read_text(service, "pm"));
    write_listen(place, service);
    fprintf(out, "  workers      %" PRIu64 " ready of %" PRIu64 " wanted, at most %" PRIu64 "\n",
        json_read_number(service, "ready"), json_read_number(service, "wanted"),
        json_read_number(service, "max_children"));
    write_traffic(out, service);
    write_deaths(place, service);
    if (json_array_size(workers) > 0)
        write_workers(place, workers);
}

static void show(void *owner, json_t *status) {
    const bool *is_one = owner;
    struct cmd_status_place place = {
        .out = stdout, .width = table_width_of(stdout), .has_colour = table_has_colour(stdout)
    };

    if (*is_one && json_object_get(status, "jobs") != NULL)
        status_jobs_write(&place, json_object_get(status, "jobs"));
    else if (*is_one)
        cmd_status_write_service(&place, json_array_get(json_object_get(status, "services"), 0));
    else
        cmd_status_write(&place, status);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = "status" };
    struct cmd_operands operands;
    struct values values = { .client.json = false };
    bool is_one;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    is_one = operands.count == 1;
    if (is_one)
        question.args = json_pack("{s:s}", "service", operands.text[0]);
    question.owner = &is_one;
    question.line = values.client.json ? control_client_print_json : show;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork status",
    "all services, one line each",
    "prefork status echo",
    "one service with its workers",
    "prefork status jobs",
    "the job supervisor with its workers",
    "prefork status --json | jq '.services[].state'",
    "for programs",
    NULL,
};

const struct cmd cmd_status = {
    .name = "status",
    .operands = "[SERVICE|jobs]",
    .summary = "how the services are: states, workers, connections, ports",
    .options = options_table,
    .examples = examples,
    .run = run,
};
