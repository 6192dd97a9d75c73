/* The control socket: what peers may do to it, and what it answers to nonsense. */
#include "tests/unit/supervisor/control_fake.h"

static int peer, exit_code;

static void open_with_peer(void) {
    fake_open();
    peer = fake_connect();
}

static void close_all(void) {
    close(peer);
    fake_close();
}

TestSuite(control, .init = open_with_peer, .fini = close_all);

Test(control, line_may_come_in_pieces) {
    for (const char *c = "{\"verb\":\"ports\"}\r\n"; *c != '\0'; c++) {
        cr_assert_eq(send(peer, c, 1, 0), 1);
        fake_turn();
    }
    cr_assert_str_eq(fake_read(peer), "[]");
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
    cr_assert_eq(exit_code, 0);
}

Test(control, several_lines_may_come_at_once) {
    fake_write(peer, "{\"verb\":\"ports\"}\n\n\r\n{\"verb\":\"config\"}\n{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(peer), "[]");
    fake_finish(peer, &exit_code);
    cr_assert_not_null(strstr(fake_read(peer), "/etc/preforkd/preforkd.conf"));
    fake_finish(peer, &exit_code);
    cr_assert_str_eq(fake_read(peer), "[]");
    fake_finish(peer, &exit_code);
    cr_assert(fake_is_silent(peer));
}

Test(control, question_waits_for_the_one_before) {
    fake_write(peer, "{\"verb\":\"stop\",\"args\":{\"service\":\"echo\"}}\n{\"verb\":\"ports\"}\n");
    cr_assert_not_null(strstr(fake_read(peer), "progress"));
    cr_assert(fake_is_silent(peer));
    fake_service("echo")->state = SERVICE_STOPPED;
    cr_assert_not_null(strstr(fake_read(peer), "echo is STOPPED"));
    fake_finish(peer, &exit_code);
    cr_assert_str_eq(fake_read(peer), "[]");
}

Test(control, mistakes_are_told) {
    static const char *const cases[][2] = { { "GET / HTTP/1.1", "not a line of JSON" },
        { "[1]", "a line is {\"verb\"" }, { "{}", "a line is {\"verb\"" },
        { "{\"verb\":5}", "a line is {\"verb\"" },
        { "{\"verb\":\"ports\",\"args\":[]}", "a line is {\"verb\"" },
        { "{\"verb\":\"statsu\"}", "unknown verb \"statsu\", did you mean \"status\"?" },
        { "{\"verb\":\"quite another\"}", "unknown verb \"quite another\"; there are: status, " },
        { "{\"verb\":\"start\"}", "start: service is missing" },
        { "{\"verb\":\"start\",\"args\":{\"service\":7}}",
            "start: service must be the name of a service" },
        { "{\"verb\":\"start\",\"args\":{\"service\":\"ehco\"}}",
            "start: unknown service \"ehco\", did you mean \"echo\"?" },
        { "{\"verb\":\"start\",\"args\":{\"service\":\"zzzzzz\"}}",
            "start: unknown service \"zzzzzz\"" },
        { "{\"verb\":\"start\",\"args\":{\"service\":\"ack\",\"waits\":true}}",
            "start: unknown argument \"waits\", did you mean \"wait\"?" },
        { "{\"verb\":\"start\",\"args\":{\"service\":\"ack\",\"wait\":1}}",
            "start: wait must be true or false" },
        { "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":1.5}}",
            "scale: n must be a whole number" },
        { "{\"verb\":\"events\",\"args\":{\"last\":-1}}", "last must not be negative" },
        { "{\"verb\":\"\xff\"}", "not a line of JSON" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_write(peer, cases[i][0]);
        fake_write(peer, "\n");
        cr_assert_not_null(strstr(fake_finish(peer, &exit_code), cases[i][1]), "%s", cases[i][0]);
        cr_assert_eq(exit_code, 2);
    }
    cr_assert_str_eq(fake_called, "");
}

