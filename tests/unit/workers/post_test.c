/* Sessions of texts, on a clock that the test turns. */
#include "tests/unit/workers/post_fixture.h"

TestSuite(post, .init = fixture_open, .timeout = 30);

static void echo(struct session *session, const char *data, size_t len) {
    session_send(session, data, len);
}

/* ---- messages ---- */

Test(post, each_peer_is_answered_in_its_form) {
    int line = fixture_connect(NET_TCP), framed = fixture_connect(NET_UNIX),
        raw = fixture_connect(NET_TCP);

    answer = echo;
    fixture_say(line, "one\r\ntwo\r\n");
    cr_assert_str_eq(fixture_told(), "one|two|");
    cr_assert_str_eq(fixture_read(line, 100), "one\ntwo\n");
    cr_assert_eq(send(framed, "\0\0\0\5three\0\0\0\4four", 17, 0), 17);
    fixture_run();
    cr_assert_str_eq(fixture_told(), "three|four|");
    cr_assert_eq(memcmp(fixture_read(framed, 100), "\0\0\0\5three\0\0\0\4four", 17), 0);
    fixture_say(raw, "five");
    cr_assert_str_eq(fixture_told(), "five|");
    cr_assert_str_eq(fixture_read(raw, 100), "five");
}

Test(post, answers_to_what_came_at_once_keep_their_order) {
    int fd = fixture_connect(NET_UNIX);
    char asked[4096] = "", wanted[4096] = "";
    unsigned n = 0;

    answer = echo;
    for (unsigned i = 0; i < 15; i++) {
        n += (unsigned)sprintf(asked + strlen(asked), "%u\r\n", i);
        sprintf(wanted + strlen(wanted), "%u\n", i);
    }
    cr_assert_eq(send(fd, asked, strlen(asked), 0), (ssize_t)n);
    fixture_run();
    cr_assert_str_eq(fixture_read(fd, 4096), wanted);
    cr_assert_eq(worker->row->counts.requests, 15);
}

static void answer_much(struct session *session, const char *data, size_t len) {
    static char much[20000];

    (void)data;
    (void)len;
    memset(much, 'x', sizeof(much));
    session_send(session, much, sizeof(much));
}

Test(post, reading_stops_while_sixteen_answers_are_not_out) {
    int fd = fixture_connect(NET_UNIX);
    char asked[4096] = "";
    size_t messages, got = 0;
    const char *text;

    answer = answer_much;
    for (unsigned i = 0; i < 100; i++)
        strcat(asked, "?\n");
    fixture_say(fd, asked);
    messages = strlen(fixture_told()) / 2;
    cr_assert(messages >= 16 && messages < 50, "%zu were given", messages);
    while (got < 100 * 20001) {
        text = fixture_read(fd, 60000);
        cr_assert_neq(text[0], '\0', "after %zu bytes", got);
        got += strlen(text);
        fixture_run();
    }
    cr_assert_eq(worker->row->counts.requests, 100);
    cr_assert(strstr(fixture_told(), "writable|") != NULL);
}

/* It stops when it finds too much unsent, though all of it goes out before anybody waits. */
static void answer_until_it_waits(struct session *session, const char *data, size_t len) {
    (void)data;
    (void)len;
    for (unsigned i = 0; i < 3 && session_unsent(session) == 0; i++)
        session_send(session, "some", 4);
}

static void answer_once(struct session *session, const char *data, size_t len) {
    (void)data;
    (void)len;
    session_send(session, "some", 4);
}

Test(post, who_waits_for_room_is_told_also_when_it_came_at_once) {
    int waits = fixture_connect(NET_UNIX), does_not = fixture_connect(NET_UNIX);

    answer = answer_until_it_waits;
    fixture_say(waits, "one\n");
    cr_assert_str_eq(fixture_read(waits, 100), "some\n");
    cr_assert_str_eq(fixture_told(), "one|writable|");
    answer = answer_once;
    fixture_say(does_not, "two\n");
    cr_assert_str_eq(fixture_read(does_not, 100), "some\n");
    cr_assert_str_eq(fixture_told(), "two|");
}

