/* Where a resume goes on: what of the output it reads, and what it then believes. */
#include "supervisor/job/resume.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"

#define IDENTITY "kernel=null\n"
#define POINTS   4u
#define STRETCH  1000u
#define BOOT     7u

static char folder[64], journal_path[96], output[96], bytes[POINTS * STRETCH];
static struct complaint complaint;
static struct journal journal;
static struct journal_view view;
static int exit_code;

static void note(uint64_t chunk, uint64_t offset, uint64_t boot) {
    struct journal_record record = { .type = JOURNAL_RELEASED,
        .chunk = chunk,
        .offset = offset,
        .boot = boot,
        .records = chunk * 10,
        .data_crc = crc32c(0, bytes, (size_t)offset) };

    cr_assert_eq(journal_append(&journal, &record), 0);
}

static void write_output(size_t len) {
    int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static void change_output(off_t at) {
    int fd = open(output, O_WRONLY);

    cr_assert(fd >= 0 && pwrite(fd, "\377", 1, at) == 1);
    close(fd);
}

static void reopen(void) {
    if (journal.fd >= 0)
        journal_close(&journal, false);
    cr_assert_eq(journal_open(&journal, journal_path, IDENTITY, &view, &complaint, &exit_code), 0);
}

/* Four points, each STRETCH bytes behind the one before. */
static void make(void) {
    crc32c_init();
    snprintf(folder, sizeof(folder), "/tmp/preforkd-resume-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(journal_path, sizeof(journal_path), "%s/journal", folder);
    snprintf(output, sizeof(output), "%s/output", folder);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 256);
    journal.fd = -1;
    reopen();
    for (uint64_t i = 1; i <= POINTS; i++)
        note(i, i * STRETCH, BOOT);
    reopen();
    write_output(sizeof(bytes));
}

static void clean(void) {
    journal_close(&journal, true);
    unlink(output);
    rmdir(folder);
}

static uint64_t find(uint64_t boot) {
    struct resume_point point;

    cr_assert_eq(resume_find(&view, output, boot, &point), 0);
    cr_assert_eq(point.offset, point.next * STRETCH);
    cr_assert_eq(point.records, point.next * 10);
    cr_assert_eq(point.output_crc, crc32c(0, bytes, (size_t)point.offset));
    return point.next;
}

TestSuite(resume, .init = make, .fini = clean);

Test(resume, of_another_boot_or_a_file_of_anybody_it_reads_all) {
    cr_assert_eq(find(0), POINTS);
    change_output(STRETCH + 5);
    cr_assert_eq(find(0), 1);
    cr_assert_eq(find(BOOT + 1), 1);
}

Test(resume, of_this_boot_it_reads_the_last_stretch_only) {
    change_output(STRETCH + 5);
    cr_assert_eq(find(BOOT), POINTS);
}

Test(resume, last_stretch_that_does_not_check_has_all_read) {
    change_output((POINTS - 1) * STRETCH + 5);
    cr_assert_eq(find(BOOT), POINTS - 1);
    change_output(STRETCH + 5);
    cr_assert_eq(find(BOOT), 1);
}

Test(resume, output_that_was_cut_has_all_read) {
    write_output(3 * STRETCH - 1);
    cr_assert_eq(find(BOOT), 2);
    cr_assert_eq(unlink(output), 0);
    cr_assert_eq(find(BOOT), 0);
}

Test(resume, run_that_went_on_from_further_back_is_followed) {
    note(2, 2 * STRETCH, BOOT);
    reopen();
    cr_assert_eq(find(BOOT), 2);
    note(3, 3 * STRETCH, BOOT);
    reopen();
    cr_assert_eq(find(BOOT), 3);
    cr_assert_eq(find(0), 3);
}

Test(resume, word_of_an_earlier_boot_behind_one_of_this_is_not_believed) {
    note(POINTS, POINTS * STRETCH, BOOT + 1);
    reopen();
    change_output(STRETCH + 5);
    cr_assert_eq(find(BOOT), 1);
}