/* An unknown word is cut in the midst of a letter, and still becomes JSON. */
Test(control, long_unknown_word_is_cut) {
    fake_write(peer, "{\"verb\":\"a");
    for (int i = 0; i < 60; i++)
        fake_write(peer, "\xc3\xa9");
    fake_write(peer, "\"}\n");
    cr_assert_not_null(strstr(fake_finish(peer, &exit_code), "unknown verb"));
}

Test(control, line_has_a_longest) {
    static char line[65536 + 2];

    memset(line, ' ', 65536);
    memcpy(line, "{\"verb\":\"ports\"}", 16);
    line[65536] = '\n';
    for (size_t sent = 0; sent < 65537; sent += 4096) {
        cr_assert_gt(send(peer, line + sent, sent + 4096 > 65537 ? 65537 - sent : 4096, 0), 0);
        fake_turn();
    }
    cr_assert_str_eq(fake_read(peer), "[]");
    fake_finish(peer, &exit_code);
    line[65536] = ' ';
    for (size_t sent = 0; sent < 65537; sent += 4096) {
        cr_assert_gt(send(peer, line + sent, sent + 4096 > 65537 ? 65537 - sent : 4096, 0), 0);
        fake_turn();
    }
    cr_assert_str_eq(fake_finish(peer, &exit_code), "a line is longer than 65536 bytes");
    cr_assert(fake_is_closed(peer));
}

Test(control, half_closed_peer_gets_its_answer) {
    fake_write(peer, "{\"verb\":\"ports\"}"); /* no newline: the end ends the line */
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    cr_assert_str_eq(fake_read(peer), "[]");
    fake_finish(peer, &exit_code);
    cr_assert(fake_is_closed(peer));
}

