/*
 * All that is wrong, kept until everything was looked at, then told in the order of the files: a
 * person mends a file from top to bottom, and wants to run the check once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"
#include "supervisor/config_internal.h"

#define TEXT_MAX 512

struct config_complaint {
    struct config_where where;
    size_t order; /* of two on one line the first stays first */
    bool is_warning;
    char text[TEXT_MAX];
};

static void add(struct config_reading *reading, struct config_where where, bool is_warning,
    const char *format, va_list args) {
    struct config_complaint *c;

    if (reading->complaint_count == reading->complaint_room) {
        reading->complaint_room = reading->complaint_room * 2 + 16;
        reading->complaints = reallocarray(
            reading->complaints, reading->complaint_room, sizeof(*reading->complaints));
        if (reading->complaints == NULL)
            abort();
    }
    c = &reading->complaints[reading->complaint_count];
    *c = (struct config_complaint){
        .where = where, .order = reading->complaint_count++, .is_warning = is_warning
    };
    vsnprintf(c->text, sizeof(c->text), format, args);
}

void config_complain(
    struct config_reading *reading, struct config_where where, const char *format, ...) {
    va_list args;

    va_start(args, format);
    add(reading, where, false, format, args);
    va_end(args);
    reading->mistakes++;
}

void config_warn(
    struct config_reading *reading, struct config_where where, const char *format, ...) {
    va_list args;

    va_start(args, format);
    add(reading, where, true, format, args);
    va_end(args);
}

bool config_is_blamed(const struct config_reading *reading, struct config_where where) {
    const struct config_complaint *c = reading->complaints;

    for (size_t i = 0; i < reading->complaint_count; i++, c++)
        if (!c->is_warning && c->where.line == where.line && where.file != NULL &&
            strcmp(c->where.file, where.file) == 0)
            return true;
    return false;
}

static int compare(const void *left, const void *right) {
    const struct config_complaint *a = left, *b = right;
    int files = strcmp(a->where.file, b->where.file);

    if (files != 0)
        return files;
    if (a->where.line != b->where.line)
        return a->where.line < b->where.line ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* One line, whatever stands in the names and values it tells of. */
static void write_line(FILE *out, const struct config_complaint *c) {
    static const char *const kinds[] = { "", "warning: " };
    char *line = NULL, *escaped;
    int len;

    if (c->where.line > 0)
        len = asprintf(
            &line, "%s:%u: %s%s", c->where.file, c->where.line, kinds[c->is_warning], c->text);
    else
        len = asprintf(&line, "%s: %s%s", c->where.file, kinds[c->is_warning], c->text);
    if (len < 0)
        abort();
    escaped = malloc((size_t)len * ESCAPE_LINE_GROWTH + 1);
    if (escaped == NULL)
        abort();
    escape_line(escaped, (size_t)len * ESCAPE_LINE_GROWTH + 1, line, (size_t)len);
    fprintf(out, "%s\n", escaped);
    free(escaped);
    free(line);
}

/* What the group "defaults" says wrong is wrong again in each service. */
static bool is_repeated(const struct config_complaint *sorted, size_t at) {
    for (size_t i = at; i-- > 0 && sorted[i].where.line == sorted[at].where.line;)
        if (strcmp(sorted[i].where.file, sorted[at].where.file) == 0 &&
            strcmp(sorted[i].text, sorted[at].text) == 0)
            return true;
    return false;
}

void config_complaints_write(struct config_reading *reading, FILE *out) {
    if (reading->complaint_count > 0)
        qsort(reading->complaints, reading->complaint_count, sizeof(*reading->complaints), compare);
    for (size_t i = 0; i < reading->complaint_count; i++)
        if (!is_repeated(reading->complaints, i))
            write_line(out, &reading->complaints[i]);
    free(reading->complaints);
    reading->complaints = NULL;
    reading->complaint_count = reading->complaint_room = 0;
}
