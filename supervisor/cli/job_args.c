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
#define VALUE_MAX    512

struct reading {
    struct options options;
    struct job_spec *spec;
    bool takes_name;
    const char *name; /* an operand that is no kernel's; NULL: none */
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

const struct setting *job_args_find_changed(
    const struct setting *table, const void *values, size_t size) {
    char given[VALUE_MAX], fallback[VALUE_MAX];
    void *defaults = calloc(1, size + 1);
    const struct setting *row = table;

    if (defaults == NULL)
        return NULL;
    settings_set_defaults(table, defaults);
    while (
        row->name != NULL && strcmp(settings_format(row, values, given, sizeof(given)),
                                 settings_format(row, defaults, fallback, sizeof(fallback))) == 0)
        row++;
    free(defaults);
    return row->name != NULL ? row : NULL;
}

/*
 * A single operand is a name, that of a kernel not excepted: a kernel needs an interval. But who
 * has written options of the kernel meant the kernel.
 */
static bool is_name(struct reading *reading) {
    const struct kernel_plan *kernel = &reading->spec->kernel;

    if (!reading->takes_name || reading->options.rest != NULL || reading->interval[0] != '\0')
        return false;
    if (reading->name == NULL && kernel->ops != NULL &&
        job_args_find_changed(kernel->ops->params, kernel->params, kernel->ops->params_size) ==
            NULL)
        reading->name = kernel->ops->name;
    return reading->name != NULL;
}

static int take_operand(struct reading *reading, const char *operand) {
    if (reading->spec->kernel.ops != NULL)
        return take_word(reading, operand);
    if (reading->takes_name && reading->name == NULL && kernels_find(operand) == NULL) {
        reading->name = operand;
        return 0;
    }
    return take_kernel(reading, reading->name != NULL ? reading->name : operand);
}

static int take_all(struct reading *reading, enum options_found *out_found) {
    const char *operand;

    while ((*out_found = options_next(&reading->options, &operand, &reading->complaint)) ==
           OPTIONS_OPERAND)
        if (take_operand(reading, operand) < 0)
            return -1;
    if (*out_found == OPTIONS_HELP)
        return 0;
    if (*out_found == OPTIONS_BAD)
        return -1;
    if (is_name(reading))
        return 0;
    if (reading->name != NULL)
        return take_kernel(reading, reading->name);
    reading->spec->kernel.argv = reading->options.rest;
    if (reading->spec->kernel.argv != NULL && reading->spec->kernel.argv[0] == NULL)
        return complaint_set(&reading->complaint, "there is no command after \"--\"");
    if (reading->spec->kernel.ops == NULL)
        return complaint_set(&reading->complaint,
            "a kernel is needed: divisible, primes, command%s",
            reading->takes_name ? "; or the name of a job that a file of the daemon defines" : "");
    return take_interval(reading);
}

static int read_all(const struct cmd *cmd, char **argv, const struct setting *table, void *values,
    struct reading *reading) {
    enum options_found found = OPTIONS_BAD;

    settings_set_defaults(table, values);
    options_begin(&reading->options, argv);
    options_add(&reading->options, table, values);
    if (take_all(reading, &found) < 0) {
        log_warnx("%s: %s", cmd->name, reading->complaint.text);
        return EXIT_CODE_USAGE;
    }
    if (found == OPTIONS_HELP) {
        cmd_write_help(stdout, cmd);
        return EXIT_CODE_OK;
    }
    return JOB_ARGS_READ;
}

int job_args_read(const struct cmd *cmd, char **argv, const struct setting *table, void *values,
    struct job_spec *spec) {
    struct reading reading = { .spec = spec };

    return read_all(cmd, argv, table, values, &reading);
}

int job_args_read_or_name(const struct cmd *cmd, char **argv, const struct setting *table,
    void *values, struct job_spec *spec, const char **out_name) {
    struct reading reading = { .spec = spec, .takes_name = true };
    const int exit_code = read_all(cmd, argv, table, values, &reading);

    *out_name = reading.name;
    return exit_code;
}

int job_args_read_id(const char *text, uint64_t *out_id, struct complaint *complaint) {
    struct complaint inner;

    if (number_parse_u64(text, strlen(text), out_id, &inner) == 0 && *out_id > 0 &&
        *out_id <= INT64_MAX)
        return 0;
    return complaint_set(complaint,
        "\"%.40s\" is not the number of a job; prefork job list --all shows those there are", text);
}
