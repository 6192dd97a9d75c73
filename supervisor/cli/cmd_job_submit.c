/*
 * Give the daemon a job. Everything that can be checked here is checked here, in the words of job
 * run; the token lets the daemon know the question again when its answer was lost.
 */
#include "supervisor/cli/cmd_job_submit.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "shared/log.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/cli/job_talk.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/job/job_json.h"
#include "supervisor/job/job_settings.h"

#define TOKEN_BYTES 16

struct values {
    struct job_options job;
    struct job_client_options client;
    bool wait;
};

static const struct setting options_table[] = {
    { .name = "wait",
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, wait),
        .help = "write the result to stdout as it comes, and end as the job ends" },
    JOB_SETTINGS_WANTED(struct values, job.),
    JOB_SETTINGS_TALK(struct values, job.),
    JOB_CLIENT_SETTINGS(struct values, client),
    { .name = NULL },
};

/* A job that a file defines has the options of the file. Returns 0 or -1. */
static int refuse_changes(const struct cmd *cmd, const char *name, const struct values *values) {
    struct job_options job = values->job;
    const struct setting *row;
    char option[64];

    job.json = false; /* the id may be wanted so */
    row = settings_find(job_spec_settings, "progress");
    settings_set(row, row->fallback, &job, &(struct complaint){ .text = "" });
    job.quiet = false;
    row = job_args_find_changed(job_spec_settings, &job, sizeof(job));
    if (row == NULL)
        return 0;
    log_warnx("%s: %s does not go with the name of a job: \"%.40s\" is what the daemon's file says",
        cmd->name, settings_option_name(row, option, sizeof(option)), name);
    return -1;
}

/* The job as the daemon is told of it, checked. NULL with the exit code when it makes no sense. */
static json_t *describe(const struct cmd *cmd, struct job_spec *spec, int *out_exit_code) {
    struct complaint complaint;
    json_t *what;

    if (job_spec_prepare(spec, &complaint, out_exit_code) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        return NULL;
    }
    if (spec->kernel.interval.is_empty)
        log_info("the interval is empty: there is nothing to compute");
    what = job_json_write(spec);
    if (what == NULL) {
        log_warnx("%s: what was typed is not UTF-8, or there is no memory", cmd->name);
        *out_exit_code = EXIT_CODE_USAGE;
    }
    return what;
}

/* 32 hexadecimal digits that nobody else has. */
static json_t *new_token(void) {
    unsigned char bytes[TOKEN_BYTES] = { 0 };
    char text[2 * TOKEN_BYTES + 1];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        return NULL;
    for (size_t i = 0; i < TOKEN_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return json_string(text);
}

/* The answer of one who does not wait: once, although it may be asked for again. */
struct receipt {
    bool is_json, is_written;
};

static void write_receipt(void *owner, json_t *line) {
    struct receipt *receipt = owner;

    if (receipt->is_written || json_object_get(line, "id") == NULL)
        return;
    receipt->is_written = true;
    if (receipt->is_json)
        json_dumpf(line, stdout, JSON_COMPACT);
    else
        printf("%" PRIu64, json_read_number(line, "id"));
    putchar('\n');
    fflush(stdout);
}

/* args is taken. */
static int submit(
    const struct cmd *cmd, const struct values *values, const struct job_spec *spec, json_t *args) {
    struct receipt receipt = { .is_json = values->job.json };
    struct job_talk talk = { .spec.options = values->job,
        .spec.split = spec->split,
        .client = { .cmd = cmd,
            .options = &values->client,
            .verb = "job.submit",
            .args = args,
            .is_stream = values->wait,
            .line = write_receipt,
            .owner = &receipt } };
    int exit_code;

    json_object_set_new(args, "token", new_token());
    if (values->wait)
        json_object_set_new(args, "follow", json_true());
    exit_code = values->wait ? job_talk_ask(&talk) : job_client_ask(&talk.client);
    job_talk_fini(&talk);
    json_decref(args);
    return exit_code;
}

static int submit_name(const struct cmd *cmd, const struct values *values, const char *name) {
    const struct job_spec none = { .engine = NULL };
    const int exit_code = submit(
        cmd, values, &none, json_pack("{s:o}", "name", json_text_new(name)));

    if (exit_code == EXIT_CODE_USAGE && kernels_find(name) != NULL)
        log_warnx("a kernel needs an interval behind it: prefork job submit %s 1..1000", name);
    return exit_code;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .wait = false };
    struct job_spec spec = { .engine = NULL };
    const char *name;
    json_t *what;
    int exit_code;

    (void)argc;
    exit_code = job_args_read_or_name(cmd, argv, options_table, &values, &spec, &name);
    if (exit_code != JOB_ARGS_READ)
        goto out;
    log_set_quiet(values.job.quiet || values.job.json);
    spec.options = values.job;
    exit_code = EXIT_CODE_USAGE;
    if (name != NULL) {
        if (refuse_changes(cmd, name, &values) == 0)
            exit_code = submit_name(cmd, &values, name);
    } else {
        what = describe(cmd, &spec, &exit_code);
        if (what != NULL)
            exit_code = submit(cmd, &values, &spec, json_pack("{s:o}", "what", what));
    }
out:
    job_spec_fini(&spec);
    return exit_code;
}

static const char *const examples[] = {
    "prefork job submit divisible 1..3345212 --wait >found.txt",
    "as job run, but the workers of the daemon compute it",
    "prefork job submit primes 1e9..2e9 --count",
    "print the number of the job, and let it run",
    "prefork job submit nightly",
    "run the job that jobs.d/nightly.conf defines, now",
    NULL,
};

const struct cmd cmd_job_submit = {
    .name = "job submit",
    .operands = "KERNEL INTERVAL [-- COMMAND ...] | NAME",
    .summary = "give the daemon a job, or begin one that its files define",
    .options = options_table,
    .examples = examples,
    .more_help = job_args_write_kernels,
    .run = run,
};
