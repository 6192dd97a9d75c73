/*
 * One service in the foreground. The command line becomes a configuration, and a daemon of its own
 * runs on that: there is one way to serve.
 */
#include "supervisor/cli/cmd_serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/ask.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/net.h"
#include "shared/number.h"
#include "shared/suggest.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/serve_config.h"
#include "supervisor/cli/serve_daemon.h"
#include "workers/services/service.h"

#define ANSWER_MS 10000

struct values {
    unsigned model, lang;
    uint64_t workers, threads;
    const char *address;
    struct setting_texts set;
    bool udp, json, no_input;
};

static const char *const models[] = { "process", "thread", "event", NULL };
static const char *const langs[] = { "auto", "en", "ru", NULL };

#define MODEL_UNSET 3 /* that of the service */

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(model), .type = SETTING_CHOICE, .choices = models, .operand = "MODEL",
        .fallback_words = "that of the service, in preforkd.conf(5)",
        .help = "what serves a session: a process, a thread, an event loop" },
    { OPTION(workers), .type = SETTING_NUMBER, .operand = "N", .min = 1, .max = 1000,
        .fallback_words = "as many as are busy, within the limits of preforkd.conf(5)",
        .help = "worker processes" },
    { OPTION(threads), .type = SETTING_NUMBER, .operand = "N", .min = 1, .max = 256,
        .fallback_words = "that of preforkd.conf(5)",
        .help = "sessions that a worker of model thread serves at once" },
    { OPTION(address), .type = SETTING_TEXT, .operand = "ADDRESS",
        .fallback_words = "that of the service: loopback",
        .help = "the numeric address to listen on; 0.0.0.0 or :: for all interfaces" },
    { OPTION(udp), .type = SETTING_BOOL, .help = "listen for datagrams instead of connections" },
    { OPTION(set), .type = SETTING_TEXTS, .operand = "KEY=VALUE",
        .help = "any key of the service as preforkd.conf(5) lists them; may be repeated" },
    { OPTION(lang), .type = SETTING_CHOICE, .choices = langs, .operand = "LANG", .fallback = "auto",
        .help = "the language of what is shown and served; auto is that of $LANG" },
    { OPTION(no_input), .type = SETTING_BOOL, .help = "do not ask for the port" },
    { OPTION(json), .type = SETTING_BOOL,
        .help = "say where it listens, and its end, in JSON, and nothing else on stdout" },
    { .name = NULL },
};

struct serving {
    const struct service_ops *type;
    const struct values *values;
    struct serve_config config;
};

static const struct service_ops *find_type(const char *name, struct complaint *complaint) {
    const struct service_ops *type = services_find(name);
    struct suggestion best = { .word = "" };
    char there[256] = "";
    size_t used = 0;

    if (type != NULL)
        return type;
    for (size_t i = 0; services_table[i] != NULL; i++) {
        suggest_offer(&best, name, services_table[i]->name);
        if (used < sizeof(there))
            used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s", i > 0 ? ", " : "",
                services_table[i]->name);
    }
    if (best.word[0] != '\0')
        complaint_set(
            complaint, "unknown service \"%.40s\", did you mean \"%s\"?", name, best.word);
    else
        complaint_set(complaint, "unknown service \"%.40s\"; there are: %s", name, there);
    return NULL;
}

/* ---- where to listen ---- */

static int take_proto(struct serving *serving, struct complaint *complaint) {
    if (!serving->values->udp)
        return 0;
    if ((serving->type->flags & SERVICE_DATAGRAM) == 0)
        return complaint_set(complaint, "%s does not take datagrams", serving->type->name);
    serving->config.proto = NET_UDP;
    return 0;
}

static int take_address(struct serving *serving, struct complaint *complaint) {
    const char *address = serving->values->address;
    const uint16_t port = net_port(&serving->config.address);
    const bool is_v6 = address != NULL && strchr(address, ':') != NULL && address[0] != '[';
    char url[NET_TEXT_MAX];
    enum net_proto proto;

    if (address == NULL)
        return 0;
    snprintf(url, sizeof(url), "%s://%s%.80s%s:%u", net_proto_name(serving->config.proto),
        is_v6 ? "[" : "", address, is_v6 ? "]" : "", port);
    if (net_parse(url, &proto, &serving->config.address, complaint) < 0)
        return complaint_prefix(complaint, "--address %.80s", address);
    return 0;
}

static int read_port(const char *text, size_t len, uint16_t *out, struct complaint *complaint) {
    uint64_t port;

    if (number_parse_u64(text, len, &port, complaint) < 0 || port < 1 || port > 65535)
        return complaint_set(
            complaint, "\"%.*s\" is no port: 1 to 65535", (int)(len < 40 ? len : 40), text);
    *out = (uint16_t)port;
    return 0;
}

struct asked {
    struct serving *serving;
    const char *usual;
    uint16_t *port;
};

static int check_port(void *owner, const char *text, struct complaint *complaint) {
    const struct asked *asked = owner;
    const bool is_typed = text != asked->usual;
    int rc = is_typed ? read_port(text, strlen(text), asked->port, complaint) : 0;

    asked->serving->config.is_port_chosen = is_typed && rc == 0;
    return rc;
}

