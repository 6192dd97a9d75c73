/* Who asks about jobs: what he may do to the connection, and when it is over. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

#include "supervisor/jobs/peer.h"

static int peer;

static void open_with_peer(void) {
    fixture_open();
    peer = fixture_connect("");
}

static void close_all(void) {
    close(peer);
    fixture_close();
}

TestSuite(peers, .init = open_with_peer, .fini = close_all);

#define LIST "{\"verb\":\"job.list\"}\n"

Test(peers, line_may_come_in_pieces) {
    for (const char *c = "{\"verb\":\"job.list\"}\r\n"; *c != '\0'; c++) {
        cr_assert_eq(send(peer, c, 1, 0), 1);
        fixture_turn();
    }
    cr_assert_str_eq(fixture_finish(peer), "");
    cr_assert_eq(fixture_exit, 0);
}

/* A part of a line was read before the connection was handed over. */
Test(peers, line_may_have_begun_before) {
    int other = fixture_connect("{\"verb\":\"job.");

    cr_assert(fixture_is_silent(other));
    fixture_write(other, "list\"}\n");
    cr_assert_str_eq(fixture_finish(other), "");
    close(other);
}

Test(peers, question_waits_for_the_one_before) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n\n\r\n" LIST);
    cr_assert_not_null(strstr(fixture_line(peer), "progress"));
    cr_assert(fixture_is_silent(peer));
    fake_finish(fixture_find(1));
    cr_assert_not_null(strstr(fixture_line(peer), "\"state\":\"done\""));
    fixture_finish(peer);
    cr_assert_str_eq(fixture_finish(peer), "");
}

/* The job that the second question wants begins though nothing more comes in. */
Test(peers, question_that_waited_makes_the_loop_turn) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n"
                        "{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}\n");
    fixture_turn();
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(2)->state, ENTRY_QUEUED);
    cr_assert_eq(book_patience_ms(fixture_book, fixture_now_ns), 0);
}

/* He has asked all at once, before he was handed over, and is answered bit by bit. */
Test(peers, many_questions_at_once_are_all_answered) {
    static const char question[] = "{\"verb\":\"job.show\",\"args\":{\"id\":1}}\n";
    static char all[400 * sizeof(question)];
    int other;

    fixture_submit(&fixture_anna);
    for (int i = 0; i < 400; i++)
        strcat(all, question);
    other = fixture_connect(all);
    for (int i = 0; i < 400; i++)
        cr_assert_str_eq(fixture_finish(other), "");
    close(other);
}

Test(peers, line_has_a_longest) {
    static char line[65536 + 2];

    memset(line, ' ', 65536);
    memcpy(line, "{\"verb\":\"job.list\"}", 19);
    line[65536] = '\n';
    for (int round = 0; round < 2; round++) {
        for (size_t sent = 0; sent < 65537; sent += 4096) {
            cr_assert_gt(send(peer, line + sent, sent + 4096 > 65537 ? 65537 - sent : 4096, 0), 0);
            fixture_turn();
        }
        if (round == 0)
            cr_assert_str_eq(fixture_finish(peer), "");
        line[65536] = ' ';
    }
    cr_assert_str_eq(fixture_finish(peer), "a line is longer than 65536 bytes");
    cr_assert(fixture_is_closed(peer));
}

/* The supervisor would not do that; whoever speaks in its place is not believed either. */
Test(peers, file_that_is_too_long_is_not_taken_over) {
    static char bytes[70000];
    int pair[2];

    memset(bytes, 'x', sizeof(bytes));
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    peers_add(fixture_peers, pair[1], fixture_memfd(bytes, sizeof(bytes)));
    cr_assert(fixture_is_closed(pair[0]));
    close(pair[0]);
}

Test(peers, half_closed_peer_gets_its_answer) {
    fixture_write(peer, "{\"verb\":\"job.list\"}"); /* no newline: the end ends the line */
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    cr_assert_str_eq(fixture_finish(peer), "");
    cr_assert(fixture_is_closed(peer));
}

Test(peers, half_closed_peer_is_told_of_the_end) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n");
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    cr_assert_not_null(strstr(fixture_line(peer), "progress"));
    cr_assert(fixture_is_silent(peer));
    fake_finish(fixture_find(1));
    cr_assert_str_eq(fixture_finish(peer), "");
}

