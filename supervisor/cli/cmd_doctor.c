/*
 * Gather what there is to know (the configuration, from preforkd; the status, from the daemon that
 * has it), let each check look, and show what they found.
 */
#include "supervisor/cli/cmd_doctor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/cli/control_client.h"
#include "supervisor/cli/daemon_program.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/prose.h"
#include "supervisor/cli/table.h"

#define INDENT 20

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "5s"),
    { .name = NULL },
};

/* ---- gathering ---- */

static void keep_object(void *owner, json_t *object) {
    json_t **place = owner;

    if (*place == NULL)
        *place = json_incref(object);
}

/* The first line of the daemon's answer; NULL when nobody is there. */
static json_t *ask(
    const struct cmd *cmd, const struct control_client_options *options, const char *verb) {
    json_t *answer = NULL;
    struct control_client_question question = {
        .verb = verb, .line = keep_object, .owner = &answer, .is_silent = true
    };

    control_client_ask(cmd, options, &question);
    return answer;
}

/* The daemon is that of the file, unless a socket is named. */
static void gather_daemon(
    struct doctor *doctor, const struct cmd *cmd, struct control_client_options *options) {
    const char *named = getenv("PREFORK_CONTROL");

    if (options->control == NULL && (named == NULL || named[0] == '\0'))
        options->control = doctor_text(json_object_get(doctor->config, "control"), "socket");
    doctor->control = control_client_path(options);
    doctor->status = ask(cmd, options, "status");
    if (doctor->status != NULL)
        doctor->ports = ask(cmd, options, "ports");
}

/* Without a file, that of the daemon; else preforkd knows the usual one. */
static void gather_config(struct doctor *doctor, const struct cmd *cmd,
    const struct control_client_options *options, char file[PATH_MAX]) {
    const char *dump[] = { NULL, "-T", "--json", NULL, NULL, NULL },
               *test[] = { NULL, "-t", NULL, NULL, NULL };
    json_t *answer, *lines, *ignored;

    if (doctor->file == NULL && (answer = ask(cmd, options, "config")) != NULL) {
        snprintf(file, PATH_MAX, "%s", json_read_text(answer, "file"));
        doctor->file = file;
        json_decref(answer);
    }
    if (doctor->file != NULL) {
        dump[3] = test[2] = "-f";
        dump[4] = test[3] = doctor->file;
    }
    doctor->test_exit = daemon_program_capture(cmd->name, test, &lines, &doctor->complaints);
    json_decref(lines);
    daemon_program_capture(cmd->name, dump, &lines, &ignored);
    if (json_array_size(lines) == 1)
        doctor->config = json_loads(json_string_value(json_array_get(lines, 0)), 0, NULL);
    json_decref(lines);
    json_decref(ignored);
}

/* ---- showing ---- */

static void show(const struct doctor *doctor, FILE *out) {
    static const enum table_colour colours[] = { TABLE_GOOD, TABLE_WARN, TABLE_BAD };
    const bool has_colour = table_has_colour(out);
    const unsigned width = table_width_of(out);
    const json_t *finding;
    enum doctor_grade grade;
    struct prose prose;
    char label[64];

    for (size_t i = 0; i < json_array_size(doctor->findings); i++) {
        finding = json_array_get(doctor->findings, i);
        grade = DOCTOR_OK;
        while (strcmp(doctor_grade_name(grade), json_read_text(finding, "grade")) != 0)
            grade++;
        prose = (struct prose){ .len = 0 };
        prose_add(&prose, "%s", json_read_text(finding, "what"));
        if (json_is_string(json_object_get(finding, "mend")))
            prose_add(&prose, "; to mend: %s", json_read_text(finding, "mend"));
        snprintf(label, sizeof(label), "%-5s %s", doctor_grade_name(grade),
            json_read_text(finding, "check"));
        fputs(table_colour_on(colours[grade], has_colour), out);
        prose_write(&prose, out, label, INDENT, width);
        fputs(table_colour_off(colours[grade], has_colour), out);
    }
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct doctor doctor = { .findings = NULL };
    struct values values = { .client.json = false };
    struct cmd_operands operands;
    char file[PATH_MAX];
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    doctor.file = operands.count == 1 ? operands.text[0] : NULL;
    doctor.findings = json_array();
    gather_config(&doctor, cmd, &values.client, file);
    gather_daemon(&doctor, cmd, &values.client);
    doctor_look(&doctor);
    if (values.client.json)
        control_client_print_json(NULL, doctor.findings);
    else
        show(&doctor, stdout);
    exit_code = doctor_worst(&doctor) == DOCTOR_BAD ? EXIT_CODE_FAILED : EXIT_CODE_OK;
    json_decref(doctor.findings);
    json_decref(doctor.complaints);
    json_decref(doctor.config);
    json_decref(doctor.status);
    json_decref(doctor.ports);
    return exit_code;
}

static void write_checks(FILE *out) {
    fprintf(out, "\nchecks:\n");
    for (const struct doctor_check *check = doctor_checks; check->name != NULL; check++)
        fprintf(out, "  %-14s %s\n", check->name, check->summary);
}

static const char *const examples[] = {
    "prefork doctor",
    "this machine and the configuration of the daemon, or the usual one",
    "prefork doctor ./preforkd.conf",
    "another one",
    "prefork doctor --json | jq '.[] | select(.grade != \"ok\")'",
    "for programs",
    NULL,
};

const struct cmd cmd_doctor = {
    .name = "doctor",
    .operands = "[FILE]",
    .summary = "check this machine and the installation, and say what to mend",
    .options = options_table,
    .examples = examples,
    .more_help = write_checks,
    .run = run,
};
