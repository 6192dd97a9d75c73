/* What is asked about jobs, and what is answered. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

#include "supervisor/jobs/request.h"
#include "supervisor/jobs/verbs.h"

static int peer;

static void open_with_peer(void) {
    fixture_open();
    peer = fixture_connect("");
}

static void close_all(void) {
    close(peer);
    fixture_close();
}

TestSuite(verbs, .init = open_with_peer, .fini = close_all);

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "(none)";
}

static int number_of(const json_t *object, const char *key) {
    return (int)json_integer_value(json_object_get(object, key));
}

/* A question by somebody else than who runs the test: the answer's lines, to be freed. */
static char *ask_as(const struct asker *asker, const char *line) {
    struct outlet outlet = { .fd = -1 };
    struct request request = { .book = fixture_book, .outlet = &outlet, .asker = *asker };

    request_take(&request, line, strlen(line), fixture_now_ns);
    request_drop(&request);
    outlet_put(&outlet, "", 1);
    return outlet.buf;
}

#define ASSERT_ANSWER(asker, line, words)                          \
    do {                                                           \
        char *answer = ask_as(&(asker), (line));                   \
        cr_assert_not_null(strstr(answer, (words)), "%s", answer); \
        free(answer);                                              \
    } while (0)

/* ---- submit ---- */

Test(verbs, submit_answers_with_the_id) {
    json_t *object;

    fixture_write(peer, "{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}\n");
    object = fixture_object(peer);
    cr_assert_eq(number_of(object, "id"), 1);
    cr_assert_str_eq(text_of(object, "state"), "queued");
    cr_assert_str_eq(fixture_finish(peer), "");
    cr_assert_eq(fixture_exit, 0);
}

/* The question is in the file of what was read before the connection was handed over. */
Test(verbs, question_that_came_before_is_answered) {
    int other = fixture_connect(
        "{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}\n{\"verb\":\"job.list\"}\n");

    cr_assert_not_null(strstr(fixture_line(other), "\"id\":1"));
    fixture_finish(other);
    cr_assert_not_null(strstr(fixture_line(other), "\"job\":"));
    fixture_finish(other);
    close(other);
}

Test(verbs, submit_with_a_token_may_be_asked_again) {
    static const char question[] =
        "{\"verb\":\"job.submit\",\"args\":{\"token\":\"x\",\"what\":" FIXTURE_JOB "}}\n";
    json_t *object;

    fixture_write(peer, question);
    fixture_finish(peer);
    fixture_turn();
    fixture_write(peer, question);
    object = fixture_object(peer);
    cr_assert_eq(number_of(object, "id"), 1);
    cr_assert_str_eq(text_of(object, "state"), "running");
    fixture_finish(peer);
}

