/* CRC-32C against the vectors of RFC 3720, and joining. */
#include "shared/crc32c.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(crc32c, .init = crc32c_init);

Test(crc32c, vectors_of_rfc_3720) {
    unsigned char data[32];

    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283);
    memset(data, 0, 32);
    cr_assert_eq(crc32c(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    cr_assert_eq(crc32c(0, data, 32), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        data[i] = i;
    cr_assert_eq(crc32c(0, data, 32), 0x46dd794e);
    cr_assert_eq(crc32c(0, data, 0), 0);
}

Test(crc32c, can_be_carried_on_and_joined_at_every_place) {
    unsigned char data[300];
    uint32_t whole, carried, joined;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + 3);
    whole = crc32c(0, data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        carried = crc32c(crc32c(0, data, cut), data + cut, sizeof(data) - cut);
        joined = crc32c_combine(
            crc32c(0, data, cut), crc32c(0, data + cut, sizeof(data) - cut), sizeof(data) - cut);
        cr_assert(carried == whole && joined == whole, "cut at %zu", cut);
    }
}

/* One bit at a time: the definition. */
static uint32_t slowly(const unsigned char *data, size_t len) {
    uint32_t crc = ~0u;

    for (; len > 0; data++, len--) {
        crc ^= *data;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

Test(crc32c, every_length_and_alignment_gives_the_definition) {
    static unsigned char data[8000];
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)((x = x * 1103515245u + 12345u) >> 16);
    for (size_t len = 0; len < 7900; len += len < 900 ? 1 : 37)
        for (size_t at = 0; at < 9; at += 4)
            cr_assert_eq(crc32c(0, data + at, len), slowly(data + at, len), "%zu at %zu", len, at);
}

Test(crc32c, records_are_little_endian) {
    const uint64_t records[] = { 0x0807060504030201u };

    cr_assert_eq(crc32c_u64(0, records, 1), crc32c(0, "\1\2\3\4\5\6\7\10", 8));
}
