#ifndef TESTS_UNIT_WORKERS_SERVICES_CHAT_CHAT_STRIKE_H
#define TESTS_UNIT_WORKERS_SERVICES_CHAT_CHAT_STRIKE_H

/*
 * What happens between two steps: a test's function is called at each step that has a name.
 * Included once by a test's program: it stands in for failpoint.h.
 */

#include <string.h>

#include "shared/failpoint.h"

static struct strike {
    const char *at; /* NULL: nowhere */
    void (*strike)(void);
} strike;

bool failpoint_is_armed = true;

void failpoint_hit(const char *name) {
    if (strike.at == NULL || strcmp(strike.at, name) != 0)
        return;
    strike.at = NULL;
    strike.strike();
}

bool failpoint_fails(const char *name) {
    (void)name;
    return false;
}

void failpoint_linger(void) {
}

#endif
