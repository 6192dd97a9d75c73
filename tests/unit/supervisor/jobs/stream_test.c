/* Results on their way to those who read them, and to those who do not. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

#include "supervisor/jobs/stream.h"

#define MANY 3000000u

TestSuite(stream, .init = fixture_open, .fini = fixture_close);

/* Bytes that differ from place to place. */
static char *make_bytes(size_t len) {
    char *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)((i * 2654435761u) >> 13);
    return bytes;
}

static struct entry *run_with(const char *bytes, size_t len) {
    struct entry *entry = fixture_submit(&fixture_admin);

    fixture_turn();
    fake_write(entry, bytes, len);
    fake_finish(entry);
    fixture_turn();
    return entry;
}

/* Read {"data":N} and N bytes, up to the last line; how many bytes, which must be those of want. */
static size_t read_result(int fd, const char *want, size_t most) {
    static char piece[STREAM_PIECE];
    size_t got = 0, len;
    json_t *object;

    for (;;) {
        object = fixture_object(fd);
        if (json_object_get(object, "id") != NULL || json_object_get(object, "job") != NULL)
            continue;
        if (json_object_get(object, "data") == NULL)
            break;
        len = (size_t)json_integer_value(json_object_get(object, "data"));
        cr_assert_gt(len, 0);
        cr_assert_leq(len, STREAM_PIECE);
        cr_assert_leq(got + len, most);
        cr_assert_eq(fixture_receive(fd, piece, len), len);
        cr_assert_arr_eq(piece, want + got, len);
        got += len;
    }
    cr_assert(json_is_true(json_object_get(object, "done")));
    fixture_exit = (int)json_integer_value(json_object_get(object, "exit"));
    return got;
}

Test(stream, result_of_an_ended_job_comes_whole) {
    char *bytes = make_bytes(MANY);
    int fd;

    run_with(bytes, MANY);
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1}}\n");
    cr_assert_eq(read_result(fd, bytes, MANY), MANY);
    cr_assert_eq(fixture_exit, 0);
    close(fd);
    free(bytes);
}

Test(stream, it_goes_on_at_any_byte) {
    static const size_t from[] = { 0, 1, 16384, 100000, MANY - 1, MANY };
    char *bytes = make_bytes(MANY), line[128];
    int fd = fixture_connect("");

    run_with(bytes, MANY);
    for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        snprintf(line, sizeof(line),
            "{\"verb\":\"job.result\",\"args\":{\"id\":1,\"from\":%zu,\"follow\":true}}\n",
            from[i]);
        fixture_write(fd, line);
        cr_assert_eq(read_result(fd, bytes + from[i], MANY - from[i]), MANY - from[i]);
    }
    fixture_write(fd, "{\"verb\":\"job.result\",\"args\":{\"id\":1,\"from\":3000001}}\n");
    cr_assert_not_null(strstr(fixture_finish(fd), "has 3000000 bytes"));
    cr_assert_eq(fixture_exit, EXIT_CODE_USAGE);
    close(fd);
    free(bytes);
}

/* A small result, its id and its end leave in as few calls as there are turns. */
Test(stream, submit_and_follow_of_a_small_job_takes_three_turns) {
    static const char question[] =
        "{\"verb\":\"job.submit\",\"args\":{\"follow\":true,\"what\":" FIXTURE_JOB "}}\n";
    char answer[4096];
    ssize_t n;
    int fd = fixture_connect(question);
    static const char first[] = "{\"data\":4}\n1\n2\n{\"job\":{\"id\":1,",
                      last[] = "}}\n{\"done\":true,\"exit\":0,\"error\":null}\n";

    fixture_turn(); /* it is kept, in work, and its id is out */
    n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    cr_assert_gt(n, 0);
    answer[n] = '\0';
    cr_assert_str_eq(answer, "{\"id\":1,\"state\":\"queued\"}\n");
    fake_write(fixture_find(1), "1\n2\n", 4);
    fake_finish(fixture_find(1));
    fixture_turn();
    n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    cr_assert_gt(n, 0);
    answer[n] = '\0';
    cr_assert_eq(strncmp(answer, first, strlen(first)), 0, "%s", answer);
    cr_assert_str_eq(answer + strlen(answer) - strlen(last), last);
    close(fd);
}

