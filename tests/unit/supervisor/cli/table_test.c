/* Tables for people: aligned, as narrow as the terminal, and harmless to it. */
#include "supervisor/cli/table.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NAME, COUNT, EXTRA, REST, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [NAME] = { .name = "NAME" },
    [COUNT] = { .name = "N", .is_number = true },
    [EXTRA] = { .name = "EXTRA", .is_number = true, .spared = 2 },
    [REST] = { .name = "REST", .spared = 1 },
};

static struct table table;

static void fill(void) {
    size_t row;

    table_init(&table, columns, COLUMNS);
    row = table_add_row(&table);
    table_set(&table, row, NAME, TABLE_GOOD, "%s", "echo");
    table_set(&table, row, COUNT, TABLE_PLAIN, "%d", 7);
    table_set(&table, row, EXTRA, TABLE_PLAIN, "%d", 12345678);
    table_set(&table, row, REST, TABLE_PLAIN, "here");
    row = table_add_row(&table);
    table_set(&table, row, NAME, TABLE_BAD, "%s", "\xd1\x8d\xd1\x85\xd0\xbe\x1b[2J");
    table_set(&table, row, COUNT, TABLE_PLAIN, "%d", 1234);
}

static void drop(void) {
    table_fini(&table);
}

TestSuite(table, .init = fill, .fini = drop);

/* Good until the fourth call from here. */
static const char *written(unsigned width, bool has_colour) {
    static char texts[4][1 << 16];
    static unsigned calls;
    char *text = texts[calls++ % 4];
    FILE *out = fmemopen(text, sizeof(texts[0]), "w");

    table_write(&table, out, width, has_colour);
    fclose(out);
    return text;
}

Test(table, columns_are_aligned_and_text_is_harmless) {
    cr_assert_str_eq(written(0, false), "NAME           N     EXTRA  REST\n"
                                        "echo           7  12345678  here\n"
                                        "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
}

Test(table, narrow_ones_leave_out_what_matters_least) {
    cr_assert_str_eq(written(32, false), written(0, false));
    cr_assert_str_eq(written(31, false), "NAME           N  REST\n"
                                         "echo           7  here\n"
                                         "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
    cr_assert_str_eq(written(21, false), "NAME           N\n"
                                         "echo           7\n"
                                         "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
    cr_assert_str_eq(written(3, false), written(21, false), "the rest is never left out");
}

Test(table, colour_takes_no_width) {
    cr_assert_str_eq(written(21, true), "\033[2mNAME\033[0m           \033[2mN\033[0m\n"
                                        "\033[32mecho\033[0m           7\n"
                                        "\033[31m\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J\033[0m  1234\n");
}

Test(table, many_rows_fit) {
    for (int i = 0; i < 1000; i++)
        table_set(&table, table_add_row(&table), NAME, TABLE_PLAIN, "row %d", i);
    cr_assert_not_null(strstr(written(0, false), "\nrow 999\n"));
}

Test(table, the_last_column_is_cut_where_the_terminal_ends) {
    cr_assert_str_eq(written(13, false), "NAME           N\n"
                                         "echo           7\n"
                                         "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
    table_set(&table, 0, REST, TABLE_PLAIN, "tcp://\xd1\x8d:1, udp://x:2");
    table.columns = (const struct table_column[]){ columns[0], columns[1], columns[2],
        { .name = "REST" } };
    cr_assert_str_eq(written(31, false), "NAME           N  REST\n"
                                         "echo           7  tcp://\xd1\x8d:1,...\n"
                                         "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
    cr_assert_str_eq(written(5, false), "NAME           N  REST\n"
                                        "echo           7  t...\n"
                                        "\xd1\x8d\xd1\x85\xd0\xbe\\x1b[2J  1234\n");
}
