/* SipHash against the vectors of its authors: key 00 01 .. 0f, data 00 01 02 .. */
#include "shared/siphash.h"

#include <criterion/criterion.h>

Test(siphash, vectors) {
    static const struct {
        size_t len;
        uint64_t wanted;
    } cases[] = {
        { 0, 0x726fdb47dd0e0e31ull },
        { 1, 0x74f839c593dc67fdull },
        { 7, 0xab0200f58b01d137ull },
        { 8, 0x93f5f5799a932462ull },
        { 15, 0xa129ca6149be45e5ull },
    };
    uint8_t key[SIPHASH_KEY_SIZE], data[16];

    for (uint8_t i = 0; i < 16; i++)
        key[i] = data[i] = i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(
            siphash(key, data, cases[i].len), cases[i].wanted, "of %zu bytes", cases[i].len);
}