Test(verbs, mistakes_are_told) {
    static const char *const cases[][2] = { { "GET / HTTP/1.1", "not a line of JSON" },
        { "[1]", "a line is {\"verb\"" }, { "{\"verb\":5}", "a line is {\"verb\"" },
        { "{\"verb\":\"job.list\",\"args\":[]}", "a line is {\"verb\"" },
        { "{\"verb\":\"job.sumbit\"}",
            "unknown verb \"job.sumbit\", did you mean \"job.submit\"?" },
        { "{\"verb\":\"status\"}", "this connection speaks of jobs: job.submit, " },
        { "{\"verb\":\"job.show\"}", "job.show: id is missing" },
        { "{\"verb\":\"job.show\",\"args\":{\"id\":-1}}", "id must be the number of a job" },
        { "{\"verb\":\"job.show\",\"args\":{\"id\":1.5}}", "id must be the number of a job" },
        { "{\"verb\":\"job.show\",\"args\":{\"id\":\"sheet\"}}",
            "there is no run of a defined job \"sheet\"" },
        { "{\"verb\":\"job.cancel\",\"args\":{\"id\":\"sheet\"}}", "id must be a whole number" },
        { "{\"verb\":\"job.show\",\"args\":{\"id\":99999999999999999999}}", "not a line of JSON" },
        { "{\"verb\":\"job.list\",\"args\":{\"lastt\":1}}", "did you mean \"last\"?" },
        { "{\"verb\":\"job.list\",\"args\":{\"last\":-1}}", "whole number, not negative" },
        { "{\"verb\":\"job.list\",\"args\":{\"all\":1}}", "all must be true or false" },
        { "{\"verb\":\"job.submit\",\"args\":{}}", "either a name, or what is wanted" },
        { "{\"verb\":\"job.submit\",\"args\":{\"name\":\"a\",\"what\":{}}}", "either a name" },
        { "{\"verb\":\"job.submit\",\"args\":{\"what\":\"x\"}}", "what must be an object" },
        { "{\"verb\":\"job.submit\",\"args\":{\"name\":\"nope\"}}",
            "there is no defined job \"nope\"" },
        { "{\"verb\":\"job.result\",\"args\":{\"id\":1,\"from\":-5}}", "whole number" },
        { "{\"verb\":\"job.wait\",\"args\":{\"id\":17}}", "there is no job 17" },
        { "{\"verb\":\"job.retry\",\"args\":{\"id\":17}}", "there is no job 17" },
        { "{\"verb\":\"\xff\"}", "not a line of JSON" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_write(peer, cases[i][0]);
        fixture_write(peer, "\n");
        cr_assert_not_null(strstr(fixture_finish(peer), cases[i][1]), "%s", cases[i][0]);
        cr_assert_eq(fixture_exit, EXIT_CODE_USAGE);
    }
    cr_assert_null(book_find_next(fixture_book, 0));
}

Test(verbs, token_has_a_longest) {
    char line[512], token[66];

    memset(token, 'x', 65);
    token[65] = '\0';
    snprintf(line, sizeof(line),
        "{\"verb\":\"job.submit\",\"args\":{\"token\":\"%s\",\"what\":" FIXTURE_JOB "}}", token);
    ASSERT_ANSWER(fixture_anna, line, "token may have at most 64 characters");
    snprintf(line, sizeof(line),
        "{\"verb\":\"job.submit\",\"args\":{\"token\":\"%s\",\"what\":" FIXTURE_JOB "}}",
        token + 1);
    ASSERT_ANSWER(fixture_anna, line, "\"id\":1");
}

/* ---- rights ---- */

Test(verbs, others_jobs_are_as_if_they_were_not) {
    static const char *const verbs[] = { "job.show", "job.wait", "job.result", "job.cancel",
        "job.retry" };
    char line[128];

    fixture_submit(&fixture_anna);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        snprintf(line, sizeof(line), "{\"verb\":\"%s\",\"args\":{\"id\":1}}", verbs[i]);
        ASSERT_ANSWER(
            fixture_berta, line, "{\"done\":true,\"exit\":2,\"error\":\"there is no job 1\"}");
    }
    cr_assert_eq(fixture_find(1)->state, ENTRY_QUEUED);
    ASSERT_ANSWER(fixture_berta, "{\"verb\":\"job.list\",\"args\":{\"all\":true}}", "{\"done\"");
    ASSERT_ANSWER(fixture_anna, "{\"verb\":\"job.show\",\"args\":{\"id\":1}}", "\"uid\":1001");
    ASSERT_ANSWER(fixture_admin, "{\"verb\":\"job.cancel\",\"args\":{\"id\":1}}", "cancelled");
}

Test(verbs, list_holds_what_the_asker_may_see) {
    char *answer;

    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    answer = ask_as(&fixture_berta, "{\"verb\":\"job.list\"}");
    cr_assert_not_null(strstr(answer, "\"id\":2"));
    cr_assert_null(strstr(answer, "\"id\":1,"));
    free(answer);
}

Test(verbs, who_may_not_submit_is_told_so) {
    struct jobs_config *config = fixture_config();

    config->submit = JOBS_ADMIN;
    book_renew(fixture_book, config);
    ASSERT_ANSWER(fixture_anna, "{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}",
        "\"exit\":77");
    ASSERT_ANSWER(fixture_admin, "{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}",
        "\"exit\":0");
    cr_assert(fixture_has_logged("event=job_refused"));
    cr_assert(fixture_has_logged("uid=1001"));
}

