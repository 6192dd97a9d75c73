#ifndef SUPERVISOR_CLI_CHART_H
#define SUPERVISOR_CLI_CHART_H

/* A bar chart as an SVG file. */

#include <stddef.h>

struct chart_bar {
    const char *label;
    double value;
    const char *value_text;
};

/* Write the chart. Returns 0, or -1 with errno. Blocks on the disk. */
int chart_write(const char *path, const char *title, const struct chart_bar *bars, size_t count);

#endif
