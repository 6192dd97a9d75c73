/* The plan: which job is made when, and that a kill or a clock makes it neither twice nor never. */
#include "supervisor/jobs/plan.h"

#include "spool_fixture.h"

#include <time.h>

#define SECOND_MS 1000ll
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static struct store *store;
static struct plan *plan;
static struct schedule_time now;
static struct jobs_definition definition[4];
static unsigned definitions;

/* ---- a client that notes what it was asked ---- */

static unsigned asked, unended;
static int64_t asked_due_unix_ms;
static char asked_name[ENTRY_NAME_MAX];
static enum plan_answer answer;

static unsigned count(void *arg, const char *name) {
    (void)arg, (void)name;
    return unended;
}

static enum plan_answer on_due(
    void *arg, const struct jobs_definition *of, int64_t due_at_unix_ms) {
    struct entry *entry = make_entry(of->name);

    (void)arg;
    asked++;
    asked_due_unix_ms = due_at_unix_ms;
    strcpy(asked_name, of->name);
    entry->wanted_at_unix_ms = due_at_unix_ms;
    if (answer == PLAN_TAKEN)
        cr_assert_eq(store_add(store, entry, &complaint), 0, "%s", complaint.text);
    spool_disown(entry);
    return answer;
}

static const struct plan_client client = { .count = count, .on_due = on_due };

/* ---- a daemon and its clocks ---- */

static int64_t at(const char *text) {
    struct tm tm = { .tm_isdst = -1 };

    cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)mktime(&tm) * 1000;
}

static void define(const char *name, const char *schedule) {
    struct jobs_definition *new = &definition[definitions++];

    snprintf(new->name, sizeof(new->name), "%s", name);
    cr_assert_eq(schedule_parse(schedule, &new->schedule, &complaint), 0, "%s", complaint.text);
}

static void open_plan(void) {
    struct entry_list list;

    store = store_open(spool, GENEROUS, 1000, &complaint, &exit_code);
    cr_assert_not_null(store, "%s", complaint.text);
    spool_load(store, &list);
    spool_free(&list);
    plan = plan_new(store, &client, 42);
    cr_assert_eq(plan_renew(plan, definition, definitions, &now), 0);
}

static void close_plan(void) {
    plan_free(plan);
    spool_close(store);
    plan = NULL;
    store = NULL;
}

static void tend(void) {
    plan_tend(plan, &now);
}

/* Time passes, and nobody looks. */
static void pass(int64_t ms) {
    now.mono_ms += ms;
    now.unix_ms += ms;
}

/* Time passes as in a loop that waits no longer than it may. */
static void live(int64_t ms) {
    int patience;

    while (ms > 0) {
        tend();
        patience = plan_patience_ms(plan, &now);
        cr_assert(patience > 0, "the loop would turn for nothing");
        if (patience > ms)
            patience = (int)ms;
        pass(patience);
        ms -= patience;
    }
    tend();
}

/* The job supervisor is replaced; the daemon lives on. */
static void replace(void) {
    close_plan();
    open_plan();
}

static void prepare(void) {
    spool_prepare();
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    now = (struct schedule_time){
        .mono_ms = 1000000, .unix_ms = at("2026-05-05 12:00"), .boot = 1, .life = 1
    };
    answer = PLAN_TAKEN;
}

static void clean(void) {
    close_plan();
    spool_clean();
}

TestSuite(plan, .init = prepare, .fini = clean);

/* ---- kinds ---- */

Test(plan, start_runs_once_and_not_again_for_a_new_job_supervisor) {
    define("boot", "start");
    open_plan();
    tend();
    cr_assert_eq(asked, 1);
    cr_assert_str_eq(asked_name, "boot");
    live(DAY_MS);
    replace();
    live(HOUR_MS);
    cr_assert_eq(asked, 1);
    now.life = 2;
    replace();
    tend();
    cr_assert_eq(asked, 2);
}