/* ---- list and show ---- */

Test(verbs, job_is_told_with_all_that_is_known) {
    static const char *const keys[] = { "id", "name", "uid", "user", "kernel", "interval", "what",
        "state", "cause", "wanted_at_unix_s", "started_at_unix_s", "ended_at_unix_s", "runs",
        "chunks", "chunks_done", "records", "digest", "result_bytes", "workers", "output", "exit",
        "wall_ms" };
    json_t *object, *job;

    fixture_submit(&fixture_admin);
    fixture_turn();
    fake_write(fixture_find(1), "1\n", 2);
    fixture_write(peer, "{\"verb\":\"job.show\",\"args\":{\"id\":1}}\n");
    object = fixture_object(peer);
    job = json_object_get(object, "job");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_assert_not_null(json_object_get(job, keys[i]), "%s is missing", keys[i]);
    cr_assert_eq(json_object_size(job), sizeof(keys) / sizeof(keys[0]));
    cr_assert_str_eq(text_of(job, "kernel"), "null");
    cr_assert_str_eq(text_of(job, "interval"), "1..10");
    cr_assert_str_eq(text_of(job, "state"), "running");
    cr_assert_str_eq(text_of(job, "user"), "root");
    cr_assert_str_eq(text_of(job, "digest"), "1:00000000");
    cr_assert_eq(number_of(job, "workers"), 2);
    cr_assert(json_is_null(json_object_get(job, "exit")));
    cr_assert(json_is_null(json_object_get(job, "name")));
    cr_assert(json_is_null(json_object_get(job, "ended_at_unix_s")));
    fixture_finish(peer);
}

/* Jobs that have ended are listed when all are asked for; the last of those that are listed. */
Test(verbs, list_may_be_of_all_or_of_the_last) {
    static const char *const cases[][2] = { { "{}", "5" }, { "{\"all\":true}", "12345" },
        { "{\"all\":true,\"last\":2}", "45" }, { "{\"last\":3}", "5" },
        { "{\"all\":true,\"last\":0}", "" }, { "{\"all\":true,\"last\":99}", "12345" } };
    char line[128], found[16];
    json_t *object;

    for (int i = 0; i < 4; i++)
        fixture_run(&fixture_admin);
    fixture_submit(&fixture_admin);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(line, sizeof(line), "{\"verb\":\"job.list\",\"args\":%s}\n", cases[i][0]);
        fixture_write(peer, line);
        memset(found, 0, sizeof(found));
        for (size_t n = 0; n < sizeof(found); n++) {
            object = json_object_get(fixture_object(peer), "job");
            if (object == NULL)
                break;
            found[n] = (char)('0' + number_of(object, "id"));
        }
        cr_assert_str_eq(found, cases[i][1], "%s: %s", cases[i][0], found);
    }
}

/* More than a peer's buffer holds, and the peer reads slowly. */
Test(verbs, long_list_comes_in_pieces) {
    struct jobs_config *config = fixture_config();
    int count = 0;

    config->max_per_user = 1000;
    book_renew(fixture_book, config);
    for (int i = 0; i < 900; i++)
        fixture_submit(i % 9 ? &fixture_anna : &fixture_berta);
    fixture_write(peer, "{\"verb\":\"job.list\"}\n");
    while (json_object_get(fixture_object(peer), "job") != NULL)
        count++;
    cr_assert_eq(count, 900);
}

