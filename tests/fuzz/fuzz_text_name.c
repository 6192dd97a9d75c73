/*
 * Names of any bytes: within the limits, well-formed, nothing hidden in them; a name made twice is
 * the same, looks like itself, and with a suffix it is a name, too.
 */
#include <stdlib.h>
#include <string.h>
#include <unictype.h>

#include "shared/escape.h"
#include "shared/text_clean.h"
#include "shared/text_name.h"
#include "shared/text_utf8.h"
#include "tests/fuzz/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static void check_name(const char *name, size_t len) {
    uint32_t rune;

    expect(len <= TEXT_NAME_MAX && name[len] == '\0' && strlen(name) == len);
    expect(text_utf8_is_valid(name, len) && text_utf8_count(name, len) <= TEXT_NAME_RUNES);
    expect(len == 0 || (name[0] != ' ' && name[len - 1] != ' '));
    expect(strstr(name, "  ") == NULL);
    expect(strncmp(name, TEXT_MARK_JOINED, 4) != 0 && strncmp(name, TEXT_MARK_LEFT, 4) != 0);
    for (size_t i = 0; i < len;) {
        i += (size_t)escape_decode((const unsigned char *)name + i, len - i, &rune);
        expect(rune == '\\' || escape_is_shown(rune));
        expect(!uc_is_general_category(rune, UC_CATEGORY_Cf));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[TEXT_NAME_MAX + 1], again[TEXT_NAME_MAX + 1], look[TEXT_NAME_MAX + 1],
        other[TEXT_NAME_MAX + 1];
    const unsigned n = size > 0 ? data[0] * 100000u : 2;
    static struct tail room;
    const char *typed = tail_copy(&room, data, size);
    size_t len, look_len;

    len = text_name(name, typed, size);
    check_name(name, len);
    expect(text_name(again, name, len) == len && strcmp(again, name) == 0);
    look_len = text_name_skeleton(look, name, len);
    expect(look_len <= TEXT_NAME_MAX && strlen(look) == look_len);
    expect(text_utf8_is_valid(look, look_len));
    expect(text_name_skeleton(other, again, len) == look_len && strcmp(other, look) == 0);
    len = text_name_suffix(again, name, len, n);
    expect(len <= TEXT_NAME_MAX && text_utf8_count(again, len) <= TEXT_NAME_RUNES);
    expect(text_utf8_is_valid(again, len) && strchr(again, '_') != NULL);
    return 0;
}
