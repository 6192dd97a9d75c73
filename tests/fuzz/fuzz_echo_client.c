/*
 * The echo client against a hostile server: bytes that nobody sent, too many, too few, late ones.
 * It says that all came back only when it did, and each exchange ends in its time.
 */
#include "tests/fuzz/hostile_server.h"
#include "workers/services/echo/echo_client.h"

enum { EXCHANGES_MOST = 4, TIMEOUT_MS = 500, RETRIES = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int exchange(struct echo_client *client, struct complaint *complaint) {
    static struct tail room;
    const uint64_t began_ms = world.now_ms;
    size_t len = take(1);
    char *text;
    uint64_t rtt_ns;
    int code;

    len = len < input.left ? len : input.left;
    text = tail_make(&room, len);
    take_bytes(text, len);
    world.send_how = 0;
    code = echo_client_exchange(client, text, len, &rtt_ns, complaint);
    /* A step of the clock may be as long as all of its time. */
    expect(world.now_ms - began_ms <= 2 * (TIMEOUT_MS + 24 * 24) * (RETRIES + 1));
    expect(code == EXIT_CODE_OK || code == EXIT_CODE_DATA || code == EXIT_CODE_TIME_LIMIT ||
           code == EXIT_CODE_UNAVAILABLE);
    if (code == EXIT_CODE_OK)
        expect(client->reply_len == len && memcmp(client->reply, text, len) == 0);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct echo_client client = { .fd = -1, .timeout_ms = TIMEOUT_MS, .retries = RETRIES };
    struct dial_target target = { .proto = NET_TCP };
    struct complaint complaint;
    int code;

    world_begin(data, size);
    target.proto = take(1) % 2 == 0 ? NET_TCP : NET_UDP;
    code = echo_client_open(&client, &target, &complaint);
    for (unsigned i = 0; i < EXCHANGES_MOST && code == EXIT_CODE_OK; i++)
        code = exchange(&client, &complaint);
    if (code == EXIT_CODE_OK)
        code = echo_client_finish(&client, &complaint);
    expect(code == EXIT_CODE_OK || code == EXIT_CODE_DATA || code == EXIT_CODE_TIME_LIMIT ||
           code == EXIT_CODE_UNAVAILABLE);
    echo_client_close(&client);
    expect(!world.is_open);
    return 0;
}
