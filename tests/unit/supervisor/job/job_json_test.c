/* A job as JSON: whole and normal, there and back, and whatever else may come is refused. */
#include "supervisor/job/job_json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct job_spec spec;
static struct complaint complaint;

/* Read the text as a job, which outlives it. */
static int read_job(const char *text) {
    json_t *what = json_loads(text, JSON_ALLOW_NUL, NULL);
    int code, rc;

    cr_assert_not_null(what, "%s", text);
    rc = job_json_read(what, &spec, &complaint, &code);
    cr_assert(rc == 0 || code == 2);
    json_decref(what);
    return rc;
}

static void expect_written(const char *given, const char *written) {
    json_t *what;
    char *text;

    cr_assert_eq(read_job(given), 0, "%s: %s", given, complaint.text);
    what = job_json_write(&spec);
    cr_assert_not_null(what);
    text = json_dumps(what, JSON_COMPACT);
    cr_assert_str_eq(text, written);
    free(text);
    json_decref(what);
    job_json_fini(&spec);
}

Test(job_json, what_is_written_is_normal_and_reads_as_itself) {
    static const char *const cases[][2] = {
        { "{\"kernel\":\"divisible\",\"interval\":\"3 345 212\"}",
            "{\"kernel\":\"divisible\",\"interval\":\"1..3345212\"}" },
        { "{\"interval\":\"0\",\"kernel\":\"null\"}", "{\"kernel\":\"null\",\"interval\":\"0\"}" },
        { "{\"kernel\":\"null\",\"interval\":\"0..18446744073709551614\"}",
            "{\"kernel\":\"null\",\"interval\":\"0..18446744073709551614\"}" },
        { "{\"kernel\":\"divisible\",\"interval\":\"7-9\",\"params\":{\"method\":\"test\","
          "\"by\":\"11\"},\"options\":{\"count\":\"true\",\"chunk\":\"1e3\"}}",
            "{\"kernel\":\"divisible\",\"interval\":\"7..9\",\"params\":{\"by\":\"11\","
            "\"method\":\"test\"},\"options\":{\"chunk\":\"1000\",\"count\":\"true\"}}" },
        { "{\"kernel\":\"divisible\",\"interval\":\"9\",\"params\":{\"by\":\"11,13,17\"},"
          "\"options\":{\"stall\":\"30000ms\",\"retries\":\"2\",\"on_held\":\"stop\","
          "\"buffer\":\"4096k\",\"timeout\":\"0\",\"json\":\"false\"}}",
            "{\"kernel\":\"divisible\",\"interval\":\"1..9\"}" },
        { "{\"kernel\":\"divisible\",\"interval\":\"9\",\"options\":{\"timeout\":\"120s\","
          "\"chunk-timeout\":\"1500ms\",\"on_held\":\"skip\",\"verify\":\"0.00001%\","
          "\"retries\":\"0\",\"batch\":\"8\",\"window\":\"64\",\"buffer\":\"0\"}}",
            "{\"kernel\":\"divisible\",\"interval\":\"1..9\",\"options\":{\"timeout\":\"2m\","
            "\"chunk_timeout\":\"1500ms\",\"retries\":\"0\",\"on_held\":\"skip\","
            "\"verify\":\"0.00001%\",\"buffer\":\"0\",\"window\":\"64\",\"batch\":\"8\"}}" },
        { "{\"kernel\":\"command\",\"interval\":\"2\",\"argv\":[\"true\",\"\",\"{lo} \\u00e4\"]}",
            "{\"kernel\":\"command\",\"interval\":\"1..2\",\"argv\":[\"true\",\"\","
            "\"{lo} \xc3\xa4\"]}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_written(cases[i][0], cases[i][1]);
        expect_written(cases[i][1], cases[i][1]);
    }
}

Test(job_json, a_read_job_is_prepared_and_owns_its_texts) {
    cr_assert_eq(read_job("{\"kernel\":\"command\",\"interval\":\"5..8\",\"argv\":[\"true\","
                          "\"{lo}\"],\"options\":{\"chunk\":\"2\",\"json\":\"true\"}}"),
        0, "%s", complaint.text);
    cr_assert_str_eq(spec.kernel.ops->name, "command");
    cr_assert_str_eq(spec.kernel.argv[0], "true");
    cr_assert_str_eq(spec.kernel.argv[1], "{lo}");
    cr_assert_null(spec.kernel.argv[2]);
    cr_assert(spec.split.chunks == 2 && spec.split.lo == 5 && spec.split.hi == 8);
    cr_assert_eq(spec.format, RESULT_JSON);
    job_json_fini(&spec);
    job_json_fini(&spec);
}

Test(job_json, what_is_no_job_is_refused_and_leaves_nothing) {
    static const char *const cases[][2] = {
        { "[]", "a job is a JSON object" },
        { "{}", "\"kernel\" must be a text" },
        { "{\"kernel\":7,\"interval\":\"1\"}", "\"kernel\" must be a text" },
        { "{\"kernel\":\"divisable\",\"interval\":\"1\"}", "did you mean \"divisible\"?" },
        { "{\"kernel\":\"zzzzzz\",\"interval\":\"1\"}",
            "there are: divisible, primes, command, null" },
        { "{\"kernel\":\"null\"}", "\"interval\" must be a text" },
        { "{\"kernel\":\"null\",\"interval\":\"5..4\"}", "did you mean 4..5?" },
        { "{\"kernel\":\"null\",\"interval\":\"\"}", "is empty" },
        { "{\"kernel\":\"null\",\"interval\":\"1\\u0000\"}", "\"interval\" must not hold a NUL" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"optionz\":{}}",
            "did you mean \"options\"? allowed: kernel, interval, params, argv, options" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":[]}",
            "\"options\" must be an object" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"params\":\"x\"}",
            "\"params\" must be an object" },
        { "{\"kernel\":\"divisible\",\"interval\":\"1\",\"params\":{\"bye\":\"1\"}}",
            "did you mean \"by\"? allowed: by, method" },
        { "{\"kernel\":\"primes\",\"interval\":\"1\",\"params\":{\"by\":\"1\"}}",
            "params: unknown \"by\"; there are none" },
        { "{\"kernel\":\"divisible\",\"interval\":\"1\",\"params\":{\"by\":\"0\"}}",
            "--by: 0 is outside" },
        { "{\"kernel\":\"divisible\",\"interval\":\"1\",\"params\":{\"by\":[11]}}",
            "\"by\" must be a text" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":{\"output\":\"/etc/passwd\"}}",
            "options: unknown \"output\"; allowed: chunk, count" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":{\"cuont\":\"true\"}}",
            "did you mean \"count\"?" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":{\"chunk\":5}}",
            "\"chunk\" must be a text" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":{\"timeout\":\"5\"}}",
            "--timeout: " },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"options\":{\"json\":\"true\",\"csv\":\"true\"}"
          "}",
            "exclude each other" },
        { "{\"kernel\":\"null\",\"interval\":\"1\",\"argv\":[\"true\"]}", "takes no command" },
        { "{\"kernel\":\"command\",\"interval\":\"1\"}", "needs a command" },
        { "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":\"true\"}",
            "\"argv\" must be a list of texts" },
        { "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[]}",
            "\"argv\" must begin with a program" },
        { "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[\"\"]}",
            "\"argv\" must begin with a program" },
        { "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[\"true\",null]}",
            "\"argv\" must be a text" },
        { "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[\"no-such-program-here\"]}",
            "is not a program that can be run" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(read_job(cases[i][0]), -1, "%s", cases[i][0]);
        cr_assert_not_null(
            strstr(complaint.text, cases[i][1]), "%s: %s", cases[i][0], complaint.text);
        cr_assert(spec.kernel.params == NULL && spec.kernel.argv == NULL);
    }
}

Test(job_json, every_option_that_may_be_wanted_is_a_row_of_the_table) {
    for (size_t i = 0; job_json_options[i] != NULL; i++)
        cr_assert_not_null(
            settings_find(job_spec_settings, job_json_options[i]), "%s", job_json_options[i]);
}

Test(job_json, a_text_that_json_cannot_say_gives_nothing) {
    static char *argv[] = { "true", "\xff\xfe", NULL };

    cr_assert_eq(read_job("{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[\"true\"]}"), 0);
    free((void *)(uintptr_t)spec.kernel.argv);
    spec.kernel.argv = argv;
    cr_assert_null(job_json_write(&spec));
    spec.kernel.argv = NULL;
    job_json_fini(&spec);
}
