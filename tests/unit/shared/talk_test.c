/* A client's end of a conversation: what it writes in each form, and what it takes for a message.
 */
#include "shared/talk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(talk, .timeout = 20);

static struct talk talk;
static int peer;
static char heard[65536];
static size_t heard_len;
static unsigned heard_count;

static void begin(int type, enum wire_mode mode) {
    int fd[2];

    cr_assert_eq(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    peer = fd[1];
    talk_init(&talk, fd[0], type == SOCK_DGRAM, mode);
}

static void take(void *owner, const char *text, size_t len) {
    (void)owner;
    memcpy(heard + heard_len, text, len);
    heard_len += len;
    heard[heard_len++] = '|';
    heard_count++;
}

static int hear(uint64_t now_ms) {
    return talk_receive(&talk, now_ms, take, NULL);
}

static void expect_heard(const char *wanted) {
    cr_assert(heard_len == strlen(wanted) && memcmp(heard, wanted, heard_len) == 0, "\"%.*s\"",
        (int)heard_len, heard);
    heard_len = 0;
}

static void expect_sent(const char *wanted, size_t len) {
    char got[4096];

    cr_assert_eq(read(peer, got, sizeof(got)), (ssize_t)len);
    cr_assert_arr_eq(got, wanted, len);
}

static void give(const char *data, size_t len) {
    cr_assert_eq(write(peer, data, len), (ssize_t)len);
}

Test(talk, each_form_is_written_as_its_peer_reads_it) {
    begin(SOCK_STREAM, WIRE_FRAMED);
    cr_assert_eq(talk_send(&talk, "hi", 2, 1), 0);
    expect_sent("\0\0\0\2hi", 6);
    talk_fini(&talk);
    begin(SOCK_STREAM, WIRE_LINE);
    cr_assert_eq(talk_send(&talk, "hi\xff", 3, 1), 0);
    expect_sent("hi\xff\xff\n", 5);
    talk_fini(&talk);
    begin(SOCK_STREAM, WIRE_RAW);
    cr_assert_eq(talk_send(&talk, "hi", 2, 1), 0);
    expect_sent("hi", 2);
    talk_fini(&talk);
    begin(SOCK_DGRAM, WIRE_RAW);
    cr_assert_eq(talk_send(&talk, "hi", 2, 1), 0);
    cr_assert_eq(talk_send(&talk, "", 0, 1), 0);
    expect_sent("hi", 2);
    expect_sent("", 0);
    talk_fini(&talk);
}

Test(talk, frames_are_heard_however_they_are_split) {
    begin(SOCK_STREAM, WIRE_FRAMED);
    for (size_t i = 0; i < 14; i++) {
        give(&"\0\0\0\3one\0\0\0\3two"[i], 1);
        cr_assert_eq(hear(1), 1);
    }
    give("\0\0\0\0\0\0\0\5th\nee", 13);
    cr_assert_eq(hear(1), 1);
    expect_heard("one|two|th\nee|");
    close(peer);
    cr_assert_eq(hear(1), 0);
    talk_fini(&talk);
}

Test(talk, what_is_no_frame_is_the_end) {
    begin(SOCK_STREAM, WIRE_FRAMED);
    give("Hello", 5);
    cr_assert(hear(1) == -1 && errno == EPROTO);
    talk_fini(&talk);
    begin(SOCK_STREAM, WIRE_FRAMED);
    give("\0\x10\0\1", 4); /* one more than may be */
    cr_assert(hear(1) == -1 && errno == EPROTO);
    cr_assert_eq(heard_count, 0);
    talk_fini(&talk);
}

Test(talk, rest_of_a_line_is_heard_and_that_of_a_frame_is_not) {
    begin(SOCK_STREAM, WIRE_LINE);
    give("one\r\ntwo", 8);
    cr_assert_eq(hear(1), 1);
    expect_heard("one|");
    close(peer);
    cr_assert_eq(hear(1), 0);
    expect_heard("two|");
    talk_fini(&talk);
    begin(SOCK_STREAM, WIRE_FRAMED);
    give("\0\0\0\5on", 6);
    cr_assert_eq(hear(1), 1);
    close(peer);
    cr_assert_eq(hear(1), 0);
    expect_heard("");
    talk_fini(&talk);
}

Test(talk, raw_letter_that_was_cut_is_waited_for) {
    begin(SOCK_STREAM, WIRE_RAW);
    give("a\xd0", 2);
    cr_assert_eq(hear(1000), 1);
    expect_heard("");
    cr_assert_gt(talk_due_ms(&talk), 1000);
    cr_assert_leq(talk_due_ms(&talk), 1040);
    give("\xb6", 1);
    cr_assert_eq(hear(1010), 1);
    expect_heard("a\xd0\xb6|");
    give("b\xd0", 2);
    cr_assert_eq(hear(2000), 1);
    cr_assert_eq(hear(talk_due_ms(&talk)), 1);
    expect_heard("b\xd0|");
    cr_assert_eq(talk_due_ms(&talk), UINT64_MAX);
    talk_fini(&talk);
}

Test(talk, raw_messages_keep_their_distance) {
    begin(SOCK_STREAM, WIRE_RAW);
    cr_assert_eq(talk_send_due_ms(&talk), 0);
    cr_assert_eq(talk_send(&talk, "one", 3, 1000), 0);
    cr_assert_eq(talk_send_due_ms(&talk), 1060);
    talk_fini(&talk);
    begin(SOCK_STREAM, WIRE_LINE);
    cr_assert_eq(talk_send(&talk, "one", 3, 1000), 0);
    cr_assert_eq(talk_send_due_ms(&talk), 0);
    talk_fini(&talk);
}

Test(talk, what_the_socket_does_not_take_is_kept_up_to_a_limit) {
    static char text[100000], got[100000];
    size_t sent = 0, read_len = 0;
    ssize_t n;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 23);
    begin(SOCK_STREAM, WIRE_RAW);
    while (talk_send(&talk, text, sizeof(text), 1) == 0)
        sent++;
    cr_assert_eq(errno, ENOBUFS);
    cr_assert(talk_has_unsent(&talk) && talk.unsent_len <= TALK_UNSENT_MOST);
    while (read_len < sent * sizeof(text)) {
        n = read(peer, got, sizeof(got));
        cr_assert(n > 0 || talk_has_unsent(&talk));
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(got[i], text[(read_len + (size_t)i) % sizeof(text)]);
        read_len += n > 0 ? (size_t)n : 0;
        cr_assert_geq(talk_flush(&talk), 0);
    }
    cr_assert_eq(talk_flush(&talk), 1);
    cr_assert_not(talk_has_unsent(&talk));
    cr_assert_eq(talk_send(&talk, text, 5, 1), 0);
    talk_fini(&talk);
}

Test(talk, longer_than_a_message_may_be_is_refused) {
    char *text = calloc(1, WIRE_LENGTH_MAX + 1);

    begin(SOCK_STREAM, WIRE_FRAMED);
    cr_assert(talk_send(&talk, text, WIRE_LENGTH_MAX + 1, 1) == -1 && errno == EMSGSIZE);
    cr_assert_not(talk_has_unsent(&talk));
    cr_assert_eq(talk_send(&talk, "hi", 2, 1), 0);
    expect_sent("\0\0\0\2hi", 6);
    close(peer);
    cr_assert(talk_send(&talk, "hi", 2, 1) == -1 && errno == EPIPE);
    talk_fini(&talk);
    talk_fini(&talk);
    free(text);
}
