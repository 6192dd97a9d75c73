/*
 * A new job: known already, allowed, sensible, and is there room. All that is refused is refused
 * before anything is kept.
 */
#include "supervisor/jobs/book_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/suggest.h"
#include "supervisor/job/job_json.h"

#define QUOTE_MAX     40
#define WHAT_MAX      32768u /* so that a line about a job stays below 64 KiB */
#define LATE_EVERY_NS (60 * BOOK_NS_IN_S)

/* ---- what is wanted ---- */

static const struct jobs_definition *find_definition(
    const struct jobs_config *config, const char *name, struct complaint *complaint) {
    const struct jobs_definition *definition = jobs_config_find(config, name);
    struct suggestion best = { .word = "" };

    if (definition != NULL)
        return definition;
    for (unsigned i = 0; i < config->definition_count; i++)
        suggest_offer(&best, name, config->definition[i].name);
    if (best.word[0] != '\0')
        complaint_set(complaint, "there is no defined job \"%.*s\", did you mean \"%s\"?",
            QUOTE_MAX, name, best.word);
    else
        complaint_set(complaint, "there is no defined job \"%.*s\"", QUOTE_MAX, name);
    return NULL;
}

/* Check it as a command line would be, and write it in the one way; and count its chunks. */
static int read_what(
    struct entry *entry, const json_t *what, struct complaint *complaint, int *out_exit_code) {
    struct job_spec spec;

    if (job_json_read(what, &spec, complaint, out_exit_code) < 0)
        return -1;
    entry->what = job_json_write(&spec);
    entry->chunks = spec.split.chunks;
    job_json_fini(&spec);
    *out_exit_code = EXIT_CODE_USAGE;
    if (entry->what == NULL)
        return complaint_set(
            complaint, "the job cannot be written down: it holds other than UTF-8");
    if (json_dumpb(entry->what, NULL, 0, JSON_COMPACT) > WHAT_MAX)
        return complaint_set(
            complaint, "the job is too long: %u bytes as JSON are allowed", WHAT_MAX);
    return 0;
}

/* Fill in all that is said of it; nothing is kept yet. */
static int describe(const struct book *book, struct entry *entry, const struct book_wanted *wanted,
    struct complaint *complaint, int *out_exit_code) {
    const struct jobs_definition *definition;
    const json_t *what = wanted->what;

    entry->uid = wanted->asker->uid;
    entry->wanted_at_unix_ms = book_now_unix_ms();
    snprintf(entry->token, sizeof(entry->token), "%s", wanted->token);
    *out_exit_code = EXIT_CODE_USAGE;
    if (wanted->name != NULL) {
        definition = find_definition(book->config, wanted->name, complaint);
        if (definition == NULL)
            return -1;
        snprintf(entry->name, sizeof(entry->name), "%s", definition->name);
        what = definition->what;
        if (definition->output != NULL && (entry->output = strdup(definition->output)) == NULL)
            return complaint_set(complaint, "no memory");
    }
    return read_what(entry, what, complaint, out_exit_code);
}

/* ---- is it known ---- */

static struct entry *find_token(
    const struct book *book, const struct asker *asker, const char *token) {
    struct entry *entry;

    if (token[0] != '\0')
        TAILQ_FOREACH_REVERSE(entry, &book->all, entry_list, link)
    if (entry->uid == asker->uid && strcmp(entry->token, token) == 0)
        return entry;
    return NULL;
}

/* A definition may have changed since; what was said then may not. */
static bool is_same(const struct entry *entry, const struct entry *known) {
    return strcmp(entry->name, known->name) == 0 &&
           (entry->name[0] != '\0' || json_equal(entry->what, known->what));
}

/* ---- is it allowed ---- */

static int check_rights(const struct book *book, const struct asker *asker,
    const struct entry *entry, struct complaint *complaint, int *out_exit_code) {
    *out_exit_code = EXIT_CODE_PERMISSION;
    return rights_is_command(entry->what) ? rights_check_commands(book->config, asker, complaint)
                                          : 0;
}

static uint64_t count_of_user(const struct book *book, uid_t uid) {
    const struct entry *entry;
    uint64_t count = 0;

    TAILQ_FOREACH (entry, &book->queue.list, turn)
        count += entry->uid == uid;
    TAILQ_FOREACH (entry, &book->working.list, turn)
        count += entry->uid == uid;
    return count;
}

