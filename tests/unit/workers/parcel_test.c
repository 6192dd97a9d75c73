/* A session as bytes: what goes in comes out, and what is no parcel does not. */
#include "workers/parcel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 1000

static char body[4096];

static struct parcel make(void) {
    struct parcel parcel = { .type = "echo",
        .proto = NET_TCP,
        .messages = 1234567890123,
        .is_closing = true,
        .slot = 17,
        .row = 5,
        .state = "state",
        .state_len = 5,
        .wire = "the wire",
        .wire_len = 8,
        .unread = "un\0read",
        .unread_len = 7,
        .unsent = "unsent bytes",
        .unsent_len = 12 };

    parcel.peer.sa.in.sin_family = AF_INET;
    parcel.peer.sa.in.sin_port = htons(4455);
    parcel.peer.len = sizeof(parcel.peer.sa.in);
    return parcel;
}

/* Into body. Returns the length. */
static size_t encode(const struct parcel *parcel) {
    parcel_encode(parcel, body);
    return parcel_size(parcel);
}

static int decode_error(const char *data, size_t len) {
    char *exact = malloc(len); /* so that a reader beyond the end is seen */
    struct parcel out;
    int error = 0;

    memcpy(exact, data, len);
    errno = 0;
    if (parcel_decode(&out, exact, len, MOST) < 0)
        error = errno;
    free(exact);
    return error;
}

Test(parcel, comes_out_as_it_went_in) {
    struct parcel in = make(), out;
    size_t len = encode(&in);

    cr_assert_eq(parcel_decode(&out, body, len, MOST), 0);
    cr_assert_str_eq(out.type, "echo");
    cr_assert_eq(out.proto, NET_TCP);
    cr_assert_eq(out.messages, in.messages);
    cr_assert(out.is_closing);
    cr_assert_eq(out.slot, 17);
    cr_assert_eq(out.row, 5);
    cr_assert_eq(out.peer.len, in.peer.len);
    cr_assert_arr_eq(&out.peer.sa.in, &in.peer.sa.in, sizeof(in.peer.sa.in));
    cr_assert_eq(out.state_len, 5);
    cr_assert_arr_eq(out.state, "state", 5);
    cr_assert_eq(out.wire_len, 8);
    cr_assert_arr_eq(out.wire, "the wire", 8);
    cr_assert_eq(out.unread_len, 7);
    cr_assert_arr_eq(out.unread, "un\0read", 7);
    cr_assert_eq(out.unsent_len, 12);
    cr_assert_arr_eq(out.unsent, "unsent bytes", 12);
}

Test(parcel, may_be_empty) {
    struct parcel in = { .type = "echo", .proto = NET_UNIX }, out;
    size_t len = encode(&in);

    cr_assert_eq(parcel_decode(&out, body, len, 0), 0);
    cr_assert_eq(out.state_len + out.wire_len + out.unread_len + out.unsent_len, 0);
    cr_assert_leq(len, parcel_most(0));
}

Test(parcel, each_other_length_is_refused) {
    struct parcel in = make();
    size_t len = encode(&in);

    for (size_t n = 0; n < len; n++)
        cr_assert_eq(decode_error(body, n), EPROTO, "%zu of %zu bytes", n, len);
    cr_assert_eq(decode_error(body, len + 1), EPROTO);
    cr_assert_eq(decode_error(body, len), 0);
}

/* The four lengths stand in the head one after the other: found by their values. */
static uint64_t *find_length(size_t part) {
    for (size_t at = 0; at + 32 <= 256; at += 8) {
        uint64_t lengths[4];
        memcpy(lengths, body + at, sizeof(lengths));
        if (lengths[0] == 5 && lengths[1] == 8 && lengths[2] == 7 && lengths[3] == 12)
            return (uint64_t *)(void *)(body + at) + part;
    }
    cr_assert_fail("no lengths");
    return NULL;
}

Test(parcel, lengths_that_do_not_fit_are_refused) {
    static const uint64_t wrong[] = { 0, 1, 100, 65536, 65537, 1u << 20, (1u << 20) + 1, UINT32_MAX,
        (1u << 20) + 1025, UINT64_MAX, UINT64_MAX - 11, UINT64_MAX / 2, 1ull << 63 };
    struct parcel in = make();

    for (size_t part = 0; part < 4; part++)
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            size_t len = encode(&in);
            *find_length(part) = wrong[i];
            cr_assert_neq(decode_error(body, len), 0, "part %zu: %lu", part, wrong[i]);
        }
}

/* Lengths whose sum runs over to the right one. */
Test(parcel, lengths_that_run_over_are_refused) {
    struct parcel in = make();
    size_t len = encode(&in);
    uint64_t *lengths = find_length(0);

    lengths[0] = UINT64_MAX;
    lengths[1] = 14;
    cr_assert_eq(decode_error(body, len), EMSGSIZE);
}

Test(parcel, more_unsent_than_is_kept_here_is_refused_as_too_long) {
    struct parcel in = make();
    char many[MOST + 1] = "";

    in.unsent = many;
    in.unsent_len = MOST;
    cr_assert_eq(decode_error(body, encode(&in)), 0);
    in.unsent_len = MOST + 1;
    cr_assert_eq(decode_error(body, encode(&in)), EMSGSIZE);
}

Test(parcel, what_is_no_session_is_refused) {
    struct parcel in = make();

    in.proto = NET_UDP;
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "a datagram");
    in.proto = (enum net_proto)9;
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "no protocol");
    in.proto = NET_UNIX;
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "a peer of another kind");
    in = make();
    in.peer.len = sizeof(in.peer.sa) + 1;
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "a peer that is too long");
    in = make();
    in.peer.sa.any.sa_family = AF_INET6;
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "a peer that is too short");
    in = make();
    memset(in.type, 'x', sizeof(in.type));
    cr_assert_eq(decode_error(body, encode(&in)), EPROTO, "a type without an end");
    in = make();
    encode(&in);
    body[0] ^= 1;
    cr_assert_eq(decode_error(body, parcel_size(&in)), EPROTO, "another magic");
}

Test(parcel, descriptor_has_to_be_of_its_kind) {
    const struct parcel tcp = { .proto = NET_TCP }, local = { .proto = NET_UNIX };
    int pair[2], ends[2];
    int listening = socket(AF_INET, SOCK_STREAM, 0), fresh = socket(AF_INET, SOCK_STREAM, 0),
        datagram = socket(AF_INET, SOCK_DGRAM, 0);

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert(parcel_fits_descriptor(&local, pair[0]));
    cr_assert(parcel_fits_descriptor(&tcp, fresh));
    cr_assert_not(parcel_fits_descriptor(&tcp, pair[0]));
    cr_assert_not(parcel_fits_descriptor(&local, fresh));
    cr_assert_not(parcel_fits_descriptor(&tcp, listening));
    cr_assert_not(parcel_fits_descriptor(&tcp, datagram));
    cr_assert_not(parcel_fits_descriptor(&tcp, ends[0]));
    cr_assert_not(parcel_fits_descriptor(&tcp, -1));
}
