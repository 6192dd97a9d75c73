/* The ports that are open, beside those that the configuration names. */
#include "supervisor/cli/cmd_ports.h"

#include <inttypes.h>

#include "shared/log.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/table.h"

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

enum { SERVICE, PROTO, ADDRESS, PORT, WANTED, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [SERVICE] = { .name = "SERVICE" },
    [PROTO] = { .name = "PROTO" },
    [ADDRESS] = { .name = "ADDRESS" },
    [PORT] = { .name = "PORT", .is_number = true },
    [WANTED] = { .name = "WANTED", .is_number = true },
};

/* A number, or a dash where a UNIX socket has none. */
static void set_port(
    struct table *table, size_t row, size_t column, enum table_colour colour, const json_t *port) {
    if (json_is_integer(port))
        table_set(table, row, column, colour, "%" JSON_INTEGER_FORMAT, json_integer_value(port));
    else
        table_set(table, row, column, TABLE_PLAIN, "-");
}

static void add_port(struct table *table, const json_t *object) {
    const json_t *port = json_object_get(object, "port"),
                 *wanted = json_object_get(object, "wanted");
    size_t row = table_add_row(table);

    table_set(table, row, SERVICE, TABLE_PLAIN, "%s", json_read_text(object, "service"));
    table_set(table, row, PROTO, TABLE_PLAIN, "%s", json_read_text(object, "proto"));
    table_set(table, row, ADDRESS, TABLE_PLAIN, "%s", json_read_text(object, "address"));
    set_port(table, row, PORT, json_equal(port, wanted) ? TABLE_PLAIN : TABLE_WARN, port);
    set_port(table, row, WANTED, TABLE_PLAIN, wanted);
}

void cmd_ports_write(FILE *out, const json_t *ports, unsigned width, bool has_colour) {
    struct table table;

    table_init(&table, columns, COLUMNS);
    for (size_t i = 0; i < json_array_size(ports); i++)
        add_port(&table, json_array_get(ports, i));
    table_write(&table, out, width, has_colour);
    table_fini(&table);
}

static void show(void *owner, json_t *ports) {
    (void)owner;
    if (json_array_size(ports) == 0)
        log_info("no service listens");
    else
        cmd_ports_write(stdout, ports, table_width_of(stdout), table_has_colour(stdout));
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .client.json = false };
    struct control_client_question question = { .verb = "ports" };
    struct cmd_operands operands;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 0, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    question.line = values.client.json ? control_client_print_json : show;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork ports",
    "where each service listens, and where it was to listen",
    "prefork ports --json | jq '.[] | select(.service == \"echo\").port'",
    "the port of echo, for a program",
    NULL,
};

const struct cmd cmd_ports = {
    .name = "ports",
    .operands = "",
    .summary = "where the services listen, and where they were to",
    .options = options_table,
    .examples = examples,
    .run = run,
};
