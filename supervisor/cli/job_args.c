/*
 * KERNEL INTERVAL. The operands of an interval are joined, because people write 3 345 212; they
 * must stand together, so that a forgotten option value does not become a part of a number.
 */
#include "supervisor/cli/job_args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/options.h"
#include "supervisor/cli/cmd_help.h"

#define INTERVAL_MAX 512
#define TRIES        3

struct reading {
    struct options options;
    struct job_spec *spec;
    char interval[INTERVAL_MAX];
    struct complaint complaint;
};

void job_args_write_kernels(FILE *out) {
    fprintf(out, "\nkernels:\n");
    for (size_t i = 0; kernels_table[i] != NULL; i++) {
        fprintf(out, "  %-14s %s\n", kernels_table[i]->name, kernels_table[i]->summary);
    }
    for (size_t i = 0; kernels_table[i] != NULL; i++) {
        if (kernels_table[i]->params[0].name == NULL)
            continue;
        fprintf(out, "\noptions of %s:\n", kernels_table[i]->name);
        settings_write_help(out, kernels_table[i]->params);
    }
}

static int take_kernel(struct reading *reading, const char *name) {
    const struct kernel_ops *ops = kernels_choose(name, &reading->complaint);

    if (ops == NULL)
        return -1;
    reading->spec->kernel.ops = ops;
    reading->spec->kernel.params = calloc(1, ops->params_size + 1);
    if (reading->spec->kernel.params == NULL)
        return complaint_set(&reading->complaint, "no memory");
    settings_set_defaults(ops->params, reading->spec->kernel.params);
    options_add(&reading->options, ops->params, reading->spec->kernel.params);
    return 0;
}

/* Add an operand to the interval. */
static int take_word(struct reading *reading, const char *word) {
    size_t len = strlen(reading->interval), more = strlen(word);

    if (len > 0 && !reading->options.is_next_to_last)
        return complaint_set(&reading->complaint,
            "\"%.60s\" stands apart from the interval \"%.60s\": write the interval in one piece",
            word, reading->interval);
    if (len + more + 2 > INTERVAL_MAX)
        return complaint_set(&reading->complaint, "the interval is longer than any number");
    if (len > 0)
        reading->interval[len++] = ' ';
    memcpy(reading->interval + len, word, more + 1);
    return 0;
}

/* As the task sheet's program does: ask for the number. */
static int ask_interval(struct reading *reading) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len = -1;
    int rc = -1;

    for (int i = 0; i < TRIES && rc < 0; i++) {
        fprintf(stderr, "Interval, as 3 345 212 or 100..200: ");
        len = getline(&line, &size, stdin);
        if (len < 0)
            break;
        rc = interval_parse(
            line, (size_t)len, &reading->spec->kernel.interval, &reading->complaint);
        if (rc < 0 && i + 1 < TRIES)
            log_warnx("%s", reading->complaint.text);
    }
    if (len < 0)
        complaint_set(&reading->complaint, "no interval was given");
    free(line);
    return rc;
}

static int take_interval(struct reading *reading) {
    if (reading->interval[0] != '\0')
        return interval_parse(reading->interval, strlen(reading->interval),
            &reading->spec->kernel.interval, &reading->complaint);
    if (isatty(STDIN_FILENO))
        return ask_interval(reading);
    return complaint_set(
        &reading->complaint, "an interval is needed behind the kernel, as 3 345 212 or 100..200");
}

static int take_all(struct reading *reading, enum options_found *out_found) {
    const char *operand;

    while ((*out_found = options_next(&reading->options, &operand, &reading->complaint)) ==
           OPTIONS_OPERAND)
        if ((reading->spec->kernel.ops == NULL ? take_kernel(reading, operand)
                                               : take_word(reading, operand)) < 0)
            return -1;
    if (*out_found == OPTIONS_HELP)
        return 0;
    if (*out_found == OPTIONS_BAD)
        return -1;
    reading->spec->kernel.argv = reading->options.rest;
    if (reading->spec->kernel.argv != NULL && reading->spec->kernel.argv[0] == NULL)
        return complaint_set(&reading->complaint, "there is no command after \"--\"");
    if (reading->spec->kernel.ops == NULL)
        return complaint_set(&reading->complaint, "a kernel is needed: divisible, primes, command");
    return take_interval(reading);
}

int job_args_read(const struct cmd *cmd, char **argv, const struct setting *table, void *values,
    struct job_spec *spec) {
    struct reading reading = { .spec = spec };
    enum options_found found = OPTIONS_BAD;

    settings_set_defaults(table, values);
    options_begin(&reading.options, argv);
    options_add(&reading.options, table, values);
    if (take_all(&reading, &found) < 0) {
        log_warnx("%s: %s", cmd->name, reading.complaint.text);
        return EXIT_CODE_USAGE;
    }
    if (found == OPTIONS_HELP) {
        cmd_write_help(stdout, cmd);
        return EXIT_CODE_OK;
    }
    return JOB_ARGS_READ;
}
