/* What the log says of jobs. The job comes first, so that all of its life is found by it. */
#include "supervisor/jobs/book_private.h"

#include <stdio.h>

#include "shared/log.h"

#define END \
    { .key = NULL }

static const char *kernel_of(const struct entry *entry) {
    const char *name = json_string_value(json_object_get(entry->what, "kernel"));

    return name != NULL ? name : "";
}

static const char *interval_of(const struct entry *entry) {
    const char *text = json_string_value(json_object_get(entry->what, "interval"));

    return text != NULL ? text : "";
}

/* A field that is not there when it says nothing. */
static struct log_field text_or_end(const char *key, const char *text) {
    return text[0] != '\0' ? LOG_TEXT(key, text) : (struct log_field)END;
}

void book_log_submitted(const struct entry *entry) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id), LOG_NUMBER("uid", entry->uid),
        LOG_TEXT("kernel", kernel_of(entry)), LOG_TEXT("interval", interval_of(entry)),
        text_or_end("name", entry->name), END };

    log_write(LOG_LEVEL_INFO | LOG_EVERY, "job_submitted", fields, "a job is wanted");
}

void book_log_started(const struct entry *entry) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        LOG_NUMBER("runs", entry->runs), text_or_end("name", entry->name), END };

    log_write(LOG_LEVEL_INFO | LOG_EVERY, "job_started", fields,
        entry->runs > 1 ? "a job goes on where it was" : "a job begins");
}

void book_log_state(const struct entry *entry) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        text_or_end("cause", entry->cause), END };

    if (entry->state == ENTRY_PAUSED)
        log_write(LOG_LEVEL_WARN, "job_paused", fields, "a job waits");
    else
        log_write(LOG_LEVEL_INFO, "job_resumed", fields, "a job that waited goes on");
}

void book_log_suspect(const struct entry *entry) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        LOG_TEXT("cause", entry->cause), END };

    log_write(LOG_LEVEL_WARN, "job_suspect", fields, "a job may be what kills the job supervisor");
}

void book_log_ended(const struct entry *entry) {
    const int level = entry->state == ENTRY_DONE || entry->state == ENTRY_CANCELLED
                          ? LOG_LEVEL_INFO
                          : LOG_LEVEL_WARN;
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        LOG_TEXT("state", entry_state_name(entry->state)),
        LOG_NUMBER("exit", (uint64_t)entry->exit_code), LOG_NUMBER("records", entry->records),
        LOG_NUMBER("wall_ms", entry->wall_ns / BOOK_NS_IN_MS), text_or_end("cause", entry->cause),
        END };

    log_write(level | LOG_EVERY, "job_ended", fields, "a job has ended");
}

void book_log_asked(const char *event, const struct entry *entry, const struct asker *asker) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id), LOG_NUMBER("uid", asker->uid),
        END };

    log_write(LOG_LEVEL_INFO, event, fields, "somebody asked for it");
}

void book_log_forgotten(const struct entry *entry, const char *cause) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        LOG_TEXT("state", entry_state_name(entry->state)),
        LOG_NUMBER("result_bytes", entry->result_bytes), LOG_TEXT("cause", cause), END };

    log_write(LOG_LEVEL_INFO, "job_forgotten", fields, "an ended job and its result are removed");
}

void book_log_spool(const struct entry *entry, const struct complaint *complaint) {
    const struct log_field fields[] = { LOG_NUMBER("job", entry->id),
        LOG_TEXT("cause", complaint->text), END };

    log_write(LOG_LEVEL_ERROR, "spool_bad", fields, "the spool does not take what is to be kept");
}

void book_log_refusal(
    const struct asker *asker, const char *what, const struct complaint *complaint) {
    const struct log_field fields[] = { LOG_NUMBER("uid", asker->uid), LOG_TEXT("verb", what),
        LOG_TEXT("cause", complaint->text), END };

    log_write(LOG_LEVEL_WARN, "job_refused", fields, "somebody asked for what he does not get");
}
