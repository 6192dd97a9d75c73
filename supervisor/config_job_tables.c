/*
 * The keys of the group "jobs" and of a job's file: the only truth about them. A key that says what
 * an option of `prefork job run` says has that option's bounds and default: a test compares them.
 */
#include "shared/result_format.h"
#include "supervisor/config.h"
#include "supervisor/config_internal.h"
#include "supervisor/job/engine.h"

#define YEAR_MS   31536000000u
#define BYTES_MAX (1ull << 50)

static const char *const submit_names[] = { [SUBMIT_ADMIN] = "admin", [SUBMIT_ALL] = "all", NULL };
static const char *const commands_names[] = {
    [COMMANDS_NONE] = "none", [COMMANDS_ADMIN] = "admin", [COMMANDS_ALL] = "all", NULL
};
static const char *const format_names[] = { [RESULT_TEXT] = "text",
    [RESULT_SHEET] = "sheet",
    [RESULT_JSON] = "json",
    [RESULT_CSV] = "csv",
    NULL };
static const char *const overlap_names[] = {
    [OVERLAP_SKIP] = "skip", [OVERLAP_QUEUE] = "queue", NULL
};
static const char *const missed_names[] = { [MISSED_SKIP] = "skip", [MISSED_ONCE] = "once", NULL };
static const char *const on_held_names[] = { "stop", "mark", "skip", NULL };

#define JOBS(field) .name = #field, .offset = offsetof(struct config, jobs.field)
#define JOBS_MS(field)                                                                            \
    .name = #field, .offset = offsetof(struct config, jobs.field##_ms), .type = SETTING_DURATION, \
    .operand = "TIME", .max = YEAR_MS
#define JOBS_BYTES(field)                                                                         \
    .name = #field, .offset = offsetof(struct config, jobs.field##_bytes), .type = SETTING_BYTES, \
    .operand = "BYTES", .min = 1, .max = BYTES_MAX
#define JOB(field) .name = #field, .offset = offsetof(struct config_job, field)
#define JOB_MS(field)                                                                            \
    .name = #field, .offset = offsetof(struct config_job, field##_ms), .type = SETTING_DURATION, \
    .operand = "TIME"
#define NUMBER .type = SETTING_NUMBER, .operand = "N"

const struct setting config_jobs_settings[] = {
    { JOBS(enabled), .type = SETTING_BOOL, .fallback_words = "true with this group or a job's file",
        .help = "have a job supervisor" },
    { JOBS(workers), NUMBER, .fallback = "2", .min = 1, .max = 1000,
        .help = "chunks that are computed at once: processes, or threads or places of the event "
                "loop in one process" },
    { JOBS(engine), .type = SETTING_CHOICE, .operand = "ENGINE", .choices = engine_names,
        .fallback = "process", .help = "what computes the chunks" },
    { JOBS(spool_dir), .type = SETTING_PATH, .operand = "FOLDER",
        .fallback = "/var/lib/preforkd/jobs", .help = "where jobs keep what they must not lose" },
    { JOBS(user), .type = SETTING_TEXT, .operand = "USER",
        .fallback_words = "as the top of the file says",
        .help = "who the job supervisor runs as; needs a start as root" },
    { JOBS(group), .type = SETTING_TEXT, .operand = "GROUP",
        .fallback_words = "the first group of user",
        .help = "the group the job supervisor runs as" },
    { JOBS(submit), .type = SETTING_CHOICE, .operand = "WHO", .choices = submit_names,
        .fallback = "all",
        .help = "who may submit jobs by hand: root and the daemon's user, or whoever may open the "
                "control socket" },
    { JOBS(commands), .type = SETTING_CHOICE, .operand = "WHO", .choices = commands_names,
        .fallback = "none",
        .help = "whose jobs may run commands; admin: jobs of files, of root and of the daemon's "
                "user" },
    { JOBS(command_user), .type = SETTING_TEXT, .operand = "USER",
        .fallback_words = "as the job supervisor",
        .help = "who commands run as; needs a start as root" },
    { JOBS(max_running), NUMBER, .fallback = "8", .min = 1, .max = 1000,
        .help = "the most jobs in work at once; more are queued" },
    { JOBS(max_queued), NUMBER, .fallback = "1000", .min = 1, .max = 1000000,
        .help = "the most jobs that wait; more are refused" },
    { JOBS(max_per_user), NUMBER, .fallback = "100", .min = 1, .max = 1000000,
        .help = "the most jobs of one user, in work or waiting; more are refused" },
    { JOBS_BYTES(max_result), .fallback = "1G",
        .help = "the largest result; a job that makes more fails" },
    { JOBS_BYTES(max_spool), .fallback = "10G",
        .help = "the largest spool; beyond it jobs pause until there is room" },
    { JOBS(keep_jobs), NUMBER, .fallback = "1000", .min = 1, .max = 1000000,
        .help = "ended jobs that are kept, with their results" },
    { JOBS_MS(keep_for), .fallback = "30d", .help = "how long they are kept; 0: no limit" },
    { JOBS_MS(graceful_timeout), .fallback = "10s",
        .help = "what chunks in work have to end when the job supervisor leaves" },
    { JOBS_MS(supervisor_timeout), .fallback = "30s",
        .help =
            "a job supervisor that does not answer for so long is ended and replaced; 0: never" },
    { .name = NULL },
};

