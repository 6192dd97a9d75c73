/* Jobs give the right bytes, whoever computes them and however they are cut. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

static const char *const engines[] = { "process", "thread", "event", NULL };

static void sheet_interval_gives_411_411_412_142(void) {
    static const char *const lines[] = { "interval 1: 1 - 1 000 000  ", "  411 found",
        "interval 2: 1 000 001 - 2 000 000  ", "interval 3: 2 000 001 - 3 000 000  ", "  412 found",
        "interval 4: 3 000 001 - 3 345 212  ", "  142 found", "Received: 3 345 212",
        "\n1 - 1 000 000\n1 000 001 - 2 000 000\n2 000 001 - 3 000 000\n"
        "3 000 001 - 3 345 212\n" };
    struct harness_result r = harness_run(
        "prefork", "job", "run", "divisible", "3", "345", "212", "--seed-format", NULL);

    CHECK(r.code == 0, "exit %d", r.code);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_words("stderr", r.err, lines[i]);
    CHECK(strncmp(r.out, "2 431\n", 6) == 0, "first is %.10s", r.out);
    CHECK(strcmp(r.out + r.out_len - 10, "3 345 056\n") == 0, "last is %s", r.out + r.out_len - 10);
    CHECK(expect_count_lines(r.out) == 1376, "%zu lines", expect_count_lines(r.out));
}

static void every_way_of_writing_the_interval_is_the_same(void) {
    static const char *const forms[][5] = { { "3345212" }, { "3", "345", "212" }, { "3 345 212" },
        { "3_345_212" }, { "3,345,212" },
        { "3\xc2\xa0"
          "345\xc2\xa0"
          "212" },
        { "1..3345212" }, { "1-3345212" }, { "1", "-", "3", "345", "212" },
        { "1..3", "345", "212" }, { "1e0..3345212" } };
    size_t len;
    const char *wanted = expect_multiples(2431, 1, 3345212, &len);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *argv[16] = { "prefork", "job", "run", "divisible" };
        size_t n = 4;
        for (size_t k = 0; k < 5 && forms[i][k] != NULL; k++)
            argv[n++] = forms[i][k];
        struct harness_result r = harness_run_argv(argv);
        CHECK(r.code == 0, "form %zu: exit %d: %s", i, r.code, r.err);
        expect_bytes(forms[i][0], r.out, r.out_len, wanted, len);
        expect_words("echoed", r.err, "1..3 345 212");
    }
}

static void engines_and_cuts_give_the_same_bytes(void) {
    static const char *const chunks[] = { "1000000", "997", "7", "18446744073709551615" };
    static const char *const methods[] = { "stride", "test" };
    static const char *const batches[] = { "1", "64" };
    size_t len, primes_len;
    const char *wanted = expect_multiples(77, 5, 50000, &len);
    const char *primes = expect_primes(0, 50000, &primes_len);
    unsigned runs = 0;

    for (size_t e = 0; engines[e] != NULL; e++) {
        for (size_t c = 0; c < 4; c++) {
            for (size_t k = 0; k < 2; k++) {
                struct harness_result r = harness_run("prefork", "job", "run", "divisible",
                    "5..50000", "--by", "11,7", "--engine", engines[e], "--chunk", chunks[c],
                    "--method", methods[k], "--batch", batches[k], "--quiet", NULL);
                CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
                expect_bytes(engines[e], r.out, r.out_len, wanted, len);
                runs++;
            }
            struct harness_result r = harness_run("prefork", "job", "run", "primes", "0..50000",
                "--engine", engines[e], "--chunk", chunks[c], "--quiet", NULL);
            CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
            expect_bytes(engines[e], r.out, r.out_len, primes, primes_len);
            runs++;
        }
    }
    harness_figure("runs=%u", runs);
}

static void digest_is_that_of_the_records(void) {
    char wanted[64], *first = NULL;

    for (size_t e = 0; engines[e] != NULL; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "divisible", "1..1000000",
            "--chunk", "1234", "--engine", engines[e], "--json", NULL);
        const char *at = strstr(r.err, "\"digest\":\"");
        CHECK(at != NULL, "no digest: %s", r.err);
        snprintf(wanted, sizeof(wanted), "%.20s", at + 10);
        if (first == NULL)
            first = strdup(wanted);
        CHECK(strcmp(first, wanted) == 0, "%s instead of %s", wanted, first);
    }
    /* crc32c over 2431, 4862, ... as 64-bit little-endian, made by another program */
    CHECK(strncmp(first, "411:55764d6b", 12) == 0, "the digest is %.12s", first);
}

