/* Who leaves, and who will: by which rule, held by whom, until when. */
#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"

/* ---- who leaves, who is replaced ---- */

void explain_workers_say_leaving(struct prose *prose, const json_t *worker) {
    const uint64_t sessions = json_read_number(worker, "sessions");
    const char *state = json_read_text(worker, "state"),
               *peer = json_read_text(worker, "last_peer");
    char since[NUMBER_TEXT_MAX], rest[NUMBER_TEXT_MAX];

    prose_add(prose, "pid %" PRIu64 " (slot %" PRIu64 ") leaves since %s",
        json_read_number(worker, "pid"), json_read_number(worker, "slot"),
        explain_span(since, worker, "since_ms"));
    if (explain_has(worker, "reason"))
        prose_add(prose, ", for: %s", json_read_text(worker, "reason"));
    prose_add(prose, ". %" PRIu64 " session%s hold%s it", sessions, explain_plural(sessions),
        sessions == 1 ? "s" : "");
    if (sessions > 0)
        prose_add(prose, ", the last one from %s", peer[0] != '\0' ? peer : "a local socket");
    if (explain_has(worker, "deadline_ms"))
        prose_add(prose, "; %s in %s",
            strcmp(state, "draining") == 0 ? "what is left is cut" : "it is killed",
            explain_span(rest, worker, "deadline_ms"));
    prose_add(prose, ".");
}

static void say_rules(struct prose *prose, const json_t *replacing) {
    const uint64_t requests = json_read_number(replacing, "max_requests"),
                   jitter = json_read_number(replacing, "max_requests_jitter"),
                   bytes = json_read_number(replacing, "reload_on_pss_bytes");
    const char *separator = "A worker is replaced";
    char text[NUMBER_TEXT_MAX];

    if (requests > 0) {
        prose_add(prose, "%s after max_requests = %" PRIu64, separator, requests);
        if (jitter > 0)
            prose_add(prose, " and up to %" PRIu64 " more", jitter);
        prose_add(prose, " sessions or datagrams");
        separator = ",";
    }
    if (json_read_number(replacing, "max_worker_lifetime_ms") > 0) {
        prose_add(prose, "%s at the age of max_worker_lifetime = %s (a tenth more by its slot)",
            separator, explain_span(text, replacing, "max_worker_lifetime_ms"));
        separator = ",";
    }
    if (bytes > 0)
        prose_add(prose, "%s when it holds more than reload_on_pss = %s", separator,
            number_format_bytes(text, bytes));
    if (prose->len > 0)
        prose_add(prose, "; at most max_recycling = %" PRIu64 " at once.",
            json_read_number(replacing, "max_recycling"));
}

/* The worker that is nearest to a rule. */
static void say_nearest(
    struct prose *prose, const json_t *facts, const char *key, uint64_t limit, const char *words) {
    const json_t *workers = json_object_get(facts, "workers"), *worker, *nearest = NULL;

    for (size_t i = 0; i < json_array_size(workers); i++) {
        worker = json_array_get(workers, i);
        if (nearest == NULL || json_read_number(worker, key) > json_read_number(nearest, key))
            nearest = worker;
    }
    if (limit > 0 && nearest != NULL)
        prose_add(prose, " Nearest by %s: pid %" PRIu64 ", at %" PRIu64 "%%.", words,
            json_read_number(nearest, "pid"), json_read_number(nearest, key) * 100 / limit);
}

void explain_workers_say_replacing(struct prose *prose, const json_t *facts) {
    const json_t *replacing = json_object_get(facts, "replacing"),
                 *wanted = json_object_get(replacing, "wanted"), *worker;

    say_rules(prose, replacing);
    say_nearest(prose, facts, "served", json_read_number(replacing, "max_requests"), "sessions");
    say_nearest(
        prose, facts, "age_ms", json_read_number(replacing, "max_worker_lifetime_ms"), "age");
    say_nearest(
        prose, facts, "pss_bytes", json_read_number(replacing, "reload_on_pss_bytes"), "memory");
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        worker = json_array_get(wanted, i);
        prose_add(prose, "%spid %" PRIu64 " is replaced: %s; %s.", prose->len > 0 ? " " : "",
            json_read_number(worker, "pid"), json_read_text(worker, "reason"),
            json_is_true(json_object_get(worker, "has_begun")) ? "the new one starts"
                                                               : "it waits for its turn");
    }
}