Test(control, peer_may_go_while_it_waits) {
    fake_write(peer, "{\"verb\":\"stop\",\"args\":{\"service\":\"echo\"}}\n");
    cr_assert_not_null(fake_read(peer));
    close(peer);
    for (int i = 0; i < 5; i++)
        fake_turn();
    cr_assert_eq(loop_turn(fake.loop, 0), 0, "the loop turns for nothing");
    peer = fake_connect();
    fake_service("echo")->state = SERVICE_STOPPED;
    fake_write(peer, "{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(peer), "[]");
}

/* What is asked is done though nobody waits for the answer. */
Test(control, peer_may_ask_and_go) {
    fake_write(peer, "{\"verb\":\"restart\",\"args\":{\"service\":\"echo\"}}\n");
    close(peer);
    for (int i = 0; i < 5; i++)
        fake_turn();
    cr_assert_str_eq(fake_called, "restart echo");
    peer = fake_connect();
}

static size_t count_descriptors(void) {
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

Test(control, sixty_fifth_peer_is_told) {
    int peers[63], late;
    size_t before;

    for (int i = 0; i < 63; i++) {
        peers[i] = fake_connect();
        fake_turn();
    }
    fake_turn();
    before = count_descriptors();
    late = fake_connect();
    cr_assert_str_eq(fake_finish(late, &exit_code), "64 others are connected already");
    cr_assert_eq(exit_code, 75);
    cr_assert(fake_is_closed(late));
    close(late);
    cr_assert_eq(count_descriptors(), before);
    /* One goes, one may come. */
    close(peers[0]);
    fake_turn();
    peers[0] = fake_connect();
    fake_write(peers[0], "{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(peers[0]), "[]");
    for (int i = 0; i < 63; i++)
        close(peers[i]);
}

Test(control, idle_peer_is_closed_after_a_minute) {
    int waiting = fake_connect();

    fake_write(waiting, "{\"verb\":\"stop\",\"args\":{\"service\":\"echo\"}}\n");
    cr_assert_not_null(fake_read(waiting));
    fake.now_ns += 59 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert_lt(recv(peer, (char[1]){ 0 }, 1, MSG_DONTWAIT), 0);
    fake.now_ns += 2 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert_eq(recv(peer, (char[1]){ 0 }, 1, MSG_DONTWAIT), 0);
    /* One that waits for something is not idle. */
    cr_assert_lt(recv(waiting, (char[1]){ 0 }, 1, MSG_DONTWAIT), 0);
    close(waiting);
}

Test(control, peer_that_never_reads_harms_nobody) {
    const char question[] = "{\"verb\":\"status\"}\n";
    int good = fake_connect();
    unsigned sent = 0;

    /* It asks until nothing more is taken from it. */
    for (int turns = 0; turns < 200; turns++) {
        while (send(peer, question, strlen(question), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
            sent++;
        fake_turn();
    }
    cr_assert_gt(sent, 1000);
    cr_assert_eq(errno, EAGAIN, "it is not read from any more, and not cut");
    cr_assert_eq(loop_turn(fake.loop, 0), 0, "the loop turns for nothing");
    fake_write(good, "{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(good), "[]");
    fake.now_ns += 61 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert_lt(send(peer, question, strlen(question), MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    cr_assert_eq(errno, EPIPE);
    close(good);
}

/* ---- events ---- */

Test(control, last_hundred_events_are_kept) {
    char line[64];

    for (int i = 1; i <= 130; i++) {
        snprintf(line, sizeof(line), "{\"n\":%d}\n", i);
        control_publish(fake.control, line);
    }
    fake_write(peer, "{\"verb\":\"events\"}\n");
    for (int i = 31; i <= 130; i++) {
        snprintf(line, sizeof(line), "{\"n\":%d}", i);
        cr_assert_str_eq(fake_read(peer), line);
    }
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
    fake_write(peer, "{\"verb\":\"events\",\"args\":{\"last\":2}}\n");
    cr_assert_str_eq(fake_read(peer), "{\"n\":129}");
    cr_assert_str_eq(fake_read(peer), "{\"n\":130}");
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
}

Test(control, follower_gets_each_event) {
    int other = fake_connect();

    control_publish(fake.control, "{\"n\":1}");
    fake_write(peer, "{\"verb\":\"events\",\"args\":{\"follow\":true}}\n");
    cr_assert_str_eq(fake_read(peer), "{\"following\":true}");
    cr_assert(fake_is_silent(peer));
    for (int i = 0; i < 500; i++) {
        control_publish(fake.control, "{\"n\":2}");
        cr_assert_str_eq(fake_read(peer), "{\"n\":2}");
    }
    cr_assert(fake_is_silent(other));
    fake.now_ns += 3600 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert(fake_is_silent(peer));
    control_close(fake.control);
    fake.control = NULL;
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
    cr_assert_eq(exit_code, 0);
    close(other);
}

Test(control, follower_that_does_not_read_is_cut) {
    static char event[1000];
    int good = fake_connect();

    snprintf(event, sizeof(event), "{\"text\":\"%0900d\"}", 7);
    fake_write(peer, "{\"verb\":\"events\",\"args\":{\"follow\":true}}\n");
    fake_write(good, "{\"verb\":\"events\",\"args\":{\"follow\":true}}\n");
    cr_assert_str_eq(fake_read(peer), "{\"following\":true}");
    cr_assert_str_eq(fake_read(good), "{\"following\":true}");
    for (int i = 0; i < 3000; i++) {
        control_publish(fake.control, event);
        cr_assert_str_eq(fake_read(good), event);
    }
    cr_assert_lt(send(peer, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    close(good);
}

/* ---- after fork ---- */

Test(control, child_forgets_its_descriptors) {
    size_t before = count_descriptors();

    fake_turn(); /* the peer is accepted: one more */
    cr_assert_eq(count_descriptors(), before + 1);
    if (fork() == 0) {
        control_forget(fake.control);
        /* listener, lock, timer and the peer's */
        _exit(count_descriptors() == before + 1 - 4 ? 0 : 1);
    }
    int status;
    cr_assert_gt(wait(&status), 0);
    cr_assert_eq(status, 0);
    /* The parent serves on. */
    fake_write(peer, "{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(peer), "[]");
}