int book_submit_check_room(
    const struct book *book, uid_t uid, struct complaint *complaint, int *out_exit_code) {
    *out_exit_code = EXIT_CODE_UNAVAILABLE;
    if (book->is_stopping)
        return complaint_set(complaint, "the job supervisor is leaving: ask again in a moment");
    *out_exit_code = EXIT_CODE_BUSY;
    if (book->queue.count >= book->config->max_queued)
        return complaint_set(complaint,
            "the queue is full: %u jobs wait (jobs.max_queued = %" PRIu64 ")", book->queue.count,
            book->config->max_queued);
    if (count_of_user(book, uid) >= book->config->max_per_user)
        return complaint_set(complaint,
            "%" PRIu64 " jobs of yours are queued or running, more are not allowed "
            "(jobs.max_per_user = %" PRIu64 ")",
            count_of_user(book, uid), book->config->max_per_user);
    return 0;
}

/* ---- keep it ---- */

static int keep(struct book *book, struct entry *entry, struct complaint *complaint) {
    if (store_add(book->store, entry, complaint) < 0)
        return -1;
    TAILQ_INSERT_TAIL(&book->all, entry, link);
    book_turn_add(&book->queue, entry);
    book_keep_stir(book);
    book_turn_count(book);
    book_log_submitted(entry);
    return 0;
}

static int submit(struct book *book, const struct book_wanted *wanted, struct entry *entry,
    struct entry **out_entry, struct complaint *complaint, int *out_exit_code) {
    struct entry *known = find_token(book, wanted->asker, wanted->token);

    if (describe(book, entry, wanted, complaint, out_exit_code) < 0)
        return -1;
    *out_entry = known != NULL ? known : entry;
    if (known != NULL && is_same(entry, known))
        return 0;
    *out_exit_code = EXIT_CODE_USAGE;
    if (known != NULL)
        return complaint_set(complaint, "the token is that of another job, %" PRIu64, known->id);
    if (check_rights(book, wanted->asker, entry, complaint, out_exit_code) < 0 ||
        book_submit_check_room(book, wanted->asker->uid, complaint, out_exit_code) < 0)
        return -1;
    *out_exit_code = EXIT_CODE_IO;
    return keep(book, entry, complaint);
}

int book_submit(struct book *book, const struct book_wanted *wanted, struct entry **out_entry,
    struct complaint *complaint, int *out_exit_code) {
    struct entry *entry = entry_new();
    int rc;

    *out_exit_code = EXIT_CODE_SYSTEM;
    rc = entry != NULL ? submit(book, wanted, entry, out_entry, complaint, out_exit_code)
                       : complaint_set(complaint, "no memory");
    if (rc < 0)
        book_log_refusal(wanted->asker, "job.submit", complaint);
    if (rc < 0 || *out_entry != entry)
        entry_free(entry);
    return rc;
}

/* ---- what is due ---- */

/* There is no room for it now. Said once a minute, not each time that it is tried. */
static enum plan_answer be_late(struct book *book, const struct asker *asker,
    const struct jobs_definition *definition, struct complaint *complaint) {
    if (book->now_ns >= book->late_at_ns) {
        complaint_prefix(complaint, "%s", definition->name);
        book_log_refusal(asker, "run", complaint);
        book->late_at_ns = book->now_ns + LATE_EVERY_NS;
    }
    return PLAN_LATER;
}

enum plan_answer book_submit_due(
    struct book *book, const struct jobs_definition *definition, int64_t due_at_unix_ms) {
    const struct asker daemon = { book->config->admin_uid, true };
    const struct book_wanted wanted = { .asker = &daemon, .name = definition->name, .token = "" };
    struct complaint complaint;
    struct entry *entry;
    int exit_code;

    if (book->queue.count >= book->config->max_queued) {
        complaint_set(&complaint, "the queue is full (jobs.max_queued)");
        return be_late(book, &daemon, definition, &complaint);
    }
    entry = entry_new();
    if (entry == NULL)
        return PLAN_LATER;
    if (describe(book, entry, &wanted, &complaint, &exit_code) < 0 ||
        check_rights(book, &daemon, entry, &complaint, &exit_code) < 0) {
        entry_free(entry);
        complaint_prefix(&complaint, "%s", definition->name);
        book_log_refusal(&daemon, "run", &complaint);
        return PLAN_REFUSED;
    }
    entry->wanted_at_unix_ms = due_at_unix_ms;
    if (keep(book, entry, &complaint) == 0)
        return PLAN_TAKEN;
    entry_free(entry);
    return be_late(book, &daemon, definition, &complaint);
}