/* Ask on the terminal; an empty line takes the default. Returns an exit code. */
static int ask_port(struct serving *serving, uint16_t *out, struct complaint *complaint) {
    char usual[8];
    struct asked asked = { .serving = serving, .usual = usual, .port = out };
    const struct ask_question question = {
        .words = serving->config.is_russian ? "Порт" : "Port",
        .fallback = usual,
        .check = check_port,
        .owner = &asked,
    };

    snprintf(usual, sizeof(usual), "%u", *out);
    return ask_person(&question, complaint);
}

/* Returns an exit code. */
static int take_port(struct serving *serving, const char *operand, struct complaint *complaint) {
    uint16_t port = net_port(&serving->config.address);
    int exit_code = EXIT_CODE_OK;

    if (operand != NULL) {
        serving->config.is_port_chosen = true;
        if (read_port(operand, strlen(operand), &port, complaint) < 0)
            exit_code = EXIT_CODE_USAGE;
    } else if (!serving->values->no_input && isatty(STDIN_FILENO)) {
        exit_code = ask_port(serving, &port, complaint);
    }
    net_set_port(&serving->config.address, port);
    return exit_code;
}

/* ---- in JSON ---- */

/* What say_listening() asks. */
struct telling {
    const struct cmd *cmd;
    const struct serve_daemon *daemon;
};

static void say_port(void *owner, json_t *ports) {
    const struct telling *telling = owner;
    json_t *line;

    for (size_t i = 0; i < json_array_size(ports); i++) {
        line = json_pack("{s:s}", "event", "listening");
        json_object_update(line, json_array_get(ports, i));
        json_object_set_new(line, "control", json_string(telling->daemon->control_socket));
        control_client_print_json(NULL, line);
        json_decref(line);
    }
}

static void say_listening(void *owner) {
    const struct telling *telling = owner;
    const struct control_client_options options = { .control = telling->daemon->control_socket,
        .timeout_ms = ANSWER_MS };
    struct control_client_question question = {
        .verb = "ports", .line = say_port, .owner = owner, .is_silent = true
    };

    control_client_ask(telling->cmd, &options, &question);
}

static void say_end(int exit_code) {
    json_t *line = json_pack("{s:s,s:i}", "event", "end", "exit", exit_code);

    control_client_print_json(NULL, line);
    json_decref(line);
}

/* Returns an exit code. */
static int serve(const struct cmd *cmd, const struct serving *serving) {
    struct serve_daemon daemon = { .folder = "" };
    struct telling telling = { .cmd = cmd, .daemon = &daemon };
    struct complaint complaint;
    int exit_code;

    if (serving->values->json) {
        daemon.serving = say_listening;
        daemon.owner = &telling;
    }
    exit_code = serve_config_write(&serving->config, &daemon, &complaint);
    if (exit_code != EXIT_CODE_OK) {
        log_warnx("%s: %s", cmd->name, complaint.text);
    } else {
        log_info("look at it with: prefork --control %s status", daemon.control_socket);
        exit_code = serve_daemon_run(&daemon, cmd->name);
    }
    serve_daemon_remove(&daemon);
    if (serving->values->json)
        say_end(exit_code);
    return exit_code;
}

/* Returns an exit code. */
static int prepare(
    struct serving *serving, const struct cmd_operands *operands, struct complaint *complaint) {
    const struct values *values = serving->values;

    serving->config.is_russian = values->lang == 0 ? ask_is_russian()
                                                   : strcmp(langs[values->lang], "ru") == 0;
    serving->type = find_type(operands->text[0], complaint);
    if (serving->type == NULL)
        return EXIT_CODE_USAGE;
    serving->config.service = serving->type->name;
    if (values->threads > 0 &&
        (values->model == MODEL_UNSET || strcmp(models[values->model], "thread") != 0)) {
        complaint_set(complaint, "--threads is for --model thread");
        return EXIT_CODE_USAGE;
    }
    if (net_parse(serving->type->listen, &serving->config.proto, &serving->config.address,
            complaint) < 0 ||
        take_proto(serving, complaint) < 0 || take_address(serving, complaint) < 0)
        return EXIT_CODE_USAGE;
    return take_port(serving, operands->count > 1 ? operands->text[1] : NULL, complaint);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .model = MODEL_UNSET };
    struct serving serving = { .values = &values, .config.set = &values.set };
    struct cmd_operands operands;
    struct complaint complaint;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 2, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    serving.config.model = models[values.model];
    serving.config.workers = values.workers;
    serving.config.threads = values.threads;
    serving.config.has_console = !values.json;
    exit_code = prepare(&serving, &operands, &complaint);
    if (exit_code != EXIT_CODE_OK) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return exit_code;
    }
    return serve(cmd, &serving);
}

static void write_services(FILE *out) {
    fprintf(out, "\nservices:\n");
    for (size_t i = 0; services_table[i] != NULL; i++)
        fprintf(out, "  %-14s %s (%s)\n", services_table[i]->name, services_table[i]->summary,
            services_table[i]->listen);
}

static const char *const examples[] = {
    "prefork serve echo",
    "ask for the port, then echo until Ctrl-C",
    "prefork serve echo 7777 --model thread --workers 2 --threads 64",
    "two processes of 64 threads",
    "prefork serve ack --address 0.0.0.0",
    "for other machines, too",
    "prefork serve message_log --set login=true --set file=/tmp/said.log",
    "with logins, and each record to a file",
    NULL,
};

const struct cmd cmd_serve = {
    .name = "serve",
    .operands = "SERVICE [PORT]",
    .summary = "run one service in the foreground, without a configuration",
    .options = options_table,
    .examples = examples,
    .more_help = write_services,
    .run = run,
};
