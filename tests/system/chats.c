#include "tests/system/chats.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/system/peers.h"

void chats_start(struct daemon *daemon, size_t m, const char *more) {
    daemon_write_config("lang = \"ru\";\n");
    daemon_write_service("echo",
        "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", "
        "\"unix://chat.sock\" ]; model = \"%s\"; max_children = %u; max_spawn_rate = 1000; "
        "graceful_timeout = \"300ms\"; %s",
        daemon_models[m], m == 0 ? 14 : 3, more);
    daemon_start(daemon);
}

uint64_t chats_count(const char *counter) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service("echo"), "counters"), counter));
}

void chats_clear(struct daemon *daemon) {
    peers_end_all();
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}