static void count_is_the_closed_form(void) {
    static const struct {
        const char *interval, *count;
    } cases[] = { { "3345212", "1376\n" }, { "1..18446744073709551615", "7588130017980070\n" },
        { "0..0", "1\n" }, { "1..2430", "0\n" },
        { "18446744073709551615..18446744073709551615", "0\n" },
        { "18446744073709550170..18446744073709551615", "1\n" } };

    for (size_t e = 0; engines[e] != NULL; e++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct harness_result r = harness_run("prefork", "job", "run", "divisible",
                cases[i].interval, "--count", "--chunk", "100000000000000000", "--engine",
                engines[e], "--quiet", NULL);
            CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
            CHECK(strcmp(r.out, cases[i].count) == 0, "%s: %s", cases[i].interval, r.out);
        }
}

static void top_of_64_bits_is_reached_and_not_passed(void) {
    static const struct {
        const char *kernel, *interval, *chunk, *option, *value, *end;
    } cases[] = {
        { "divisible", "18446744073709550000..18446744073709551615", "7", "--by", "5,4",
            "18446744073709551580\n18446744073709551600\n" },
        { "null", "18446744073709551613..18446744073709551615", "2", "--emit", "2",
            "18446744073709551613\n18446744073709551614\n18446744073709551615\n" },
        { "primes", "18446744073709551500..18446744073709551615", "1000000", "--retries", "0",
            "18446744073709551521\n18446744073709551533\n18446744073709551557\n" },
    };
    size_t len;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t e = 0; engines[e] != NULL; e++) {
            struct harness_result r = harness_run("prefork", "job", "run", cases[i].kernel,
                cases[i].interval, "--chunk", cases[i].chunk, cases[i].option, cases[i].value,
                "--engine", engines[e], "--quiet", NULL);
            CHECK(r.code == 0, "%s: exit %d: %s", cases[i].kernel, r.code, r.err);
            len = strlen(cases[i].end);
            CHECK(r.out_len >= len && strcmp(r.out + r.out_len - len, cases[i].end) == 0,
                "%s ends %.100s", cases[i].kernel, r.out_len >= len ? r.out + r.out_len - len : "");
        }
}

static void json_is_one_object_a_chunk(void) {
    struct harness_result r = harness_run(
        "prefork", "job", "run", "divisible", "10000", "--chunk", "3000", "--json", NULL);
    uint64_t count = 0, last = 0, chunks = 0;
    json_error_t error;

    CHECK(r.code == 0, "exit %d", r.code);
    for (char *line = strtok(r.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_t *chunk = json_loads(line, 0, &error), *number;
        size_t i;
        CHECK(chunk != NULL, "%s: %s", error.text, line);
        CHECK(json_integer_value(json_object_get(chunk, "chunk")) == (json_int_t)++chunks, "%s",
            line);
        json_array_foreach(json_object_get(chunk, "numbers"), i, number) {
            CHECK((uint64_t)json_integer_value(number) == last + 2431, "%s", line);
            last += 2431;
            count++;
        }
    }
    CHECK(chunks == 4 && count == 4, "%" PRIu64 " chunks, %" PRIu64 " numbers", chunks, count);
    for (char *line = strtok(r.err, "\n"); line != NULL; line = strtok(NULL, "\n"))
        CHECK(json_loads(line, 0, &error) != NULL, "stderr: %s: %s", error.text, line);
}

static void csv_names_chunk_and_number(void) {
    struct harness_result r = harness_run(
        "prefork", "job", "run", "divisible", "10000", "--chunk", "3000", "--csv", "--quiet", NULL);

    CHECK(strcmp(r.out, "chunk,number\n1,2431\n2,4862\n3,7293\n4,9724\n") == 0, "%s", r.out);
    CHECK(r.err[0] == '\0', "quiet said: %s", r.err);
}

static void large_results_of_one_chunk_are_cut_and_joined(void) {
    size_t len;
    const char *wanted = expect_multiples(1, 1, 2000000, &len);

    for (size_t e = 0; engines[e] != NULL; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "divisible", "2000000",
            "--by", "1", "--chunk", "700000", "--buffer", "64k", "--engine", engines[e], "--json",
            "--quiet", NULL);
        json_error_t error;
        json_t *chunk;
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        chunk = json_loads(strtok(r.out, "\n"), 0, &error);
        CHECK(chunk != NULL, "%s", error.text);
        CHECK(json_array_size(json_object_get(chunk, "numbers")) == 700000, "numbers");
        r = harness_run("prefork", "job", "run", "divisible", "2000000", "--by", "1", "--chunk",
            "700000", "--buffer", "64k", "--engine", engines[e], "--output", "out", NULL);
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        r.out = harness_read_file("out", &r.out_len);
        expect_bytes(engines[e], r.out, r.out_len, wanted, len);
        CHECK(!harness_exists("out.journal") && !harness_exists("out.spool"), "names are left");
    }
}

