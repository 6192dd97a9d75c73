/* What the suites of the relay share. */
#include "tests/system/relays.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void relays_write(size_t model, const char *name, unsigned members, const char *more) {
    daemon_write_service(name,
        "type = \"relay\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ]; "
        "model = \"%s\"; max_children = %u; max_spawn_rate = 1000; room = \"one\"; "
        "history = 65536; max_recycling = 8; %s",
        daemon_models[model], model == 0 ? members + 2 : (members + 3) / 4, more);
}

void relays_clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

void relays_say(int fd, const char *line) {
    CHECK(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line), "send %s", line);
}

int relays_join(uint16_t port, unsigned number, FILE **out) {
    char line[512];
    int fd = daemon_connect(port);

    snprintf(line, sizeof(line), "hello %u\n", number);
    relays_say(fd, line);
    *out = fdopen(fd, "r");
    CHECK(fgets(line, sizeof(line), *out) != NULL && strncmp(line, "room ", 5) == 0, "%s", line);
    return fd;
}

unsigned relays_read_to(FILE *in, unsigned id, unsigned *out_gaps) {
    static char line[4096];
    unsigned long seq, number, got = 0, missed;
    unsigned count = 0;

    while (got != id) {
        CHECK(fgets(line, sizeof(line), in) != NULL, "the end, after %u", count);
        if (sscanf(line, "gap %lu", &missed) == 1) {
            count += (unsigned)missed;
            *out_gaps += 1;
            continue;
        }
        CHECK(sscanf(line, "%lu %lu %lu ", &seq, &number, &got) == 3, "%s", line);
        count++;
    }
    return count;
}

int relays_join_by_datagrams(uint16_t port, unsigned number) {
    const struct timeval limit = { .tv_sec = 5 };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[256];
    ssize_t n;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    n = snprintf(text, sizeof(text), "hello %u", number);
    CHECK(send(fd, text, (size_t)n, 0) == n, "send");
    n = recv(fd, text, sizeof(text), 0);
    CHECK(n > 5 && strncmp(text, "room ", 5) == 0, "no room: %.*s", (int)(n > 0 ? n : 0), text);
    return fd;
}
