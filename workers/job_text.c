/*
 * Lines of key=value, written and read in one place. A command's argument may hold a newline: its
 * length stands before it.
 */
#include "workers/job_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/number.h"

#define VALUE_MAX     512
#define ARGUMENTS_MAX 4096u

static const char *const formats[] = { "text", "sheet", "json", "csv", NULL };

char *job_text_write(
    const struct kernel_plan *plan, const struct split *split, enum result_format format) {
    char value[VALUE_MAX], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    fprintf(out, "kernel=%s\nversion=%s\n", plan->ops->name, plan->ops->version);
    for (const struct setting *s = plan->ops->params; s->name != NULL; s++)
        fprintf(out, "%s=%s\n", s->name, settings_format(s, plan->params, value, sizeof(value)));
    for (size_t i = 0; plan->argv != NULL && plan->argv[i] != NULL; i++)
        fprintf(out, "argument%zu=%zu:%s\n", i, strlen(plan->argv[i]), plan->argv[i]);
    fprintf(out, "interval=%" PRIu64 "..%" PRIu64 "\nchunk=%" PRIu64 "\nformat=%s\ncount=%s\n",
        split->lo, split->hi, split->size, formats[format], plan->count_only ? "true" : "false");
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- reading ---- */

struct reading {
    struct job_text *out;
    char *at, *end; /* of what is not read yet; writable, and ended by a NUL */
    size_t argument_count;
    bool has_last; /* the line that is written last */
    struct complaint *complaint;
};

/* The next line cut at '=': its key and its value. Returns false at the end, or when it is none. */
static bool next_line(struct reading *reading, char **out_key, char **out_value) {
    char *newline, *equals;

    if (reading->at >= reading->end)
        return false;
    newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    equals = memchr(reading->at, '=', (size_t)(reading->end - reading->at));
    if (newline == NULL || equals == NULL || equals > newline)
        return false;
    *equals = *newline = '\0';
    *out_key = reading->at;
    *out_value = equals + 1;
    reading->at = newline + 1;
    return true;
}

/* argumentN=LENGTH:BYTES, which may span lines. `value` is cut off at its first newline. */
static int take_argument(struct reading *reading, char *value) {
    char *colon = strchr(value, ':'), *bytes;
    char **grown;
    uint64_t len;
    struct complaint ignored;

    if (colon == NULL || reading->argument_count >= ARGUMENTS_MAX)
        return -1;
    *colon = '\0';
    bytes = colon + 1;
    if (number_parse_u64(value, strlen(value), &len, &ignored) < 0 ||
        len >= (uint64_t)(reading->end - bytes))
        return -1;
    /* The newline that was taken for the end of the line is a byte of the argument. */
    if (bytes + len + 1 != reading->at && bytes + len >= reading->at)
        reading->at[-1] = '\n';
    if (bytes[len] != '\0' && bytes[len] != '\n')
        return -1;
    bytes[len] = '\0';
    reading->at = bytes + len + 1;
    grown = reallocarray(reading->out->arguments, reading->argument_count + 2, sizeof(*grown));
    if (grown == NULL)
        return -1;
    grown[reading->argument_count++] = bytes;
    grown[reading->argument_count] = NULL;
    reading->out->arguments = grown;
    return 0;
}

static int take_kernel(struct reading *reading, const char *name) {
    struct kernel_plan *plan = &reading->out->plan;

    plan->ops = kernels_find(name);
    if (plan->ops == NULL)
        return -1;
    plan->params = calloc(1, plan->ops->params_size + 1);
    if (plan->params == NULL)
        return -1;
    settings_set_defaults(plan->ops->params, plan->params);
    return 0;
}

static int take_format(struct reading *reading, const char *name) {
    for (unsigned i = 0; formats[i] != NULL; i++)
        if (strcmp(formats[i], name) == 0) {
            reading->out->format = (enum result_format)i;
            return 0;
        }
    return -1;
}

static int take_line(struct reading *reading, const char *key, char *value) {
    struct kernel_plan *plan = &reading->out->plan;
    const struct setting *param;

    if (plan->ops == NULL)
        return strcmp(key, "kernel") == 0 ? take_kernel(reading, value) : -1;
    if (strncmp(key, "argument", strlen("argument")) == 0)
        return take_argument(reading, value);
    if (strcmp(key, "version") == 0)
        return strcmp(value, plan->ops->version) == 0 ? 0 : -1;
    if (strcmp(key, "interval") == 0)
        return interval_parse(value, strlen(value), &plan->interval, reading->complaint);
    if (strcmp(key, "chunk") == 0)
        return number_parse_u64(value, strlen(value), &plan->chunk_size, reading->complaint);
    if (strcmp(key, "format") == 0)
        return take_format(reading, value);
    if (strcmp(key, "count") == 0) {
        plan->count_only = strcmp(value, "true") == 0;
        reading->has_last = true;
        return 0;
    }
    param = settings_find(plan->ops->params, key);
    return param != NULL ? settings_set(param, value, plan->params, reading->complaint) : -1;
}

int job_text_read(const char *text, size_t len, struct job_text *out, struct complaint *complaint) {
    struct reading reading = { .out = out, .complaint = complaint };
    char *key, *value;

    *out = (struct job_text){ .memory = NULL };
    if (len > JOB_TEXT_MAX || (out->memory = malloc(len + 1)) == NULL)
        return complaint_set(complaint, "no memory for a job of %zu bytes", len);
    memcpy(out->memory, text, len);
    out->memory[len] = '\0';
    reading.at = out->memory;
    reading.end = out->memory + len;
    while (next_line(&reading, &key, &value)) {
        complaint->text[0] = '\0';
        if (take_line(&reading, key, value) < 0)
            return complaint->text[0] != '\0'
                       ? -1
                       : complaint_set(complaint, "%.60s is not what a job says", key);
    }
    out->plan.argv = out->arguments;
    if (reading.at != reading.end || !reading.has_last || out->plan.ops == NULL ||
        out->plan.chunk_size == 0)
        return complaint_set(complaint, "not the whole of a job");
    errno = 0;
    if (out->plan.ops->plan(&out->plan, complaint) < 0)
        return -1;
    return split_init(&out->split, &out->plan.interval, out->plan.chunk_size, complaint);
}

void job_text_fini(struct job_text *text) {
    if (text->plan.params != NULL && text->plan.ops->unplan != NULL)
        text->plan.ops->unplan(&text->plan);
    free(text->plan.params);
    free(text->arguments);
    free(text->memory);
    *text = (struct job_text){ .memory = NULL };
}
