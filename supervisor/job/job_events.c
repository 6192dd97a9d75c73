/*
 * What happens to a job: frames, deaths, silence. Here it is decided what becomes of a chunk;
 * how a child is made or ended is the engine's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/exit_code.h"
#include "shared/exit_words.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/job/job_internal.h"

#define GRACE_MS        500u
#define YOUNG_DEATHS    5u
#define NO_ROOM_WAIT_NS 1000000000u
#define CAUSE_MAX       256

/* ---- chunks that did not work out ---- */

static void queue_solo(struct job *job, uint64_t chunk) {
    uint64_t *grown = reallocarray(job->solo, job->solo_count + 1, sizeof(*grown));

    if (grown == NULL) {
        log_warn("no memory to try chunk %" PRIu64 " alone", chunk + 1);
        job_cancel(job, EXIT_CODE_SYSTEM);
        return;
    }
    grown[job->solo_count++] = chunk;
    job->solo = grown;
}

static bool is_queued_solo(const struct job *job, uint64_t chunk) {
    for (size_t i = 0; i < job->solo_count; i++)
        if (job->solo[i] == chunk)
            return true;
    return false;
}

static void give_back(struct job *job, uint64_t chunk) {
    struct slot *slot = commit_slot(&job->commit, chunk);

    commit_return(&job->commit, chunk);
    if (slot->is_suspect && slot->state == SLOT_OPEN)
        queue_solo(job, chunk);
    job->must_wake = true;
}

/* A cause is what the chunk did, or a sentence of its own. */
static const char *subject_of(const char *cause) {
    return strncmp(cause, "the ", strlen("the ")) == 0 ? "" : "it ";
}

static void hold(struct job *job, uint64_t chunk, const char *cause) {
    struct job_summary *summary = job->summary;

    if (summary->held_count < JOB_HELD_NAMED)
        summary->held[summary->held_count] = (struct job_held){ .chunk = chunk,
            .cause = strdup(cause) };
    summary->held_count++;
    commit_hold(&job->commit, chunk, cause);
    log_warnx("chunk %" PRIu64 " is held after %" PRIu32 " bad and %" PRIu32 " lost attempts: %s%s",
        chunk + 1, commit_slot(&job->commit, chunk)->blamed, commit_slot(&job->commit, chunk)->lost,
        subject_of(cause), cause);
}

/* The chunk's attempt came to nothing: again, or not. */
static void retry_or_hold(struct job *job, uint64_t chunk, const char *cause) {
    const struct slot *slot = commit_slot(&job->commit, chunk);

    if (blame_must_hold(slot->blamed, job->spec->options.retries, slot->lost))
        hold(job, chunk, cause);
    else
        give_back(job, chunk);
}

/* ---- frames ---- */

static void on_failed(struct job *job, const struct frame *frame, const char *payload) {
    struct ring_lane *row = ring_lane(job->ring, frame->lane);
    struct slot *slot = commit_slot(&job->commit, frame->chunk);
    char cause[CAUSE_MAX], span[NUMBER_TEXT_MAX];

    if (atomic_load(&row->stop) == frame->chunk + 1) {
        atomic_store(&row->stop, 0);
        snprintf(cause, sizeof(cause), "took longer than %s",
            number_format_span(span, job->spec->options.chunk_timeout_ms * 1000000u));
    } else {
        escape_line(cause, sizeof(cause), payload, frame->len);
    }
    watch_reset(&job->watches[frame->lane]);
    slot->blamed++;
    log_warnx("chunk %" PRIu64 " failed in attempt %" PRIu32 ": %s", frame->chunk + 1, frame->epoch,
        cause);
    retry_or_hold(job, frame->chunk, cause);
}

/*
 * There is no place to keep a result. For a while only the chunk whose turn it is may be claimed:
 * it needs no place but the output.
 */