static void pause_a_second(struct session *session, const char *data, size_t len) {
    (void)data;
    (void)len;
    session_pause(session, 1000);
}

/* Its peer may even be gone: what it said still comes, and nothing spins. */
Test(post, paused_session_is_given_nothing_and_loses_nothing) {
    int fd = fixture_connect(NET_UNIX);

    answer = pause_a_second;
    fixture_say(fd, "one\ntwo\nthree\n");
    close(fd);
    cr_assert_str_eq(fixture_told(), "one|");
    cr_assert_eq(loop_turn(worker->loop, 0), 0, "it is not waited for");
    fixture_pass(999);
    cr_assert_str_eq(fixture_told(), "");
    fixture_pass(1);
    cr_assert_str_eq(fixture_told(), "two|");
    fixture_pass(1000);
    cr_assert_str_eq(fixture_told(), "three|");
    fixture_pass(1000);
    cr_assert_str_eq(fixture_told(), "end 0|");
}

static void close_at_two(struct session *session, const char *data, size_t len) {
    session_send(session, data, len);
    if (len == 3 && memcmp(data, "two", 3) == 0)
        session_close(session);
}

Test(post, closed_session_is_given_no_more) {
    int fd = fixture_connect(NET_TCP);

    answer = close_at_two;
    fixture_say(fd, "one\ntwo\nthree\n");
    cr_assert_str_eq(fixture_told(), "one|two|");
    cr_assert_str_eq(fixture_read(fd, 100), "one\ntwo\n");
    cr_assert_str_eq(fixture_read(fd, 100), "<end>");
    cr_assert_null(post_first(&worker->post), "it is still shown");
    fixture_say(fd, "four\n");
    close(fd);
    fixture_run();
    cr_assert_str_eq(fixture_told(), "end 0|");
    cr_assert_eq(worker->row->sessions, 0);
    cr_assert_eq(worker->row->counts.cut_unanswered, 0);
}

Test(post, what_a_line_s_peer_leaves_behind_is_a_message) {
    int fd = fixture_connect(NET_TCP), half = fixture_connect(NET_TCP);

    answer = echo;
    fixture_say(fd, "one\nlast");
    shutdown(fd, SHUT_WR);
    fixture_run();
    cr_assert_str_eq(fixture_told(), "one|last|end 0|");
    cr_assert_str_eq(fixture_read(fd, 100), "one\nlast\n");
    /* Half a frame is none. */
    cr_assert_eq(send(half, "\0\0\0\5thr", 7, 0), 7);
    shutdown(half, SHUT_WR);
    fixture_run();
    cr_assert_str_eq(fixture_told(), "end 5|");
    cr_assert_eq(worker->row->counts.bad_input, 1);
}

Test(post, cut_session_is_told) {
    int fd = fixture_connect(NET_TCP);

    fixture_say(fd, "one\n");
    post_cut(&worker->post);
    cr_assert_str_eq(fixture_read(fd, 100), "good bye\n");
    cr_assert_str_eq(fixture_read(fd, 100), "<end>");
    close(fd);
    fixture_run();
    cr_assert_str_eq(fixture_told(), "one|end 3|");
}

static struct session *other;

static void send_to_the_other(struct session *session, const char *data, size_t len) {
    (void)session;
    session_send(other, data, len);
    if (memcmp(data, "close", 5) == 0)
        session_close(other);
}

