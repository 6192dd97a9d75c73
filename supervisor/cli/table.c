/* Tables: measure, leave out, write. */
#include "supervisor/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/escape.h"
#include "shared/exit_code.h"
#include "shared/log.h"

#define GAP 2

struct table_cell {
    char text[TABLE_CELL_MAX];
    enum table_colour colour;
};

static const char *const sequences[] = { "", "\033[32m", "\033[33m", "\033[31m", "\033[2m" };

const char *table_colour_on(enum table_colour colour, bool has_colour) {
    return has_colour ? sequences[colour] : "";
}

const char *table_colour_off(enum table_colour colour, bool has_colour) {
    return has_colour && colour != TABLE_PLAIN ? "\033[0m" : "";
}

void table_init(struct table *table, const struct table_column *columns, size_t count) {
    *table = (struct table){ .columns = columns, .column_count = count };
}

void table_fini(struct table *table) {
    free(table->cells);
    table->cells = NULL;
}

size_t table_add_row(struct table *table) {
    struct table_cell *bigger;
    const size_t size = table->column_count * sizeof(*table->cells);

    if (table->row_count == table->row_room) {
        table->row_room = table->row_room * 2 + 8;
        bigger = realloc(table->cells, table->row_room * size);
        if (bigger == NULL)
            log_fatal(EXIT_CODE_SYSTEM, "a table");
        table->cells = bigger;
    }
    memset(table->cells + table->row_count * table->column_count, 0, size);
    return table->row_count++;
}

static struct table_cell *cell_at(const struct table *table, size_t row, size_t column) {
    return table->cells + row * table->column_count + column;
}

void table_set(struct table *table, size_t row, size_t column, enum table_colour colour,
    const char *format, ...) {
    struct table_cell *cell = cell_at(table, row, column);
    char text[TABLE_CELL_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    escape_line(cell->text, sizeof(cell->text), text, strlen(text));
    cell->colour = colour;
}

/* In characters: the text is UTF-8, and nothing wide stands in these tables. */
static unsigned width_of(const char *text) {
    unsigned width = 0;

    for (; *text != '\0'; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

static unsigned column_width(const struct table *table, size_t column) {
    unsigned widest = width_of(table->columns[column].name), width;

    for (size_t row = 0; row < table->row_count; row++) {
        width = width_of(cell_at(table, row, column)->text);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* Width 0 marks a column that is left out. */
static void leave_out(const struct table *table, unsigned *widths, unsigned most) {
    unsigned total, worst;
    size_t at = 0;

    for (;;) {
        total = worst = 0;
        for (size_t i = 0; i < table->column_count; i++) {
            total += widths[i] > 0 ? widths[i] + GAP : 0;
            if (widths[i] > 0 && table->columns[i].spared > worst) {
                worst = table->columns[i].spared;
                at = i;
            }
        }
        if (total <= most + GAP || worst == 0)
            return;
        widths[at] = 0;
    }
}

/* The last column may be long: what does not fit is cut off. */
static void cut_last(const struct table *table, unsigned *widths, unsigned most) {
    const size_t last = table->column_count - 1;
    unsigned others = 0, least = width_of(table->columns[last].name);

    for (size_t i = 0; i < last; i++)
        others += widths[i] > 0 ? widths[i] + GAP : 0;
    if (widths[last] > 0 && others + widths[last] > most)
        widths[last] = most > others + least ? most - others : least;
}

/* As much of the text as is so wide, with dots for the rest. */
static const char *fit(const char *text, unsigned width, char dst[TABLE_CELL_MAX]) {
    size_t len = 0;
    unsigned at = 0;

    if (width_of(text) <= width)
        return text;
    for (; at + 3 < width; at++)
        for (len++; (text[len] & 0xc0) == 0x80; len++)
            ;
    snprintf(dst, TABLE_CELL_MAX, "%.*s...", (int)len, text);
    return dst;
}

static void write_row(const struct table *table, FILE *out, const unsigned *widths, size_t row,
    bool is_head, bool has_colour) {
    const struct table_column *column = table->columns;
    enum table_colour colour;
    char cut[TABLE_CELL_MAX];
    unsigned blanks = 0, rest;
    const char *text;

    for (size_t i = 0; i < table->column_count; i++, column++) {
        if (widths[i] == 0)
            continue;
        text = fit(is_head ? column->name : cell_at(table, row, i)->text, widths[i], cut);
        colour = is_head ? TABLE_DIM : cell_at(table, row, i)->colour;
        rest = widths[i] - width_of(text);
        blanks += column->is_number ? rest : 0;
        if (*text != '\0') {
            fprintf(out, "%*s%s%s%s", (int)blanks, "", table_colour_on(colour, has_colour), text,
                table_colour_off(colour, has_colour));
            blanks = 0;
        }
        blanks += GAP + (column->is_number ? 0 : rest);
    }
    fputc('\n', out);
}

void table_write(const struct table *table, FILE *out, unsigned width, bool has_colour) {
    unsigned widths[TABLE_COLUMNS_MAX] = { 0 };

    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = column_width(table, i);
    if (width > 0) {
        leave_out(table, widths, width);
        cut_last(table, widths, width);
    }
    write_row(table, out, widths, 0, true, has_colour);
    for (size_t row = 0; row < table->row_count; row++)
        write_row(table, out, widths, row, false, has_colour);
}

unsigned table_width_of(FILE *out) {
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (columns != NULL && atoi(columns) > 0)
        return (unsigned)atoi(columns);
    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}

bool table_has_colour(FILE *out) {
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    return isatty(fileno(out)) && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}