static void empty_interval_is_success_with_a_note(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "0", NULL);

    CHECK(r.code == 0 && r.out_len == 0, "exit %d, %zu bytes", r.code, r.out_len);
    expect_words("note", r.err, "the interval is empty");
    r = harness_run("prefork", "job", "run", "divisible", "0", "--count", "--quiet", NULL);
    CHECK(r.code == 0 && strcmp(r.out, "0\n") == 0, "%s", r.out);
}

static void dry_run_says_and_does_nothing(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "1e19", "--chunk",
        "1e6", "--output", "out", "--dry-run", NULL);

    CHECK(r.code == 0, "exit %d", r.code);
    expect_words("plan", r.out, "10 000 000 000 000 of 1 000 000");
    expect_words("first", r.out, "1: 1 - 1 000 000\n");
    expect_words("last", r.out,
        "10 000 000 000 000: 9 999 999 999 999 000 001 - 10 000 000 000 000 000 000\n");
    expect_words("files", r.out, "out.journal");
    CHECK(!harness_exists("out"), "the output was made");
}

static void verify_computes_twice_and_compares(void) {
    for (size_t e = 0; engines[e] != NULL; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "divisible", "1000000",
            "--chunk", "1000", "--verify", "100%", "--engine", engines[e], "--json", NULL);
        CHECK(r.code == 0, "exit %d", r.code);
        CHECK(expect_number(r.err, "checked") == 1000, "%s", r.err);
        r = harness_run("prefork", "job", "run", "divisible", "1000000", "--chunk", "1000",
            "--verify", "10%", "--engine", engines[e], "--json", NULL);
        uint64_t checked = expect_number(r.err, "checked");
        CHECK(r.code == 0 && checked > 50 && checked < 150, "%" PRIu64 " checked", checked);
        r = harness_run("prefork", "job", "run", "null", "1..50", "--emit", "1", "--fault",
            "differ", "--fault-at", "7", "--verify", "100%", "--engine", engines[e], NULL);
        CHECK(r.code == 65, "exit %d: %s", r.code, r.err);
        expect_words("told", r.err, "it gave two different results");
    }
}

static void verify_works_with_one_worker(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "100000", "--chunk",
        "1000", "--verify", "100%", "--workers", "1", "--json", NULL);

    CHECK(r.code == 0 && expect_number(r.err, "checked") == 100, "exit %d: %s", r.code, r.err);
}

static const struct harness_test tests[] = {
    { "sheet_interval_gives_411_411_412_142", sheet_interval_gives_411_411_412_142 },
    { "every_way_of_writing_the_interval_is_the_same",
        every_way_of_writing_the_interval_is_the_same },
    { "engines_and_cuts_give_the_same_bytes", engines_and_cuts_give_the_same_bytes },
    { "digest_is_that_of_the_records", digest_is_that_of_the_records },
    { "count_is_the_closed_form", count_is_the_closed_form },
    { "top_of_64_bits_is_reached_and_not_passed", top_of_64_bits_is_reached_and_not_passed },
    { "json_is_one_object_a_chunk", json_is_one_object_a_chunk },
    { "csv_names_chunk_and_number", csv_names_chunk_and_number },
    { "large_results_of_one_chunk_are_cut_and_joined",
        large_results_of_one_chunk_are_cut_and_joined },
    { "empty_interval_is_success_with_a_note", empty_interval_is_success_with_a_note },
    { "dry_run_says_and_does_nothing", dry_run_says_and_does_nothing },
    { "verify_computes_twice_and_compares", verify_computes_twice_and_compares },
    { "verify_works_with_one_worker", verify_works_with_one_worker },
    { NULL, NULL },
};

const struct harness_suite job_result_suite = { "job_result", tests };