static void on_no_room(struct job *job, uint64_t chunk) {
    if (chunk == job->ring->base) {
        job->output_error = errno;
        log_warn("the result of chunk %" PRIu64 " cannot be kept", chunk + 1);
        give_back(job, chunk);
        job_cancel(job, EXIT_CODE_IO);
        return;
    }
    if (!job->ring->head_only)
        log_warn("no room to keep results; going on with one chunk at a time");
    atomic_store(&job->ring->head_only, 1);
    job->no_room_until_ns = clock_now_ns() + NO_ROOM_WAIT_NS;
    job->summary->lost++;
    give_back(job, chunk);
}

static void on_done(struct job *job, uint64_t chunk) {
    const struct slot *slot = commit_slot(&job->commit, chunk);

    job->young_deaths = 0;
    if (result_is_spooled(&slot->result) && release_journal_spooled(&job->release, chunk, slot) < 0)
        job_fail_journal(job);
}

bool job_events_on_frame(void *arg, const struct frame *frame, const char *payload,
    uint32_t first_lane, uint32_t lanes) {
    struct job *job = arg;
    bool may_pass = frame->type == FRAME_DONE && frame->chunk == job->ring->base &&
                    release_can_pass(&job->release, frame->len);

    switch (commit_take(&job->commit, frame, payload, first_lane, lanes, may_pass)) {
    case COMMIT_PASS:
        job->young_deaths = 0;
        release_pass(&job->release, frame, payload);
        break;
    case COMMIT_DONE:
        on_done(job, frame->chunk);
        break;
    case COMMIT_RECHECK:
        job->must_wake = true;
        break;
    case COMMIT_DIFFERENT:
        hold(job, frame->chunk, "gave two different results");
        job->exit_code = EXIT_CODE_DATA;
        break;
    case COMMIT_FAILED:
        on_failed(job, frame, payload);
        break;
    case COMMIT_NO_ROOM:
        on_no_room(job, frame->chunk);
        break;
    case COMMIT_BAD:
        return false;
    case COMMIT_PART:
    case COMMIT_IGNORED:
        break;
    }
    return true;
}

void job_events_on_heard(void *arg) {
    struct job *job = arg;

    /* Cancelled or not: what is lent is the worker's again. */
    if (!job->has_output_failed && output_settle(&job->output) == OUTPUT_ERROR)
        job_fail_output(job);
}

/* ---- deaths ---- */

/* A death while its chunks are sorted out. */
struct inquest {
    struct job *job;
    const struct engine_death *death;
    enum blame_verdict verdict;
    uint32_t executing;
    uint64_t example; /* one of the executing chunks */
    uint64_t culprit; /* the chunk that we ended the child for; RING_NO_CHUNK: not known */
    char cause[CAUSE_MAX];
};

static bool was_executing(const struct job *job, uint64_t chunk, uint32_t lane) {
    return atomic_load(&ring_lane(job->ring, lane)->chunk) == chunk;
}

static void count_executing(void *arg, uint64_t chunk, uint32_t lane) {
    struct inquest *inquest = arg;

    if (!was_executing(inquest->job, chunk, lane))
        return;
    inquest->executing++;
    inquest->example = chunk;
    /* We ended it for a chunk: that one is known, unless one thread held them all. */
    if (inquest->job->watches[lane].is_condemned &&
        inquest->job->spec->engine->model != JOB_WORKER_EVENT)
        inquest->culprit = chunk;
}

static void sort_out(void *arg, uint64_t chunk, uint32_t lane) {
    struct inquest *inquest = arg;
    struct job *job = inquest->job;
    struct slot *slot = commit_slot(&job->commit, chunk);

    job->summary->lost++;
    if (!was_executing(job, chunk, lane)) {
        give_back(job, chunk);
        return;
    }
    if (inquest->verdict == BLAME_SUSPECT && inquest->culprit == RING_NO_CHUNK) {
        slot->is_suspect = true;
        give_back(job, chunk);
        return;
    }
    if (inquest->verdict != BLAME_NOBODY &&
        (inquest->culprit == RING_NO_CHUNK || inquest->culprit == chunk))
        slot->blamed++;
    else
        slot->lost++;
    retry_or_hold(job, chunk, inquest->cause);
}

