/* Why the pool has its size, and why it does not come up: each names the key that decides. */
#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"

/* ---- its size ---- */

/* What keeps it from growing though it should. */
static void say_why_not_more(struct prose *prose, const json_t *facts) {
    const json_t *fork = json_object_get(facts, "fork");
    const char *by = json_read_text(fork, "held_back_by");
    char text[NUMBER_TEXT_MAX];

    if (explain_has(fork, "next_try_ms"))
        prose_add(prose, "; the next is forked in %s", explain_span(text, fork, "next_try_ms"));
    else if (strcmp(by, "max_spawn_rate") == 0)
        prose_add(prose, "; max_spawn_rate = %" PRIu64 " a second is used up for now",
            json_read_number(fork, "max_spawn_rate"));
    else if (by[0] != '\0')
        prose_add(prose, "; fork failed, it is tried again in %s",
            explain_span(text, fork, "held_back_ms"));
}

static void say_static(struct prose *prose, const json_t *facts, const json_t *pool) {
    const uint64_t workers = json_read_number(pool, "workers"),
                   most = json_read_number(pool, "max_children");

    prose_add(prose, ": pm = static keeps max_children = %" PRIu64, most);
    if (workers > most)
        prose_add(prose, "; %" PRIu64 " more than that leave", workers - most);
    if (workers < most)
        say_why_not_more(prose, facts);
}

static void say_dynamic(struct prose *prose, const json_t *facts, const json_t *pool) {
    const uint64_t workers = json_read_number(pool, "workers"),
                   most = json_read_number(pool, "max_children"),
                   least = json_read_number(pool, "min_spare_servers"),
                   spare = json_read_number(pool, "max_spare_servers"),
                   ready = json_read_number(pool, "with_room") + json_read_number(pool, "starting");

    prose_add(prose, ": pm = dynamic; ");
    if (json_is_true(json_object_get(pool, "is_first")))
        prose_add(prose, "it begins with start_servers = %" PRIu64,
            json_read_number(pool, "start_servers"));
    else if (ready >= least)
        prose_add(prose, "min_spare_servers = %" PRIu64 " is met", least);
    else
        prose_add(prose, "min_spare_servers = %" PRIu64 " is not met", least);
    if (ready < least && workers >= most) {
        prose_add(prose, ", but max_children = %" PRIu64 " is reached", most);
        return;
    }
    if (ready < least)
        say_why_not_more(prose, facts);
    if (json_read_number(pool, "idle") > spare)
        prose_add(prose,
            "; max_spare_servers = %" PRIu64 " is passed: idle ones leave, one a second", spare);
    prose_add(prose, "; at most max_children = %" PRIu64, most);
}

static void say_ondemand(struct prose *prose, const json_t *facts, const json_t *pool) {
    char text[NUMBER_TEXT_MAX];

    prose_add(prose,
        ": pm = ondemand forks one when somebody comes and none has room, at most max_children = "
        "%" PRIu64 "; one that is idle for process_idle_timeout = %s leaves",
        json_read_number(pool, "max_children"),
        explain_span(text, pool, "process_idle_timeout_ms"));
    if (json_is_true(json_object_get(pool, "has_waiting")))
        say_why_not_more(prose, facts);
}

void explain_pool_say_size(struct prose *prose, const json_t *facts) {
    const json_t *pool = json_object_get(facts, "pool");
    const uint64_t workers = json_read_number(pool, "workers"),
                   room = json_read_number(pool, "with_room"),
                   each = json_read_number(pool, "sessions_each"),
                   starting = json_read_number(pool, "starting");
    const char *pm = json_read_text(pool, "pm");

    if (!explain_is_alive(facts))
        return;
    prose_add(prose, "%" PRIu64 " worker%s of %" PRIu64 " session%s each", workers,
        explain_plural(workers), each, explain_plural(each));
    if (workers > 0)
        prose_add(prose, ", of which %" PRIu64 " %s room", room, room == 1 ? "has" : "have");
    if (starting > 0)
        prose_add(prose, " and %" PRIu64 " start%s", starting, starting == 1 ? "s" : "");
    if (strcmp(pm, "static") == 0)
        say_static(prose, facts, pool);
    else if (strcmp(pm, "dynamic") == 0)
        say_dynamic(prose, facts, pool);
    else
        say_ondemand(prose, facts, pool);
    prose_add(prose, ".");
}

