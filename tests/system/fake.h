#ifndef TESTS_SYSTEM_FAKE_H
#define TESTS_SYSTEM_FAKE_H

/*
 * A daemon that says what a test wrote down, for tests of those who ask: a process that speaks
 * the protocol on control.sock. Its script is a function that takes one question after the other.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/harness.h"

#define FAKE_DONE "{\"done\":true,\"exit\":0,\"error\":null}\n"

/* A job as the daemon shows it. For printf: chunks_done, workers, exit, state, cause. */
#define FAKE_JOB                                                                                   \
    "{\"id\":17,\"name\":null,\"uid\":1000,\"user\":\"ann\",\"kernel\":\"divisible\","             \
    "\"interval\":\"1..250000\",\"what\":{\"kernel\":\"divisible\",\"interval\":\"1..250000\","    \
    "\"params\":{\"by\":\"7\"},\"options\":{\"chunk\":\"1000\"}},\"wanted_at_unix_s\":1600000000," \
    "\"started_at_unix_s\":1600000001,\"ended_at_unix_s\":1600000062,\"runs\":2,\"chunks\":250,"   \
    "\"chunks_done\":%d,\"records\":35714,\"digest\":\"35714:0badcafe\",\"result_bytes\":2048,"    \
    "\"workers\":%d,\"output\":null,\"exit\":%s,\"state\":\"%s\",\"cause\":%s}"

#define FAKE_CONTROL "--control", "control.sock"

/* Run prefork with these words. */
struct harness_result fake_ask(const char *const *words);
#define FAKE_ASK(...) fake_ask((const char *const[]){ __VA_ARGS__, NULL })

/* Start it; it can be asked when this returns. At most one at a time. */
void fake_start(void (*script)(void));

/* Wait for the end of its script; CHECKs that it went well. */
void fake_join(void);

/* ---- for scripts ---- */

/* Nobody listens from here on; as if the daemon were gone. And again. */
void fake_leave(void);
void fake_come_back(void);

/* Take a connection and its question, and CHECK the verb. Returns its args, {} when none. */
json_t *fake_take(const char *verb);

/* Take a connection and read nothing. */
void fake_take_mute(void);

/* CHECK a number, a yes or no, a text (NULL: not there), in args. */
void fake_check_bool(const json_t *args, const char *key, bool wanted);
void fake_check_number(const json_t *args, const char *key, json_int_t wanted);
void fake_check_text(const json_t *args, const char *key, const char *wanted);

/* Say lines, newlines included; and len bytes of a result as a piece of it. */
void fake_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fake_say_data(const void *bytes, size_t len);

/* As fake_say_data(), but break off after `sent` of the bytes. */
void fake_say_torn(const void *bytes, size_t len, size_t sent);

/* Put this connection aside, and go on with the one that was put aside before. */
void fake_swap(void);

/* Close the connection. */
void fake_hang_up(void);

/* True when the other end has closed. */
bool fake_is_closed(void);

/* Close it once the other end has closed; returns false when something was said before that. */
bool fake_wait_for_end(void);

#endif
