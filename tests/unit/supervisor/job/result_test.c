/* Results between memory and disk. */
#include "supervisor/job/result.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct result_store store;
static struct result result;

static void begin(uint64_t budget) {
    store = (struct result_store){ .budget = budget };
    spool_init(&store.spool, NULL);
    result = (struct result){ .data = NULL };
}

static void check_is(const char *text) {
    char got[4096];
    size_t len = strlen(text), at = 0;
    ssize_t n;

    cr_assert_eq(result_size(&result), len);
    /* In pieces of seven, across every border there is. */
    while ((n = result_read(&store, &result, at, got, 7)) > 0) {
        cr_assert_eq(memcmp(got, text + at, (size_t)n), 0, "at %zu", at);
        at += (size_t)n;
        if (at == len)
            break;
    }
    cr_assert_eq(at, len);
}

Test(result, stays_in_memory_within_the_budget) {
    begin(100);
    cr_assert_eq(result_append(&store, &result, "hello ", 6), 0);
    cr_assert_eq(result_append(&store, &result, "world", 5), 0);
    cr_assert(!result_is_spooled(&result) && store.held >= 11 && store.held <= 100);
    check_is("hello world");
    result_clear(&store, &result);
    cr_assert_eq(store.held, 0);
}

Test(result, goes_to_disk_whole_and_comes_back_in_pieces) {
    struct result other = { .data = NULL };

    begin(8);
    cr_assert_eq(result_append(&store, &result, "hello ", 6), 0);
    cr_assert_eq(result_append(&store, &result, "world, ", 7), 0);
    cr_assert(result_is_spooled(&result) && store.held == 0);
    cr_assert_eq(result_append(&store, &other, "123456789", 9), 0);
    cr_assert_eq(result_append(&store, &result, "here and there", 14), 0);
    cr_assert_eq(result.extent_count, 2);
    check_is("hello world, here and there");
    result_clear(&store, &result);
    result_clear(&store, &other);
    cr_assert_eq(store.spool.live, 0);
}

Test(result, is_taken_out_of_memory_only) {
    size_t len;
    char *data;

    begin(8);
    cr_assert_eq(result_append(&store, &result, "abc", 3), 0);
    data = result_take(&store, &result, &len);
    cr_assert(data != NULL && len == 3 && store.held == 0 && result_size(&result) == 0);
    free(data);
    cr_assert_eq(result_append(&store, &result, "123456789", 9), 0);
    cr_assert_null(result_take(&store, &result, &len));
    result_clear(&store, &result);
}

Test(result, whose_turn_it_is_may_use_memory_when_the_disk_is_full) {
    const struct rlimit small = { .rlim_cur = 16, .rlim_max = 16 };

    signal(SIGXFSZ, SIG_IGN);
    begin(4);
    cr_assert_eq(result_append(&store, &result, "0123456789", 10), 0);
    cr_assert(result_is_spooled(&result));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert_eq(result_append(&store, &result, "abcdefghij", 10), -1);
    cr_assert_eq(result_append_forced(&store, &result, "abcdefghij", 10), 0);
    cr_assert(!result_is_spooled(&result) && store.spool.live == 0);
    check_is("0123456789abcdefghij");
    result_clear(&store, &result);
    cr_assert_eq(store.held, 0);
}

Test(result, forced_has_a_bound) {
    char *large = malloc(RESULT_FORCED_MOST + 1);

    begin(4);
    cr_assert_eq(result_append_forced(&store, &result, large, RESULT_FORCED_MOST + 1), -1);
    free(large);
}
