/* Show the table of verbs, or one row of it in full. The manual pages take their lists from here.
 */
#include "supervisor/cli/cmd_help.h"

#include <stddef.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/cmds.h"
#include "supervisor/cli/options.h"

struct values {
    bool mdoc;
};

static const struct setting options_table[] = {
    { .name = "mdoc",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, mdoc),
        .help = "write the list as the manual page has it" },
    { .name = NULL },
};

static bool is_in_group(const struct cmd *cmd, const char *group) {
    size_t len;

    if (group == NULL)
        return true;
    len = strlen(group);
    return strncmp(cmd->name, group, len) == 0 && cmd->name[len] == ' ';
}

void cmd_help_write_verbs(FILE *out, const char *group) {
    if (group == NULL)
        fprintf(out, "usage: prefork VERB [operands] [options]\n\n");
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        if (is_in_group(cmds_table[i], group))
            fprintf(out, "  %-14s %s\n", cmds_table[i]->name, cmds_table[i]->summary);
    fprintf(out, "\nprefork help VERB shows what a verb takes; man prefork has the exit codes.\n");
}

void cmd_help_write_verb(FILE *out, const struct cmd *cmd) {
    fprintf(out, "usage: prefork %s%s%s [options]\n%s\n", cmd->name,
        cmd->operands[0] != '\0' ? " " : "", cmd->operands, cmd->summary);
    if (cmd->options[0].name != NULL) {
        fprintf(out, "\noptions:\n");
        settings_write_help(out, cmd->options);
    }
    if (cmd->more_help != NULL)
        cmd->more_help(out);
    if (cmd->examples != NULL)
        fprintf(out, "\nexamples:\n");
    for (size_t i = 0; cmd->examples != NULL && cmd->examples[i] != NULL; i += 2)
        fprintf(out, "  %s\n      %s\n", cmd->examples[i], cmd->examples[i + 1]);
}

static void write_mdoc(FILE *out, const struct cmd *cmd) {
    if (cmd != NULL) {
        settings_write_mdoc(out, cmd->options);
        return;
    }
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        fprintf(out, ".It Cm %s Op Ar ...\n%s.\n", cmds_table[i]->name, cmds_table[i]->summary);
    fprintf(out, ".\\\" exit codes\n");
    for (size_t i = 0; i < exit_code_count; i++)
        fprintf(out, ".It %d\n%s.\n", exit_code_table[i].code, exit_code_table[i].meaning);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .mdoc = false };
    struct complaint complaint;
    struct options options;
    enum options_found found;
    const struct cmd *asked = NULL;
    char *words[4];
    const char *operand;
    int count = 0, taken;

    (void)argc;
    options_begin(&options, argv);
    options_add(&options, options_table, &values);
    while ((found = options_next(&options, &operand, &complaint)) == OPTIONS_OPERAND && count < 4)
        words[count++] = (char *)operand;
    if (found == OPTIONS_BAD) {
        log_warnx("%s", complaint.text);
        return EXIT_CODE_USAGE;
    }
    if (found == OPTIONS_HELP)
        asked = cmd;
    else if (count > 0 && (asked = cmds_find(count, words, &taken)) == NULL &&
             !cmds_is_group(words[0])) {
        log_warnx("unknown verb \"%s\"; prefork help shows those there are", words[0]);
        return EXIT_CODE_USAGE;
    }
    if (values.mdoc)
        write_mdoc(stdout, asked);
    else if (asked != NULL)
        cmd_help_write_verb(stdout, asked);
    else
        cmd_help_write_verbs(stdout, count > 0 ? words[0] : NULL);
    return EXIT_CODE_OK;
}

const struct cmd cmd_help = {
    .name = "help",
    .operands = "[VERB]",
    .summary = "show the verbs, or what one of them takes",
    .options = options_table,
    .run = run,
};
