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
#include "supervisor/cli/serve_daemon.h"
#include "workers/services/service.h"

#define ANSWER_MS 10000

struct values {
    unsigned model, lang;
    uint64_t workers, threads;
    const char *address;
    bool udp, json;
};

static const char *const models[] = { "process", "thread", "event", NULL };
static const char *const langs[] = { "en", "ru", NULL };

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(model), .type = SETTING_CHOICE, .choices = models, .operand = "MODEL",
        .fallback = "process",
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
    { OPTION(lang), .type = SETTING_CHOICE, .choices = langs, .operand = "LANG", .fallback = "en",
        .help = "the language of what is shown" },
    { OPTION(json), .type = SETTING_BOOL,
        .help = "say where it listens, and its end, in JSON, and nothing else on stdout" },
    { .name = NULL },
};

struct serving {
    const struct service_ops *type;
    const struct values *values;
    enum net_proto proto;
    struct net_address address; /* with its port */
    bool is_port_chosen;
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
    serving->proto = NET_UDP;
    return 0;
}

static int take_address(struct serving *serving, struct complaint *complaint) {
    const char *address = serving->values->address;
    const uint16_t port = net_port(&serving->address);
    const bool is_v6 = address != NULL && strchr(address, ':') != NULL && address[0] != '[';
    char url[NET_TEXT_MAX];
    enum net_proto proto;

    if (address == NULL)
        return 0;
    snprintf(url, sizeof(url), "%s://%s%.80s%s:%u", net_proto_name(serving->proto),
        is_v6 ? "[" : "", address, is_v6 ? "]" : "", port);
    if (net_parse(url, &proto, &serving->address, complaint) < 0)
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

    asked->serving->is_port_chosen = is_typed && rc == 0;
    return rc;
}

/* Ask on the terminal; an empty line takes the default. */
static int ask_port(struct serving *serving, uint16_t *out, struct complaint *complaint) {
    char usual[8];
    struct asked asked = { .serving = serving, .usual = usual, .port = out };
    const struct ask_question question = {
        .words = serving->values->lang == 0 ? "Port" : "Порт",
        .fallback = usual,
        .check = check_port,
        .owner = &asked,
    };

    snprintf(usual, sizeof(usual), "%u", *out);
    return ask_person(&question, complaint) == EXIT_CODE_OK ? 0 : -1;
}

static int take_port(struct serving *serving, const char *operand, struct complaint *complaint) {
    uint16_t port = net_port(&serving->address);

    if (operand != NULL) {
        serving->is_port_chosen = true;
        if (read_port(operand, strlen(operand), &port, complaint) < 0)
            return -1;
    } else if (isatty(STDIN_FILENO) && ask_port(serving, &port, complaint) < 0) {
        return -1;
    }
    net_set_port(&serving->address, port);
    return 0;
}

/* ---- the files ---- */

static int write_main_file(
    const struct serve_daemon *daemon, const struct serving *serving, struct complaint *complaint) {
    char text[1024];

    snprintf(text, sizeof(text),
        "control : { socket = \"%s\"; mode = \"0600\"; };\n"
        "log : { level = \"warn\"; };\n"
        "console = \"%s\";\n"
        "lang = \"%s\";\n",
        daemon->control_socket, serving->values->json ? "off" : "on", langs[serving->values->lang]);
    return serve_daemon_write_file(daemon, "preforkd.conf", text, complaint);
}

static int write_service_file(
    const struct serve_daemon *daemon, const struct serving *serving, struct complaint *complaint) {
    const struct values *values = serving->values;
    char text[1024], name[96], address[NET_TEXT_MAX];
    int used;

    used = snprintf(text, sizeof(text),
        "type = \"%s\";\nlisten = [ \"%s://%s\" ];\nport_policy = \"%s\";\nmodel = \"%s\";\n",
        serving->type->name, net_proto_name(serving->proto), net_format(address, &serving->address),
        serving->is_port_chosen ? "strict" : "next", models[values->model]);
    if (values->workers > 0)
        used += snprintf(text + used, sizeof(text) - (size_t)used,
            "pm = \"static\";\nmax_children = %" PRIu64 ";\n", values->workers);
    if (values->threads > 0)
        snprintf(text + used, sizeof(text) - (size_t)used, "threads_per_child = %" PRIu64 ";\n",
            values->threads);
    snprintf(name, sizeof(name), "services.d/%s.conf", serving->type->name);
    return serve_daemon_write_file(daemon, name, text, complaint);
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
    if (serve_daemon_prepare(&daemon, &complaint) < 0 ||
        write_main_file(&daemon, serving, &complaint) < 0 ||
        write_service_file(&daemon, serving, &complaint) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        exit_code = EXIT_CODE_IO;
    } else {
        log_info("look at it with: prefork --control %s status", daemon.control_socket);
        exit_code = serve_daemon_run(&daemon, cmd->name);
    }
    serve_daemon_remove(&daemon);
    if (serving->values->json)
        say_end(exit_code);
    return exit_code;
}

static int prepare(
    struct serving *serving, const struct cmd_operands *operands, struct complaint *complaint) {
    serving->type = find_type(operands->text[0], complaint);
    if (serving->type == NULL)
        return -1;
    if (serving->values->threads > 0 && strcmp(models[serving->values->model], "thread") != 0)
        return complaint_set(complaint, "--threads is for --model thread");
    if (net_parse(serving->type->listen, &serving->proto, &serving->address, complaint) < 0 ||
        take_proto(serving, complaint) < 0 || take_address(serving, complaint) < 0)
        return -1;
    return take_port(serving, operands->count > 1 ? operands->text[1] : NULL, complaint);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .workers = 0 };
    struct serving serving = { .values = &values };
    struct cmd_operands operands;
    struct complaint complaint;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 2, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (prepare(&serving, &operands, &complaint) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return EXIT_CODE_USAGE;
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
