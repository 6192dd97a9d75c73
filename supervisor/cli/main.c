/* prefork: the command line. Finds the verb and hands over. */
#include <bsd/unistd.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "shared/version.h"
#include "supervisor/cli/cmd_help.h"
#include "supervisor/cli/cmds.h"

extern char **environ;

static int refuse(int argc, char **argv) {
    char nearest[SUGGEST_WORD_MAX];

    if (cmds_is_group(argv[0]) && argc == 1) {
        log_warnx("\"%s\" needs one more word:", argv[0]);
        cmd_help_write_verbs(stderr, argv[0]);
    } else if (cmds_suggest(argc, argv, nearest)) {
        log_warnx("unknown verb \"%s\", did you mean \"%s\"?", argv[0], nearest);
    } else {
        log_warnx("unknown verb \"%s\"", argv[0]);
        cmd_help_write_verbs(stderr, NULL);
    }
    return EXIT_CODE_USAGE;
}

/*
 * A closed standard stream would be given to the next file that is opened, and talk would land in
 * it. Without stdout there is nowhere to put data: better said at once.
 */
static void check_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        if (open("/dev/null", O_RDWR) != fd)
            _exit(EXIT_CODE_SYSTEM);
        if (fd == STDOUT_FILENO)
            log_fatalx(EXIT_CODE_IO, "stdout is closed: there is nowhere to write to");
    }
}

/*
 * prefork --control SOCKET VERB: the verbs look into the environment, so that what they start
 * finds the same daemon. Returns how many words that were, or -1.
 */
static int take_control(int argc, char **argv) {
    const char option[] = "--control", *path;
    int taken;

    if (argc == 0 || strncmp(argv[0], option, strlen(option)) != 0)
        return 0;
    if (argv[0][strlen(option)] == '=') {
        path = argv[0] + strlen(option) + 1;
        taken = 1;
    } else if (argv[0][strlen(option)] == '\0') {
        path = argc > 1 ? argv[1] : "";
        taken = 2;
    } else {
        return 0;
    }
    if (path[0] != '\0' && setenv("PREFORK_CONTROL", path, 1) == 0)
        return taken;
    log_warnx("--control needs a value: --control SOCKET");
    return -1;
}

int main(int argc, char **argv) {
    const struct cmd *cmd;
    int words, taken;

    setproctitle_init(argc, argv, environ);
    log_init("prefork");
    check_streams();
    crc32c_init();
    failpoint_init();
    taken = take_control(argc - 1, argv + 1);
    if (taken < 0)
        return EXIT_CODE_USAGE;
    argc -= taken;
    argv += taken;
    if (argc < 2) {
        cmd_help_write_verbs(stderr, NULL);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cmd_help_write_verbs(stdout, NULL);
        return EXIT_CODE_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("prefork %s\n", PREFORK_VERSION);
        return EXIT_CODE_OK;
    }
    cmd = cmds_find(argc - 1, argv + 1, &words);
    if (cmd == NULL)
        return refuse(argc - 1, argv + 1);
    return cmd->run(cmd, argc - 1 - words, argv + 1 + words);
}