Test(verbs, definitions_are_listed) {
    struct jobs_config *config = fixture_config();
    json_t *object, *definition;

    fixture_define(config, "sheet", FIXTURE_JOB, "every 1h");
    book_renew(fixture_book, config);
    cr_assert_not_null(fixture_ask(&fixture_admin, "sheet", NULL, ""));
    fixture_write(peer, "{\"verb\":\"job.list\",\"args\":{\"definitions\":true}}\n");
    object = fixture_object(peer);
    definition = json_object_get(object, "definition");
    cr_assert_str_eq(text_of(definition, "name"), "sheet");
    cr_assert_str_eq(text_of(definition, "run"), "every 1h");
    cr_assert_str_eq(text_of(definition, "last_state"), "queued");
    cr_assert_eq(number_of(definition, "last_id"), 1);
    cr_assert_gt(number_of(definition, "next_at_unix_s"), 0);
    cr_assert_str_eq(text_of(definition, "interval"), "1..10");
    fixture_finish(peer);
    ASSERT_ANSWER(fixture_anna, "{\"verb\":\"job.list\",\"args\":{\"definitions\":true}}",
        "\"last_id\":null");
    ASSERT_ANSWER(fixture_admin, "{\"verb\":\"job.show\",\"args\":{\"id\":\"sheet\"}}", "\"id\":1");
}

/* ---- wait ---- */

Test(verbs, wait_tells_how_far_it_is_and_how_it_ended) {
    struct entry *entry = fixture_submit(&fixture_admin);
    json_t *object, *progress;

    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n");
    object = fixture_object(peer);
    progress = json_object_get(object, "progress");
    cr_assert_eq(number_of(progress, "chunks"), 10);
    cr_assert_eq(number_of(progress, "chunks_done"), 0);
    cr_assert_str_eq(text_of(progress, "state"), "running");
    fake_write(entry, "1\n", 2);
    cr_assert(fixture_is_silent(peer), "it is told more often than each second");
    fixture_pass(FIXTURE_SECOND_NS);
    object = fixture_object(peer);
    cr_assert_eq(number_of(json_object_get(object, "progress"), "chunks_done"), 1);
    fixture_pass(FIXTURE_SECOND_NS);
    cr_assert(fixture_is_silent(peer), "nothing has moved");
    fake_end(entry, ENTRY_INCOMPLETE, EXIT_CODE_INCOMPLETE, "1 held, the first is chunk 5");
    object = fixture_object(peer);
    cr_assert_str_eq(text_of(json_object_get(object, "job"), "state"), "incomplete");
    cr_assert_str_eq(fixture_finish(peer), "1 held, the first is chunk 5");
    cr_assert_eq(fixture_exit, EXIT_CODE_INCOMPLETE);
}

Test(verbs, wait_for_an_ended_job_is_short) {
    fixture_run(&fixture_admin);
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n");
    cr_assert_str_eq(fixture_finish(peer), "");
    cr_assert_eq(fixture_exit, 0);
}

/* ---- cancel and retry ---- */

Test(verbs, cancel_is_answered_when_it_is_over) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.cancel\",\"args\":{\"id\":1}}\n");
    cr_assert_str_eq(text_of(fixture_object(peer), "state"), "cancelled");
    cr_assert_str_eq(fixture_finish(peer), "");
    fixture_write(peer, "{\"verb\":\"job.cancel\",\"args\":{\"id\":1}}\n");
    cr_assert_str_eq(fixture_finish(peer), "", "twice is as good as once");
    cr_assert_eq(fixture_exit, 0);
}

Test(verbs, cancel_of_a_done_job_is_refused) {
    fixture_run(&fixture_admin);
    fixture_write(peer, "{\"verb\":\"job.cancel\",\"args\":{\"id\":1}}\n");
    cr_assert_str_eq(fixture_finish(peer), "job 1 has ended already: it is done");
    cr_assert_eq(fixture_exit, EXIT_CODE_USAGE);
}

Test(verbs, retry_puts_it_into_the_queue) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fake_end(fixture_find(1), ENTRY_FAILED, EXIT_CODE_FAILED, "");
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.retry\",\"args\":{\"id\":1}}\n");
    cr_assert_str_eq(text_of(fixture_object(peer), "state"), "queued");
    cr_assert_str_eq(fixture_finish(peer), "");
}

/* The table's own mistakes. */
Test(verbs, table_is_whole) {
    for (const struct verb *verb = verbs_table; verb->question.name != NULL; verb++) {
        cr_assert_eq(strncmp(verb->question.name, "job.", 4), 0);
        cr_assert_not_null(verb->ask);
        cr_assert_null(verb->question.args[QUESTION_ARGS_MAX - 1].name);
    }
}
