#ifndef SUPERVISOR_CLI_DAEMON_PROGRAM_H
#define SUPERVISOR_CLI_DAEMON_PROGRAM_H

/* The program preforkd, for the verbs that run it. */

#include <jansson.h>
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

/*
 * Run preforkd with these arguments, as above, and wait for its end. *out_lines and *err_lines are
 * what it wrote, arrays of lines; the caller's, and never NULL. Returns its exit code, or that of a
 * complaint.
 */
int daemon_program_capture(
    const char *verb, const char **argv, json_t **out_lines, json_t **err_lines);

#endif
