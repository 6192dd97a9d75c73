#include "shared/siphash.h"

#include <string.h>

struct state {
    uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned by) {
    return x << by | x >> (64 - by);
}

static uint64_t load(const uint8_t *bytes) {
    uint64_t x = 0;

    for (unsigned i = 0; i < 8; i++)
        x |= (uint64_t)bytes[i] << 8 * i;
    return x;
}

static void mix(struct state *s, unsigned rounds) {
    uint64_t *v = s->v;

    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void take(struct state *s, uint64_t word) {
    s->v[3] ^= word;
    mix(s, 2);
    s->v[0] ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t len) {
    const uint64_t k0 = load(key), k1 = load(key + 8);
    struct state s = { { k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
        k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull } };
    const uint8_t *bytes = data;
    uint8_t last[8] = { 0 };
    size_t at = 0;

    for (; len - at >= 8; at += 8)
        take(&s, load(bytes + at));
    if (at < len)
        memcpy(last, bytes + at, len - at);
    last[7] = (uint8_t)len;
    take(&s, load(last));
    s.v[2] ^= 0xff;
    mix(&s, 4);
    return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
