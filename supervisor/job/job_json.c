/*
 * The JSON form of a job. It is read through the same tables as a command line, so that nothing
 * can be wanted here that `prefork job run` would refuse. Texts that a spec points to are copied
 * behind the struct that holds the pointers, so that they live and go with it.
 */
#include "supervisor/job/job_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/suggest.h"

#define VALUE_MAX 512 /* of a value that is no text of the user's */

const char *const job_json_options[] = { "chunk", "count", "json", "csv", "seed_format", "timeout",
    "chunk_timeout", "stall", "retries", "on_held", "verify", "buffer", "window", "batch", NULL };

static const char *const members[] = { "kernel", "interval", "params", "argv", "options", NULL };

static bool is_among(const char *const *names, const char *name) {
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool is_text(const struct setting *row) {
    return row->type == SETTING_TEXT || row->type == SETTING_PATH;
}

/* ---- reading ---- */

/* Where the text of each value that is kept goes. */
struct tail {
    char *at;
};

static const char *keep(struct tail *tail, const char *text) {
    char *copy = tail->at;
    size_t size = strlen(text) + 1;

    memcpy(copy, text, size);
    tail->at += size;
    return copy;
}

/* The text of a value, or NULL with a complaint. A NUL within would hide the rest of it. */
static const char *read_text(const json_t *value, const char *name, struct complaint *complaint) {
    const char *text = json_string_value(value);

    if (text == NULL) {
        complaint_set(complaint, "\"%.40s\" must be a text", name);
        return NULL;
    }
    if (strlen(text) != json_string_length(value)) {
        complaint_set(complaint, "\"%.40s\" must not hold a NUL byte", name);
        return NULL;
    }
    return text;
}

static int refuse_member(
    const char *name, const char *group, const char *const *allowed, struct complaint *complaint) {
    struct suggestion best = { .word = "" };
    char list[256] = "";
    size_t used = 0;

    for (size_t i = 0; allowed[i] != NULL && used < sizeof(list); i++) {
        suggest_offer(&best, name, allowed[i]);
        used += (size_t)snprintf(
            list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", allowed[i]);
    }
    if (list[0] == '\0')
        return complaint_set(complaint, "%s: unknown \"%.40s\"; there are none", group, name);
    if (best.word[0] != '\0')
        return complaint_set(complaint, "%s: unknown \"%.40s\", did you mean \"%s\"? allowed: %s",
            group, name, best.word, list);
    return complaint_set(complaint, "%s: unknown \"%.40s\"; allowed: %s", group, name, list);
}

static int refuse_parameter(
    const struct setting *table, const char *name, struct complaint *complaint) {
    const char *names[32];
    size_t count = 0;

    for (; table[count].name != NULL && count + 1 < sizeof(names) / sizeof(names[0]); count++)
        names[count] = table[count].name;
    names[count] = NULL;
    return refuse_member(name, "params", names, complaint);
}

/* jansson iterates only what it may change. */
static json_t *unconst(const json_t *object) {
    return (json_t *)(uintptr_t)object;
}

static int read_values(const json_t *object, const struct setting *table, void *values,
    struct tail *tail, struct complaint *complaint) {
    const struct setting *row;
    const char *name, *text;
    json_t *value;

    json_object_foreach(unconst(object), name, value) {
        row = settings_find(table, name);
        if (table == job_spec_settings && (row == NULL || !is_among(job_json_options, row->name)))
            return refuse_member(name, "options", job_json_options, complaint);
        if (row == NULL)
            return refuse_parameter(table, name, complaint);
        text = read_text(value, name, complaint);
        if (text == NULL)
            return -1;
        if (settings_set(
                row, tail != NULL && is_text(row) ? keep(tail, text) : text, values, complaint) < 0)
            return -1;
    }
    return 0;
}

static int read_params(const json_t *params, struct job_spec *spec, struct complaint *complaint) {
    const struct kernel_ops *ops = spec->kernel.ops;
    struct tail tail;
    const char *name;
    size_t room = 0;
    json_t *value;

    json_object_foreach(unconst(params), name, value) room += json_string_length(value) + 1;
    spec->kernel.params = calloc(1, ops->params_size + room + 1);
    if (spec->kernel.params == NULL)
        return complaint_set(complaint, "no memory");
    tail.at = (char *)spec->kernel.params + ops->params_size;
    settings_set_defaults(ops->params, spec->kernel.params);
    return read_values(params, ops->params, spec->kernel.params, &tail, complaint);
}

static int read_argv(const json_t *list, struct job_spec *spec, struct complaint *complaint) {
    size_t count = json_array_size(list), room = 0;
    const char *text;
    struct tail tail;
    char **argv;

    if (list == NULL)
        return 0;
    for (size_t i = 0; i < count; i++) {
        text = read_text(json_array_get(list, i), "argv", complaint);
        if (text == NULL)
            return -1;
        room += strlen(text) + 1;
    }
    if (count == 0 || json_string_length(json_array_get(list, 0)) == 0)
        return complaint_set(complaint, "\"argv\" must begin with a program");
    argv = calloc(1, (count + 1) * sizeof(*argv) + room);
    if (argv == NULL)
        return complaint_set(complaint, "no memory");
    tail.at = (char *)(argv + count + 1);
    for (size_t i = 0; i < count; i++) {
        argv[i] = tail.at;
        keep(&tail, json_string_value(json_array_get(list, i)));
    }
    spec->kernel.argv = argv;
    return 0;
}

static int read_kernel(const json_t *value, struct job_spec *spec, struct complaint *complaint) {
    const char *name = read_text(value, "kernel", complaint);

    if (name != NULL)
        spec->kernel.ops = kernels_choose(name, complaint);
    return spec->kernel.ops != NULL ? 0 : -1;
}

static int read_interval(const json_t *value, struct job_spec *spec, struct complaint *complaint) {
    const char *text = read_text(value, "interval", complaint);

    if (text == NULL)
        return -1;
    return interval_parse(text, strlen(text), &spec->kernel.interval, complaint);
}

static int check_members(const json_t *what, struct complaint *complaint) {
    const json_t *argv = json_object_get(what, "argv");
    const char *name;
    json_t *value;

    if (!json_is_object(what))
        return complaint_set(complaint, "a job is a JSON object");
    json_object_foreach(unconst(what), name, value) {
        if (!is_among(members, name))
            return refuse_member(name, "job", members, complaint);
        if ((strcmp(name, "params") == 0 || strcmp(name, "options") == 0) && !json_is_object(value))
            return complaint_set(complaint, "\"%s\" must be an object", name);
    }
    if (argv != NULL && !json_is_array(argv))
        return complaint_set(complaint, "\"argv\" must be a list of texts");
    return 0;
}

int job_json_read(
    const json_t *what, struct job_spec *spec, struct complaint *complaint, int *out_exit_code) {
    *spec = (struct job_spec){ .engine = NULL };
    *out_exit_code = EXIT_CODE_USAGE;
    settings_set_defaults(job_spec_settings, &spec->options);
    if (check_members(what, complaint) == 0 &&
        read_kernel(json_object_get(what, "kernel"), spec, complaint) == 0 &&
        read_interval(json_object_get(what, "interval"), spec, complaint) == 0 &&
        read_params(json_object_get(what, "params"), spec, complaint) == 0 &&
        read_argv(json_object_get(what, "argv"), spec, complaint) == 0 &&
        read_values(json_object_get(what, "options"), job_spec_settings, &spec->options, NULL,
            complaint) == 0 &&
        job_spec_prepare(spec, complaint, out_exit_code) == 0)
        return 0;
    job_json_fini(spec);
    return -1;
}

void job_json_fini(struct job_spec *spec) {
    job_spec_fini(spec);
    free((void *)(uintptr_t)spec->kernel.argv);
    spec->kernel.argv = NULL;
}

/* ---- writing ---- */

/* The value as text: the user's own, or written into buf. */
static const char *write_text(const struct setting *row, const void *values, char buf[VALUE_MAX]) {
    const char *text;

    if (!is_text(row))
        return settings_format(row, values, buf, VALUE_MAX);
    memcpy(&text, (const char *)values + row->offset, sizeof(text));
    return text != NULL ? text : "";
}

/* Put the values that differ from the defaults into what, as an object called name. 0 or -1. */
static int write_values(
    json_t *what, const char *name, const struct setting *table, const void *values, size_t size) {
    char given[VALUE_MAX], fallback[VALUE_MAX];
    void *defaults = calloc(1, size + 1);
    json_t *object = json_object();
    const char *text;
    int rc = 0;

    if (defaults == NULL || object == NULL)
        rc = -1;
    else
        settings_set_defaults(table, defaults);
    for (const struct setting *row = table; rc == 0 && row->name != NULL; row++) {
        if (table == job_spec_settings && !is_among(job_json_options, row->name))
            continue;
        text = write_text(row, values, given);
        if (strcmp(text, write_text(row, defaults, fallback)) != 0)
            rc = json_object_set_new(object, row->name, json_string(text));
    }
    if (rc == 0 && json_object_size(object) > 0)
        rc = json_object_set(what, name, object);
    json_decref(object);
    free(defaults);
    return rc;
}

static int write_interval(json_t *what, const struct interval *interval) {
    char text[INTERVAL_TEXT_MAX] = "0";

    if (!interval->is_empty)
        snprintf(text, sizeof(text), "%" PRIu64 "..%" PRIu64, interval->lo, interval->hi);
    return json_object_set_new(what, "interval", json_string(text));
}

static int write_argv(json_t *what, char *const *argv) {
    json_t *list = json_array();
    int rc = list != NULL ? 0 : -1;

    for (; rc == 0 && argv != NULL && *argv != NULL; argv++)
        rc = json_array_append_new(list, json_string(*argv));
    if (rc == 0 && json_array_size(list) > 0)
        rc = json_object_set(what, "argv", list);
    json_decref(list);
    return rc;
}

json_t *job_json_write(const struct job_spec *spec) {
    const struct kernel_plan *kernel = &spec->kernel;
    json_t *what = json_object();

    if (what != NULL && json_object_set_new(what, "kernel", json_string(kernel->ops->name)) == 0 &&
        write_interval(what, &kernel->interval) == 0 &&
        write_values(
            what, "params", kernel->ops->params, kernel->params, kernel->ops->params_size) == 0 &&
        write_argv(what, kernel->argv) == 0 &&
        write_values(what, "options", job_spec_settings, &spec->options, sizeof(spec->options)) ==
            0)
        return what;
    json_decref(what);
    return NULL;
}
