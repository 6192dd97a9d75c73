/*
 * The facts are the daemon's; here they become sentences. Each topic is a function that says
 * nothing when there is nothing to say, and names the key that decides.
 */
#include "supervisor/cli/cmd_explain.h"

#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/control_client.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/prose.h"
#include "supervisor/cli/table.h"

#define INDENT 10

struct values {
    struct control_client_options client;
};

static const struct setting options_table[] = {
    CONTROL_CLIENT_SETTINGS(struct values, client, "10s"),
    { .name = NULL },
};

static uint64_t number(const json_t *object, const char *key) {
    return json_read_number(object, key);
}

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

/* "350 ms", "4.2 s", "3 min 20 s", "1 h", from milliseconds. */
static const char *span(char dst[NUMBER_TEXT_MAX], const json_t *object, const char *key) {
    const uint64_t ms = number(object, key);
    char *rest;

    if (ms < 1000 || (ms < 10000 && ms % 1000 >= 100)) {
        snprintf(dst, NUMBER_TEXT_MAX, ms < 1000 ? "%.0f ms" : "%.1f s",
            ms < 1000 ? (double)ms : (double)ms / 1000);
        return dst;
    }
    json_read_span(dst, ms / 1000);
    rest = strstr(dst, " 0 ");
    if (rest != NULL)
        *rest = '\0';
    return dst;
}

static bool is_there(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return value != NULL && !json_is_null(value);
}

/* ---- the pool's size ---- */

static bool is_pool_alive(const json_t *facts) {
    const char *state = json_read_text(facts, "state");

    return strcmp(state, "STOPPED") != 0 && strcmp(state, "FATAL") != 0 &&
           strcmp(state, "STOPPING") != 0;
}

/* What keeps it from growing though it should. */
static void say_why_not_more(struct prose *prose, const json_t *facts) {
    const json_t *fork = json_object_get(facts, "fork");
    const char *by = json_read_text(fork, "held_back_by");
    char text[NUMBER_TEXT_MAX];

    if (is_there(fork, "next_try_ms"))
        prose_add(prose, "; the next is forked in %s", span(text, fork, "next_try_ms"));
    else if (strcmp(by, "max_spawn_rate") == 0)
        prose_add(prose, "; max_spawn_rate = %" PRIu64 " a second is used up for now",
            number(fork, "max_spawn_rate"));
    else if (by[0] != '\0')
        prose_add(
            prose, "; fork failed, it is tried again in %s", span(text, fork, "held_back_ms"));
}

static void say_static(struct prose *prose, const json_t *facts, const json_t *pool) {
    const uint64_t workers = number(pool, "workers"), most = number(pool, "max_children");

    prose_add(prose, ": pm = static keeps max_children = %" PRIu64, most);
    if (workers > most)
        prose_add(prose, "; %" PRIu64 " more than that leave", workers - most);
    if (workers < most)
        say_why_not_more(prose, facts);
}

static void say_dynamic(struct prose *prose, const json_t *facts, const json_t *pool) {
    const uint64_t workers = number(pool, "workers"), most = number(pool, "max_children"),
                   least = number(pool, "min_spare_servers"),
                   spare = number(pool, "max_spare_servers"),
                   ready = number(pool, "with_room") + number(pool, "starting");

    prose_add(prose, ": pm = dynamic; ");
    if (json_is_true(json_object_get(pool, "is_first")))
        prose_add(prose, "it begins with start_servers = %" PRIu64, number(pool, "start_servers"));
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
    if (number(pool, "idle") > spare)
        prose_add(prose,
            "; max_spare_servers = %" PRIu64 " is passed: idle ones leave, one a second", spare);
    prose_add(prose, "; at most max_children = %" PRIu64, most);
}

static void say_ondemand(struct prose *prose, const json_t *facts, const json_t *pool) {
    char text[NUMBER_TEXT_MAX];

    prose_add(prose,
        ": pm = ondemand forks one when somebody comes and none has room, at most max_children = "
        "%" PRIu64 "; one that is idle for process_idle_timeout = %s leaves",
        number(pool, "max_children"), span(text, pool, "process_idle_timeout_ms"));
    if (json_is_true(json_object_get(pool, "has_waiting")))
        say_why_not_more(prose, facts);
}

