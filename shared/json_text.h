#ifndef SHARED_JSON_TEXT_H
#define SHARED_JSON_TEXT_H

/* Text from anywhere as JSON. Any process; allocates. */

#include <jansson.h>
#include <stdbool.h>

/* A JSON string of any bytes: what is not UTF-8 is escaped. NULL without memory. */
json_t *json_text_new(const char *text);

/*
 * A value on one line; for a terminal nothing but printable ASCII, since JSON may hold what it
 * would obey. To be freed; NULL without memory.
 */
char *json_text_dump(const json_t *value, bool is_for_terminal);

#endif
