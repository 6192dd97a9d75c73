#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_TEXT_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_TEXT_H

/*
 * What a sender says, and how it stands in a record. A login is what he calls himself; how he joins
 * it with his messages is told by the first of them, and counts from then on, so that nobody who
 * is called "I" loses the first word of "I am here":
 *
 *     UNKNOWN --"login: text", "login\ttext"--> COLON
 *        |----"login text"--> BLANK
 *        `----anything else--> ALONE
 *
 * Pure but for the time zone; callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text_name.h"
#include "workers/services/service.h"

enum message_log_form {
    MESSAGE_LOG_UNKNOWN,
    MESSAGE_LOG_COLON,
    MESSAGE_LOG_BLANK,
    MESSAGE_LOG_ALONE,
    MESSAGE_LOG_FORMS,
};

/* All zero: nobody has said who he is. No pointer in it; what lies in shared memory is checked. */
struct message_log_login {
    uint8_t len; /* of the name; 0: none */
    uint8_t form;
    char name[TEXT_NAME_MAX + 1];
};

struct message_log_said {
    const char *data;
    size_t len;
    size_t total; /* above len: the wire has left the rest out */
};

/*
 * Take the first thing that somebody says as his login. A text behind it, as in "login: text",
 * stays in *said; else that is empty. Who is called nothing gets the name that lang has for him.
 */
void message_log_text_take_login(
    struct message_log_login *login, struct message_log_said *said, enum service_lang lang);

/* Take the login off what is said, if that is how he speaks. */
void message_log_text_strip(struct message_log_login *login, struct message_log_said *said);

/* A lone "end": goodbye. */
bool message_log_text_is_end(const struct message_log_said *said);

/* False when it can be none of ours. */
bool message_log_text_is_login(const struct message_log_login *login);

#define MESSAGE_LOG_HEAD_MAX (24 + TEXT_NAME_MAX + 8)
#define MESSAGE_LOG_NOTE_MAX 96

/* "2026.11.21 14:30:15 (127.0.0.1:51234): ", or with a login "2026.11.21 14:30:15 Алиса: ". */
size_t message_log_text_head(char dst[MESSAGE_LOG_HEAD_MAX], uint64_t wall_ns,
    const struct message_log_login *login, const char *peer);

/* " [cut, 5000 bytes in all]" when only len of them are told, else nothing. */
size_t message_log_text_note(char dst[MESSAGE_LOG_NOTE_MAX], const struct message_log_said *said,
    size_t len, enum service_lang lang);

#endif
