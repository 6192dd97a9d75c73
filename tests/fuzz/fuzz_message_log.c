/*
 * Logins and messages: whatever is said, what is left of it lies in what was given, and a name
 * stays one that can be shown.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/text_utf8.h"
#include "workers/services/message_log/message_log_text.h"

static void check(int is_so) {
    if (!is_so)
        abort();
}

static void check_said(const struct message_log_said *said, const char *data, size_t len) {
    check(said->data >= data && said->data + said->len <= data + len);
    check(said->total >= said->len);
}

/* The first byte tells where the first message ends, and whether something was left out. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct message_log_login login = { .len = 0 };
    struct message_log_said said;
    char head[MESSAGE_LOG_HEAD_MAX], note[MESSAGE_LOG_NOTE_MAX];
    const char *data = (const char *)bytes + 1;
    enum service_lang lang;
    size_t first;

    if (size < 1)
        return 0;
    size--;
    lang = bytes[0] & 1 ? SERVICE_LANG_RU : SERVICE_LANG_EN;
    first = bytes[0] >> 2 < size ? bytes[0] >> 2 : size;
    said = (struct message_log_said){ data, first, first + (bytes[0] & 2 ? 5000 : 0) };
    message_log_text_take_login(&login, &said, lang);
    check_said(&said, data, first);
    check(login.len > 0 && login.len <= TEXT_NAME_MAX && strlen(login.name) == login.len);
    check(login.name[0] != '(' && text_utf8_is_valid(login.name, login.len));
    check(message_log_text_is_login(&login));
    for (unsigned i = 0; i < 2; i++) {
        said = (struct message_log_said){ data + first, size - first, size - first };
        message_log_text_strip(&login, &said);
        check_said(&said, data + first, size - first);
        check(!message_log_text_is_end(&said) || said.len == 3);
    }
    check(message_log_text_head(head, (uint64_t)size << 40, &login, "127.0.0.1:5") == strlen(head));
    check(message_log_text_note(note, &said, said.len / 2, lang) == strlen(note));
    return 0;
}
