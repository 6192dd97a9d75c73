#include "tests/system/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/daemon.h"

#define PEERS_MOST  256
#define PATIENCE_MS 5000

static struct peer *peers[PEERS_MOST + 1];

struct peer *peers_new(int fd) {
    size_t i = 0;

    while (peers[i] != NULL)
        i++;
    CHECK(i < PEERS_MOST, "too many peers");
    peers[i] = calloc(1, sizeof(*peers[i]));
    peers[i]->fd = fd;
    return peers[i];
}

struct peer *peers_come(uint16_t port, const char *text) {
    struct peer *peer = peers_new(daemon_connect(port));

    peers_say(peer, text);
    return peer;
}

struct peer *peers_come_udp(uint16_t port) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct peer *peer = peers_new(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(peer->fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    return peer;
}

void peers_end(struct peer *peer) {
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

void peers_end_all(void) {
    for (size_t i = 0; peers[i] != NULL; i++) {
        peers_end(peers[i]);
        free(peers[i]);
        peers[i] = NULL;
    }
}

/* ---- saying ---- */

void peers_say_bytes(const struct peer *peer, const void *data, size_t len) {
    CHECK(send(peer->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send: %s", strerror(errno));
}

void peers_say(const struct peer *peer, const char *text) {
    peers_say_bytes(peer, text, strlen(text));
}

void peers_say_frame(const struct peer *peer, const char *text) {
    const size_t len = strlen(text);
    uint32_t head = htonl((uint32_t)len);
    char frame[8192];

    CHECK(len + sizeof(head) <= sizeof(frame), "too long");
    memcpy(frame, &head, sizeof(head));
    memcpy(frame + sizeof(head), text, len);
    peers_say_bytes(peer, frame, len + sizeof(head));
}

/* ---- hearing ---- */

bool peers_read(struct peer *peer) {
    const size_t room = sizeof(peer->heard) - peer->len - 1;
    ssize_t n;

    CHECK(room > 0, "it has said more than is kept here");
    n = recv(peer->fd, peer->heard + peer->len, room, MSG_DONTWAIT);
    if (n > 0)
        peer->len += (size_t)n;
    peer->heard[peer->len] = '\0';
    return n > 0;
}

bool peers_has_heard(struct peer *peer, const char *words) {
    peers_read(peer);
    return memmem(peer->heard, peer->len, words, strlen(words)) != NULL;
}

bool peers_skip_to(struct peer *peer, const char *words) {
    const size_t keep = strlen(words);

    if (peers_has_heard(peer, words))
        return true;
    if (peer->len > keep) {
        memmove(peer->heard, peer->heard + peer->len - keep, keep);
        peer->len = keep;
    }
    return false;
}

static void expect(struct peer *peer, const char *words) {
    CHECK(harness_until(PATIENCE_MS, peers_has_heard(peer, words)),
        "\"%s\" does not come, but \"%.*s\"", words, (int)peer->len, peer->heard);
}

void peers_hear(struct peer *peer, const char *words) {
    char *end;

    expect(peer, words);
    end = (char *)memmem(peer->heard, peer->len, words, strlen(words)) + strlen(words);
    peer->len -= (size_t)(end - peer->heard);
    memmove(peer->heard, end, peer->len + 1);
}

void peers_hear_only(struct peer *peer, const char *words) {
    expect(peer, words);
    CHECK(strncmp(peer->heard, words, strlen(words)) == 0, "\"%.*s\" instead of \"%s\"",
        (int)peer->len, peer->heard, words);
    peers_hear(peer, words);
}

bool peers_is_shown_out(struct peer *peer) {
    ssize_t n;

    while ((n = recv(peer->fd, peer->heard, sizeof(peer->heard), MSG_DONTWAIT)) > 0)
        ;
    peer->len = 0;
    return n == 0 || errno == ECONNRESET;
}
