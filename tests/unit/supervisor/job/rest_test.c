/* Results that wait on disk: the spool with its holes, the rest file with its torn end. */
#include "supervisor/job/rest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/crc32c.h"

static char path[64];

static void name(void) {
    crc32c_init();
    snprintf(path, sizeof(path), "/tmp/preforkd-rest-%d", getpid());
}

static void clean(void) {
    unlink(path);
}

TestSuite(rest, .init = name, .fini = clean);
TestSuite(spool, .init = name, .fini = clean);

Test(spool, gives_back_what_it_took_and_shrinks_when_empty) {
    struct extent extents[10];
    char page[8192], got[8192];
    struct spool spool;
    struct stat st;

    spool_init(&spool, path);
    for (int i = 0; i < 10; i++) {
        memset(page, 'a' + i, sizeof(page));
        cr_assert_eq(spool_append(&spool, page, sizeof(page), &extents[i]), 0);
    }
    for (int i = 9; i >= 0; i--) {
        memset(page, 'a' + i, sizeof(page));
        cr_assert_eq(spool_read(&spool, extents[i].offset, got, sizeof(got)), 0);
        cr_assert_eq(memcmp(page, got, sizeof(got)), 0);
        spool_drop(&spool, &extents[i]);
    }
    cr_assert_eq(fstat(spool.fd, &st), 0);
    cr_assert(st.st_size == 0 && spool.end == 0 && spool.live == 0);
    cr_assert_eq(spool_read(&spool, 0, got, 1), -1);
    spool_fini(&spool);
}

Test(spool, nameless_one_leaves_nothing) {
    struct extent extent;
    struct spool spool;

    spool_init(&spool, NULL);
    cr_assert_eq(spool_append(&spool, "x", 1, &extent), 0);
    spool_fini(&spool);
}

static void append(struct rest *rest, uint64_t chunk, const char *text) {
    struct result_store store = { .budget = 1000 };
    struct result result = { .data = NULL };
    struct rest_entry entry = { .chunk = chunk,
        .len = strlen(text),
        .data_crc = crc32c(0, text, strlen(text)),
        .records = chunk };

    cr_assert_eq(result_append(&store, &result, text, strlen(text)), 0);
    cr_assert_eq(rest_append(rest, &entry, &store, &result), 0);
    result_clear(&store, &result);
}

Test(rest, entries_are_found_again_in_order) {
    struct rest_entry entry;
    struct rest rest;
    uint64_t offset;
    char text[16] = "";

    cr_assert_eq(rest_open(&rest, path), 0);
    cr_assert(!rest_peek(&rest, 0, &entry, &offset));
    append(&rest, 5, "five");
    append(&rest, 6, "");
    append(&rest, 9, "nine");
    rest_close(&rest);
    cr_assert_eq(rest_open(&rest, path), 0);
    cr_assert_eq(rest.next, 10);
    cr_assert(rest_peek(&rest, 2, &entry, &offset));
    cr_assert(entry.chunk == 5 && entry.len == 4);
    cr_assert_eq(rest_read(&rest, offset, text, 4), 0);
    cr_assert_str_eq(text, "five");
    cr_assert(rest_peek(&rest, 6, &entry, &offset) && entry.chunk == 6);
    cr_assert(rest_peek(&rest, 7, &entry, &offset) && entry.chunk == 9);
    cr_assert(!rest_peek(&rest, 10, &entry, &offset));
    rest_close(&rest);
}

Test(rest, cut_at_every_byte_keeps_the_whole_entries_before) {
    struct rest rest;
    struct stat st;
    char *data;
    FILE *file;
    uint64_t first_end, second_end;

    cr_assert_eq(rest_open(&rest, path), 0);
    append(&rest, 3, "three");
    first_end = rest.end;
    append(&rest, 4, "four");
    second_end = rest.end;
    append(&rest, 5, "five");
    rest_close(&rest);
    cr_assert_eq(stat(path, &st), 0);
    data = malloc((size_t)st.st_size);
    file = fopen(path, "r");
    cr_assert_eq(fread(data, 1, (size_t)st.st_size, file), (size_t)st.st_size);
    fclose(file);
    for (off_t cut = 0; cut < st.st_size; cut++) {
        file = fopen(path, "w");
        cr_assert_eq(fwrite(data, 1, (size_t)cut, file), (size_t)cut);
        fclose(file);
        cr_assert_eq(rest_open(&rest, path), 0);
        cr_assert_eq(rest.next,
            (uint64_t)cut < first_end    ? 0
            : (uint64_t)cut < second_end ? 4
                                         : 5,
            "cut at %ld", cut);
        rest_close(&rest);
    }
    free(data);
}
