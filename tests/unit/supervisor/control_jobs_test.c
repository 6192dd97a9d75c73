/* Connections that ask for jobs: handed over whole, or in hand until they can be. */
#include "tests/unit/supervisor/control_fake.h"

#define ASK "{\"verb\":\"job.list\",\"args\":{\"all\":true,\"more\":[1]}}\n"

static int peer, exit_code;

static void open_with_peer(void) {
    fake_open();
    fake.jobs.text = "{}";
    fake.jobs.state = JOBS_KEEPER_RUNNING;
    peer = fake_connect();
}

static void close_all(void) {
    close(peer);
    close(fake_given);
    close(fake_given_bytes);
    fake_close();
}

TestSuite(control_jobs, .init = open_with_peer, .fini = close_all);

static void turns(void) {
    for (int i = 0; i < 5; i++)
        fake_turn();
}

/* What was given on, read as whoever gets it does: from its start. */
static const char *given_bytes(void) {
    static char text[1 << 17];
    ssize_t n = read(fake_given_bytes, text, sizeof(text) - 1);

    cr_assert_geq(n, 0);
    text[n] = '\0';
    return text;
}

Test(control_jobs, connection_is_handed_over_with_all_that_was_read) {
    char byte;

    fake_write(peer, ASK "{\"verb\":\"job.show\"}\n{\"half");
    turns();
    cr_assert_geq(fake_given, 0);
    cr_assert_str_eq(given_bytes(), ASK "{\"verb\":\"job.show\"}\n{\"half");
    /* It is the very connection, open in both ways, and nobody else's. */
    cr_assert_eq(send(fake_given, "yes", 3, MSG_NOSIGNAL), 3);
    cr_assert_eq(recv(peer, &byte, 1, 0), 1);
    cr_assert_eq(byte, 'y');
    fake_write(peer, "more\n");
    turns();
    cr_assert_eq(recv(fake_given, &byte, 1, MSG_DONTWAIT), 1);
    cr_assert_eq(byte, 'm');
    close(fake_given);
    fake_given = -1;
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 1); /* "es", then the end */
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 1);
    cr_assert_leq(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
    cr_assert_neq(errno, EAGAIN);
}

Test(control_jobs, line_that_ends_with_the_stream_gets_its_newline) {
    fake_write(peer, "{\"verb\":\"job.list\"}");
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    turns();
    cr_assert_str_eq(given_bytes(), "{\"verb\":\"job.list\"}\n");
}

Test(control_jobs, what_was_asked_before_is_answered_before) {
    fake_write(peer, "{\"verb\":\"ports\"}\n\r\n" ASK);
    cr_assert_str_eq(fake_read(peer), "[]");
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
    turns();
    cr_assert_str_eq(given_bytes(), ASK);
}

