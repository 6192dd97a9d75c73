#ifndef SUPERVISOR_CLI_TABLE_H
#define SUPERVISOR_CLI_TABLE_H

/*
 * A table for a person: columns as wide as they need, those that matter least left out when the
 * terminal is narrow, colour on a terminal only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16
#define TABLE_CELL_MAX    256

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_WARN, TABLE_BAD, TABLE_DIM };

struct table_column {
    const char *name;
    bool is_number;  /* stands at the right */
    unsigned spared; /* 0: always shown; else the highest goes first */
};

struct table {
    const struct table_column *columns;
    size_t column_count, row_count, row_room;
    struct table_cell *cells;
};

/* columns are borrowed. */
void table_init(struct table *table, const struct table_column *columns, size_t count);
void table_fini(struct table *table);

/* Add a row and return its number. Ends the program when there is no memory. */
size_t table_add_row(struct table *table);

/* Set a cell; what a terminal would obey is escaped. */
void table_set(struct table *table, size_t row, size_t column, enum table_colour colour,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Write it, at most width columns wide; 0: no limit. */
void table_write(const struct table *table, FILE *out, unsigned width, bool has_colour);

/* The width of the terminal that out is; 0 when it is none. $COLUMNS goes before. */
unsigned table_width_of(FILE *out);

/* Colour: a terminal that is not dumb, and no $NO_COLOR. */
bool table_has_colour(FILE *out);

/* The escape sequence of a colour, and "" where there is none to be. */
const char *table_colour_on(enum table_colour colour, bool has_colour);
const char *table_colour_off(enum table_colour colour, bool has_colour);

#endif
