#ifndef SHARED_JSON_TEXT_H
#define SHARED_JSON_TEXT_H

/* Text from anywhere as JSON. Any process; allocates. */

#include <jansson.h>

/* A JSON string of any bytes: what is not UTF-8 is escaped. NULL without memory. */
json_t *json_text_new(const char *text);

#endif
