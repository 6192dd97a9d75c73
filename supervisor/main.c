/* preforkd: the options, the configuration, and over to the supervisor. */
#include <bsd/unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "shared/options.h"
#include "shared/version.h"
#include "supervisor/config.h"
#include "supervisor/main_mdoc.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"

extern char **environ;

struct values {
    const char *file;
    bool test, dump, json, foreground, version;
    const char *mdoc;
};

static const struct setting options_table[] = {
    { .name = "file",
        .letter = 'f',
        .type = SETTING_TEXT,
        .offset = offsetof(struct values, file),
        .operand = "FILE",
        .fallback = "/etc/preforkd/preforkd.conf",
        .help = "the configuration" },
    { .name = "foreground",
        .letter = 'F',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, foreground),
        .help = "stay in the foreground; on a terminal services talk on it" },
    { .name = "test",
        .letter = 't',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, test),
        .help = "check the configuration, say all that is wrong with it, and end" },
    { .name = "dump",
        .letter = 'T',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, dump),
        .help = "write the configuration as it counts, with where each value comes from, and end" },
    { .name = "json",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, json),
        .help = "with --dump: write it as JSON" },
    { .name = "version",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, version),
        .help = "write the version, and end" },
    { .name = NULL },
};

/* For the manual pages; --help does not tell of it. */
static const struct setting hidden_table[] = {
    { .name = "mdoc",
        .type = SETTING_TEXT,
        .offset = offsetof(struct values, mdoc),
        .operand = "LIST",
        .help = "write a list of the manual pages" },
    { .name = NULL },
};

/* A closed standard stream would be given to the next file that is opened. */
static void open_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(EXIT_CODE_SYSTEM);
}

static int show_help(void) {
    printf(
        "usage: preforkd [options]\nthe daemon: hosts services in pools of workers\n\noptions:\n");
    settings_write_help(stdout, options_table);
    printf("\nprefork --help shows how to speak to it.\n");
    return EXIT_CODE_OK;
}

/* Returns -1 to go on, or the exit code. */
static int read_options(char **argv, struct values *values) {
    struct complaint complaint;
    struct options options;
    const char *operand;

    settings_set_defaults(options_table, values);
    options_begin(&options, argv + 1);
    options_add(&options, options_table, values);
    options_add(&options, hidden_table, values);
    switch (options_next(&options, &operand, &complaint)) {
    case OPTIONS_HELP:
        return show_help();
    case OPTIONS_BAD:
        log_warnx("%s", complaint.text);
        return EXIT_CODE_USAGE;
    case OPTIONS_OPERAND:
        log_warnx("\"%s\" is no option, and preforkd takes no operand; --help shows what it takes",
            operand);
        return EXIT_CODE_USAGE;
    default:
        break;
    }
    if (values->json && !values->dump) {
        log_warnx("--json is for --dump");
        return EXIT_CODE_USAGE;
    }
    return -1;
}

static int finish(int exit_code) {
    if (fflush(stdout) != 0 || ferror(stdout))
        log_fatal(EXIT_CODE_IO, "stdout");
    return exit_code;
}

static int serve(const struct values *values) {
    struct config *config = config_read_guarded(values->file, stderr);
    bool has_console;

    if (config == NULL)
        return EXIT_CODE_CONFIG;
    if (values->test) {
        printf("%s is good, services: %u", config->file, config->service_count);
        printf(config->job_count > 0 ? ", jobs: %u\n" : "\n", config->job_count);
        config_free(config);
        return finish(EXIT_CODE_OK);
    }
    notify_open();
    has_console = config->console == CONSOLE_ON ||
                  (config->console == CONSOLE_AUTO && values->foreground && !notify_is_wanted() &&
                      isatty(STDOUT_FILENO));
    return supervisor_run(config, values->foreground, has_console);
}

static int dump(const struct values *values) {
    const int rc = values->json ? config_dump_json(values->file, stdout, stderr)
                                : config_dump(values->file, stdout, stderr);

    return finish(rc == 0 ? EXIT_CODE_OK : EXIT_CODE_CONFIG);
}

int main(int argc, char **argv) {
    struct values values = { .file = NULL };
    int exit_code;

    setproctitle_init(argc, argv, environ);
    log_init("preforkd");
    open_streams();
    crc32c_init();
    failpoint_init();
    signal(
        SIGCHLD, SIG_DFL); /* who started us may ignore it, and then no child can be waited for */
    exit_code = read_options(argv, &values);
    if (exit_code >= 0)
        return finish(exit_code);
    if (values.version) {
        printf("preforkd %s\n", PREFORK_VERSION);
        return finish(EXIT_CODE_OK);
    }
    if (values.mdoc != NULL)
        return finish(main_mdoc_write(values.mdoc, options_table));
    if (values.dump)
        return dump(&values);
    return serve(&values);
}