Test(plan, every_runs_at_its_pace_over_replacements) {
    define("hourly", "every 1h");
    open_plan();
    live(HOUR_MS - 1);
    cr_assert_eq(asked, 0);
    live(1);
    cr_assert_eq(asked, 1);
    for (int i = 0; i < 20; i++) {
        live(30 * MINUTE_MS);
        replace();
    }
    cr_assert_eq(asked, 11);
    cr_assert_eq(logged("job_missed"), 0);
}

Test(plan, daily_runs_on_time_and_tells_when) {
    define("daily", "at 03:00");
    open_plan();
    cr_assert_eq(plan_next_at_unix_ms(plan, "daily", &now), at("2026-05-06 03:00"));
    live(15 * HOUR_MS - 1);
    cr_assert_eq(asked, 0);
    live(1);
    cr_assert_eq(asked, 1);
    cr_assert_eq(asked_due_unix_ms, at("2026-05-06 03:00"));
    cr_assert_eq(plan_next_at_unix_ms(plan, "daily", &now), at("2026-05-07 03:00"));
    live(10 * DAY_MS);
    cr_assert_eq(asked, 11);
}

Test(plan, manual_and_unknown_are_never_due) {
    define("by-hand", "manual");
    open_plan();
    live(10 * DAY_MS);
    cr_assert_eq(asked, 0);
    cr_assert_eq(plan_next_at_unix_ms(plan, "by-hand", &now), 0);
    cr_assert_eq(plan_next_at_unix_ms(plan, "what", &now), 0);
    cr_assert_not(is_there("plan/by-hand"));
}

Test(plan, plan_without_definitions_never_wakes_anybody) {
    open_plan();
    tend();
    cr_assert_eq(plan_patience_ms(plan, &now), -1);
}

/* ---- clocks ---- */

Test(plan, step_of_the_clock_is_seen_within_ten_seconds) {
    define("daily", "at 13:00");
    define("pace", "every 1h");
    open_plan();
    live(MINUTE_MS);
    now.unix_ms += 5 * HOUR_MS;
    live(10 * SECOND_MS);
    cr_assert_eq(asked, 1);
    cr_assert_str_eq(asked_name, "daily");
    now.unix_ms -= 5 * HOUR_MS;
    live(2 * HOUR_MS - 10 * SECOND_MS);
    cr_assert_eq(asked, 3, "daily has had its day; the pace goes on: %u", asked);
    cr_assert_eq(logged("job_missed"), 0, "somebody looked all the time");
}

Test(plan, clock_that_was_set_back_is_known_to_the_next_job_supervisor) {
    define("daily", "at 03:00");
    open_plan();
    now.unix_ms -= 5 * DAY_MS;
    live(MINUTE_MS);
    close_plan();
    pass(15 * HOUR_MS - 30 * SECOND_MS);
    open_plan();
    tend();
    cr_assert_eq(asked, 1, "the day that came while nobody ran");
}

/* ---- missed ---- */

Test(plan, run_that_was_missed_is_let_be_or_made_once) {
    for (int missed = JOBS_MISSED_SKIP; missed <= JOBS_MISSED_ONCE; missed++) {
        asked = definitions = 0;
        define(missed == JOBS_MISSED_SKIP ? "skips" : "once", "every 1h");
        definition[0].missed = (enum jobs_missed)missed;
        open_plan();
        live(MINUTE_MS);
        close_plan();
        pass(5 * HOUR_MS + 10 * MINUTE_MS);
        open_plan();
        tend();
        cr_assert_eq(asked, missed == JOBS_MISSED_ONCE);
        cr_assert_eq(logged("event=job_missed"), 1u + (missed == JOBS_MISSED_ONCE));
        cr_assert_eq(logged(missed == JOBS_MISSED_ONCE ? "name=once due" : "name=skips due"), 1);
        cr_assert_eq(logged(missed == JOBS_MISSED_ONCE ? "count=4" : "count=5"), 1);
        live(48 * MINUTE_MS);
        cr_assert_eq(asked, missed == JOBS_MISSED_ONCE);
        live(MINUTE_MS);
        cr_assert_eq(asked, 1u + (missed == JOBS_MISSED_ONCE), "and then its pace");
        close_plan();
    }
}

