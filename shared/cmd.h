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

#endif
