#ifndef SUPERVISOR_CLI_DAEMON_PROGRAM_H
#define SUPERVISOR_CLI_DAEMON_PROGRAM_H

/* The program preforkd, for the verbs that run it. */

#include <stddef.h>

/*
 * The preforkd that belongs to this prefork: the one beside it, else the first in $PATH.
 * Writes its path, terminated. Returns 0, or -1 with errno ENOENT.
 */
int daemon_program_find(char *dst, size_t size);

/*
 * Become preforkd with these arguments, NULL-terminated; argv[0] is filled in. Returns only when
 * that fails: the exit code, after a complaint.
 */
int daemon_program_exec(const char *verb, const char **argv);

#endif