Test(plan, daily_that_was_missed_follows_the_same_rule) {
    for (int missed = JOBS_MISSED_SKIP; missed <= JOBS_MISSED_ONCE; missed++) {
        asked = definitions = 0;
        define(missed == JOBS_MISSED_SKIP ? "skips" : "once", "at 03:00");
        definition[0].missed = (enum jobs_missed)missed;
        now.unix_ms = at("2026-05-05 12:00");
        open_plan();
        live(MINUTE_MS);
        close_plan();
        pass(3 * DAY_MS);
        open_plan();
        tend();
        cr_assert_eq(asked, missed == JOBS_MISSED_ONCE);
        live(12 * HOUR_MS);
        cr_assert_eq(asked, missed == JOBS_MISSED_ONCE);
        live(3 * HOUR_MS);
        cr_assert_eq(asked, 1u + (missed == JOBS_MISSED_ONCE));
        close_plan();
    }
}

/* A job supervisor that was killed and is back within a minute has missed nothing. */
Test(plan, run_that_is_late_by_a_restart_is_not_missed) {
    define("hourly", "every 1h");
    define("daily", "at 13:00");
    open_plan();
    live(HOUR_MS - SECOND_MS);
    close_plan();
    pass(PLAN_LATE_MS);
    open_plan();
    tend();
    cr_assert_eq(asked, 2);
    cr_assert_eq(logged("job_missed"), 0);
}

Test(plan, what_passed_while_the_process_was_stopped_is_one_run) {
    define("often", "every 10s");
    open_plan();
    live(10 * SECOND_MS);
    cr_assert_eq(asked, 1);
    pass(45 * SECOND_MS);
    tend();
    cr_assert_eq(asked, 2);
    cr_assert_eq(logged("job_missed"), 1);
    cr_assert_eq(logged("count=3"), 1);
}

/* ---- overlap ---- */

Test(plan, overlap_skips_or_lets_one_wait) {
    define("skips", "every 1h");
    open_plan();
    live(MINUTE_MS);
    unended = 1;
    live(HOUR_MS);
    cr_assert_eq(asked, 0);
    cr_assert_eq(logged("event=job_skipped"), 1);
    unended = 0;
    live(HOUR_MS);
    cr_assert_eq(asked, 1, "the one that was skipped is not made up for");
    definition[0].overlap = JOBS_OVERLAP_QUEUE;
    unended = 1;
    live(HOUR_MS);
    cr_assert_eq(asked, 2);
    unended = 2;
    live(HOUR_MS);
    cr_assert_eq(asked, 2);
    cr_assert_eq(logged("event=job_skipped"), 2);
    replace();
    live(MINUTE_MS);
    cr_assert_eq(asked, 2, "what was skipped stays skipped");
}

/* ---- no room, refused ---- */

Test(plan, client_without_room_is_asked_again_until_it_has_some) {
    define("hourly", "every 1h");
    open_plan();
    answer = PLAN_LATER;
    live(HOUR_MS + 10 * SECOND_MS);
    cr_assert_eq(asked, 11);
    replace();
    tend();
    cr_assert_eq(asked, 12);
    answer = PLAN_TAKEN;
    live(SECOND_MS);
    cr_assert_eq(asked, 13);
    cr_assert_eq(asked_due_unix_ms, at("2026-05-05 13:00"));
    live(HOUR_MS - 12 * SECOND_MS);
    cr_assert_eq(asked, 13);
    live(SECOND_MS);
    cr_assert_eq(asked, 14);
}

