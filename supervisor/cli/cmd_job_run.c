/* Run one job: this process is its supervisor. */
#include "supervisor/cli/cmd_job_run.h"

#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/job/job_run.h"
#include "supervisor/job/report.h"

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct job_spec spec = { .engine = NULL };
    struct job_summary summary;
    struct complaint complaint;
    int exit_code;

    (void)argc;
    exit_code = job_args_read(cmd, argv, job_spec_settings, &spec.options, &spec);
    if (exit_code != JOB_ARGS_READ)
        goto out;
    if (spec.options.output != NULL && strcmp(spec.options.output, "-") == 0)
        spec.options.output = NULL;
    if (job_spec_prepare(&spec, &complaint, &exit_code) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        goto out;
    }
    log_set_quiet(spec.options.quiet || spec.options.json);
    if (spec.kernel.interval.is_empty)
        log_info("the interval is empty: there is nothing to compute");
    exit_code = EXIT_CODE_OK;
    if (spec.options.dry_run) {
        report_dry_run(&spec);
        goto out;
    }
    job_run(&spec, &summary);
    if (!summary.was_refused)
        report_summary(&spec, &summary);
    exit_code = summary.exit_code;
    job_summary_fini(&summary);
out:
    job_spec_fini(&spec);
    return exit_code;
}

static const char *const examples[] = {
    "prefork job run divisible 3 345 212",
    "the numbers up to 3 345 212 that 11, 13 and 17 divide",
    "prefork job run primes 1e9..2e9 --count",
    "how many primes there are between",
    "prefork job run divisible 1e10 --method test --output found.txt --engine thread",
    "try every number, in threads, into a file, with a journal to resume from",
    "prefork job run command 1..100 --engine event -- ./render --from {lo} --to {hi}",
    "a command for each chunk, 64 at a time",
    NULL,
};

const struct cmd cmd_job_run = {
    .name = "job run",
    .operands = "KERNEL INTERVAL [-- COMMAND ...]",
    .summary = "compute an interval in chunks, in processes, threads or an event loop",
    .options = job_spec_settings,
    .examples = examples,
    .more_help = job_args_write_kernels,
    .run = run,
};