Test(post, hook_may_send_to_and_close_another_session_of_its_post) {
    int a = fixture_connect(NET_TCP), b = fixture_connect(NET_TCP);
    struct session *first = post_first(&worker->post);

    other = post_next(&worker->post, first);
    cr_assert_null(post_next(&worker->post, other));
    answer = send_to_the_other;
    fixture_say(a, "hello\n");
    cr_assert_str_eq(fixture_read(b, 100), "hello");
    fixture_say(a, "close\n");
    cr_assert_null(post_next(&worker->post, first));
    fixture_pass(2000);
    cr_assert_str_eq(fixture_told(), "hello|close|end 0|");
}

/* A reset would take the answer along: what it goes on sending is read meanwhile. */
Test(post, refused_peer_gets_its_answer_whatever_it_sends) {
    int fd = fixture_connect(NET_TCP);
    char text[100000];

    memset(text, 'x', sizeof(text));
    memcpy(text, "\0\2\0\0", 4);
    cr_assert_eq(send(fd, text, sizeof(text), 0), (ssize_t)sizeof(text));
    fixture_run();
    cr_assert_eq(send(fd, text, 1000, MSG_NOSIGNAL), 1000);
    fixture_run();
    cr_assert_str_eq(fixture_read(fd, 100) + 4, "{\"err\":\"too_long\",\"max\":65536}");
    cr_assert_str_eq(fixture_read(fd, 100), "<end>");
    cr_assert_str_eq(fixture_told(), "");
    fixture_pass(1999);
    cr_assert_eq(worker->row->sessions, 1);
    fixture_pass(1);
    cr_assert_str_eq(fixture_told(), "end 5|");
    cr_assert_eq(worker->row->counts.bad_input, 1);
}

/* ---- what is encoded already ---- */

static void send_encoded(struct session *session, const char *data, size_t len) {
    const enum wire_form form = session_form(session);
    char first[64], second[64];
    struct iovec iov[2] = { { .iov_base = first }, { .iov_base = second } };

    (void)data;
    (void)len;
    iov[0].iov_len = wire_encode(form, first, "one", 3);
    iov[0].iov_len += wire_encode(form, first + iov[0].iov_len, "two", 3);
    iov[1].iov_len = wire_encode(form, second, "three", 5);
    cr_assert_eq(session_sendv(session, iov, 2), 0);
}

Test(post, what_is_encoded_once_goes_to_each_as_it_is) {
    int line = fixture_connect(NET_TCP), framed = fixture_connect(NET_TCP),
        raw = fixture_connect(NET_TCP);

    answer = send_encoded;
    fixture_say(line, "x\n");
    cr_assert_str_eq(fixture_read(line, 100), "one\ntwo\nthree\n");
    cr_assert_eq(send(framed, "\0\0\0\1x", 5, 0), 5);
    fixture_run();
    cr_assert_eq(memcmp(fixture_read(framed, 100), "\0\0\0\3one\0\0\0\3two\0\0\0\5three", 23), 0);
    fixture_say(raw, "x");
    cr_assert_str_eq(fixture_read(raw, 100), "one\ntwo\nthree");
    /* Outside its turn, too. */
    fixture_pass(1000);
    send_encoded(post_first(&worker->post), "", 0);
    fixture_run();
    cr_assert_str_eq(fixture_read(line, 100), "one\ntwo\nthree\n");
}

/* ---- no room ---- */

static int results[3], errors[3];

static void send_too_much(struct session *session, const char *data, size_t len) {
    static char much[WIRE_LENGTH_MAX + 1];

    (void)data;
    (void)len;
    for (unsigned i = 0; i < 2; i++) {
        results[i] = session_send(session, much, 150000);
        errors[i] = errno;
    }
    results[2] = session_send(session, much, sizeof(much));
    errors[2] = errno;
}