/* An id that the plan had noted for a run that was put off goes to another job. */
Test(plan, run_that_was_put_off_is_not_taken_for_another_job) {
    define("hourly", "every 1h");
    open_plan();
    answer = PLAN_LATER;
    live(HOUR_MS);
    cr_assert_eq(asked, 1);
    add_entry(store, "by hand");
    answer = PLAN_TAKEN;
    replace();
    tend();
    cr_assert_eq(asked, 2);
}

Test(plan, run_that_is_refused_is_lost) {
    define("hourly", "every 1h");
    open_plan();
    answer = PLAN_REFUSED;
    live(HOUR_MS);
    cr_assert_eq(asked, 1);
    answer = PLAN_TAKEN;
    replace();
    live(HOUR_MS - 1);
    cr_assert_eq(asked, 1);
    live(1);
    cr_assert_eq(asked, 2);
}

/* Not noted is not made: who would know of it after a kill? */
Test(plan, full_disk_puts_the_run_off) {
    define("hourly", "every 1h");
    open_plan();
    live(HOUR_MS - 1);
    arm("store-write:0:fail");
    live(10 * SECOND_MS);
    cr_assert_eq(asked, 0);
    cr_assert(logged("spool_bad") > 0);
    failpoint_is_armed = false;
    live(SECOND_MS);
    cr_assert_eq(asked, 1);
}

/* ---- jitter ---- */

Test(plan, jitter_delays_each_run_by_another_span_and_is_known_before) {
    int64_t delay, first = -1;
    bool differs = false;

    define("hourly", "every 1h");
    define("daily", "at 13:00");
    define("boot", "start");
    for (int i = 0; i < 3; i++)
        definition[i].schedule.jitter_ms = 10 * MINUTE_MS;
    open_plan();
    for (int i = 1; i < 20; i++) {
        int64_t due = at("2026-05-05 12:00") + i * HOUR_MS,
                next = plan_next_at_unix_ms(plan, "hourly", &now);
        delay = next - due;
        cr_assert(delay >= 0 && delay <= 10 * MINUTE_MS);
        differs |= first >= 0 && first != delay;
        first = delay;
        while (strcmp(asked_name, "hourly") != 0 || asked_due_unix_ms != due)
            live(SECOND_MS);
        cr_assert(now.unix_ms - next < SECOND_MS && now.unix_ms >= next);
        replace();
    }
    cr_assert(differs);
    cr_assert_eq(asked, 19 + 2);
    cr_assert_eq(logged("job_missed"), 0);
}

Test(plan, jitter_of_start_counts_from_the_start) {
    int64_t began, next;

    define("boot", "start");
    definition[0].schedule.jitter_ms = HOUR_MS;
    open_plan();
    began = now.unix_ms;
    next = plan_next_at_unix_ms(plan, "boot", &now);
    cr_assert(next > began && next <= began + HOUR_MS);
    live(next - began - 1);
    cr_assert_eq(asked, 0);
    live(1);
    cr_assert_eq(asked, 1);
}

/* ---- reload ---- */

Test(plan, reload_keeps_the_pace_of_what_is_the_same) {
    define("hourly", "every 1h");
    define("gone", "every 1h");
    open_plan();
    live(50 * MINUTE_MS);
    cr_assert(is_there("plan/gone"));
    definitions = 1;
    define("new", "every 20m");
    cr_assert_eq(plan_renew(plan, definition, definitions, &now), 0);
    cr_assert_not(is_there("plan/gone"));
    live(10 * MINUTE_MS);
    cr_assert_eq(asked, 1);
    cr_assert_str_eq(asked_name, "hourly");
    live(10 * MINUTE_MS);
    cr_assert_eq(asked, 2);
    cr_assert_str_eq(asked_name, "new");
}