void explain_pool_say_scale(struct prose *prose, const json_t *facts) {
    const json_t *scale = json_object_get(facts, "scale");
    char text[NUMBER_TEXT_MAX];

    if (!json_is_object(scale))
        return;
    prose_add(prose,
        "max_children is %" PRIu64 " and not %" PRIu64 " as configured: %s changed it %s ago; "
        "\"prefork scale %s 0\" takes that back.",
        json_read_number(scale, "max_children"), json_read_number(scale, "configured"),
        json_read_text(scale, "by"), explain_span(text, scale, "ago_ms"),
        json_read_text(facts, "service"));
}

/* ---- deaths ---- */

static void say_fatal(struct prose *prose, const json_t *facts, const json_t *fork) {
    const uint64_t deaths = json_read_number(fork, "deaths_in_row"),
                   retries = json_read_number(fork, "start_retries");

    if (retries > 0)
        prose_add(prose,
            "%" PRIu64 " workers in a row died before they were ready, and start_retries = %" PRIu64
            ": nothing is tried any more until \"prefork start %s\".",
            deaths, retries, json_read_text(facts, "service"));
}

void explain_pool_say_backoff(struct prose *prose, const json_t *facts) {
    const json_t *fork = json_object_get(facts, "fork");
    const uint64_t deaths = json_read_number(fork, "deaths_in_row"),
                   retries = json_read_number(fork, "start_retries");
    char next[NUMBER_TEXT_MAX], first[NUMBER_TEXT_MAX], most[NUMBER_TEXT_MAX];

    if (strcmp(json_read_text(facts, "state"), "FATAL") == 0) {
        say_fatal(prose, facts, fork);
        return;
    }
    if (deaths == 0)
        return;
    prose_add(prose, "%" PRIu64 " worker%s in a row died before %s ready", deaths,
        explain_plural(deaths), deaths == 1 ? "it was" : "they were");
    if (explain_has(fork, "next_try_ms"))
        prose_add(prose, "; the next try comes in %s", explain_span(next, fork, "next_try_ms"));
    else
        prose_add(prose, "; a try is under way");
    prose_add(prose, ". The wait doubles from restart_delay = %s to restart_max_delay = %s",
        explain_span(first, fork, "restart_delay_ms"),
        explain_span(most, fork, "restart_max_delay_ms"));
    if (retries > 0)
        prose_add(prose, "; with start_retries = %" PRIu64 " deaths the service is FATAL", retries);
    prose_add(prose, ".");
}

void explain_pool_say_deaths(struct prose *prose, const json_t *facts) {
    const json_t *last = json_object_get(facts, "last_death");
    const uint64_t restarts = json_read_number(facts, "restarts");
    char text[NUMBER_TEXT_MAX];

    if (restarts > 0)
        prose_add(prose, "%" PRIu64 " worker%s ended untold since the start", restarts,
            explain_plural(restarts));
    if (json_is_object(last))
        prose_add(prose, ", the last %s ago: it %s", explain_span(text, last, "ago_ms"),
            json_read_text(last, "words"));
    if (restarts > 0)
        prose_add(prose, ".");
}

void explain_pool_say_death(struct prose *prose, const json_t *death) {
    prose_add(prose, "%s pid %" PRIu64 " %s%s%s.", json_read_text(death, "ts"),
        json_read_number(death, "pid"), json_read_text(death, "words"),
        explain_has(death, "reason") ? ": " : "", json_read_text(death, "reason"));
}
