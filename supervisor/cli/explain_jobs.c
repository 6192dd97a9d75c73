/* Why there is a job supervisor or none, what it does, why it does not come up. */
#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"

static bool is_in(const json_t *facts, const char *state) {
    return strcmp(json_read_text(facts, "state"), state) == 0;
}

void explain_jobs_say_wanted(struct prose *prose, const json_t *facts) {
    if (json_is_true(json_object_get(facts, "is_wanted")))
        return;
    prose_add(prose,
        "nobody wants it: %s has no group \"jobs\" and there is no file in jobs_dir, or "
        "jobs.enabled = false. To have one, write \"jobs : { enabled = true; };\" there, then "
        "prefork reload.",
        json_read_text(facts, "file"));
}

static void say_workers(struct prose *prose, const json_t *workers) {
    const json_t *worker;
    size_t i, idle = 0, told = 0;

    json_array_foreach(workers, i, worker) {
        if (!explain_has(worker, "job")) {
            idle++;
            continue;
        }
        prose_add(prose, "%spid %" PRIu64 " works for job %" PRIu64 "%s", told++ == 0 ? "; " : ", ",
            json_read_number(worker, "pid"), json_read_number(worker, "job"),
            strcmp(json_read_text(worker, "state"), "yielding") == 0 ? " and leaves it" : "");
    }
    if (idle > 0)
        prose_add(prose, "; %zu worker%s wait%s", idle, explain_plural(idle), idle == 1 ? "s" : "");
}

void explain_jobs_say_work(struct prose *prose, const json_t *facts) {
    const uint64_t running = json_read_number(facts, "running"),
                   queued = json_read_number(facts, "queued"),
                   paused = json_read_number(facts, "paused");

    if (!explain_has(facts, "running"))
        return;
    prose_add(prose, "%" PRIu64 " job%s in work", running, running == 1 ? " is" : "s are");
    if (queued > 0)
        prose_add(prose, ", %" PRIu64 " queued", queued);
    if (paused > 0)
        prose_add(
            prose, ", %" PRIu64 " paused for want of room: prefork job list says why", paused);
    say_workers(prose, json_object_get(facts, "workers"));
    prose_add(prose, "; jobs.workers = %" PRIu64 ".", json_read_number(facts, "workers_wanted"));
}

void explain_jobs_say_backoff(struct prose *prose, const json_t *facts) {
    const uint64_t deaths = json_read_number(facts, "deaths_in_row");
    char text[NUMBER_TEXT_MAX];

    if (!is_in(facts, "BACKOFF"))
        return;
    if (deaths > 0)
        prose_add(prose, "it died %" PRIu64 " time%s in a row before it was ready; ", deaths,
            explain_plural(deaths));
    if (explain_has(facts, "next_try_ms"))
        prose_add(prose, "the next try is in %s, or at the next reload",
            explain_span(text, facts, "next_try_ms"));
    else
        prose_add(prose, "the next try is now");
    prose_add(prose, ". The log says why; prefork doctor looks whether %s can be used.",
        json_read_text(facts, "spool_dir"));
}

void explain_jobs_say_leaving(struct prose *prose, const json_t *facts) {
    const json_t *leaving = json_object_get(facts, "leaving");
    char since[NUMBER_TEXT_MAX], left[NUMBER_TEXT_MAX];

    if (!json_is_object(leaving))
        return;
    prose_add(prose,
        "it was told to %s ago, and finishes what its workers have begun; it is killed in %s, and "
        "what is not finished then is computed again.",
        explain_span(since, leaving, "since_ms"), explain_span(left, leaving, "deadline_ms"));
}

void explain_jobs_say_last_death(struct prose *prose, const json_t *facts) {
    const json_t *death = json_object_get(facts, "last_death");
    const uint64_t restarts = json_read_number(facts, "restarts");
    char text[NUMBER_TEXT_MAX];

    if (!json_is_object(death))
        return;
    prose_add(prose, "it ended %" PRIu64 " time%s without being told to; the last %s, %s ago.",
        restarts, explain_plural(restarts), json_read_text(death, "words"),
        explain_span(text, death, "ago_ms"));
}