Test(plan, changed_schedule_begins_anew) {
    define("job", "every 1h");
    open_plan();
    live(50 * MINUTE_MS);
    definitions = 0;
    define("job", "every 30m");
    cr_assert_eq(plan_renew(plan, definition, definitions, &now), 0);
    live(29 * MINUTE_MS);
    cr_assert_eq(asked, 0);
    close_plan();
    definitions = 0;
    define("job", "every 2h"); /* changed while the daemon was down */
    open_plan();
    live(2 * HOUR_MS - 1);
    cr_assert_eq(asked, 0);
    live(1);
    cr_assert_eq(asked, 1);
}

/* ---- kills ---- */

static void tend_on(void) {
    live(HOUR_MS);
}

/* The job is there once, whenever the one who made it was killed. */
Test(plan, kill_at_each_step_makes_it_neither_twice_nor_never) {
    static const char *const steps[] = { "store-written", "store-renamed", "plan-noted",
        "store-made", "store-what", "store-ready", "store-added", "plan-asked" };
    struct entry_list list;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        definitions = 0;
        define("hourly", "every 1h");
        open_plan();
        live(30 * MINUTE_MS);
        cr_assert(was_killed(do_and_die(steps[i], tend_on)), "nobody came to %s", steps[i]);
        close_plan();
        pass(30 * MINUTE_MS + SECOND_MS);
        open_plan();
        live(10 * MINUTE_MS);
        spool_load(store, &list);
        cr_assert_eq(spool_count(&list), 1, "%s: %u jobs", steps[i], spool_count(&list));
        cr_assert_eq(TAILQ_FIRST(&list)->wanted_at_unix_ms % HOUR_MS, 0);
        spool_free(&list);
        close_plan();
        spool_clean();
        spool_prepare();
        now.unix_ms = at("2026-05-05 12:00");
    }
}

/* ---- torn ---- */

Test(plan, torn_past_is_a_first_sight) {
    static const char *const texts[] = { "", "{", "[]", "{\"schedule\":\"every 1h\"}",
        "{\"schedule\":\"every 1h\",\"past\":{}}", "{\"schedule\":\"every 1h\",\"past\":7}",
        "{\"schedule\":\"every 1h\",\"past\":{\"life\":0,\"boot\":1,\"mono_ms\":0,\"unix_ms\":0,"
        "\"day\":0,\"back_day\":9223372036854775807}}",
        "{\"schedule\":\"every 1h\",\"past\":{\"life\":0,\"boot\":1,"
        "\"mono_ms\":-9223372036854775807,\"unix_ms\":0,\"day\":0,\"back_day\":null}}",
        "{\"schedule\":\"every 1h\",\"id\":99,\"before\":{},\"past\":{\"life\":0,\"boot\":1,"
        "\"mono_ms\":0,\"unix_ms\":0,\"day\":0,\"back_day\":null}}",
        "{\"schedule\":\"every 1h\",\"past\":{\"life\":0,\"boot\":1,\"mono_ms\":9000000000000,"
        "\"unix_ms\":0,\"day\":0,\"back_day\":null}}" };

    define("hourly", "every 1h");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        asked = 0;
        open_plan();
        put_file("plan/hourly", texts[i], strlen(texts[i]));
        replace();
        live(HOUR_MS - 1);
        cr_assert_eq(asked, 0, "%s", texts[i]);
        live(1);
        cr_assert_eq(asked, 1, "%s", texts[i]);
        close_plan();
    }
}

Test(plan, clocks_of_this_machine_go_forward) {
    struct schedule_time first = plan_look_at_clocks(7), second = plan_look_at_clocks(7);

    cr_assert(second.mono_ms >= first.mono_ms && first.mono_ms > 0);
    cr_assert(first.boot != 0 && first.boot == second.boot && first.boot <= INT64_MAX);
    cr_assert(first.life != 0 && first.life == second.life);
    cr_assert_neq(first.life, plan_look_at_clocks(UINT64_MAX).life);
    cr_assert(llabs(first.unix_ms / 1000 - time(NULL)) < 5);
}