Test(post, what_has_no_room_is_refused_whole_and_the_session_goes_on) {
    int fd = fixture_connect(NET_UNIX);
    size_t got = 0;
    const char *text;

    args.write_buffer_bytes = 200000;
    answer = send_too_much;
    fixture_say(fd, "x\n");
    cr_assert(results[0] == 0 && results[1] == -1 && errors[1] == ENOBUFS, "%d %d", results[0],
        results[1]);
    cr_assert(results[2] == -1 && errors[2] == EMSGSIZE);
    while (got < 150001) {
        ssize_t n = recv(fd, (char[65536]){ 0 }, 65536, MSG_DONTWAIT);
        cr_assert_gt(n, 0, "after %zu", got);
        got += (size_t)n;
        fixture_run();
    }
    text = fixture_read(fd, 10);
    cr_assert_str_eq(text, "", "half of one came");
    fixture_told();
    fixture_say(fd, "y\n");
    cr_assert_str_eq(fixture_told(), "y|writable|", "who was refused is not told of room");
}

/* ---- time ---- */

Test(post, first_message_has_its_time) {
    int silent = fixture_connect(NET_TCP), said = fixture_connect(NET_TCP);

    fixture_say(said, "hello\n");
    fixture_told();
    fixture_pass(299999);
    cr_assert_str_eq(fixture_told(), "");
    fixture_pass(1);
    cr_assert_str_eq(fixture_told(), "end 2|");
    cr_assert_str_eq(fixture_read(silent, 10), "<end>");
    cr_assert_str_eq(fixture_read(said, 10), "");
    cr_assert_eq(worker->row->counts.timed_out, 1);
}

Test(post, first_message_has_less_time_in_a_crowd) {
    int fd[4];

    args.capacity = 7;
    for (unsigned i = 0; i < 3; i++)
        fd[i] = fixture_connect(NET_TCP);
    fixture_pass(11000);
    cr_assert_str_eq(fixture_told(), "", "three of seven are no crowd");
    fd[3] = fixture_connect(NET_TCP);
    fixture_say(fd[3], "hello\n");
    fixture_pass(1000);
    /* One goes at once, and then there is room again. */
    cr_assert_str_eq(fixture_told(), "end 2|hello|");
    cr_assert_eq(worker->row->sessions, 3);
    close(fd[0]);
}

Test(post, message_that_has_begun_has_ten_seconds) {
    int fd = fixture_connect(NET_TCP);

    fixture_say(fd, "one\ntw");
    fixture_told();
    for (unsigned i = 0; i < 9; i++) {
        fixture_pass(1000);
        fixture_say(fd, "o");
    }
    cr_assert_str_eq(fixture_told(), "");
    fixture_pass(1000);
    cr_assert_str_eq(fixture_told(), "end 2|");
    cr_assert_eq(worker->row->counts.timed_out, 1);
}

/* A client that connects, and whose user thinks; then a name that begins like HTTP. */
Test(post, name_that_begins_as_http_does_is_a_name) {
    int fd = fixture_connect(NET_TCP);

    fixture_pass(60000);
    fixture_say(fd, "G");
    cr_assert_str_eq(fixture_told(), "");
    fixture_pass(40);
    cr_assert_str_eq(fixture_told(), "G|");
}

/* ---- classic clients ---- */

static void send_five(struct session *session, const char *data, size_t len) {
    static char text[900];

    (void)data;
    (void)len;
    for (char c = 'a'; c <= 'e'; c++) {
        memset(text, c, sizeof(text));
        session_send(session, text, sizeof(text));
    }
}

/* It reads with recv(1024), within 50 ms: each message is a read of its own, and none is cut. */
Test(post, classic_client_gets_a_message_at_a_time) {
    int fd = fixture_connect(NET_TCP);
    const char *text;

    answer = send_five;
    fixture_say(fd, "name");
    for (char c = 'a'; c <= 'e'; c++) {
        text = fixture_read(fd, 1024);
        cr_assert(strlen(text) == 900 && text[0] == c && text[899] == c, "%c: %zu bytes of %c", c,
            strlen(text), text[0]);
        fixture_pass(50);
        cr_assert_str_eq(fixture_read(fd, 1024), "", "it was not given its 50 ms");
        fixture_pass(25);
    }
    cr_assert(strstr(fixture_told(), "writable") != NULL);
}

