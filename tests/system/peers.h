#ifndef TESTS_SYSTEM_PEERS_H
#define TESTS_SYSTEM_PEERS_H

/*
 * Peers of a service of texts, as a test plays them: each keeps what it hears until the test has
 * looked at it. They are the test's, and end with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer {
    int fd; /* -1: it has ended */
    size_t len;
    char heard[1 << 20];
};

/* Of a connection, which becomes its own. */
struct peer *peers_new(int fd);

/* Over TCP; it says this at once. */
struct peer *peers_come(uint16_t port, const char *text);

/* Over UDP: nothing is said yet. */
struct peer *peers_come_udp(uint16_t port);

void peers_end(struct peer *peer);

/* All of them: who is still there keeps a worker waiting. */
void peers_end_all(void);

/* ---- saying: CHECKs that it goes out ---- */

void peers_say_bytes(const struct peer *peer, const void *data, size_t len);
void peers_say(const struct peer *peer, const char *text);
void peers_say_frame(const struct peer *peer, const char *text);

/* ---- hearing ---- */

/* Read what is there. Returns whether something was. */
bool peers_read(struct peer *peer);

/* Have these words come by now? */
bool peers_has_heard(struct peer *peer, const char *words);

/* Likewise in what is more than can be kept. */
bool peers_skip_to(struct peer *peer, const char *words);

/* Wait until these words come, and forget all up to their end; only: nothing else before them. */
void peers_hear(struct peer *peer, const char *words);
void peers_hear_only(struct peer *peer, const char *words);

/* All that is left to read is read and thrown away: has the end come? */
bool peers_is_shown_out(struct peer *peer);

#endif
