#ifndef SUPERVISOR_CLI_JSON_READ_H
#define SUPERVISOR_CLI_JSON_READ_H

/* Read what the daemon answers: whatever is missing reads as nothing. Pure. */

#include <jansson.h>
#include <stdint.h>

#include "shared/number.h"

/* The text under key; "" when it is not there. Borrowed. */
const char *json_read_text(const json_t *object, const char *key);

/* The number under key; 0 when it is not there. */
uint64_t json_read_number(const json_t *object, const char *key);

/* The texts of the list under key, with ", " between them; terminated, cut at size. */
char *json_read_joined(const json_t *object, const char *key, char *dst, size_t size);

/* A span of whole seconds in two units: "12 s", "3 min 20 s", "5 d 3 h"; terminated. */
char *json_read_span(char dst[NUMBER_TEXT_MAX], uint64_t seconds);

#endif
