/* Show the table of verbs, or one row of it in full. The manual pages take their lists from here.
 */
#include "supervisor/cli/cmd_help.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/options.h"
#include "supervisor/cli/cmds.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/job_args.h"

#define WORDS_MOST 4

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
    fprintf(out,
        "\nprefork help VERB shows what a verb takes; prefork help exit-codes what is returned.\n");
}

/* A row of a list in a manual page: what is a phrase in --help is a sentence there. */
static void write_item(FILE *out, const char *macro, const char *item, const char *phrase) {
    fprintf(out, ".It %s%s\n%c%s.\n", macro, item, toupper((unsigned char)phrase[0]), phrase + 1);
}

static void write_exit_codes(FILE *out, bool is_mdoc) {
    char code[16];

    for (size_t i = 0; i < exit_code_count; i++) {
        snprintf(code, sizeof(code), "%d", exit_code_table[i].code);
        if (is_mdoc)
            write_item(out, "", code, exit_code_table[i].meaning);
        else
            fprintf(out, "  %3s  %s\n", code, exit_code_table[i].meaning);
    }
}

static void write_verbs_mdoc(FILE *out) {
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        write_item(out, "Cm ", cmds_table[i]->name, cmds_table[i]->summary);
}

static void write_kernels_mdoc(FILE *out) {
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        write_item(out, "Cm ", kernels_table[i]->name, kernels_table[i]->summary);
}

static void write_checks_mdoc(FILE *out) {
    for (const struct doctor_check *check = doctor_checks; check->name != NULL; check++)
        write_item(out, "Cm ", check->name, check->summary);
}

/* Topics beside the verbs. Returns false when there is none of this name. */
static bool write_topic(FILE *out, int count, char **words, bool is_mdoc) {
    const struct kernel_ops *kernel = count == 2 ? kernels_find(words[1]) : NULL;

    if (strcmp(words[0], "exit-codes") == 0)
        write_exit_codes(out, is_mdoc);
    else if (strcmp(words[0], "verbs") == 0 && is_mdoc)
        write_verbs_mdoc(out);
    else if (strcmp(words[0], "checks") == 0 && is_mdoc)
        write_checks_mdoc(out);
    else if (strcmp(words[0], "kernels") == 0 && is_mdoc)
        write_kernels_mdoc(out);
    else if (strcmp(words[0], "kernels") == 0)
        job_args_write_kernels(out);
    else if (strcmp(words[0], "kernel") == 0 && kernel != NULL)
        (is_mdoc ? settings_write_mdoc : settings_write_help)(out, kernel->params);
    else
        return false;
    return true;
}

static int show(int count, char **words, bool is_mdoc) {
    const struct cmd *cmd;
    int taken;

    if (count == 0) {
        cmd_help_write_verbs(stdout, NULL);
        return EXIT_CODE_OK;
    }
    cmd = cmds_find(count, words, &taken);
    if (cmd != NULL && is_mdoc)
        settings_write_mdoc(stdout, cmd->options);
    else if (cmd != NULL)
        cmd_write_help(stdout, cmd);
    else if (cmds_is_group(words[0]))
        cmd_help_write_verbs(stdout, words[0]);
    else if (!write_topic(stdout, count, words, is_mdoc)) {
        log_warnx("unknown verb \"%s\"; prefork help shows those there are", words[0]);
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .mdoc = false };
    struct complaint complaint;
    struct options options;
    enum options_found found;
    char *words[WORDS_MOST];
    const char *operand;
    int count = 0;

    (void)argc;
    options_begin(&options, argv);
    options_add(&options, options_table, &values);
    while ((found = options_next(&options, &operand, &complaint)) == OPTIONS_OPERAND)
        if (count < WORDS_MOST)
            words[count++] = (char *)operand;
    if (found == OPTIONS_BAD) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return EXIT_CODE_USAGE;
    }
    if (found == OPTIONS_HELP) {
        cmd_write_help(stdout, cmd);
        return EXIT_CODE_OK;
    }
    return show(count, words, values.mdoc);
}

static const char *const examples[] = {
    "prefork help job run",
    "what job run takes",
    "prefork help exit-codes",
    "what the exit codes mean",
    NULL,
};

const struct cmd cmd_help = {
    .name = "help",
    .operands = "[VERB|exit-codes|kernels]",
    .summary = "show the verbs, or what one of them takes",
    .options = options_table,
    .examples = examples,
    .run = run,
};
