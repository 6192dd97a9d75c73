/* Verbs that stay with a job: how far it is, and its result as it comes. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/entry_json.h"
#include "supervisor/jobs/verbs_private.h"

#define TELL_EVERY_NS 1000000000ull

/* The last line of whoever stayed until the end: the job's own exit code and cause. */
static void finish_as(struct request *request, const struct entry *entry) {
    if (!entry_has_ended(entry) || entry->state == ENTRY_DONE)
        request_finish(request, EXIT_CODE_OK, NULL);
    else if (entry->cause[0] == '\0')
        request_finish(request, entry->exit_code, "job %" PRIu64 " is %s", entry->id,
            entry_state_name(entry->state));
    else
        request_finish(request, entry->exit_code, "%s", entry->cause);
}

/* Who followed it to its end is told all about it. */
static void tell_end(struct request *request, const struct entry *entry) {
    request_say(request, json_pack("{s:o}", "job",
                             entry_json_write(entry, book_count_workers(request->book, entry))));
    finish_as(request, entry);
}

/* ---- wait ---- */

/* How far it is, when that differs from what was last told. */
static void tell_progress(struct request *request, const struct entry *entry) {
    json_t *now = entry_json_write_progress(entry, book_count_workers(request->book, entry));

    request->wake_at_ns = request->now_ns + TELL_EVERY_NS;
    if (now == NULL || request->told == NULL || !json_equal(now, request->told))
        request_say(request, now != NULL ? json_pack("{s:O}", "progress", now) : NULL);
    json_decref(request->told);
    request->told = now;
}

void verbs_follow_wait(struct request *request) {
    struct entry *entry = verbs_find_job(request);

    if (entry == NULL)
        return;
    entry_watch(&request->watcher, entry);
    tell_progress(request, entry);
}

void verbs_follow_wait_on(struct request *request) {
    const struct entry *entry = request->watcher.entry;

    if (entry_has_ended(entry)) {
        tell_end(request, entry);
    } else if (request->now_ns >= request->wake_at_ns && outlet_room(request->outlet) > 0) {
        tell_progress(request, entry);
    }
}

/* ---- result ---- */

void verbs_follow_begin(struct request *request, struct entry *entry, uint64_t from, bool follows) {
    entry_watch(&request->watcher, entry);
    stream_open(&request->stream, entry, from, follows);
}

void verbs_follow_result(struct request *request) {
    const uint64_t from = request_number(request, "from", 0);
    struct entry *entry = verbs_find_job(request);

    if (entry == NULL)
        return;
    if (entry_has_ended(entry) && from > entry->result_bytes) {
        request_finish(request, EXIT_CODE_USAGE,
            "job.result: from is behind the end: the result of job %" PRIu64 " has %" PRIu64
            " bytes",
            entry->id, entry->result_bytes);
        return;
    }
    verbs_follow_begin(request, entry, from, request_flag(request, "follow", false));
}

void verbs_follow_result_on(struct request *request) {
    const struct entry *entry = request->watcher.entry;
    struct stream *stream = &request->stream;

    request->wake_at_ns = UINT64_MAX;
    switch (stream_pump(stream, request->outlet, book_store(request->book), request->now_ns)) {
    case STREAM_WAITING:
    case STREAM_BLOCKED:
        break;
    case STREAM_HELD:
        request->wake_at_ns = stream->send_at_ns;
        break;
    case STREAM_READY:
        request->wants_room = true;
        break;
    case STREAM_OVER:
        if (stream->follows && entry_has_ended(entry))
            tell_end(request, entry);
        else
            finish_as(request, entry);
        break;
    case STREAM_BROKEN:
        request_finish(request, EXIT_CODE_IO, "the result of job %" PRIu64 " cannot be read: %s",
            entry->id, strerror(errno));
        break;
    }
}
