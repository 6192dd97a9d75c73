#ifndef SUPERVISOR_CLI_CMDS_H
#define SUPERVISOR_CLI_CMDS_H

/* The table of verbs. */

#include <stdbool.h>

#include "shared/cmd.h"
#include "shared/suggest.h"

/* All verbs, NULL-terminated, in the order of the help. */
extern const struct cmd *const cmds_table[];

/*
 * The verb that argv begins with, or NULL; *out_words is how many words it takes. The longest
 * name wins.
 */
const struct cmd *cmds_find(int argc, char **argv, int *out_words);

/* Write the nearest verb to what argv begins with. Returns false when none is near. */
bool cmds_suggest(int argc, char **argv, char dst[SUGGEST_WORD_MAX]);

/* True when some verb's name begins with this word and goes on. */
bool cmds_is_group(const char *word);

#endif
