/*
 * CRC-32C. The table is the reference and the fallback; the instructions (SSE 4.2 and PCLMUL) are
 * chosen at run time. Joining two crcs is a multiplication of polynomials modulo the generator:
 * appending len bytes to A multiplies its crc by x^(8 len).
 */
#include "shared/crc32c.h"

#include <endian.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define GENERATOR     0x82f63b78u /* bits reflected */
#define KNOWN_LENGTHS 64u

typedef uint32_t crc_fn(uint32_t crc, const void *data, size_t len);

static uint32_t table[256];

static uint32_t crc_by_table(uint32_t crc, const void *data, size_t len) {
    const unsigned char *p = data;

    while (len-- > 0)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
    return crc;
}

/* Product of two reflected polynomials modulo the generator; bit 31 is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b >> 1 ^ (b & 1 ? GENERATOR : 0);
    }
    return product;
}

/* x^bits. */
static uint32_t power(uint64_t bits) {
    uint32_t result = 1u << 31, square = 1u << 30; /* x^0 and x^1 */

    for (; bits != 0; bits >>= 1) {
        if (bits & 1)
            result = multiply(square, result);
        square = multiply(square, square);
    }
    return result;
}

#if defined(__x86_64__)
/*
 * The instruction takes three cycles but can begin one in each: three stretches are done side by
 * side and joined. A join is a carry-less product with x^(8n - 33), reduced by the instruction
 * itself, which multiplies by x^32; the remaining x comes from the reflection of the product.
 */
struct stretch {
    size_t len;              /* of one of the three */
    uint32_t by_one, by_two; /* moves a crc over one stretch, over two */
};

static struct stretch stretches[] = { { .len = 1024 }, { .len = 256 } };

__attribute__((target("sse4.2,pclmul"))) static uint32_t move_crc(uint32_t crc, uint32_t by) {
    __m128i product = _mm_clmulepi64_si128(
        _mm_cvtsi32_si128((int)crc), _mm_cvtsi32_si128((int)by), 0);

    return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc_of_three(
    uint32_t crc, const unsigned char *p, const struct stretch *stretch) {
    uint64_t first = crc, second = 0, third = 0, words[3];

    for (const unsigned char *end = p + stretch->len; p < end; p += 8) {
        memcpy(&words[0], p, 8);
        memcpy(&words[1], p + stretch->len, 8);
        memcpy(&words[2], p + 2 * stretch->len, 8);
        first = _mm_crc32_u64(first, words[0]);
        second = _mm_crc32_u64(second, words[1]);
        third = _mm_crc32_u64(third, words[2]);
    }
    return move_crc((uint32_t)first, stretch->by_two) ^
           move_crc((uint32_t)second, stretch->by_one) ^ (uint32_t)third;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc_by_instruction(
    uint32_t crc, const void *data, size_t len) {
    const unsigned char *p = data;
    uint64_t wide, word;

    for (size_t i = 0; i < sizeof(stretches) / sizeof(stretches[0]); i++)
        for (; len >= 3 * stretches[i].len; p += 3 * stretches[i].len, len -= 3 * stretches[i].len)
            crc = crc_of_three(crc, p, &stretches[i]);
    wide = crc;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}
#endif

static crc_fn *update = crc_by_table;

void crc32c_init(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? GENERATOR : 0);
        table[i] = crc;
    }
#if defined(__x86_64__)
    for (size_t i = 0; i < sizeof(stretches) / sizeof(stretches[0]); i++) {
        stretches[i].by_one = power(8 * stretches[i].len - 33);
        stretches[i].by_two = power(16 * stretches[i].len - 33);
    }
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
        update = crc_by_instruction;
#endif
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len) {
    return ~update(~crc, data, len);
}

uint32_t crc32c_u64(uint32_t crc, const uint64_t *values, size_t count) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return crc32c(crc, values, count * sizeof(*values));
#else
    for (size_t i = 0; i < count; i++) {
        uint64_t little = htole64(values[i]);
        crc = crc32c(crc, &little, sizeof(little));
    }
    return crc;
#endif
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b) {
    static struct {
        uint64_t len;
        uint32_t power;
    } known[KNOWN_LENGTHS];
    size_t place = (len_b ^ len_b >> 6) % KNOWN_LENGTHS;

    if (len_b == 0)
        return crc_a;
    if (len_b != known[place].len) {
        known[place].len = len_b;
        known[place].power = power(8 * len_b);
    }
    return multiply(known[place].power, crc_a) ^ crc_b;
}
