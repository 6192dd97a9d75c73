/*
 * Rows are copied field by field before they are shown: their writer goes on. What one that is gone
 * left in them says nothing.
 */
#include "supervisor/control_jobs_status.h"

#include "shared/jobs_board.h"
#include "shared/json_text.h"
#include "supervisor/control_explain.h"
#include "supervisor/supervisor.h"

#define NS_IN_MS 1000000u
#define NS_IN_S  1000000000u

static void set_number(json_t *object, const char *key, uint64_t value) {
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, text != NULL ? json_text_new(text) : json_null());
}

static uint64_t since(const struct supervisor *supervisor, uint64_t at_ns) {
    return supervisor->now_ns > at_ns ? supervisor->now_ns - at_ns : 0;
}

/* The one whose rows are on the board. */
static bool has_rows(const struct jobs_keeper *keeper) {
    return keeper->child != NULL && keeper->child->ready_at_ns != 0;
}

/* ---- workers ---- */

static json_t *make_worker(
    const struct supervisor *supervisor, const struct jobs_board_row *row, unsigned slot) {
    const uint32_t state = atomic_load_explicit(&row->state, memory_order_relaxed);
    const uint64_t job = atomic_load_explicit(&row->job, memory_order_relaxed),
                   started_at_ns = atomic_load_explicit(&row->started_at_ns, memory_order_relaxed);
    json_t *worker;

    if (state == JOBS_BOARD_FREE)
        return NULL;
    worker = json_object();
    set_number(worker, "slot", slot);
    json_object_set_new(
        worker, "pid", json_integer(atomic_load_explicit(&row->pid, memory_order_relaxed)));
    set_text(worker, "state", jobs_board_state_name(state));
    json_object_set_new(worker, "job", job != 0 ? json_integer((json_int_t)job) : json_null());
    set_number(worker, "frames", atomic_load_explicit(&row->frames, memory_order_relaxed));
    set_number(worker, "uptime_s", since(supervisor, started_at_ns) / NS_IN_S);
    return worker;
}

static json_t *make_workers(const struct supervisor *supervisor) {
    const struct jobs_board *board = supervisor->jobs.board;
    json_t *list = json_array(), *worker;
    uint32_t rows;

    if (!has_rows(&supervisor->jobs))
        return list;
    rows = atomic_load_explicit(&board->rows, memory_order_relaxed);
    for (uint32_t i = 0; i < rows && i < JOBS_BOARD_ROWS; i++) {
        worker = make_worker(supervisor, &board->row[i], i + 1);
        if (worker != NULL)
            json_array_append_new(list, worker);
    }
    return list;
}

/* ---- the counts ---- */

/* Of jobs that are there now; null when nobody has looked. */
static void set_current(json_t *object, const struct jobs_keeper *keeper) {
    static const char *const keys[] = { "running", "queued", "paused" };

    for (size_t i = 0; i < 3; i++)
        json_object_set_new(object, keys[i], json_null());
    if (!has_rows(keeper))
        return;
    set_number(object, keys[0], keeper->board->running);
    set_number(object, keys[1], keeper->board->queued);
    set_number(object, keys[2], keeper->board->paused);
}

/* Since the daemon began, over all lives. */
static void set_totals(json_t *object, const struct jobs_board *board) {
    set_number(object, "done", board != NULL ? board->done : 0);
    set_number(object, "failed", board != NULL ? board->failed : 0);
    set_number(object, "cancelled", board != NULL ? board->cancelled : 0);
    set_number(object, "chunks", board != NULL ? board->chunks : 0);
    set_number(object, "worker_deaths", board != NULL ? board->deaths : 0);
}

/* ---- the status ---- */

static void set_pid(json_t *object, const struct jobs_keeper *keeper) {
    json_object_set_new(
        object, "pid", keeper->child != NULL ? json_integer(keeper->child->pid) : json_null());
}

