/* The journal as bytes: cut anywhere, flipped anywhere, of another job. */
#include "supervisor/job/journal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/exit_code.h"

#define IDENTITY "kernel=divisible\nby=11,13,17\nchunk=1000000\n"
#define HEADER   (16 + sizeof(IDENTITY) - 1)
#define RECORDS  5u

static char path[64], *data;
static size_t len;
static struct complaint complaint;
static int exit_code;

/* A journal of five records, as a file and in data. */
static void make(void) {
    struct journal_view view;
    struct journal journal;
    FILE *file;

    crc32c_init();
    snprintf(path, sizeof(path), "/tmp/preforkd-journal-%d", getpid());
    cr_assert_eq(journal_open(&journal, path, IDENTITY, &view, &complaint, &exit_code), 0);
    cr_assert_eq(view.record_count, 0);
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct journal_record record = { .type = JOURNAL_RELEASED, .chunk = i, .offset = i * 100 };
        cr_assert_eq(journal_append(&journal, &record), 0);
    }
    journal_close(&journal, false);
    file = fopen(path, "r");
    data = malloc(4096);
    len = fread(data, 1, 4096, file);
    fclose(file);
    cr_assert_eq(len, HEADER + RECORDS * sizeof(struct journal_record));
}

static void clean(void) {
    unlink(path);
    free(data);
}

TestSuite(journal, .init = make, .fini = clean);

Test(journal, cut_at_every_byte_keeps_the_whole_records_before) {
    struct journal_view view;

    for (size_t cut = 0; cut <= len; cut++) {
        size_t records = cut < HEADER ? 0 : (cut - HEADER) / sizeof(struct journal_record);
        cr_assert_eq(journal_read(data, cut, &view), 0, "cut at %zu", cut);
        cr_assert_eq(view.record_count, records, "cut at %zu", cut);
        cr_assert_eq(
            view.valid_len, cut < HEADER ? 0 : HEADER + records * sizeof(struct journal_record));
        for (size_t i = 0; i < records; i++)
            cr_assert_eq(journal_record_at(&view, i).offset, i * 100);
    }
}

Test(journal, flipped_bit_ends_it_before_its_record) {
    struct journal_view view;

    for (size_t bit = 0; bit < 8 * len; bit++) {
        size_t byte = bit / 8;
        data[byte] ^= (char)(1 << bit % 8);
        if (byte < 8) {
            cr_assert_eq(journal_read(data, len, &view), -1, "bit %zu", bit);
        } else {
            size_t whole = byte < HEADER ? 0 : (byte - HEADER) / sizeof(struct journal_record);
            cr_assert_eq(journal_read(data, len, &view), 0, "bit %zu", bit);
            cr_assert_eq(view.record_count, whole, "bit %zu", bit);
        }
        data[byte] ^= (char)(1 << bit % 8);
    }
}

Test(journal, opened_again_it_goes_on_behind_its_last_whole_record) {
    struct journal_view view;
    struct journal journal;
    struct journal_record more = { .type = JOURNAL_HELD, .chunk = 77 };

    cr_assert_eq(truncate(path, (off_t)len - 10), 0);
    cr_assert_eq(journal_open(&journal, path, IDENTITY, &view, &complaint, &exit_code), 0);
    cr_assert_eq(view.record_count, RECORDS - 1);
    cr_assert_eq(journal_append(&journal, &more), 0);
    journal_close(&journal, false);
    cr_assert_eq(journal_open(&journal, path, IDENTITY, &view, &complaint, &exit_code), 0);
    cr_assert_eq(view.record_count, RECORDS);
    cr_assert_eq(journal_record_at(&view, RECORDS - 1).chunk, 77);
    journal_close(&journal, true);
    cr_assert_neq(access(path, F_OK), 0);
}

Test(journal, second_supervisor_is_told_that_it_is_busy) {
    struct journal_view view;
    struct journal first, second;

    cr_assert_eq(journal_open(&first, path, IDENTITY, &view, &complaint, &exit_code), 0);
    cr_assert_eq(journal_open(&second, path, IDENTITY, &view, &complaint, &exit_code), -1);
    cr_assert_eq(exit_code, EXIT_CODE_BUSY);
    journal_close(&first, false);
}

Test(journal, difference_between_jobs_is_named) {
    static const struct {
        const char *here, *says;
    } cases[] = { { "kernel=divisible\nby=7\nchunk=1000000\n",
                      "by is \"11,13,17\" there and \"7\" here" },
        { "kernel=primes\nby=11,13,17\nchunk=1000000\n",
            "kernel is \"divisible\" there and \"primes\" here" },
        { "kernel=divisible\nby=11,13,17\nchunk=1000000\nextra=1\n",
            "extra is \"\" there and \"1\" here" },
        { "kernel=divisible\nby=11,13,17\n", "another version" } };

    cr_assert(journal_same_job(IDENTITY, strlen(IDENTITY), IDENTITY, strlen(IDENTITY), &complaint));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(!journal_same_job(
            IDENTITY, strlen(IDENTITY), cases[i].here, strlen(cases[i].here), &complaint));
        cr_assert_not_null(strstr(complaint.text, cases[i].says), "%s", complaint.text);
    }
}

Test(journal, journal_of_another_job_is_refused) {
    struct journal_view view;
    struct journal journal;

    cr_assert_eq(journal_open(&journal, path, "kernel=null\n", &view, &complaint, &exit_code), -1);
    cr_assert_eq(exit_code, EXIT_CODE_DATA);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(journal, journal_without_records_is_begun_anew) {
    struct journal_view view;
    struct journal journal;

    cr_assert_eq(truncate(path, (off_t)HEADER + 20), 0);
    cr_assert_eq(journal_open(&journal, path, "kernel=null\n", &view, &complaint, &exit_code), 0);
    cr_assert_eq(view.record_count, 0);
    journal_close(&journal, false);
}
