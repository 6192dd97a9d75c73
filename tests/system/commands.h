#ifndef TESTS_SYSTEM_COMMANDS_H
#define TESTS_SYSTEM_COMMANDS_H

/* prefork, run against the daemon under test, and its control socket without prefork. */

#include "tests/support/harness.h"

/* PREFORK("status", "--json"): run it to its end. */
#define PREFORK(...) harness_run("prefork", "--control", "control.sock", __VA_ARGS__, NULL)

/* Run the verb; it ends with code, and these words stand on stdout and on stderr. */
#define EXPECT(code, out, err, ...)                                 \
    do {                                                            \
        struct harness_result expected = PREFORK(__VA_ARGS__);      \
        commands_expect(&expected, (code), (out), (err), __LINE__); \
    } while (0)

/* CHECK the same of what has run already. */
void commands_expect(
    const struct harness_result *r, int code, const char *out, const char *err, int line);

/* Connect to the control socket. Reads and writes take ten seconds at most. CHECKs. */
int commands_connect(void);

#endif