/* What is asked is done though nobody waits for the answer. */
Test(peers, peer_may_ask_and_go) {
    fixture_write(
        peer, "{\"verb\":\"job.submit\",\"args\":{\"follow\":true,\"what\":" FIXTURE_JOB "}}\n");
    close(peer);
    for (int i = 0; i < 5; i++)
        fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_RUNNING);
    cr_assert(TAILQ_EMPTY(&fixture_find(1)->watchers));
    cr_assert_eq(loop_turn(fixture_loop, 0), 0, "the loop turns for nothing");
    peer = fixture_connect("");
}

/* Whoever asks without reading is not answered for ever. */
Test(peers, peer_that_does_not_read_is_not_answered_without_end) {
    size_t asked = 0;
    ssize_t n;

    for (int i = 0; i < 20; i++)
        fixture_submit(&fixture_anna);
    for (int i = 0; i < 10000; i++) {
        n = send(peer, LIST, strlen(LIST), MSG_DONTWAIT | MSG_NOSIGNAL);
        asked += n > 0;
        fixture_turn();
    }
    cr_assert_lt(asked, 10000, "it was read from without end");
    cr_assert_eq(loop_turn(fixture_loop, 0), 0);
    fixture_pass(PEER_IDLE_S * FIXTURE_SECOND_NS);
    fixture_turn();
    while (recv(peer, &(char[4096]){ 0 }, 4096, MSG_DONTWAIT) > 0)
        ;
    cr_assert(fixture_is_closed(peer));
}

Test(peers, idle_peer_is_cut) {
    cr_assert_gt(peers_patience_ms(fixture_peers), 50000);
    fixture_pass((PEER_IDLE_S - 1) * FIXTURE_SECOND_NS);
    cr_assert(fixture_is_silent(peer));
    fixture_pass(FIXTURE_SECOND_NS);
    cr_assert(fixture_is_closed(peer));
    cr_assert_eq(peers_patience_ms(fixture_peers), -1);
}

Test(peers, peer_that_waits_is_not_cut) {
    fixture_submit(&fixture_admin);
    fixture_turn();
    fixture_write(peer, "{\"verb\":\"job.wait\",\"args\":{\"id\":1}}\n");
    cr_assert_not_null(fixture_line(peer));
    fixture_pass(3600 * FIXTURE_SECOND_NS);
    cr_assert(fixture_is_silent(peer));
    fake_finish(fixture_find(1));
    cr_assert_str_eq(fixture_finish(peer), "");
}

Test(peers, one_too_many_is_told) {
    int fds[PEERS_MAX], last;
    size_t before;

    for (unsigned i = 0; i + 1 < PEERS_MAX; i++)
        fds[i] = fixture_connect("");
    before = (size_t)dup(0);
    close((int)before);
    last = fixture_connect(LIST);
    cr_assert_not_null(strstr(fixture_finish(last), "as many connections as it takes"));
    cr_assert_eq(fixture_exit, EXIT_CODE_BUSY);
    cr_assert(fixture_is_closed(last));
    close(last);
    cr_assert_eq(dup(0), before, "a descriptor is lost");
    for (unsigned i = 0; i + 1 < PEERS_MAX; i++)
        close(fds[i]);
    fixture_turn();
    fixture_turn();
    last = fixture_connect(LIST);
    cr_assert_str_eq(fixture_finish(last), "");
    close(last);
}

/* The job supervisor leaves: who waits is told, who is in the midst of a piece sees the end. */
Test(peers, those_who_wait_are_dismissed) {
    int other = fixture_connect("{\"verb\":\"job.submit\",\"args\":{\"what\":" FIXTURE_JOB "}}\n");

    fixture_finish(other);
    fixture_write(other, "{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n");
    cr_assert(fixture_is_silent(other));
    peers_free(fixture_peers);
    fixture_peers = peers_new(fixture_book, fixture_loop, &fixture_now_ns);
    cr_assert_str_eq(fixture_finish(other), "the job supervisor is leaving: ask again in a moment");
    cr_assert_eq(fixture_exit, EXIT_CODE_UNAVAILABLE);
    cr_assert(fixture_is_closed(other));
    cr_assert(fixture_is_closed(peer));
    close(other);
}

/* A copy of the socket that a child holds does not keep the other side waiting. */
Test(peers, end_is_seen_though_a_child_holds_the_socket) {
    int pair[2], copy;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    copy = dup(pair[1]);
    peers_add(fixture_peers, pair[1], fixture_memfd("", 0));
    fixture_pass(PEER_IDLE_S * FIXTURE_SECOND_NS);
    cr_assert(fixture_is_closed(pair[0]));
    close(copy);
    close(pair[0]);
}
