#include "workers/services/message_log/message_log_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const nobody[] = { "Anonymous", "Аноним" };

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static void skip(struct message_log_said *said, size_t n) {
    said->data += n;
    said->len -= n;
    said->total -= n;
}

static void skip_blanks(struct message_log_said *said) {
    while (said->len > 0 && is_blank(said->data[0]))
        skip(said, 1);
}

/* Bytes up to what parts a login from a text that comes with it; len when nothing does. */
static size_t find_text(const struct message_log_said *said) {
    for (size_t i = 0; i < said->len; i++)
        if (said->data[i] == '\t' ||
            (said->data[i] == ':' && i + 1 < said->len && is_blank(said->data[i + 1])))
            return i;
    return said->len;
}

/* No name looks like the address of somebody without one; what was before "(" may be invisible. */
static void write_name(struct message_log_login *login, const char *typed, size_t len) {
    char name[TEXT_NAME_MAX + 1];

    login->len = (uint8_t)text_name(login->name, typed, len);
    while (login->name[0] == '(') {
        memcpy(name, login->name, sizeof(name));
        login->len = (uint8_t)text_name(login->name, name + 1, login->len - 1u);
    }
}

void message_log_text_take_login(
    struct message_log_login *login, struct message_log_said *said, enum service_lang lang) {
    const size_t len = find_text(said);
    const bool has_text = len < said->len;

    login->form = has_text ? MESSAGE_LOG_COLON : MESSAGE_LOG_UNKNOWN;
    write_name(login, said->data, len);
    if (login->len == 0)
        write_name(login, nobody[lang], strlen(nobody[lang]));
    skip(said, has_text ? len + 1 : len);
    if (!has_text)
        said->total = 0; /* the rest of a long name is nobody's message */
    skip_blanks(said);
}

/* How the login stands before the text; ALONE: it does not. */
static enum message_log_form look(
    const struct message_log_login *login, const struct message_log_said *said) {
    const char *behind = said->data + login->len;

    if (said->len <= login->len || memcmp(said->data, login->name, login->len) != 0)
        return MESSAGE_LOG_ALONE;
    if (*behind == ':' || *behind == '\t')
        return MESSAGE_LOG_COLON;
    return *behind == ' ' ? MESSAGE_LOG_BLANK : MESSAGE_LOG_ALONE;
}

void message_log_text_strip(struct message_log_login *login, struct message_log_said *said) {
    const enum message_log_form form = look(login, said);

    if (login->len == 0)
        return;
    if (login->form == MESSAGE_LOG_UNKNOWN)
        login->form = (uint8_t)form;
    if (form != login->form || form == MESSAGE_LOG_ALONE)
        return;
    skip(said, (size_t)login->len + 1);
    skip_blanks(said);
}

bool message_log_text_is_end(const struct message_log_said *said) {
    return said->len == 3 && said->total == 3 && memcmp(said->data, "end", 3) == 0;
}

bool message_log_text_is_login(const struct message_log_login *login) {
    return login->len <= TEXT_NAME_MAX && login->form < MESSAGE_LOG_FORMS;
}

size_t message_log_text_head(char dst[MESSAGE_LOG_HEAD_MAX], uint64_t wall_ns,
    const struct message_log_login *login, const char *peer) {
    const time_t second = (time_t)(wall_ns / 1000000000u);
    const bool has_login = login->len > 0;
    char at[24] = "";
    struct tm tm;
    int n;

    if (localtime_r(&second, &tm) != NULL)
        strftime(at, sizeof(at), "%Y.%m.%d %H:%M:%S", &tm);
    n = has_login ? snprintf(dst, MESSAGE_LOG_HEAD_MAX, "%s %.*s: ", at, login->len, login->name)
                  : snprintf(dst, MESSAGE_LOG_HEAD_MAX, "%s (%.128s): ", at, peer);
    return (size_t)n;
}

/* "байт" of 1, 5, 11 or 21; "байта" of 2, 3, 4, 22. */
static const char *bytes_in_russian(size_t n) {
    const bool is_few = n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14);

    return is_few ? "байта" : "байт";
}

size_t message_log_text_note(char dst[MESSAGE_LOG_NOTE_MAX], const struct message_log_said *said,
    size_t len, enum service_lang lang) {
    dst[0] = '\0';
    if (said->total <= len)
        return 0;
    if (lang == SERVICE_LANG_RU)
        return (size_t)snprintf(dst, MESSAGE_LOG_NOTE_MAX, " [обрезано, всего %zu %s]", said->total,
            bytes_in_russian(said->total));
    return (size_t)snprintf(dst, MESSAGE_LOG_NOTE_MAX, " [cut, %zu bytes in all]", said->total);
}
