/*
 * The script's data: the verbs, their options and what stands in the place of a value, as cases of
 * shell functions, from the tables that --help is written from.
 */
#include "supervisor/cli/cmd_completion.h"

#include <ctype.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/cmds.h"
#include "supervisor/job/job.h"
#include "workers/services/service.h"

#define WORD_MAX 64

static const struct setting options_table[] = {
    { .name = NULL },
};

/* ---- options ---- */

static void write_option_names(FILE *out, const struct setting *table) {
    char name[WORD_MAX];

    for (; table->name != NULL; table++) {
        fprintf(out, " %s", settings_option_name(table, name, sizeof(name)));
        if (table->letter != '\0')
            fprintf(out, " -%c", table->letter);
    }
}

/* How the value is completed: a kind, and the words of it. */
static void write_kind(FILE *out, const struct setting *option) {
    if (option->choices != NULL) {
        fputs(option->type == SETTING_CHOICES ? "list" : "words", out);
        for (size_t i = 0; option->choices[i] != NULL; i++)
            fprintf(out, " %s", option->choices[i]);
    } else if (strncmp(option->operand, "FILE", 4) == 0 || strcmp(option->operand, "SOCKET") == 0 ||
               option->type == SETTING_PATH) {
        fputs("files", out);
    } else if (strcmp(option->operand, "FOLDER") == 0) {
        fputs("folders", out);
    } else {
        fputs("nothing", out);
    }
}

/* A case for each option that takes a value; owner: "VERB" or "KERNEL". */
static void write_values(FILE *out, const char *owner, const struct setting *table) {
    char name[WORD_MAX];

    for (; table->name != NULL; table++) {
        if (table->operand == NULL)
            continue;
        fprintf(out, "    \"%s %s\"", owner, settings_option_name(table, name, sizeof(name)));
        if (table->letter != '\0')
            fprintf(out, " | \"%s -%c\"", owner, table->letter);
        fputs(") echo ", out);
        write_kind(out, table);
        fputs(" ;;\n", out);
    }
}

/* Verbs that take a kernel take its options, too. */
static bool takes_kernel(const struct cmd *cmd) {
    return strncmp(cmd->operands, "KERNEL", 6) == 0;
}

static void write_options(FILE *out) {
    fputs("# All options: VERB KERNEL\n_prefork_options() {\n    case $1 in\n", out);
    for (size_t i = 0; cmds_table[i] != NULL; i++) {
        fprintf(out, "    \"%s\") echo --help -h", cmds_table[i]->name);
        write_option_names(out, cmds_table[i]->options);
        if (takes_kernel(cmds_table[i]))
            fputs(" \"$(_prefork_kernel_options \"$2\")\"", out);
        fputs(" ;;\n", out);
    }
    fputs("    esac\n}\n\n_prefork_kernel_options() {\n    case $1 in\n", out);
    for (size_t i = 0; kernels_table[i] != NULL; i++) {
        if (kernels_table[i]->params[0].name == NULL)
            continue;
        fprintf(out, "    \"%s\") echo", kernels_table[i]->name);
        write_option_names(out, kernels_table[i]->params);
        fputs(" ;;\n", out);
    }
    fputs("    esac\n}\n\n", out);
}

static void write_all_values(FILE *out) {
    fputs("# How a value is completed, nothing when it takes none: VERB KERNEL OPTION\n"
          "_prefork_value() {\n    case \"$1 $3\" in\n",
        out);
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        write_values(out, cmds_table[i]->name, cmds_table[i]->options);
    fputs("    *) [[ -n $2 ]] && _prefork_kernel_value \"$1\" \"$2 $3\" ;;\n    esac\n}\n\n"
          "_prefork_kernel_value() {\n    case $1 in\n",
        out);
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        if (takes_kernel(cmds_table[i]))
            fprintf(out, "    \"%s\") ;;\n", cmds_table[i]->name);
    fputs("    *) return ;;\n    esac\n    case $2 in\n", out);
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        write_values(out, kernels_table[i]->name, kernels_table[i]->params);
    fputs("    esac\n}\n\n", out);
}

/* ---- operands ---- */

static void write_kernels(FILE *out) {
    fputs("words", out);
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        fprintf(out, " %s", kernels_table[i]->name);
}

static void write_types(FILE *out) {
    fputs("words", out);
    for (size_t i = 0; services_table[i] != NULL; i++)
        fprintf(out, " %s", services_table[i]->name);
}

/* Was the first word of this verb told with an earlier one? */
static bool is_told(size_t at) {
    const size_t len = strcspn(cmds_table[at]->name, " ");

    for (size_t i = 0; i < at; i++)
        if (strncmp(cmds_table[i]->name, cmds_table[at]->name, len) == 0 &&
            (cmds_table[i]->name[len] == ' ' || cmds_table[i]->name[len] == '\0'))
            return true;
    return false;
}

