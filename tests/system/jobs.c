/* What tests of the daemon's jobs do again and again. */
#include "tests/system/jobs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATIENCE_MS   10000
#define ARGUMENTS_MAX 32

void jobs_write_config(const char *more) {
    char text[4096];

    snprintf(text, sizeof(text),
        "jobs_dir = \"jobs.d\";\njobs : { spool_dir = \"spool\"; workers = 2; %s };\n", more);
    mkdir("jobs.d", 0755);
    daemon_write_config(text);
}

void jobs_write_definition(const char *name, const char *format, ...) {
    char text[4096], path[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "jobs.d/%s.conf", name);
    harness_write_file(path, text, strlen(text));
}

json_t *jobs_status(void) {
    json_t *lines = daemon_ask("{\"verb\":\"status\"}"), *line, *jobs;
    size_t i;

    json_array_foreach(lines, i, line) {
        jobs = json_object_get(line, "jobs");
        if (json_is_object(jobs))
            return jobs;
    }
    return NULL;
}

pid_t jobs_supervisor_pid(void) {
    json_t *jobs = jobs_status();

    return jobs != NULL ? (pid_t)json_integer_value(json_object_get(jobs, "pid")) : 0;
}

size_t jobs_worker_pids(pid_t *out, size_t most) {
    json_t *jobs = jobs_status(), *worker;
    size_t i, count = 0;
    pid_t pid;

    json_array_foreach(json_object_get(jobs, "workers"), i, worker) {
        pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
        if (pid > 0 && count < most)
            out[count++] = pid;
    }
    return count;
}

static bool is_running(void) {
    json_t *jobs = jobs_status();
    const char *state = json_string_value(json_object_get(jobs, "state"));
    pid_t pids[8];

    return state != NULL && strcmp(state, "RUNNING") == 0 && jobs_worker_pids(pids, 8) >= 1;
}

void jobs_start(struct daemon *daemon, const char *more) {
    jobs_write_config(more);
    daemon_start_unsettled(daemon);
    CHECK(harness_until(PATIENCE_MS, is_running()), "no job supervisor: %s", daemon_log());
}

/* True when there is none left. */
static bool reap_all(void) {
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        continue;
    return pid < 0;
}

void jobs_reap_orphans(void) {
    harness_until(PATIENCE_MS, reap_all()); /* who is left is told by the runner */
}

const char *jobs_submit(const char *first, ...) {
    const char *argv[ARGUMENTS_MAX] = { "prefork", "--control", "control.sock", "job", "submit",
        first };
    size_t count = 6;
    struct harness_result r;
    va_list args;

    va_start(args, first);
    while (count + 1 < ARGUMENTS_MAX && (argv[count] = va_arg(args, const char *)) != NULL)
        count++;
    va_end(args);
    argv[count] = NULL;
    r = harness_run_argv(argv);
    CHECK(r.code == 0, "submit %s: exit %d: %s", first, r.code, r.err);
    r.out[strcspn(r.out, "\n")] = '\0';
    CHECK(r.out[0] >= '1' && r.out[0] <= '9', "no id: \"%s\"", r.out);
    return r.out;
}

json_t *jobs_show(const char *id) {
    struct harness_result r = PREFORK("job", "show", id, "--json");
    json_t *job = json_loads(r.out, 0, NULL);

    CHECK(r.code == 0 && job != NULL, "show %s: exit %d: %s%s", id, r.code, r.out, r.err);
    return job;
}

const char *jobs_state(const char *id) {
    return json_string_value(json_object_get(jobs_show(id), "state"));
}

long long jobs_number(const char *id, const char *key) {
    return json_integer_value(json_object_get(jobs_show(id), key));
}