static void say_size(struct prose *prose, const json_t *facts) {
    const json_t *pool = json_object_get(facts, "pool");
    const uint64_t workers = number(pool, "workers"), room = number(pool, "with_room"),
                   each = number(pool, "sessions_each"), starting = number(pool, "starting");
    const char *pm = json_read_text(pool, "pm");

    if (!is_pool_alive(facts))
        return;
    prose_add(prose, "%" PRIu64 " worker%s of %" PRIu64 " session%s each", workers, plural(workers),
        each, plural(each));
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

static void say_scale(struct prose *prose, const json_t *facts) {
    const json_t *scale = json_object_get(facts, "scale");
    char text[NUMBER_TEXT_MAX];

    if (!json_is_object(scale))
        return;
    prose_add(prose,
        "max_children is %" PRIu64 " and not %" PRIu64 " as configured: %s changed it %s ago; "
        "\"prefork scale %s 0\" takes that back.",
        number(scale, "max_children"), number(scale, "configured"), json_read_text(scale, "by"),
        span(text, scale, "ago_ms"), json_read_text(facts, "service"));
}

/* ---- deaths ---- */

static void say_fatal(struct prose *prose, const json_t *facts, const json_t *fork) {
    const uint64_t deaths = number(fork, "deaths_in_row"), retries = number(fork, "start_retries");

    if (retries > 0)
        prose_add(prose,
            "%" PRIu64 " workers in a row died before they were ready, and start_retries = %" PRIu64
            ": nothing is tried any more until \"prefork start %s\".",
            deaths, retries, json_read_text(facts, "service"));
}

static void say_backoff(struct prose *prose, const json_t *facts) {
    const json_t *fork = json_object_get(facts, "fork");
    const uint64_t deaths = number(fork, "deaths_in_row"), retries = number(fork, "start_retries");
    char next[NUMBER_TEXT_MAX], first[NUMBER_TEXT_MAX], most[NUMBER_TEXT_MAX];

    if (strcmp(json_read_text(facts, "state"), "FATAL") == 0) {
        say_fatal(prose, facts, fork);
        return;
    }
    if (deaths == 0)
        return;
    prose_add(prose, "%" PRIu64 " worker%s in a row died before %s ready", deaths, plural(deaths),
        deaths == 1 ? "it was" : "they were");
    if (is_there(fork, "next_try_ms"))
        prose_add(prose, "; the next try comes in %s", span(next, fork, "next_try_ms"));
    else
        prose_add(prose, "; a try is under way");
    prose_add(prose, ". The wait doubles from restart_delay = %s to restart_max_delay = %s",
        span(first, fork, "restart_delay_ms"), span(most, fork, "restart_max_delay_ms"));
    if (retries > 0)
        prose_add(prose, "; with start_retries = %" PRIu64 " deaths the service is FATAL", retries);
    prose_add(prose, ".");
}

static void say_deaths(struct prose *prose, const json_t *facts) {
    const json_t *last = json_object_get(facts, "last_death");
    const uint64_t restarts = number(facts, "restarts");
    char text[NUMBER_TEXT_MAX];

    if (restarts > 0)
        prose_add(
            prose, "%" PRIu64 " worker%s ended untold since the start", restarts, plural(restarts));
    if (json_is_object(last))
        prose_add(prose, ", the last %s ago: it %s", span(text, last, "ago_ms"),
            json_read_text(last, "words"));
    if (restarts > 0)
        prose_add(prose, ".");
}

static void say_death(struct prose *prose, const json_t *death) {
    prose_add(prose, "%s pid %" PRIu64 " %s%s%s.", json_read_text(death, "ts"),
        number(death, "pid"), json_read_text(death, "words"), is_there(death, "reason") ? ": " : "",
        json_read_text(death, "reason"));
}

/* ---- who leaves, who is replaced ---- */

static void say_leaving(struct prose *prose, const json_t *worker) {
    const uint64_t sessions = number(worker, "sessions");
    const char *state = json_read_text(worker, "state"),
               *peer = json_read_text(worker, "last_peer");
    char since[NUMBER_TEXT_MAX], rest[NUMBER_TEXT_MAX];

    prose_add(prose, "pid %" PRIu64 " (slot %" PRIu64 ") leaves since %s", number(worker, "pid"),
        number(worker, "slot"), span(since, worker, "since_ms"));
    if (is_there(worker, "reason"))
        prose_add(prose, ", for: %s", json_read_text(worker, "reason"));
    prose_add(prose, ". %" PRIu64 " session%s hold%s it", sessions, plural(sessions),
        sessions == 1 ? "s" : "");
    if (sessions > 0)
        prose_add(prose, ", the last one from %s", peer[0] != '\0' ? peer : "a local socket");
    if (is_there(worker, "deadline_ms"))
        prose_add(prose, "; %s in %s",
            strcmp(state, "draining") == 0 ? "what is left is cut" : "it is killed",
            span(rest, worker, "deadline_ms"));
    prose_add(prose, ".");
}

static void say_rules(struct prose *prose, const json_t *replacing) {
    const uint64_t requests = number(replacing, "max_requests"),
                   jitter = number(replacing, "max_requests_jitter"),
                   bytes = number(replacing, "reload_on_pss_bytes");
    const char *separator = "A worker is replaced";
    char text[NUMBER_TEXT_MAX];

    if (requests > 0) {
        prose_add(prose, "%s after max_requests = %" PRIu64, separator, requests);
        if (jitter > 0)
            prose_add(prose, " and up to %" PRIu64 " more", jitter);
        prose_add(prose, " sessions or datagrams");
        separator = ",";
    }
    if (number(replacing, "max_worker_lifetime_ms") > 0) {
        prose_add(prose, "%s at the age of max_worker_lifetime = %s (a tenth more by its slot)",
            separator, span(text, replacing, "max_worker_lifetime_ms"));
        separator = ",";
    }
    if (bytes > 0)
        prose_add(prose, "%s when it holds more than reload_on_pss = %s", separator,
            number_format_bytes(text, bytes));
    if (prose->len > 0)
        prose_add(prose, "; at most max_recycling = %" PRIu64 " at once.",
            number(replacing, "max_recycling"));
}

/* The worker that is nearest to a rule. */
static void say_nearest(
    struct prose *prose, const json_t *facts, const char *key, uint64_t limit, const char *words) {
    const json_t *workers = json_object_get(facts, "workers"), *worker, *nearest = NULL;

    for (size_t i = 0; i < json_array_size(workers); i++) {
        worker = json_array_get(workers, i);
        if (nearest == NULL || number(worker, key) > number(nearest, key))
            nearest = worker;
    }
    if (limit > 0 && nearest != NULL)
        prose_add(prose, " Nearest by %s: pid %" PRIu64 ", at %" PRIu64 "%%.", words,
            number(nearest, "pid"), number(nearest, key) * 100 / limit);
}

static void say_replacing(struct prose *prose, const json_t *facts) {
    const json_t *replacing = json_object_get(facts, "replacing"),
                 *wanted = json_object_get(replacing, "wanted"), *worker;

    say_rules(prose, replacing);
    say_nearest(prose, facts, "served", number(replacing, "max_requests"), "sessions");
    say_nearest(prose, facts, "age_ms", number(replacing, "max_worker_lifetime_ms"), "age");
    say_nearest(prose, facts, "pss_bytes", number(replacing, "reload_on_pss_bytes"), "memory");
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        worker = json_array_get(wanted, i);
        prose_add(prose, "%spid %" PRIu64 " is replaced: %s; %s.", prose->len > 0 ? " " : "",
            number(worker, "pid"), json_read_text(worker, "reason"),
            json_is_true(json_object_get(worker, "has_begun")) ? "the new one starts"
                                                               : "it waits for its turn");
    }
}

