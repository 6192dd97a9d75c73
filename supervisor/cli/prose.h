#ifndef SUPERVISOR_CLI_PROSE_H
#define SUPERVISOR_CLI_PROSE_H

/*
 * Sentences for a person: a label at the left, the words beside it, wrapped where the terminal
 * ends. What a terminal would obey is escaped.
 */

#include <stddef.h>
#include <stdio.h>

#define PROSE_MAX 2048

/* Zeroed at first. */
struct prose {
    char text[PROSE_MAX];
    size_t len;
};

/* Add words; what does not fit is left out. */
void prose_add(struct prose *prose, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Write the label in `indent` columns and the text behind it, in lines of at most width columns (0:
 * in one line); nothing when the text is empty.
 */
void prose_write(
    const struct prose *prose, FILE *out, const char *label, unsigned indent, unsigned width);

#endif
