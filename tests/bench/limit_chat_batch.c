/*
 * The reference for the chat where much is said at once: as limit_chat_epoll, but all that a turn
 * of the loop has read goes to each member in one write. limit_chat_batch PORT
 */
#include "tests/bench/limit_chat.h"

#define SAID_BYTES (1024 * 1024)
#define SAID_MOST  1024 /* messages of a turn; more are written in between */

static char said[SAID_BYTES];
static struct {
    int fd; /* who has said it */
    size_t at;
} message[SAID_MOST + 1];
static unsigned said_count;
static unsigned turns = 1, said_in[CHAT_MEMBERS_MOST]; /* the last turn in which he spoke */

/* All but his own. */
static void write_to(int fd) {
    struct iovec piece[SAID_MOST];
    int n = 0;

    for (unsigned i = 0; i < said_count; i++) {
        const size_t len = message[i + 1].at - message[i].at;
        if (message[i].fd == fd)
            continue;
        if (n > 0 && message[i - 1].fd != fd)
            piece[n - 1].iov_len += len;
        else
            piece[n++] = (struct iovec){ .iov_base = said + message[i].at, .iov_len = len };
    }
    if (n > 0)
        chat_send(fd, piece, n);
}

static void turn(void) {
    const size_t len = message[said_count].at;
    struct iovec all;

    for (unsigned i = 0; i < chat_count && said_count > 0; i++) {
        all = (struct iovec){ .iov_base = said, .iov_len = len };
        if (said_in[chat_room[i]] == turns)
            write_to(chat_room[i]);
        else
            chat_send(chat_room[i], &all, 1);
    }
    said_count = 0;
    message[0].at = 0;
    turns++;
}

static void say(int fd, const char *text, size_t len) {
    size_t at;

    if (said_count == SAID_MOST || message[said_count].at + CHAT_SAID_MOST > SAID_BYTES)
        turn();
    at = message[said_count].at;
    message[said_count++].fd = fd;
    message[said_count].at = at + chat_write(said + at, &chat_member[fd], text, len);
    said_in[fd] = turns;
}

int main(int argc, char **argv) {
    chat_serve(argc > 1 ? atoi(argv[1]) : 0, say, turn);
}
