/* Sending to many sessions at once. */
#include "tests/unit/workers/post_fixture.h"

TestSuite(post_many, .init = fixture_open, .timeout = 30);

#define MANY 70

static struct session_sending sending[MANY];

/* To all of the post, as they came. */
static void send_to_each(const char *data, size_t len) {
    unsigned n = 0;

    for (struct session *session = post_first(&worker->post); session != NULL;
         session = post_next(&worker->post, session))
        sending[n++] = (struct session_sending){ .session = session, .data = data, .len = len };
    session_send_each(sending, n);
    fixture_run();
}

Test(post_many, many_are_sent_to_at_once) {
    uint64_t before;
    int fd[MANY];

    for (unsigned i = 0; i < MANY; i++) {
        fd[i] = fixture_connect(NET_UNIX);
        fixture_say(fd[i], "x\n");
    }
    before = worker->row->counts.bytes_out;
    send_to_each("one\n", 4);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert(sending[i].is_sent, "not to %u", i);
        cr_assert_str_eq(fixture_read(fd[i], 100), "one\n");
    }
    cr_assert_eq(worker->row->counts.bytes_out - before, MANY * 4);
}

/* Read until it is the end that comes; returns how much was before it. */
static size_t read_up_to(int fd, const char *end) {
    const size_t len = strlen(end);
    static char got[1 << 20];
    size_t n = 0;

    for (ssize_t more = 1; more > 0; n += more > 0 ? (size_t)more : 0) {
        more = recv(fd, got + n, sizeof(got) - n, MSG_DONTWAIT);
        fixture_run();
    }
    cr_assert(n >= len && memcmp(got + n - len, end, len) == 0, "it ends with '%.10s'",
        got + (n > 10 ? n - 10 : 0));
    return n - len;
}

Test(post_many, of_many_those_who_cannot_be_sent_to_harm_nobody) {
    int slow = fixture_connect(NET_UNIX), gone = fixture_connect(NET_UNIX),
        raw = fixture_connect(NET_UNIX), well = fixture_connect(NET_UNIX);
    static char much[300001];

    args.write_buffer_bytes = 300000;
    fixture_say(slow, "x\n");
    fixture_say(gone, "x\n");
    fixture_say(raw, "x");
    fixture_say(well, "x\n");
    memset(much, 'm', sizeof(much));
    cr_assert_eq(session_send(post_first(&worker->post), much, 250000), 0);
    cr_assert_gt(session_unsent(post_first(&worker->post)), 0);
    close(gone);
    send_to_each("\none", 4);
    cr_assert(sending[0].is_sent, "it waits");
    cr_assert_not(sending[1].is_sent);
    cr_assert(sending[2].is_sent);
    cr_assert(sending[3].is_sent);
    cr_assert_str_eq(fixture_read(raw, 100), "one", "a classic client's has no newline before it");
    cr_assert_str_eq(fixture_read(well, 100), "\none");
    cr_assert_eq(worker->row->sessions, 3);
    /* Nobody's room is left for this; and nothing of it comes. */
    send_to_each(much, sizeof(much));
    cr_assert_not(sending[0].is_sent);
    cr_assert_eq(read_up_to(slow, "\none"), 250001);
}