/* The first words of all verbs, each once. */
static void write_verbs(FILE *out) {
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        if (!is_told(i))
            fprintf(out, " %.*s", (int)strcspn(cmds_table[i]->name, " "), cmds_table[i]->name);
}

/* A place of the operands, "[VERB|exit-codes]": kinds in capitals, words as they are. */
static void write_place(FILE *out, const struct cmd *cmd, const char *place, size_t len) {
    const char *const end = place + len;
    size_t word;

    if (strncmp(place, "SERVICE", 7) == 0 && strcmp(cmd->name, "serve") == 0)
        write_types(out); /* a service of its own, of this type */
    else if (strncmp(place, "SERVICE", 7) == 0)
        fputs("services", out);
    else if (strncmp(place, "KERNEL", 6) == 0)
        write_kernels(out);
    else if (strncmp(place, "FILE", 4) == 0)
        fputs("files", out);
    else if (strncmp(place, "VERB", 4) != 0 && !islower((unsigned char)place[0]))
        fputs("nothing", out);
    else
        for (fputs("words", out); place < end; place += word + 1) {
            word = strcspn(place, "|]");
            if (strncmp(place, "VERB", 4) == 0)
                write_verbs(out);
            else
                fprintf(out, " %.*s", (int)word, place);
        }
}

/* The places up to " | ", which begins another way to say it, or "[-- COMMAND ...]". */
static void write_operands(FILE *out, const struct cmd *cmd) {
    const char *place = cmd->operands;
    unsigned count = 0;
    size_t len;

    for (; *place != '\0' && *place != '|'; place += len, place += strspn(place, " ")) {
        len = strcspn(place, " ");
        if (strncmp(place, "[--", 3) == 0) {
            fprintf(out, "    \"%s --\") echo commands ;;\n", cmd->name);
            return;
        }
        fprintf(out, "    \"%s %u\") echo ", cmd->name, count++);
        write_place(out, cmd, place + (*place == '['), len - (*place == '['));
        fputs(" ;;\n", out);
    }
}

static void write_all_operands(FILE *out) {
    fputs("# How an operand is completed: VERB NUMBER, from 0; -- for what follows that\n"
          "_prefork_operand() {\n    case \"$1 $2\" in\n",
        out);
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        write_operands(out, cmds_table[i]);
    fputs("    esac\n}\n\n", out);
}

/* ---- verbs ---- */

static void write_second_words(FILE *out, const char *first, size_t len) {
    bool is_open = false;

    for (size_t i = 0; cmds_table[i] != NULL; i++) {
        if (strncmp(cmds_table[i]->name, first, len) != 0 || cmds_table[i]->name[len] != ' ')
            continue;
        if (!is_open)
            fprintf(out, "    \"%.*s\") echo", (int)len, first);
        is_open = true;
        fprintf(out, " %s", cmds_table[i]->name + len + 1);
    }
    fputs(is_open ? " ;;\n" : "", out);
}

static void write_verb_names(FILE *out) {
    fputs("_prefork_is_verb() {\n    case $1 in\n", out);
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        fprintf(out, "    \"%s\") ;;\n", cmds_table[i]->name);
    fputs("    *) return 1 ;;\n    esac\n}\n\n"
          "# What may follow: the first word of a verb, or the second behind $1\n"
          "_prefork_words() {\n    case $1 in\n    \"\") echo",
        out);
    write_verbs(out);
    fputs(" ;;\n", out);
    for (size_t i = 0; cmds_table[i] != NULL; i++)
        if (!is_told(i))
            write_second_words(out, cmds_table[i]->name, strcspn(cmds_table[i]->name, " "));
    fputs("    esac\n}\n\n", out);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct cmd_operands operands;
    char none;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &none, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    if (strcmp(operands.text[0], "bash") != 0) {
        log_warnx("%s: unknown shell \"%.40s\"; there is: bash", cmd->name, operands.text[0]);
        return EXIT_CODE_USAGE;
    }
    fputs("# bash completion for prefork, as \"prefork completion bash\" writes it\n"
          "# shellcheck shell=bash\n\n",
        stdout);
    write_verb_names(stdout);
    write_options(stdout);
    write_all_values(stdout);
    write_all_operands(stdout);
    fputs(completion_script, stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_CODE_OK;
    log_warn("%s: stdout", cmd->name);
    return EXIT_CODE_IO;
}

static const char *const examples[] = {
    "source <(prefork completion bash)",
    "complete with TAB in this shell",
    "prefork completion bash >/etc/bash_completion.d/prefork",
    "in every shell to come",
    NULL,
};

const struct cmd cmd_completion = {
    .name = "completion",
    .operands = "bash",
    .summary = "write a script that lets the shell complete verbs, options and names",
    .options = options_table,
    .examples = examples,
    .run = run,
};