/* When it is tried again; null: it is not waited for. */
static void set_next_try(json_t *object, const struct supervisor *supervisor) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    const uint64_t now_ns = supervisor->now_ns;

    json_object_set_new(object, "next_try_ms",
        keeper->state == JOBS_KEEPER_BACKOFF && keeper->start_at_ns > now_ns
            ? json_integer((json_int_t)((keeper->start_at_ns - now_ns) / NS_IN_MS))
            : json_null());
}

static json_t *make_last_death(
    const struct supervisor *supervisor, const char *key, unsigned unit_ns) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    json_t *death;

    if (keeper->last_death[0] == '\0')
        return json_null();
    death = json_object();
    set_text(death, "words", keeper->last_death);
    set_number(death, key, since(supervisor, keeper->last_death_at_ns) / unit_ns);
    return death;
}

json_t *control_jobs_status_make(const struct supervisor *supervisor) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    json_t *object;

    if (keeper->text == NULL && keeper->child == NULL)
        return json_null();
    object = json_object();
    set_pid(object, keeper);
    set_text(object, "state", jobs_keeper_state_name(keeper->state));
    set_text(object, "state_reason", keeper->state_reason);
    set_number(object, "state_for_s", since(supervisor, keeper->state_since_ns) / NS_IN_S);
    set_next_try(object, supervisor);
    set_number(object, "restarts", keeper->restarts);
    json_object_set_new(object, "last_death", make_last_death(supervisor, "ago_s", NS_IN_S));
    set_current(object, keeper);
    set_totals(object, keeper->board);
    json_object_set_new(object, "workers", make_workers(supervisor));
    return object;
}

/* ---- why ---- */

static json_t *make_leaving(const struct supervisor *supervisor) {
    const struct child *child = supervisor->jobs.child;
    json_t *leaving;

    if (child == NULL || supervisor->jobs.state != JOBS_KEEPER_STOPPING)
        return json_null();
    leaving = json_object();
    set_number(leaving, "since_ms", since(supervisor, child->leaving_since_ns) / NS_IN_MS);
    set_number(leaving, "deadline_ms",
        child->deadline_ns != UINT64_MAX && child->deadline_ns > supervisor->now_ns
            ? (child->deadline_ns - supervisor->now_ns) / NS_IN_MS
            : 0);
    return leaving;
}

json_t *control_jobs_status_explain(const struct supervisor *supervisor) {
    const struct jobs_keeper *keeper = &supervisor->jobs;
    const struct config *config = supervisor->config;
    json_t *object = json_object();

    set_text(object, "service", CHILD_JOBS_NAME);
    set_text(object, "kind", "jobs");
    json_object_set_new(object, "is_wanted", json_boolean(keeper->text != NULL));
    set_text(object, "file", config->file);
    set_pid(object, keeper);
    set_text(object, "state", jobs_keeper_state_name(keeper->state));
    set_text(object, "state_reason", keeper->state_reason);
    set_number(object, "state_for_ms", since(supervisor, keeper->state_since_ns) / NS_IN_MS);
    set_next_try(object, supervisor);
    set_number(object, "deaths_in_row", keeper->backoff.deaths);
    set_number(object, "restarts", keeper->restarts);
    json_object_set_new(object, "last_death", make_last_death(supervisor, "ago_ms", NS_IN_MS));
    json_object_set_new(
        object, "deaths", control_explain_make_deaths(supervisor, "jobs_exit", CHILD_JOBS_NAME));
    json_object_set_new(object, "leaving", make_leaving(supervisor));
    set_text(object, "spool_dir", config->jobs.spool_dir);
    set_text(object, "user", config->jobs.user != NULL ? config->jobs.user : config->user);
    set_number(object, "workers_wanted", config->jobs.workers);
    set_number(object, "supervisor_timeout_ms", config->jobs.supervisor_timeout_ms);
    set_current(object, keeper);
    set_totals(object, keeper->board);
    json_object_set_new(object, "workers", make_workers(supervisor));
    return object;
}
