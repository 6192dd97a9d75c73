/* The job without the machinery: what engines are compared with. */
#include "supervisor/job/job_serial.h"

#include <sys/resource.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "workers/job_worker.h"

void job_serial_run(const struct job_spec *spec, struct job_summary *out) {
    struct job_worker_totals totals;
    struct complaint complaint;
    struct rusage usage;
    uint64_t started_ns = clock_now_ns();

    *out = (struct job_summary){ .exit_code = EXIT_CODE_OK };
    if (job_worker_serial_run(&spec->kernel, &spec->split, spec->format, &totals, &complaint) < 0) {
        log_warnx("%s", complaint.text);
        out->exit_code = EXIT_CODE_FAILED;
    }
    out->wall_ns = clock_now_ns() - started_ns;
    out->records = totals.records;
    out->digest = totals.digest;
    out->released = out->done = spec->split.chunks;
    getrusage(RUSAGE_SELF, &usage);
    out->cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    out->switches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
}