/* ---- who comes ---- */

static void say_queue(struct prose *prose, const json_t *facts) {
    const json_t *queue = json_object_get(facts, "queue"), *pool = json_object_get(facts, "pool"),
                 *limits = json_object_get(facts, "limits");
    const uint64_t waiting = number(queue, "waiting"), most = number(limits, "max_connections"),
                   now = number(facts, "connections"), workers = number(pool, "workers");

    if (waiting == 0)
        return;
    prose_add(prose, "%" PRIu64 " connection%s of %" PRIu64 " wait%s to be accepted: ", waiting,
        plural(waiting), number(queue, "limit"), waiting == 1 ? "s" : "");
    if (!is_pool_alive(facts))
        prose_add(prose, "the service is %s.", json_read_text(facts, "state"));
    else if (most > 0 && now >= most)
        prose_add(prose, "max_connections = %" PRIu64 " is reached, and when_full = wait.", most);
    else if (workers == 0)
        prose_add(prose, "there is no worker.");
    else if (number(pool, "with_room") > 0)
        prose_add(prose, "a worker has room and is about to take them.");
    else if (number(pool, "starting") > 0)
        prose_add(prose, "all are full, and one more worker is starting.");
    else if (workers >= number(pool, "max_children"))
        prose_add(prose,
            "all %" PRIu64 " worker%s %s full, and max_children = %" PRIu64 " is reached.", workers,
            plural(workers), workers == 1 ? "is" : "are", number(pool, "max_children"));
    else
        prose_add(prose, "all workers are full.");
}

/* One limit and what it has kept out. */
static void say_kept_out(
    struct prose *prose, uint64_t count, const char *what, const char *key, uint64_t limit) {
    if (count == 0)
        return;
    prose_add(prose, " %" PRIu64 " %s%s by %s", count, what, plural(count), key);
    if (limit > 0)
        prose_add(prose, " = %" PRIu64, limit);
    prose_add(prose, ";");
}

/* max_rate is named when it is set, else the one of each source. */
static const char *rate_key(const json_t *limits) {
    if (number(limits, "max_rate") > 0 && number(limits, "max_rate_per_source") > 0)
        return "max_rate or max_rate_per_source";
    return number(limits, "max_rate") > 0 ? "max_rate" : "max_rate_per_source";
}

