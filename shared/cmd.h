#ifndef SHARED_CMD_H
#define SHARED_CMD_H

/*
 * A verb of prefork: a file that ends in one const struct, and a row in cmds.c. Help, manual
 * pages and completion read the struct.
 */

#include <stdio.h>

#include "shared/settings.h"

struct cmd {
    const char *name;     /* "job run" */
    const char *operands; /* "KERNEL INTERVAL [-- COMMAND ...]"; "" for none */
    const char *summary;  /* one line, no full stop */
    const struct setting *options;
    const char *const *examples; /* NULL-terminated pairs: command line, what it does */
    /* What --help says behind the options; NULL for nothing. */
    void (*more_help)(FILE *out);
    /* argv begins behind the verb; NULL-terminated. Returns the exit code. */
    int (*run)(const struct cmd *cmd, int argc, char **argv);
};

/* Write what --help says of a verb. */
void cmd_write_help(FILE *out, const struct cmd *cmd);

#define CMD_OPERANDS_MAX 4

struct cmd_operands {
    const char *text[CMD_OPERANDS_MAX]; /* of argv */
    int count;
};

/* Anything but CMD_READ ends the verb with this exit code. */
#define CMD_READ (-1)

/*
 * Read the command line of a verb without a grammar of its own: its options into values, which
 * come zeroed and get their defaults first, and least to most operands. Help and complaints are
 * written here. Returns CMD_READ or an exit code.
 */
int cmd_read_args(const struct cmd *cmd, char **argv, void *values, int least, int most,
    struct cmd_operands *out);

#endif
