/*
 * A chat's client against a hostile server, from its first byte to its exit: events, texts,
 * cookies, frames that are none, whenever the server likes. What is shown is nothing that a
 * terminal obeys, what is meant for programs is JSON, and when the server is gone the client ends.
 */
#include "tests/fuzz/hostile_server.h"
#include "workers/services/chat/chat_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_exit_code(int code) {
    return code == EXIT_CODE_OK || code == EXIT_CODE_INCOMPLETE || code == EXIT_CODE_UNAVAILABLE ||
           code == EXIT_CODE_IO || code == EXIT_CODE_INTERRUPTED || code == EXIT_CODE_TERMINATED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct chat_client_settings settings = { .name = "Ann", .timeout_ms = 5000 };
    struct complaint complaint = { "" };
    unsigned how;
    int code;

    world_begin(data, size);
    how = take(1);
    settings.target.proto = how % 8 == 7 ? NET_UDP : NET_TCP;
    settings.wire = how % 8 < 3 ? WIRE_AUTO : (enum wire_mode)(how % 4);
    settings.is_russian = (how & 8) != 0;
    settings.is_json = world.is_json = (how & 0x10) != 0;
    settings.stays = (how & 0x20) != 0;
    settings.reconnect_ms = how & 0x40 ? 0 : 60000;
    world.is_terminal = (how & 0x80) != 0;
    code = chat_client_run(&settings, &complaint);
    expect(!world.is_open && is_exit_code(code));
    expect((code == EXIT_CODE_OK) || complaint.text[0] != '\0');
    return 0;
}