const struct setting config_job_settings[] = {
    { .name = "kernel",
        .offset = offsetof(struct config_job, kernel_name),
        .type = SETTING_TEXT,
        .operand = "KERNEL",
        .fallback_words = "none, it must be given",
        .help = "what is computed" },
    { JOB(interval), .type = SETTING_INTERVAL, .operand = "INTERVAL",
        .fallback_words = "none, it must be given",
        .help = "the numbers it is computed for: N, which is 1 to N, or \"A..B\"" },
    { JOB(command), .type = SETTING_TEXTS, .operand = "[ PROGRAM, ARGUMENT, ... ]",
        .fallback_words = "none", .help = "what a kernel that runs commands runs" },
    { JOB(enabled), .type = SETTING_BOOL, .fallback = "true",
        .help = "else the file is only checked" },
    { JOB(run), .type = SETTING_TEXT, .operand = "WHEN", .fallback = "manual",
        .help = "when it is due: start, every 1h, at 03:00, at mon,fri 03:00; manual: by hand "
                "alone" },
    { JOB_MS(jitter), .fallback = "0", .max = YEAR_MS,
        .help = "begin up to so much later, by chance" },
    { JOB(overlap), .type = SETTING_CHOICE, .operand = "HOW", .choices = overlap_names,
        .fallback = "skip",
        .help = "when it is due and its last run is not over: let it be, or wait for that" },
    { JOB(missed), .type = SETTING_CHOICE, .operand = "HOW", .choices = missed_names,
        .fallback = "skip",
        .help = "what was due while there was no daemon: let it be, or run it once" },
    { JOB(output), .type = SETTING_PATH, .operand = "FILE", .fallback_words = "only in the spool",
        .help = "a copy of the whole result is put there at the end of each run" },
    { JOB(format), .type = SETTING_CHOICE, .operand = "FORMAT", .choices = format_names,
        .fallback = "text",
        .help = "how the result is written: numbers, as the task sheets do, one object for each "
                "chunk, or rows of chunk,number" },
    { JOB(count), .type = SETTING_BOOL, .fallback = "false",
        .help = "give the number of results instead of the results" },
    { JOB(chunk), NUMBER, .fallback = "0", .max = INT64_MAX,
        .help = "numbers in a chunk; 0: the kernel's choice, 1 000 000 for divisible" },
    { JOB_MS(deadline), .fallback_words = "none", .help = "end a run after this time" },
    { JOB_MS(chunk_timeout), .fallback_words = "none",
        .help = "give an attempt at a chunk up after this time" },
    { JOB_MS(stall), .fallback = "30s",
        .help = "replace a worker that has shown no sign of life for this time" },
    { JOB(retries), NUMBER, .fallback = "2", .min = 0, .max = 1000,
        .help = "how often a chunk that crashed or failed is tried again" },
    { JOB(on_held), .type = SETTING_CHOICE, .operand = "HOW", .choices = on_held_names,
        .fallback = "stop", .help = "what a chunk without a result does to the output" },
    { JOB(verify), .type = SETTING_PERCENT, .operand = "P%", .fallback = "0%",
        .help = "compute this share of the chunks twice and compare" },
    { .name = NULL },
};

/* What others call it, and what it is called here. */
const char *const config_foreign_jobs[] = { "enable", "enabled", "active", "enabled", "threads",
    "workers", "processes", "workers", "max_children", "workers", "inflight", "workers", "model",
    "engine", "spool", "spool_dir", "dir", "spool_dir", "folder", "spool_dir", "uid", "user", "gid",
    "group", "allow", "submit", "command", "commands", "run_as", "command_user", "max_jobs",
    "max_running", "concurrency", "max_running", "queue", "max_queued", "history", "keep_jobs",
    "retention", "keep_for", "max_age", "keep_for", NULL };

const char *const config_foreign_job[] = { "type", "kernel", "range", "interval", "numbers",
    "interval", "schedule", "run", "cron", "run", "when", "run", "every", "run", "at", "run",
    "on_calendar", "run", "cmd", "command", "exec", "command", "argv", "command", "args", "command",
    "program", "command", "timeout", "deadline", "time_limit", "deadline", "max_time", "deadline",
    "random_delay", "jitter", "splay", "jitter", "persistent", "missed", "catch_up", "missed",
    "concurrency", "overlap", "out", "output", "file", "output", "result", "output", "chunk_size",
    "chunk", "json", "format", "csv", "format", "seed_format", "format", "retry", "retries",
    "autostart", "enabled", "enable", "enabled", "user", "jobs.command_user", "engine",
    "jobs.engine", "workers", "jobs.workers", NULL };