static void describe_cause(const struct job *job, const struct engine_death *death, char *dst) {
    char words[EXIT_WORDS_MAX], span[NUMBER_TEXT_MAX];

    switch (death->of.cause) {
    case BLAME_CAUSE_EXITED:
    case BLAME_CAUSE_SIGNALED:
        snprintf(
            dst, CAUSE_MAX, "%s", exit_words_describe(words, death->of.code, death->of.status));
        break;
    case BLAME_CAUSE_TIMEOUT:
        snprintf(dst, CAUSE_MAX, "was ended: a chunk took longer than %s",
            number_format_span(span, job->spec->options.chunk_timeout_ms * 1000000u));
        break;
    case BLAME_CAUSE_HUNG:
        snprintf(dst, CAUSE_MAX, "was ended: no sign of life for %s",
            number_format_span(span, job->spec->options.stall_ms * 1000000u));
        break;
    case BLAME_CAUSE_STOPPED:
        snprintf(dst, CAUSE_MAX, "was ended: it had been stopped");
        break;
    case BLAME_CAUSE_LIED:
        snprintf(dst, CAUSE_MAX, "was ended: it reported what cannot be");
        break;
    }
}

/* What the child was at, for the record: of several lanes, what the busiest of them was at. */
static const char *doing_of(const struct job *job, const struct engine_death *death) {
    static const unsigned char busy[] = {
        [RING_DOING_LEAVING] = 0,
        [RING_DOING_STARTING] = 1,
        [RING_DOING_IDLE] = 2,
        [RING_DOING_WRITTEN] = 3,
        [RING_DOING_CLAIMING] = 4,
        [RING_DOING_COMPUTING] = 5,
        [RING_DOING_WRITING] = 6,
    };
    uint32_t doing, busiest = RING_DOING_LEAVING;

    if (death->of.torn_bytes > 0)
        return "in mid-frame";
    for (uint32_t i = 0; i < death->lanes; i++) {
        doing = atomic_load(&ring_lane(job->ring, death->first_lane + i)->doing);
        if (doing < sizeof(busy) && busy[doing] > busy[busiest])
            busiest = doing;
    }
    return ring_doing_name(busiest);
}

static void record_death(const struct inquest *inquest) {
    const struct engine_death *death = inquest->death;
    char chunk[64] = "", uptime[NUMBER_TEXT_MAX];

    if (inquest->executing == 1)
        snprintf(chunk, sizeof(chunk), " chunk=%" PRIu64, inquest->example + 1);
    else if (inquest->executing > 1)
        snprintf(chunk, sizeof(chunk), " chunks=%" PRIu32, inquest->executing);
    log_warnx("worker %" PRIu32 " %s after %s pid=%d doing=\"%s\"%s torn_bytes=%" PRIu64
              " frames=%" PRIu64 " peak_kb=%ld",
        death->of.ordinal, inquest->cause, number_format_span(uptime, death->of.uptime_ns),
        death->of.pid, doing_of(inquest->job, death), chunk, death->of.torn_bytes, death->of.frames,
        death->of.peak_kb);
}

/* A child that dies before it has computed anything says that something is wrong with all of it. */
static void judge_young(struct job *job, const struct inquest *inquest) {
    const struct engine_death *death = inquest->death;
    bool is_fault = death->of.cause == BLAME_CAUSE_EXITED ||
                    blame_judge(death->of.cause, death->of.status, 1) != BLAME_NOBODY;

    if (death->of.cause == BLAME_CAUSE_EXITED && death->of.status == JOB_WORKER_EXIT_OPEN) {
        job_cancel(job, EXIT_CODE_FAILED);
        return;
    }
    if (death->of.frames > 0 || inquest->executing > 0 || !is_fault)
        return;
    if (++job->young_deaths >= YOUNG_DEATHS) {
        log_warnx(
            "%u workers in a row died before they computed anything; giving up", YOUNG_DEATHS);
        job_cancel(job, EXIT_CODE_FAILED);
    }
}

