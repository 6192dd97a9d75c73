/*
 * A hostile old worker: bytes that claim to be a session. What is taken for one lies within the
 * bytes given, is no longer than it may be, and encodes to the same again.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workers/parcel.h"

#define UNSENT_MOST 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static void check_bounds(const struct parcel *parcel, const char *data, size_t size) {
    expect(parcel->state >= data && parcel->wire == parcel->state + parcel->state_len);
    expect(parcel->unread == parcel->wire + parcel->wire_len);
    expect(parcel->unsent == parcel->unread + parcel->unread_len);
    expect(parcel->unsent + parcel->unsent_len == data + size);
    expect(parcel->state_len <= PARCEL_STATE_MAX && parcel->wire_len <= PARCEL_WIRE_MAX &&
           parcel->unread_len <= PARCEL_UNREAD_MAX && parcel->unsent_len <= UNSENT_MOST);
    expect(size <= parcel_most(UNSENT_MOST) && parcel_size(parcel) == size);
    expect(parcel->proto == NET_TCP || parcel->proto == NET_UNIX);
    expect(parcel->peer.len <= sizeof(parcel->peer.sa));
    expect(memchr(parcel->type, '\0', sizeof(parcel->type)) != NULL);
}

/* Encoded and decoded once more it is the same. */
static void check_round(const struct parcel *parcel, size_t size) {
    char *again = malloc(size), text[NET_TEXT_MAX];
    struct parcel twin;

    parcel_encode(parcel, again);
    expect(parcel_decode(&twin, again, size, UNSENT_MOST) == 0);
    expect(
        twin.messages == parcel->messages && twin.slot == parcel->slot && twin.row == parcel->row &&
        twin.is_closing == parcel->is_closing && twin.state_len == parcel->state_len &&
        twin.wire_len == parcel->wire_len && twin.unread_len == parcel->unread_len &&
        memcmp(twin.state, parcel->state,
            parcel->state_len + parcel->wire_len + parcel->unread_len + parcel->unsent_len) == 0);
    /* What logs and limits make of its peer. */
    net_format(text, &twin.peer);
    net_source_hash(&twin.peer);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parcel parcel;

    if (parcel_decode(&parcel, (const char *)data, size, UNSENT_MOST) == 0) {
        check_bounds(&parcel, (const char *)data, size);
        check_round(&parcel, size);
        parcel_fits_descriptor(&parcel, -1);
    }
    return 0;
}