Test(stream, running_job_is_followed_to_its_end) {
    char *bytes = make_bytes(MANY);
    struct entry *entry = fixture_submit(&fixture_admin);
    int fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n");

    fixture_turn();
    cr_assert(fixture_is_silent(fd));
    for (size_t at = 0; at < MANY; at += 100000) {
        fake_write(entry, bytes + at, 100000);
        fixture_pass(6000000);
    }
    fake_end(entry, ENTRY_INCOMPLETE, EXIT_CODE_INCOMPLETE, "1 held");
    cr_assert_eq(read_result(fd, bytes, MANY), MANY);
    cr_assert_eq(fixture_exit, EXIT_CODE_INCOMPLETE);
    close(fd);
    free(bytes);
}

/* Many small steps of a job are gathered; the first leaves at once, and the end does not wait. */
Test(stream, small_steps_are_gathered) {
    static char much[70000], got[sizeof(much)];
    struct entry *entry = fixture_submit(&fixture_admin);
    int fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n");

    fixture_turn();
    fake_write(entry, "1\n", 2);
    fixture_turn();
    cr_assert_str_eq(fixture_line(fd), "{\"data\":2}");
    cr_assert_str_eq(fixture_line(fd), "1");
    for (int i = 0; i < 10; i++) {
        fake_write(entry, "22\n", 3);
        cr_assert(fixture_is_silent(fd));
    }
    cr_assert_leq(peers_patience_ms(fixture_peers), 6);
    cr_assert_geq(peers_patience_ms(fixture_peers), 0);
    fixture_pass(6000000);
    cr_assert_str_eq(fixture_line(fd), "{\"data\":30}");
    for (int i = 0; i < 10; i++)
        cr_assert_str_eq(fixture_line(fd), "22");
    fake_write(entry, much, sizeof(much));
    cr_assert_str_eq(fixture_line(fd), "{\"data\":70000}", "much waits for nothing");
    cr_assert_eq(fixture_receive(fd, got, sizeof(got)), sizeof(got));
    fake_write(entry, "3\n", 2);
    fake_finish(entry);
    fixture_turn();
    cr_assert_str_eq(fixture_line(fd), "{\"data\":2}");
    cr_assert_str_eq(fixture_line(fd), "3");
    cr_assert_str_eq(fixture_finish(fd), "");
    close(fd);
}

Test(stream, without_follow_it_is_what_is_there_now) {
    struct entry *entry = fixture_submit(&fixture_admin);
    int fd;

    fixture_turn();
    fake_write(entry, "1\n2\n", 4);
    fixture_turn();
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1}}\n");
    cr_assert_eq(read_result(fd, "1\n2\n", 4), 4);
    cr_assert_eq(fixture_exit, 0);
    close(fd);
}

/* Whoever takes much at once is not served alone, and the loop sleeps when he has it all. */
Test(stream, reader_with_a_large_buffer_has_his_share_of_a_turn) {
    char *bytes = make_bytes(MANY), *got = malloc(MANY);
    static const char question[] =
        "{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n";
    struct entry *entry = fixture_submit(&fixture_admin);
    int pair[2], large = 8 << 20;
    ssize_t n;

    fixture_turn();
    fake_write(entry, bytes, MANY);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    if (setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large)) < 0)
        cr_skip_test("needs root, for a large buffer");
    peers_add(fixture_peers, pair[1], fixture_memfd(question, strlen(question)));
    peers_tend(fixture_peers);
    n = recv(pair[0], got, MANY, MSG_DONTWAIT);
    cr_assert(n > 500000 && n < 2500000, "%zd", n);
    for (int i = 0; i < 10; i++) {
        fixture_turn();
        while (recv(pair[0], got, MANY, MSG_DONTWAIT) > 0)
            ;
    }
    cr_assert_eq(loop_turn(fixture_loop, 0), 0, "the loop turns for nothing");
    cr_assert_neq(peers_patience_ms(fixture_peers), 0);
    close(pair[0]);
    free(bytes);
    free(got);
}

/* ---- who does not read ---- */

static void stall(int fds[], int count) {
    for (int i = 0; i < count; i++)
        fds[i] = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n");
    for (int i = 0; i < 20; i++)
        fixture_turn();
}