/* Read what there is; returns how many answers have come to their end. */
static unsigned count_ends(void) {
    static char text[1 << 16];
    static bool is_in_word;
    unsigned count = 0;
    ssize_t n;

    while ((n = recv(peer, text, sizeof(text), MSG_DONTWAIT)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            count += text[i] == '\n' && is_in_word;
            is_in_word = text[i] == '\n' ? false : is_in_word || text[i] == 'X';
        }
    return count;
}

/* It asks for much and does not read: the connection is nobody's to give while answers wait. */
Test(control_jobs, nothing_is_given_while_an_answer_waits_to_be_read) {
    static const char question[] = "{\"verb\":\"X\"}\n"; /* each answer names it, and is its end */
    unsigned asked = 0, answered = 0;
    const int little = 4096;

    cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
    for (int i = 0; i < 5000; i++) {
        if (send(peer, question, sizeof(question) - 1, MSG_DONTWAIT) == sizeof(question) - 1)
            asked++;
        fake_turn();
    }
    while (send(peer, ASK, sizeof(ASK) - 1, MSG_DONTWAIT) != sizeof(ASK) - 1) {
        answered += count_ends();
        turns();
    }
    for (int i = 0; i < 10000 && fake_given < 0; i++) {
        answered += count_ends();
        fake_turn();
    }
    answered += count_ends();
    cr_assert_eq(answered, asked, "%u of %u", answered, asked);
    cr_assert_str_eq(given_bytes(), ASK);
}

Test(control_jobs, question_stays_in_hand_until_it_is_ready) {
    fake.jobs.state = JOBS_KEEPER_STARTING;
    fake_jobs_error = EAGAIN;
    fake_write(peer, ASK);
    cr_assert_str_eq(fake_read(peer), "{\"progress\":\"the job supervisor is being started\"}");
    cr_assert(fake_is_silent(peer));
    fake_write(peer, "later\n");
    turns();
    fake.jobs.state = JOBS_KEEPER_RUNNING;
    fake_jobs_error = 0;
    turns();
    cr_assert_str_eq(given_bytes(), ASK "later\n");
}

Test(control_jobs, question_waits_ten_seconds_and_no_longer) {
    const uint64_t begin_ns = fake.now_ns = clock_now_ns();

    fake.jobs.state = JOBS_KEEPER_BACKOFF;
    strcpy(fake.jobs.last_death, "exited with 78 after 3.0 ms");
    fake_jobs_error = EAGAIN;
    fake_write(peer, ASK);
    cr_assert_not_null(strstr(fake_read(peer), "progress"));
    cr_assert_geq(fake_wake_at_ns, begin_ns + 10 * FAKE_SECOND_NS);
    fake.now_ns = begin_ns + 9 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert(fake_is_silent(peer));
    fake.now_ns = fake_wake_at_ns;
    control_tend(fake.control);
    cr_assert_str_eq(fake_finish(peer, &exit_code),
        "the job supervisor is BACKOFF: it exited with 78 after 3.0 ms; prefork explain jobs");
    cr_assert_eq(exit_code, 69);
    /* The line is answered, and the next one is another. */
    fake_write(peer, "{\"verb\":\"ports\"}\n");
    cr_assert_str_eq(fake_read(peer), "[]");
}

/* No room for an order: nobody tells that there is some again, so it is tried soon. */
Test(control_jobs, full_job_supervisor_is_tried_again_soon) {
    fake_jobs_error = EAGAIN;
    fake.now_ns = clock_now_ns();
    fake_write(peer, ASK);
    turns();
    cr_assert(fake_is_silent(peer));
    cr_assert_leq(fake_wake_at_ns, clock_now_ns() + FAKE_SECOND_NS / 10);
    fake.now_ns = clock_now_ns() + 11 * FAKE_SECOND_NS;
    control_tend(fake.control);
    cr_assert_not_null(strstr(fake_finish(peer, &exit_code), "takes no more connections"));
    cr_assert_eq(exit_code, 69);
}

Test(control_jobs, without_one_it_is_told_what_to_write) {
    fake.jobs.text = NULL;
    fake.jobs.state = JOBS_KEEPER_STOPPED;
    fake_write(peer, ASK);
    cr_assert_str_eq(fake_finish(peer, &exit_code),
        "there is no job supervisor: write \"jobs : { enabled = true; };\" in "
        "/etc/preforkd/preforkd.conf, then prefork reload");
    cr_assert_eq(exit_code, 78);
}

Test(control_jobs, daemon_that_stops_answers_at_once) {
    fake.jobs.state = JOBS_KEEPER_STOPPING;
    fake_jobs_error = EAGAIN;
    fake_write(peer, ASK);
    cr_assert_not_null(strstr(fake_read(peer), "progress"));
    fake.is_stopping = true;
    cr_assert_str_eq(fake_finish(peer, &exit_code), "preforkd is stopping");
    cr_assert_eq(exit_code, 69);
}

Test(control_jobs, peer_may_go_while_it_waits) {
    fake_jobs_error = EAGAIN;
    fake_write(peer, ASK);
    turns();
    close(peer);
    turns();
    fake_jobs_error = 0;
    turns();
    cr_assert_lt(fake_given, 0);
    peer = fake_connect();
    fake_write(peer, ASK);
    turns();
    cr_assert_geq(fake_given, 0);
}

Test(control_jobs, names_of_other_verbs_are_not_theirs) {
    static const char *const names[] = { "job", "jobs.list", "Job.list", "xjob.list" };
    char line[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(line, sizeof(line), "{\"verb\":\"%s\"}\n", names[i]);
        fake_write(peer, line);
        cr_assert_not_null(strstr(fake_finish(peer, &exit_code), "unknown verb"), "%s", names[i]);
    }
    cr_assert_lt(fake_given, 0);
}

Test(control_jobs, job_supervisor_is_no_service) {
    fake_write(peer, "{\"verb\":\"stop\",\"args\":{\"service\":\"jobs\"}}\n");
    cr_assert_str_eq(
        fake_finish(peer, &exit_code), "stop: \"jobs\" is the job supervisor, not a service");
    cr_assert_eq(exit_code, 2);
    fake_write(peer, "{\"verb\":\"explain\",\"args\":{\"service\":\"jobs\"}}\n");
    cr_assert_not_null(strstr(fake_read(peer), "\"kind\":\"jobs\""));
    cr_assert_str_eq(fake_finish(peer, &exit_code), "");
}
