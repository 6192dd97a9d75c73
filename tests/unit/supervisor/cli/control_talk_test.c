/* The framing of the control socket: lines, and bytes behind a line, however they are cut. */
#include "supervisor/cli/control_talk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct control_talk talk;
static int other = -1;

static void prepare(void) {
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    talk = (struct control_talk){ .fd = fds[0], .has_data = true };
    other = fds[1];
}

static void clean(void) {
    control_talk_close(&talk);
    close(other);
}

TestSuite(control_talk, .init = prepare, .fini = clean);

static void send_bytes(const char *text, size_t len) {
    cr_assert_eq(send(other, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* All that there is, as text: lines in <>, bytes as they are, "!" for garbage. */
static const char *hear(void) {
    static char text[4096];
    struct control_talk_bytes bytes;
    enum control_talk_piece piece;
    json_t *line;
    char *words;

    text[0] = '\0';
    while ((piece = control_talk_next(&talk, &line, &bytes)) != CONTROL_TALK_NOTHING) {
        if (piece == CONTROL_TALK_GARBAGE)
            return strcat(text, "!");
        if (piece == CONTROL_TALK_BYTES) {
            strncat(text, bytes.at, bytes.len);
            continue;
        }
        words = json_dumps(line, JSON_COMPACT);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "<%s>", words);
        free(words);
        json_decref(line);
    }
    return text;
}

static const char stream[] = "{\"id\":1}\n{\"data\":5}\nab\n{\"{\"data\":1}\nc{\"done\":true}\n";

Test(control_talk, lines_and_bytes_are_told_apart) {
    send_bytes(stream, strlen(stream));
    cr_assert_gt(control_talk_receive(&talk), 0);
    cr_assert_str_eq(hear(), "<{\"id\":1}>ab\n{\"c<{\"done\":true}>");
}

Test(control_talk, cuts_anywhere_change_nothing) {
    char text[256];

    for (size_t step = 1; step < 8; step++) {
        text[0] = '\0';
        for (size_t at = 0; at < strlen(stream); at += step) {
            send_bytes(stream + at, strlen(stream + at) < step ? strlen(stream + at) : step);
            cr_assert_gt(control_talk_receive(&talk), 0);
            strcat(text, hear());
        }
        cr_assert_str_eq(text, "<{\"id\":1}>ab\n{\"c<{\"done\":true}>", "in steps of %zu", step);
    }
}

Test(control_talk, data_is_a_line_where_no_bytes_are_expected) {
    talk.has_data = false;
    send_bytes("{\"data\":5}\n", 11);
    cr_assert_gt(control_talk_receive(&talk), 0);
    cr_assert_str_eq(hear(), "<{\"data\":5}>");
}

Test(control_talk, garbage_is_told) {
    static const char *const all[] = { "x\n", "\n", "[]\n", "17\n", "null\n", "{\"data\":0}\n",
        "{\"data\":-3}\n", "{\"data\":262145}\n", "{\"data\":1.5}\n", "{\"data\":{}}\n" };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        send_bytes(all[i], strlen(all[i]));
        cr_assert_gt(control_talk_receive(&talk), 0);
        cr_assert_str_eq(hear(), "!", "%s", all[i]);
    }
}

Test(control_talk, nothing_is_waited_for) {
    cr_assert_eq(control_talk_receive(&talk), -1);
    cr_assert_eq(errno, EAGAIN);
    shutdown(other, SHUT_RDWR);
    cr_assert_eq(control_talk_receive(&talk), 0);
}

/* A piece as long as may be, through a buffer that is shorter. */
Test(control_talk, buffer_stays_small) {
    static char piece[65536];
    struct control_talk_bytes bytes;
    size_t sum = 0;
    json_t *line;

    cr_assert_eq(setsockopt(other, SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 20 }, sizeof(int)), 0);
    send_bytes("{\"data\":262144}\n", 16);
    for (int i = 0; i < 4; i++) {
        send_bytes(piece, sizeof(piece));
        while (control_talk_receive(&talk) > 0)
            while (control_talk_next(&talk, &line, &bytes) == CONTROL_TALK_BYTES)
                sum += bytes.len;
    }
    cr_assert_eq(sum, 262144);
    cr_assert_leq(talk.size, 65536);
}

Test(control_talk, question_is_one_line_and_no_longer_than_allowed) {
    static char text[CONTROL_TALK_LINE_MAX + 1];
    char line[64] = "";

    cr_assert_eq(control_talk_ask(&talk, "job.show", json_pack("{s:i}", "id", 17)), 0);
    cr_assert_gt(recv(other, line, sizeof(line) - 1, 0), 0);
    cr_assert_str_eq(line, "{\"verb\":\"job.show\",\"args\":{\"id\":17}}\n");
    memset(text, 'a', sizeof(text) - 1);
    cr_assert_eq(control_talk_ask(&talk, "job.show", json_pack("{s:s}", "id", text)), E2BIG);
    cr_assert_eq(recv(other, line, sizeof(line), MSG_DONTWAIT), -1, "nothing is sent");
}

Test(control_talk, connecting_fails_in_numbers) {
    struct control_talk none;
    char path[200];

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_assert_eq(control_talk_open(&none, path, 0), ENAMETOOLONG);
    cr_assert_eq(control_talk_open(&none, "/tmp/there-is-no-such-socket", 0), ENOENT);
    cr_assert_eq(none.fd, -1);
}
