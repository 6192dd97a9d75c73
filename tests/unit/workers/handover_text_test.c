/* Sessions of texts in the midst of something, given from each model to each. */
#include "tests/unit/workers/handover_fixture.h"
#include "workers/services/session.h"

static void open_fixture(void) {
    fixture_open(&(struct gate_limits){ 0 });
}

TestSuite(handover_text, .init = open_fixture, .timeout = 60);

static char many[250001];

/* "many" is answered by more than a small buffer takes; "wait" is paused behind. */
static void answer(struct session *session, const char *data, size_t len) {
    if (len == 4 && memcmp(data, "many", 4) == 0)
        session_send(session, many, sizeof(many) - 1);
    else
        session_send(session, data, len);
    if (len == 4 && memcmp(data, "wait", 4) == 0)
        session_pause(session, 600000);
}

static const struct service_ops ops = {
    .name = "texts", .flags = SERVICE_STREAM | SERVICE_PACKS | SERVICE_TEXT, .message = answer
};

static void read_exactly(int fd, const char *wanted, size_t len, const char *what) {
    static char got[300000];
    size_t n = 0;
    ssize_t rc;

    while (n < len && (rc = recv(fd, got + n, len - n, 0)) > 0)
        n += (size_t)rc;
    cr_assert(n == len && memcmp(got, wanted, len) == 0, "%s: %zu bytes: %.*s", what, n,
        (int)(n < 40 ? n : 40), got);
}

/* What is said before, what has to be answered by then, what is said after, and answered. */
struct talk {
    const char *before;
    size_t before_len;
    const char *back;
    size_t back_len;
    const char *after;
    size_t after_len;
    const char *at_last;
    size_t at_last_len;
};

#define TEXT(text) (text), sizeof(text) - 1

static void go_from_to(enum worker_model from, enum worker_model to, const struct talk *talk) {
    struct member old, fresh;
    char what[80];
    int fd;

    snprintf(what, sizeof(what), "%d to %d, \"%.20s\"", from, to, talk->before);
    old = start(from, 1, false);
    fd = connect_one();
    cr_assert_eq(send(fd, talk->before, talk->before_len, 0), (ssize_t)talk->before_len);
    read_exactly(fd, talk->back, talk->back_len, what);
    UNTIL(board->row[old.row].counts.bytes_in >= talk->before_len);
    fresh = start(to, 1, true);
    replace(&old, &fresh);
    cr_assert_eq(end_of(&old), 0, "%s", what);
    cr_assert_eq(sessions(&fresh), 1, "%s: it was not given", what);
    cr_assert_eq(send(fd, talk->after, talk->after_len, 0), (ssize_t)talk->after_len);
    read_exactly(fd, talk->at_last, talk->at_last_len, what);
    close(fd);
    kill(fresh.pid, SIGTERM);
    cr_assert_eq(end_of(&fresh), 0, "%s", what);
}

static void go_everywhere(const struct talk *talk) {
    fixture_ops = &ops;
    for (enum worker_model from = WORKER_PROCESS; from <= WORKER_EVENT; from++)
        for (enum worker_model to = WORKER_PROCESS; to <= WORKER_EVENT; to++)
            go_from_to(from, to, talk);
}

Test(handover_text, half_a_line_goes_on) {
    go_everywhere(
        &(struct talk){ TEXT("one\ntw"), TEXT("one\n"), TEXT("o\nthree\n"), TEXT("two\nthree\n") });
}

Test(handover_text, half_a_frame_goes_on) {
    go_everywhere(&(struct talk){
        TEXT("\0\0\0\3one\0\0\0\3t"), TEXT("\0\0\0\3one"), TEXT("wo"), TEXT("\0\0\0\3two") });
}

Test(handover_text, form_that_is_known_stays) {
    /* What begins with a zero would be a frame for who does not know that it speaks lines. */
    go_everywhere(&(struct talk){ TEXT("one\n"), TEXT("one\n"), "\0two\n", 5, "\0two\n", 5 });
}

Test(handover_text, what_was_read_and_not_given_is_given) {
    go_everywhere(&(struct talk){
        TEXT("wait\ntwo\nthree\n"), TEXT("wait\n"), TEXT("four\n"), TEXT("two\nthree\nfour\n") });
}

Test(handover_text, what_was_not_sent_is_sent) {
    static char wanted[sizeof(many) + 3];

    const int small = 4096;

    setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    memset(many, 'm', sizeof(many) - 1);
    memcpy(wanted, many, sizeof(many) - 1);
    strcpy(wanted + sizeof(many) - 1, "\nx\n");
    go_everywhere(
        &(struct talk){ TEXT("many\n"), TEXT(""), TEXT("x\n"), wanted, sizeof(many) - 1 + 3 });
}
