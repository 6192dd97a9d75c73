/* Who waits, who was turned away, and by which limit. */
#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"

/* ---- who comes ---- */

void explain_peers_say_queue(struct prose *prose, const json_t *facts) {
    const json_t *queue = json_object_get(facts, "queue"), *pool = json_object_get(facts, "pool"),
                 *limits = json_object_get(facts, "limits");
    const uint64_t waiting = json_read_number(queue, "waiting"),
                   most = json_read_number(limits, "max_connections"),
                   now = json_read_number(facts, "connections"),
                   workers = json_read_number(pool, "workers");

    if (waiting == 0)
        return;
    prose_add(prose, "%" PRIu64 " connection%s of %" PRIu64 " wait%s to be accepted: ", waiting,
        explain_plural(waiting), json_read_number(queue, "limit"), waiting == 1 ? "s" : "");
    if (!explain_is_alive(facts))
        prose_add(prose, "the service is %s.", json_read_text(facts, "state"));
    else if (most > 0 && now >= most)
        prose_add(prose, "max_connections = %" PRIu64 " is reached, and when_full = wait.", most);
    else if (workers == 0)
        prose_add(prose, "there is no worker.");
    else if (json_read_number(pool, "with_room") > 0)
        prose_add(prose, "a worker has room and is about to take them.");
    else if (json_read_number(pool, "starting") > 0)
        prose_add(prose, "all are full, and one more worker is starting.");
    else if (workers >= json_read_number(pool, "max_children"))
        prose_add(prose,
            "all %" PRIu64 " worker%s %s full, and max_children = %" PRIu64 " is reached.", workers,
            explain_plural(workers), workers == 1 ? "is" : "are",
            json_read_number(pool, "max_children"));
    else
        prose_add(prose, "all workers are full.");
}

/* One limit and what it has kept out. */
static void say_kept_out(
    struct prose *prose, uint64_t count, const char *what, const char *key, uint64_t limit) {
    if (count == 0)
        return;
    prose_add(prose, " %" PRIu64 " %s%s by %s", count, what, explain_plural(count), key);
    if (limit > 0)
        prose_add(prose, " = %" PRIu64, limit);
    prose_add(prose, ";");
}

/* max_rate is named when it is set, else the one of each source. */
static const char *rate_key(const json_t *limits) {
    if (json_read_number(limits, "max_rate") > 0 &&
        json_read_number(limits, "max_rate_per_source") > 0)
        return "max_rate or max_rate_per_source";
    return json_read_number(limits, "max_rate") > 0 ? "max_rate" : "max_rate_per_source";
}

void explain_peers_say_refused(struct prose *prose, const json_t *facts) {
    const json_t *refused = json_object_get(facts, "refused"),
                 *limits = json_object_get(facts, "limits");
    const uint64_t full = json_read_number(refused, "by_max_connections"),
                   source = json_read_number(refused, "by_max_connections_per_source"),
                   rate = json_read_number(refused, "by_rate"),
                   all = json_read_number(refused, "connections"),
                   datagrams = json_read_number(refused, "datagrams"),
                   slow = json_read_number(refused, "datagrams_by_rate");

    if (all + datagrams + json_read_number(refused, "timed_out") +
            json_read_number(refused, "cut") ==
        0)
        return;
    prose_add(prose, "Since the start:");
    say_kept_out(
        prose, full, "connection", "max_connections", json_read_number(limits, "max_connections"));
    say_kept_out(prose, source, "connection", "max_connections_per_source",
        json_read_number(limits, "max_connections_per_source"));
    say_kept_out(prose, rate, "connection", rate_key(limits), 0);
    say_kept_out(prose, all - full - source - rate, "connection", "want of memory", 0);
    say_kept_out(prose, slow, "datagram", rate_key(limits), 0);
    say_kept_out(prose, datagrams - slow, "datagram", "the loop guard, or want of room", 0);
    say_kept_out(prose, json_read_number(refused, "timed_out"), "session",
        "idle_timeout or write_timeout", 0);
    say_kept_out(
        prose, json_read_number(refused, "cut"), "session", "the end of graceful_timeout", 0);
    prose->text[prose->len - 1] = '.'; /* in the place of the last semicolon */
}

void explain_peers_say_stop(struct prose *prose, const json_t *facts) {
    const json_t *limits = json_object_get(facts, "limits");
    char limit[NUMBER_TEXT_MAX], unused[NUMBER_TEXT_MAX];

    if (json_read_number(limits, "idle_stop_ms") > 0 &&
        strcmp(json_read_text(facts, "state"), "RUNNING") == 0)
        prose_add(prose, "No message came for %s; with idle_stop = %s it stops.",
            explain_span(unused, facts, "unused_ms"), explain_span(limit, limits, "idle_stop_ms"));
}
