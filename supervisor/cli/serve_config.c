/* What stands in the files of a daemon that serves one service. */
#include "supervisor/cli/serve_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"

static int write_main_file(const struct serve_daemon *daemon, const struct serve_config *config,
    struct complaint *complaint) {
    char text[1024];

    snprintf(text, sizeof(text),
        "control : { socket = \"%s\"; mode = \"0600\"; };\n"
        "log : { level = \"warn\"; };\n"
        "console = \"%s\";\n"
        "lang = \"%s\";\n",
        daemon->control_socket, config->has_console ? "on" : "off",
        config->is_russian ? "ru" : "en");
    return serve_daemon_write_file(daemon, "preforkd.conf", text, complaint);
}

static bool is_bare(const char *value) {
    const char *digits = value + (value[0] == '-');

    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 || value[0] == '[' ||
           value[0] == '"' || (digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0');
}

/* KEY=VALUE as a line of the file: whoever reads that says what is wrong with it. */
static int write_setting(FILE *out, const char *text, struct complaint *complaint) {
    const size_t key_len = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");
    const char *value = text + key_len + 1;

    if (key_len == 0 || text[key_len] != '=')
        return complaint_set(complaint, "--set %.60s: KEY=VALUE is allowed", text);
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return complaint_set(complaint, "--set %.60s: the value is one line", text);
    fprintf(out, "%.*s = ", (int)key_len, text);
    if (is_bare(value)) {
        fprintf(out, "%s;\n", value);
        return 0;
    }
    fputc('"', out);
    for (; *value != '\0'; value++)
        fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    fputs("\";\n", out);
    return 0;
}

static int write_settings(
    FILE *out, const struct serve_config *config, struct complaint *complaint) {
    char address[NET_TEXT_MAX];
    int rc = 0;

    fprintf(out, "type = \"%s\";\nlisten = [ \"%s://%s\" ];\nport_policy = \"%s\";\n",
        config->service, net_proto_name(config->proto), net_format(address, &config->address),
        config->is_port_chosen ? "strict" : "next");
    if (config->model != NULL)
        fprintf(out, "model = \"%s\";\n", config->model);
    if (config->workers > 0)
        fprintf(out, "pm = \"static\";\nmax_children = %" PRIu64 ";\n", config->workers);
    if (config->threads > 0)
        fprintf(out, "threads_per_child = %" PRIu64 ";\n", config->threads);
    for (unsigned i = 0; i < config->set->count && rc == 0; i++)
        rc = write_setting(out, config->set->text[i], complaint);
    return rc;
}

/* Returns an exit code. */
static int write_service_file(const struct serve_daemon *daemon, const struct serve_config *config,
    struct complaint *complaint) {
    char *text = NULL, name[96];
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int exit_code = EXIT_CODE_OK;

    if (out == NULL) {
        complaint_set(complaint, "no memory");
        return EXIT_CODE_SYSTEM;
    }
    if (write_settings(out, config, complaint) < 0)
        exit_code = EXIT_CODE_USAGE;
    fclose(out);
    snprintf(name, sizeof(name), "services.d/%s.conf", config->service);
    if (exit_code == EXIT_CODE_OK && serve_daemon_write_file(daemon, name, text, complaint) < 0)
        exit_code = EXIT_CODE_IO;
    free(text);
    return exit_code;
}

int serve_config_write(
    const struct serve_config *config, struct serve_daemon *daemon, struct complaint *complaint) {
    if (serve_daemon_prepare(daemon, complaint) < 0 ||
        write_main_file(daemon, config, complaint) < 0)
        return EXIT_CODE_IO;
    return write_service_file(daemon, config, complaint);
}
