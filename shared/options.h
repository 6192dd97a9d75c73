#ifndef SHARED_OPTIONS_H
#define SHARED_OPTIONS_H

/*
 * Read a command line by settings tables: --name VALUE, --name=VALUE, --flag, a row's letter as -n
 * VALUE, -nVALUE or -abc, operands, and what follows "--". Options and operands may stand in any
 * order. Pure; callable anywhere.
 */

#include <stdbool.h>

#include "shared/complaint.h"
#include "shared/settings.h"

#define OPTIONS_SETS_MAX 2

struct options {
    char **argv; /* NULL-terminated; borrowed */
    int at;
    struct {
        const struct setting *table;
        void *values;
    } sets[OPTIONS_SETS_MAX];
    int set_count;
    bool is_next_to_last; /* no option stood between this operand and the one before */
    char **rest;          /* what follows "--"; NULL without */
};

enum options_found { OPTIONS_OPERAND, OPTIONS_END, OPTIONS_HELP, OPTIONS_BAD };

void options_begin(struct options *options, char **argv);

/* From now on, options of this table count too. */
void options_add(struct options *options, const struct setting *table, void *values);

/* Go on to the next operand; store the options on the way. */
enum options_found options_next(
    struct options *options, const char **out_operand, struct complaint *complaint);

#endif