static long tell_memory_kb(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    cr_assert_eq(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

Test(stream, reader_that_stalls_costs_nobody_anything) {
    char *bytes = make_bytes(MANY);
    int stalled[50], fd;
    long before_kb;

    run_with(bytes, MANY);
    before_kb = tell_memory_kb();
    stall(stalled, 50);
    cr_assert_lt(tell_memory_kb() - before_kb, 4096, "fifty readers of 3 MB");
    cr_assert_eq(loop_turn(fixture_loop, 0), 0, "the loop turns for nothing");
    cr_assert_neq(peers_patience_ms(fixture_peers), 0);
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1,\"follow\":true}}\n");
    cr_assert_eq(read_result(fd, bytes, MANY), MANY);
    close(fd);
    cr_assert_eq(fixture_run(&fixture_admin)->id, 2);
    fixture_pass(3600 * FIXTURE_SECOND_NS);
    cr_assert_eq(read_result(stalled[7], bytes, MANY), MANY, "an hour later");
    for (int i = 0; i < 50; i++)
        close(stalled[i]);
    free(bytes);
}

Test(stream, reader_may_go_in_the_midst) {
    char *bytes = make_bytes(MANY);
    int stalled[3];

    run_with(bytes, MANY);
    stall(stalled, 3);
    cr_assert_not(TAILQ_EMPTY(&fixture_find(1)->watchers));
    for (int i = 0; i < 3; i++)
        close(stalled[i]);
    for (int i = 0; i < 5; i++)
        fixture_turn();
    cr_assert(TAILQ_EMPTY(&fixture_find(1)->watchers));
    cr_assert_eq(loop_turn(fixture_loop, 0), 0);
    free(bytes);
}

/* Many read one running job, each at his own pace: all get the same. */
Test(stream, many_read_one_job) {
    char *bytes = make_bytes(1000000);
    struct entry *entry = fixture_submit(&fixture_admin);
    int fds[20];

    fixture_turn();
    stall(fds, 20);
    for (size_t at = 0; at < 1000000; at += 250000) {
        fake_write(entry, bytes + at, 250000);
        fixture_pass(6000000);
    }
    fake_finish(entry);
    fixture_turn();
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(read_result(fds[i], bytes, 1000000), 1000000);
        close(fds[i]);
    }
    free(bytes);
}

static void cut_result(off_t len) {
    char path[256];

    snprintf(path, sizeof(path), "%s/job/1/result", fixture_spool);
    cr_assert_eq(truncate(path, len), 0);
}

Test(stream, result_that_is_shorter_than_it_was_is_told) {
    char *bytes = make_bytes(MANY);
    int fd;

    run_with(bytes, MANY);
    cut_result(MANY - 1);
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1}}\n");
    cr_assert_not_null(strstr(fixture_finish(fd), "the result of job 1 cannot be read"));
    cr_assert_eq(fixture_exit, EXIT_CODE_IO);
    close(fd);
    free(bytes);
}

/* Cut while it is on its way: a half piece is not passed off as a whole one. */
Test(stream, lost_bytes_end_the_connection) {
    char *bytes = make_bytes(MANY);
    int fd;

    run_with(bytes, MANY);
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1}}\n");
    cr_assert_eq(fixture_receive(fd, bytes, 1000), 1000);
    cut_result(2000);
    while (fixture_receive(fd, bytes, 65536) > 0)
        cr_assert_null(memmem(bytes, 65536, "\"exit\":0", 8));
    cr_assert(fixture_is_closed(fd));
    close(fd);
    free(bytes);
}

Test(stream, result_that_is_gone_is_told) {
    char path[256];
    int fd;

    run_with("1\n", 2);
    snprintf(path, sizeof(path), "%s/job/1/result", fixture_spool);
    cr_assert_eq(unlink(path), 0);
    fd = fixture_connect("{\"verb\":\"job.result\",\"args\":{\"id\":1}}\n");
    cr_assert_not_null(strstr(fixture_finish(fd), "the result of job 1 cannot be read"));
    cr_assert_eq(fixture_exit, EXIT_CODE_IO);
    close(fd);
}
