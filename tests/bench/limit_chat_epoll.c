/*
 * The reference for the chat, one message at a time: one process, level-triggered epoll, recv, one
 * send for each member and message, and nothing else. limit_chat_epoll PORT
 */
#include "tests/bench/limit_chat.h"

static void say(int fd, const char *text, size_t len) {
    static char said[CHAT_SAID_MOST];
    const size_t said_len = chat_write(said, &chat_member[fd], text, len);
    struct iovec piece;

    for (unsigned i = 0; i < chat_count; i++) {
        piece = (struct iovec){ .iov_base = said, .iov_len = said_len };
        if (chat_room[i] != fd)
            chat_send(chat_room[i], &piece, 1);
    }
}

int main(int argc, char **argv) {
    chat_serve(argc > 1 ? atoi(argv[1]) : 0, say, NULL);
}