void job_events_on_lost(void *arg, const struct engine_death *death) {
    struct job *job = arg;
    struct inquest inquest = { .job = job, .death = death, .culprit = RING_NO_CHUNK };

    if (job->state == JOB_CANCELLED)
        return;
    job->summary->crashes++;
    commit_visit_owned(&job->commit, death->first_lane, death->lanes, count_executing, &inquest);
    inquest.verdict = blame_judge(death->of.cause, death->of.status, inquest.executing);
    describe_cause(job, death, inquest.cause);
    record_death(&inquest);
    commit_visit_owned(&job->commit, death->first_lane, death->lanes, sort_out, &inquest);
    for (uint32_t i = 0; i < death->lanes; i++)
        watch_reset(&job->watches[death->first_lane + i]);
    judge_young(job, &inquest);
}

/* ---- suspects, one at a time ---- */

void job_events_start_solo(struct job *job) {
    if (job->solo_count == 0 || job->state != JOB_RUNNING)
        return;
    if (job->engine->ops->start_solo(job->engine, job->solo[0]) < 0)
        return; /* there is one at work, or no process to be had: later */
    job->solo_chunk = job->solo[0];
    job->solo_count--;
    memmove(job->solo, job->solo + 1, job->solo_count * sizeof(*job->solo));
}

/* It died before it could claim its chunk: nobody else may, so it is for another one. */
static bool is_unclaimed(const struct job *job, uint64_t chunk) {
    return chunk != RING_NO_CHUNK && chunk >= job->ring->base &&
           ring_unpack(*ring_word_at(job->ring, chunk)).state == RING_SOLO;
}

void job_events_on_solo_over(void *arg) {
    struct job *job = arg;
    uint64_t chunk = job->solo_chunk;

    job->solo_chunk = RING_NO_CHUNK;
    /* What was given back after a death is queued already, if it is to be tried alone again. */
    if (is_unclaimed(job, chunk) && !is_queued_solo(job, chunk))
        queue_solo(job, chunk);
    job_events_start_solo(job);
}

/* ---- silence ---- */

static bool is_stopped(int pid) {
    char path[64], line[512], *end;
    FILE *stat;
    bool stopped = false;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    stat = fopen(path, "re");
    if (stat == NULL)
        return false;
    if (fgets(line, sizeof(line), stat) != NULL && (end = strrchr(line, ')')) != NULL)
        stopped = end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
    fclose(stat);
    return stopped;
}

void job_events_look(struct job *job, uint64_t elapsed_ms) {
    const struct job_options *options = &job->spec->options;
    const struct watch_limits limits = {
        .silent_ms = options->stall_ms,
        .chunk_ms = options->chunk_timeout_ms,
        .grace_ms = GRACE_MS,
    };

    for (uint32_t lane = 0; lane < job->ring->lanes; lane++) {
        struct ring_lane *row = ring_lane(job->ring, lane);
        int pid = job->engine->ops->lane_pid(job->engine, lane);
        if (pid == 0)
            continue;
        switch (watch_look(&job->watches[lane], row, &limits, elapsed_ms)) {
        case WATCH_FINE:
            break;
        case WATCH_STOP:
            atomic_store(&row->stop, job->watches[lane].chunk + 1);
            break;
        case WATCH_OVERDUE:
            job->engine->ops->kill_lane(job->engine, lane, BLAME_CAUSE_TIMEOUT);
            break;
        case WATCH_SILENT:
            job->engine->ops->kill_lane(
                job->engine, lane, is_stopped(pid) ? BLAME_CAUSE_STOPPED : BLAME_CAUSE_HUNG);
            break;
        }
    }
}
