#ifndef TESTS_SYSTEM_CHATS_H
#define TESTS_SYSTEM_CHATS_H

/* A chat of the test's own: the service "echo", over TCP, UDP and a UNIX socket, in Russian. */

#include <stddef.h>
#include <stdint.h>

#include "tests/system/daemon.h"

#define CHATS_UNIX   "services.d/chat.sock"
#define CHATS_JOINED "\xf0\x9f\x94\xb5 "
#define CHATS_LEFT   "\xf0\x9f\x94\xb4 "

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

/* Under this model; more is added to its file. */
void chats_start(struct daemon *daemon, size_t m, const char *more);

/* A counter of its own in the status. */
uint64_t chats_count(const char *counter);

/* All peers end, then the daemon. */
void chats_clear(struct daemon *daemon);

#endif