/* A turn that began long ago, since others were sent much, takes nothing off it. */
Test(post, classic_client_has_its_time_from_when_it_is_sent_to) {
    int fd = fixture_connect(NET_TCP);

    worker->now_ns = (clock_now_ms() - 60) * 1000000;
    answer = send_five;
    fixture_say(fd, "name");
    cr_assert_eq(strlen(fixture_read(fd, 1024)), 900);
    fixture_pass(80);
    cr_assert_str_eq(fixture_read(fd, 1024), "", "it was not given its 50 ms");
    fixture_pass(1000);
    cr_assert_eq(strlen(fixture_read(fd, 1024)), 900);
}

/* Over a UNIX socket it is known when it has read. */
Test(post, classic_client_that_has_not_read_is_waited_for) {
    int fd = fixture_connect(NET_UNIX);
    const char *text;

    answer = send_five;
    fixture_say(fd, "name");
    fixture_pass(1000);
    text = fixture_read(fd, 65536);
    cr_assert_eq(strlen(text), 900, "%zu bytes", strlen(text));
    fixture_pass(10);
    cr_assert_eq(strlen(fixture_read(fd, 65536)), 900);
}

static void send_some(struct session *session, const char *data, size_t len) {
    (void)data;
    (void)len;
    for (unsigned i = 0; i < 3; i++)
        session_send(session, "привет", strlen("привет"));
}

Test(post, short_messages_to_a_classic_client_are_joined_by_newlines) {
    int fd = fixture_connect(NET_TCP);

    answer = send_some;
    fixture_say(fd, "name");
    cr_assert_str_eq(fixture_read(fd, 1024), "привет\nпривет\nпривет");
    fixture_pass(74);
    fixture_say(fd, "again");
    cr_assert_str_eq(fixture_read(fd, 1024), "\nпривет\nпривет\nпривет");
    fixture_pass(75);
    fixture_say(fd, "again");
    cr_assert_str_eq(fixture_read(fd, 1024), "привет\nпривет\nпривет");
}

static void send_long(struct session *session, const char *data, size_t len) {
    char text[3001];

    (void)data;
    (void)len;
    for (size_t i = 0; i < 3000; i += 2)
        memcpy(text + i, "я", 2);
    session_send(session, text, 3000);
}

Test(post, long_message_to_a_classic_client_is_cut_on_a_character) {
    int fd = fixture_connect(NET_TCP);
    const char *text;

    answer = send_long;
    fixture_say(fd, "name");
    text = fixture_read(fd, 1024);
    cr_assert(strlen(text) <= 1000 && strlen(text) > 990, "%zu", strlen(text));
    cr_assert_str_eq(text + strlen(text) - 5, "я…");
}

/* It always has something to come, and takes it: that is no stall. */
Test(post, classic_client_that_lags_lives_and_one_that_stalls_does_not) {
    int lags = fixture_connect(NET_UNIX), stalls = fixture_connect(NET_UNIX);
    char text[600];

    memset(text, 'x', sizeof(text));
    fixture_say(lags, "lags");
    fixture_say(stalls, "stalls");
    fixture_told();
    for (unsigned i = 0; i < 1300; i++) {
        for (struct session *session = post_first(&worker->post); session != NULL;
             session = post_next(&worker->post, session))
            while (session_unsent(session) < 2000)
                session_send(session, text, sizeof(text));
        fixture_pass(75);
        if (worker->row->sessions == 2)
            recv(lags, (char[1024]){ 0 }, 1024, MSG_DONTWAIT);
        else
            break;
    }
    cr_assert_str_eq(fixture_told(), "end 2|");
    cr_assert_eq(worker->row->sessions, 1);
    cr_assert_eq(worker->row->counts.timed_out, 1);
    fixture_say(lags, "I am here");
    cr_assert_str_eq(fixture_told(), "I am here|");
}