static void say_refused(struct prose *prose, const json_t *facts) {
    const json_t *refused = json_object_get(facts, "refused"),
                 *limits = json_object_get(facts, "limits");
    const uint64_t full = number(refused, "by_max_connections"),
                   source = number(refused, "by_max_connections_per_source"),
                   rate = number(refused, "by_rate"), all = number(refused, "connections"),
                   datagrams = number(refused, "datagrams"),
                   slow = number(refused, "datagrams_by_rate");

    if (all + datagrams + number(refused, "timed_out") + number(refused, "cut") == 0)
        return;
    prose_add(prose, "Since the start:");
    say_kept_out(prose, full, "connection", "max_connections", number(limits, "max_connections"));
    say_kept_out(prose, source, "connection", "max_connections_per_source",
        number(limits, "max_connections_per_source"));
    say_kept_out(prose, rate, "connection", rate_key(limits), 0);
    say_kept_out(prose, all - full - source - rate, "connection", "want of memory", 0);
    say_kept_out(prose, slow, "datagram", rate_key(limits), 0);
    say_kept_out(prose, datagrams - slow, "datagram", "the loop guard, or want of room", 0);
    say_kept_out(
        prose, number(refused, "timed_out"), "session", "idle_timeout or write_timeout", 0);
    say_kept_out(prose, number(refused, "cut"), "session", "the end of graceful_timeout", 0);
    prose->text[prose->len - 1] = '.'; /* in the place of the last semicolon */
}

static void say_stop(struct prose *prose, const json_t *facts) {
    const json_t *limits = json_object_get(facts, "limits");
    char limit[NUMBER_TEXT_MAX], unused[NUMBER_TEXT_MAX];

    if (number(limits, "idle_stop_ms") > 0 &&
        strcmp(json_read_text(facts, "state"), "RUNNING") == 0)
        prose_add(prose, "No message came for %s; with idle_stop = %s it stops.",
            span(unused, facts, "unused_ms"), span(limit, limits, "idle_stop_ms"));
}

/* ---- */

static const struct {
    const char *label;
    void (*say)(struct prose *prose, const json_t *facts);
} topics[] = {
    { "size", say_size },
    { "scaled", say_scale },
    { "restarts", say_backoff },
    { "deaths", say_deaths },
    { "queue", say_queue },
    { "refused", say_refused },
    { "replaced", say_replacing },
    { "idle", say_stop },
};

static void write_head(FILE *out, unsigned width, const json_t *facts) {
    struct prose prose = { .len = 0 };
    char text[NUMBER_TEXT_MAX];

    prose_add(&prose, "%s is %s for %s%s%s.", json_read_text(facts, "service"),
        json_read_text(facts, "state"), span(text, facts, "state_for_ms"),
        is_there(facts, "state_reason") ? ": " : "", json_read_text(facts, "state_reason"));
    prose_write(&prose, out, "", 0, width);
}

/* One paragraph for each of the list. */
static void write_each(FILE *out, unsigned width, const json_t *list, const char *label,
    void (*say)(struct prose *prose, const json_t *one)) {
    struct prose prose;

    for (size_t i = 0; i < json_array_size(list); i++) {
        prose = (struct prose){ .len = 0 };
        say(&prose, json_array_get(list, i));
        prose_write(&prose, out, label, INDENT, width);
    }
}

void cmd_explain_write(FILE *out, unsigned width, const json_t *facts) {
    struct prose prose;

    write_head(out, width, facts);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        prose = (struct prose){ .len = 0 };
        topics[i].say(&prose, facts);
        prose_write(&prose, out, topics[i].label, INDENT, width);
    }
    write_each(out, width, json_object_get(facts, "deaths"), "death", say_death);
    write_each(out, width, json_object_get(facts, "leaving"), "leaving", say_leaving);
}

static void show(void *owner, json_t *facts) {
    (void)owner;
    cmd_explain_write(stdout, table_width_of(stdout), facts);
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct control_client_question question = { .verb = "explain" };
    struct cmd_operands operands;
    struct values values = { .client.json = false };
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 1, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    question.args = json_pack("{s:s}", "service", operands.text[0]);
    question.line = values.client.json ? control_client_print_json : show;
    return control_client_ask(cmd, &values.client, &question);
}

static const char *const examples[] = {
    "prefork explain echo",
    "why its pool has this size, who holds a drain open, what was refused by which limit",
    "prefork explain echo --json | jq .fork.next_try_ms",
    "the facts, for programs",
    NULL,
};

const struct cmd cmd_explain = {
    .name = "explain",
    .operands = "SERVICE",
    .summary = "why a service is as it is: its size, its deaths, who holds a drain open",
    .options = options_table,
    .examples = examples,
    .run = run,
};
