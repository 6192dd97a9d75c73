/*
 * The message log's client against a hostile server: acknowledgements that nobody is owed, telnet,
 * an end at any time. No more are counted than were sent, and when the server is gone it ends.
 */
#include "tests/fuzz/hostile_server.h"
#include "workers/services/message_log/message_log_sending.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_exit_code(int code) {
    return code == EXIT_CODE_OK || code == EXIT_CODE_USAGE || code == EXIT_CODE_UNAVAILABLE ||
           code == EXIT_CODE_TIME_LIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct setting_texts given = { .text = { "one", "two\nthree", "", "end" },
        .count = 4 };
    struct complaint complaint = { "" };
    struct message_log_sending sending = {
        .talk.fd = -1, .timeout_ms = 5000, .complaint = &complaint
    };
    struct dial_target target = { .proto = NET_TCP };
    unsigned how;
    int fd, code;

    world_begin(data, size);
    how = take(1);
    target.proto = how % 8 == 7 ? NET_UDP : NET_TCP;
    sending.name = how & 8 ? "Ann" : "";
    sending.given = how & 0x10 ? &given : NULL;
    sending.wants_ack = (how & 0x20) != 0 && how % 4 != WIRE_RAW;
    if (dial_open(&target, 1000, &fd, &complaint) != EXIT_CODE_OK)
        return 0;
    talk_init(&sending.talk, fd, world.is_datagram,
        how % 4 == WIRE_AUTO ? WIRE_LINE : (enum wire_mode)(how % 4));
    code = message_log_sending_run(&sending);
    expect(is_exit_code(code) && (code == EXIT_CODE_OK || complaint.text[0] != '\0'));
    expect(sending.paid <= sending.owed && sending.owed <= sending.sent + 1);
    expect(message_log_sending_count_acknowledged(&sending) <= sending.sent);
    expect(code != EXIT_CODE_OK || !sending.wants_ack || sending.paid == sending.owed);
    talk_fini(&sending.talk);
    expect(!world.is_open);
    return 0;
}
