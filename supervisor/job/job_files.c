/*
 * The files of a job: the output, and beside it, while the job runs, FILE.journal and FILE.spool/
 * with what waits. All is opened and checked before the first child; the journal's lock comes
 * first, so that two supervisors never touch one output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/failpoint.h"
#include "shared/log.h"
#include "supervisor/job/job_internal.h"
#include "supervisor/job/resume.h"

#define SYNC_AFTER_NS 1000000000u

static int refuse(
    struct complaint *complaint, int *out_exit_code, int exit_code, const char *path) {
    *out_exit_code = exit_code;
    return complaint_set(complaint, "%s: %s", path, strerror(errno));
}

static char *join(const char *path, const char *suffix) {
    char *joined;

    return asprintf(&joined, "%s%s", path, suffix) < 0 ? NULL : joined;
}

/* A journal only helps where the output can be cut: a device or a pipe is written as it comes. */
static bool can_journal(const char *path) {
    struct stat st;

    return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

static int open_journal(
    struct job *job, struct journal_view *view, struct complaint *complaint, int *out_exit_code) {
    const struct job_options *options = &job->spec->options;
    char *path = join(options->output, ".journal"), *identity = job_spec_identity(job->spec);
    int rc = -1;

    *out_exit_code = EXIT_CODE_SYSTEM;
    if (path == NULL || identity == NULL) {
        complaint_set(complaint, "no memory for the journal");
        goto out;
    }
    rc = journal_open(&job->journal, path, identity, view, complaint, out_exit_code);
    if (rc == 0 && view->record_count > 0 && !options->resume) {
        journal_close(&job->journal, false);
        *out_exit_code = EXIT_CODE_USAGE;
        rc = complaint_set(complaint,
            "%s: an earlier run of this job did not finish; --resume goes on with it, or remove "
            "that file to begin anew",
            path);
    }
    job->has_journal = rc == 0;
out:
    free(path);
    free(identity);
    return rc;
}

static int name_spool(struct job *job) {
    const char *output = job->spec->options.output;

    job->spool_dir = join(output, ".spool");
    job->spool_path = join(output, ".spool/results");
    job->rest_path = join(output, ".spool/rest");
    return job->spool_dir != NULL && job->spool_path != NULL && job->rest_path != NULL ? 0 : -1;
}

/* What an earlier run left becomes the state to go on from. */
static int take_up(struct job *job, const struct journal_view *view, struct resume_point *point,
    struct complaint *complaint, int *out_exit_code) {
    const char *output = job->spec->options.output;

    if (resume_find(view, output, job->release.boot, point) < 0)
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, output);
    job->is_complete = point->is_complete;
    job->release.next = job->release.journaled = point->next;
    job->release.journaled_bytes = point->offset;
    job->release.records = point->records;
    job->release.digest = point->digest;
    job->release.held = point->held;
    job->summary->resumed_at = point->next;
    return 0;
}

static int open_kept(struct job *job, const struct journal_view *view, struct complaint *complaint,
    int *out_exit_code) {
    struct spool *spool = &job->commit.store.spool;

    if (mkdir(job->spool_dir, 0700) < 0 && errno != EEXIST)
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, job->spool_dir);
    if (rest_open(&job->rest, job->rest_path) < 0)
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, job->rest_path);
    job->release.rest = job->commit.rest = &job->rest;
    spool->path = job->spool_path;
    commit_open_window(&job->commit);
    if (view->record_count == 0)
        return 0;
    if (spool_reopen(spool) < 0)
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, job->spool_path);
    if (spool->fd >= 0)
        resume_adopt_spooled(view, &job->commit);
    return 0;
}

static int open_with_journal(struct job *job, struct complaint *complaint, int *out_exit_code) {
    struct resume_point point = { .next = 0 };
    struct journal_view view = { .record_count = 0 };
    const char *path = job->spec->options.output;

    if (open_journal(job, &view, complaint, out_exit_code) < 0)
        return -1;
    job->release.journal = &job->journal;
    if (name_spool(job) < 0)
        return refuse(complaint, out_exit_code, EXIT_CODE_SYSTEM, path);
    if (job->spec->options.resume && view.record_count == 0 && !job->spec->options.quiet)
        log_info("%s: there is nothing to resume, the job begins at its first chunk", path);
    if (take_up(job, &view, &point, complaint, out_exit_code) < 0)
        return -1;
    if (output_open_file(&job->output, path, point.offset, point.output_crc) < 0)
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, path);
    ring_begin(job->ring, point.next);
    return open_kept(job, &view, complaint, out_exit_code);
}

int job_files_open(struct job *job, struct complaint *complaint, int *out_exit_code) {
    const char *path = job->spec->options.output;

    if (path != NULL && can_journal(path)) {
        if (open_with_journal(job, complaint, out_exit_code) < 0)
            return -1;
    } else if (path != NULL) {
        if (output_open_file(&job->output, path, 0, 0) < 0)
            return refuse(complaint, out_exit_code, EXIT_CODE_IO, path);
    } else if (output_open_stdout(&job->output) < 0) {
        return refuse(complaint, out_exit_code, EXIT_CODE_IO, "stdout");
    }
    if (job->output.offset == 0)
        release_begin(&job->release);
    return 0;
}

/* Names go after the word that they may: whoever is killed between them is asked again. */
static void remove_names(struct job *job) {
    struct journal_record end = { .type = JOURNAL_END, .chunk = job->release.next };

    if (!job->is_complete && journal_append(&job->journal, &end) < 0)
        log_warn("%s: the end could not be noted", job->journal.path);
    FAILPOINT("end-noted");
    if (job->host.keeps_journal)
        return;
    unlink(job->spool_path);
    unlink(job->rest_path);
    rmdir(job->spool_dir);
    FAILPOINT("spool-removed");
}

void job_files_close(struct job *job, bool is_complete) {
    /* A long job is safe on disk before its journal goes; a short one is quickly run again. */
    bool is_long = clock_now_ns() - job->started_ns > SYNC_AFTER_NS || job->summary->resumed_at > 0,
         must_sync = is_complete && job->has_journal && is_long;

    job->summary->needs_sync = must_sync && job->host.keeps_journal;
    if (must_sync && !job->host.keeps_journal && fdatasync(job->output.fd) < 0)
        log_warn("%s: could not be synced", job->spec->options.output);
    if (is_complete && job->has_journal)
        remove_names(job);
    if (job->has_journal && !is_complete && job->spool_dir != NULL) {
        /* Empty it can go; rmdir(2) refuses when something waits in it. */
        rmdir(job->spool_dir);
    }
    if (output_close(&job->output) < 0 && !job->has_output_failed)
        log_warn("%s: could not be closed",
            job->spec->options.output != NULL ? job->spec->options.output : "stdout");
    /* A journal that holds nothing would only stand in the way of the next run. */
    if (job->has_journal)
        journal_close(
            &job->journal, (is_complete && !job->host.keeps_journal) || !job->journal.has_records);
    rest_close(&job->rest);
    free(job->spool_dir);
    free(job->spool_path);
    free(job->rest_path);
}
