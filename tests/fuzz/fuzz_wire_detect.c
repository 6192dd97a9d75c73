/*
 * First bytes in any pieces: what is held is what was given, never more than there is room for, and
 * the verdict does not depend on the pieces but for a newline that has not come yet.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/wire_detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t piece = size > 0 ? 1 + data[size - 1] % 8 : 1;
    struct wire_detect whole = { .held_len = 0 }, cut = { .held_len = 0 };
    enum wire_verdict wanted = wire_detect_next(&whole, (const char *)data, size),
                      verdict = WIRE_VERDICT_MORE;

    for (size_t i = 0; i < size && verdict == WIRE_VERDICT_MORE; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        char *copy = malloc(n);

        memcpy(copy, data + i, n);
        verdict = wire_detect_next(&cut, copy, n);
        free(copy);
        expect(cut.held_len <= WIRE_DETECT_HELD_MAX);
        expect(cut.held_len == (verdict == WIRE_VERDICT_MORE ? i + n : i));
        expect(memcmp(cut.held, data, cut.held_len) == 0);
    }
    expect(verdict == wanted || (verdict == WIRE_VERDICT_RAW && wanted == WIRE_VERDICT_LINE));
    expect(!wire_detect_is_text(&whole) || (whole.held[0] >= 'A' && whole.held[0] <= 'Z'));
    return 0;
}
