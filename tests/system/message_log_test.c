/* The message log: what clients of the lab send is written down, whoever they are. */
#include <arpa/inet.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define FILE_OF(m) \
    ((const char *const[]){ "services.d/0.txt", "services.d/1.txt", "services.d/2.txt" }[m])
#define EACH_MODEL(m) for (unsigned m = 0; m < 3; m++)
#define STAMP         "[0-9]{4}\\.[0-9]{2}\\.[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} "

/* One service for each model, "echo" among them since that one is waited for. */
static const char *const service[3] = { "echo", "log1", "log2" };
static struct daemon daemon_;

static void start(const char *settings) {
    daemon_write_config("lang = \"ru\";\n");
    EACH_MODEL(m)
    daemon_write_service(service[m],
        "type = \"message_log\"; model = \"%s\"; file = \"%u.txt\"; %s\n"
        "listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", \"unix://%u.sock\" ];",
        daemon_models[m], m, settings, m);
    daemon_start(&daemon_);
    EACH_MODEL(m)
    CHECK(harness_until(PATIENCE_MS, daemon_number(service[m], "ready") >= 2), "%s", daemon_log());
}

static char *written(unsigned m) {
    return harness_exists(FILE_OF(m)) ? harness_read_file(FILE_OF(m), NULL) : "";
}

/* Wait until so many records are written, and no more. */
static void expect_lines(unsigned m, size_t count) {
    CHECK(harness_until(PATIENCE_MS, expect_count_lines(written(m)) >= count), "%s: %s",
        daemon_models[m], written(m));
    CHECK(expect_count_lines(written(m)) == count, "%s: %s", daemon_models[m], written(m));
}

/* A whole line matches. */
static void expect_line(unsigned m, const char *pattern) {
    char whole[512];
    regex_t regex;

    snprintf(whole, sizeof(whole), "^%s$", pattern);
    CHECK(regcomp(&regex, whole, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) == 0, "%s", whole);
    CHECK(regexec(&regex, written(m), 0, NULL, 0) == 0, "%s: no %s in\n%s", daemon_models[m], whole,
        written(m));
    regfree(&regex);
}

static uint64_t counted(unsigned m, const char *name) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service(service[m]), "counters"), name));
}

/* So often the words come to stand in the daemon's log, and no more often. */
static void expect_logged(const char *words, unsigned count) {
    CHECK(harness_until(PATIENCE_MS, daemon_log_count(words) >= count), "%s: %s", words,
        daemon_log());
    CHECK(daemon_log_count(words) == count, "%s: %s", words, daemon_log());
}

/* ---- clients ---- */

/* One of the lab's, which must not be answered. */
static void run_lab_client(unsigned m, const char *const *texts, size_t count) {
    const char *argv[16] = { "/usr/bin/python3" };
    char script[4096], port[8];
    struct harness_result r;

    snprintf(script, sizeof(script), "%s/tests/system/lab_logger.py", harness_root());
    snprintf(port, sizeof(port), "%u", daemon_port(service[m], "tcp"));
    argv[1] = script;
    argv[2] = port;
    for (size_t i = 0; i < count; i++)
        argv[3 + i] = texts[i];
    r = harness_run_argv(argv);
    CHECK(r.code == 0 && r.out_len == 0, "exit %d, answered \"%s\": %s", r.code, r.out, r.err);
}

#define LAB_CLIENT(m, ...)                                  \
    run_lab_client(m, (const char *const[]){ __VA_ARGS__ }, \
        sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void say(int fd, const void *data, size_t len) {
    CHECK(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
}

/* Read until it is closed, or these bytes have come. */
static void expect_answer(int fd, const char *wanted, size_t len) {
    char got[256];
    size_t n = 0;

    while (n < len) {
        ssize_t part = recv(fd, got + n, len - n, 0);

        CHECK(part > 0, "closed after %zu bytes", n);
        n += (size_t)part;
    }
    CHECK(memcmp(got, wanted, len) == 0, "\"%.*s\"", (int)len, got);
}

static int connect_udp(unsigned m) {
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons(daemon_port(service[m], "udp")),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    return fd;
}

/* ---- the lab's task ---- */

static void clients_are_written_down_and_never_answered(void) {
    start("");
    EACH_MODEL(m) {
        char words[64];

        LAB_CLIENT(m, "привет", "как дела?", "end");
        LAB_CLIENT(m, "the end", "bye", "end");
        expect_lines(m, 4);
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): привет");
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): как дела\\?");
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): the end");
        snprintf(words, sizeof(words), "service=%s slot=", service[m]);
        CHECK(daemon_log_count(words) > 0, "%s", daemon_log());
        CHECK(counted(m, "records") == 4 && counted(m, "logins") == 0, "counters");
    }
    expect_logged("event=message", 12);
    expect_logged("): как дела?\"", 3);
    CHECK(daemon_log_count("connected") == 0, "a connection is announced: %s", daemon_log());
    daemon_stop(&daemon_);
}

static void logins_are_told_in_each_of_their_forms(void) {
    start("login = true;");
    EACH_MODEL(m) {
        LAB_CLIENT(m, "Алиса", "Алиса: привет", "Алиса: end");
        LAB_CLIENT(m, "Боб", "Боб привет", "Боб end");
        LAB_CLIENT(m, "Ева", "привет", "end");
        LAB_CLIENT(m, "Иван: привет", "end");
        expect_lines(m, 4);
        expect_line(m, STAMP "Алиса: привет");
        expect_line(m, STAMP "Боб: привет");
        expect_line(m, STAMP "Ева: привет");
        expect_line(m, STAMP "Иван: привет");
        CHECK(counted(m, "logins") == 4, "counters");
    }
    expect_logged("event=login", 12);
    expect_logged("\"подключился Алиса\"", 3);
    daemon_stop(&daemon_);
}

static void every_dialect_and_socket_is_understood(void) {
    static const char frames[] = "\0\0\0\5first\0\0\0\0\0\0\0\7se\ncond\0\0\0\3end";

    start("");
    EACH_MODEL(m) {
        char path[32];
        int fd = daemon_connect(daemon_port(service[m], "tcp"));

        say(fd, frames, sizeof(frames) - 1);
        CHECK(daemon_is_closed(fd, PATIENCE_MS), "open after end");
        close(fd);
        snprintf(path, sizeof(path), "services.d/%u.sock", m);
        fd = daemon_connect_unix(path);
        say(fd, "one\r\ntwo\n\nend\n", 14);
        CHECK(daemon_is_closed(fd, PATIENCE_MS), "open after end");
        close(fd);
        fd = connect_udp(m);
        say(fd, "datagram", 8);
        say(fd, "end", 3);
        expect_lines(m, 5);
        close(fd);
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): first");
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): se\\\\ncond");
        expect_line(m, STAMP "\\(local\\): two");
        expect_line(m, STAMP "\\(127\\.0\\.0\\.1:[0-9]+\\): datagram");
    }
    daemon_stop(&daemon_);
}

/* ---- hostile ones ---- */

static void one_message_is_one_record_whatever_stands_in_it(void) {
    static const char *const texts[] = { "a\n2026.01.01 00:00:00 (10.0.0.1:1): forged",
        "\x1b[2J\x1b]0;title\x07",
        "\xe2\x80\xae"
        "bidi",
        "\xc2\x9b"
        "31m",
        "cr\rlf",
        "\x80\xff"
        "bad" };
    const size_t count = sizeof(texts) / sizeof(texts[0]);

    start("wire = \"framed\";");
    EACH_MODEL(m) {
        int fd = daemon_connect(daemon_port(service[m], "tcp"));
        char head[4] = { 0 }, *text;

        for (size_t i = 0; i < count; i++) {
            head[3] = (char)strlen(texts[i]);
            say(fd, head, 4);
            say(fd, texts[i], strlen(texts[i]));
        }
        say(fd, "\0\0\0\3x\0y", 7);
        expect_lines(m, count + 1);
        close(fd);
        text = written(m);
        expect_line(
            m, STAMP "\\(.*\\): a\\\\n2026\\.01\\.01 00:00:00 \\(10\\.0\\.0\\.1:1\\): forged");
        expect_line(m, STAMP "\\(.*\\): \\\\x1b\\[2J\\\\x1b\\]0;title\\\\x07");
        expect_line(m, STAMP "\\(.*\\): \\\\u\\{202e\\}bidi");
        expect_line(m, STAMP "\\(.*\\): \\\\u\\{9b\\}31m");
        expect_line(m, STAMP "\\(.*\\): cr\\\\rlf");
        expect_line(m, STAMP "\\(.*\\): \\\\x80\\\\xffbad");
        expect_line(m, STAMP "\\(.*\\): x\\\\x00y");
        for (const char *c = text; *c != '\0'; c++)
            CHECK(*c == '\n' || (unsigned char)*c >= 0x20, "byte %u: %s", *c, text);
        CHECK(strstr(text, "\xe2\x80\xae") == NULL && strstr(text, "\xc2\x9b") == NULL, "%s", text);
        CHECK(counted(m, "bad_text") == 2, "counters");
    }
    expect_logged("event=message", 3 * ((unsigned)count + 1));
    expect_logged("): x\xef\xbf\xbdy\"", 3);
    daemon_stop(&daemon_);
}

/* The rest of the line behind its head. */
static char *text_of_line(char *text, unsigned number) {
    while (number-- > 0)
        text = strchr(text, '\n') + 1;
    text = strstr(text, "): ") + 3;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void what_is_too_long_is_cut_and_that_is_told(void) {
    static const char note[] = " [обрезано, всего 5002 байта]", letter[] = "д";
    static char line[5003], wanted[5200];

    /* Half of the letter at the limit must not be left. */
    line[0] = 'x';
    for (size_t i = 1; i < 5001; i += 2)
        memcpy(line + i, letter, 2);
    line[5001] = 'x';
    line[5002] = '\n';
    snprintf(wanted, sizeof(wanted), "%.4095s%s", line, note);
    start("");
    EACH_MODEL(m) {
        int fd = daemon_connect(daemon_port(service[m], "tcp")), udp = connect_udp(m);
        char head[4] = { 0, 0, 0x13, (char)0x8a }, *got;

        say(fd, "first\n", 6);
        say(fd, line, sizeof(line));
        expect_lines(m, 2);
        close(fd);
        fd = daemon_connect(daemon_port(service[m], "tcp"));
        say(fd, head, 4);
        say(fd, line, 5002);
        expect_lines(m, 3);
        close(fd);
        say(udp, line, 5002);
        expect_lines(m, 4);
        close(udp);
        for (unsigned i = 1; i < 4; i++) {
            got = text_of_line(written(m), i);
            expect_bytes("the record", got, strlen(got), wanted, strlen(wanted));
        }
        CHECK(counted(m, "cut") == 3, "counters");
    }
    /* The log has less room, and says so all the same. */
    expect_logged(note, 9);
    CHECK(daemon_log_count("cut=1") == 0, "%s", daemon_log());
    daemon_stop(&daemon_);
}

static void floods_wait_and_lose_nothing(void) {
    start("rate = 100; burst = 10;");
    EACH_MODEL(m) {
        const uint64_t begin_ns = harness_now_ns();
        int fd = daemon_connect(daemon_port(service[m], "tcp"));
        char text[16];

        for (unsigned i = 0; i < 50; i++)
            say(fd, text, (size_t)snprintf(text, sizeof(text), "%u\n", i));
        expect_lines(m, 50);
        CHECK(harness_now_ns() - begin_ns > 390000000u, "not delayed");
        CHECK(harness_until(PATIENCE_MS, counted(m, "delayed") > 0), "counters");
        CHECK(counted(m, "dropped") == 0, "counters");
        for (unsigned i = 0; i < 50; i++) {
            snprintf(text, sizeof(text), "%u", i);
            CHECK(strcmp(text_of_line(written(m), i), text) == 0, "%s", written(m));
        }
        close(fd);
    }
    daemon_stop(&daemon_);
}

static void datagrams_of_a_flood_are_dropped_and_counted(void) {
    start("rate = 1; burst = 10;");
    EACH_MODEL(m) {
        int fd = connect_udp(m), other = connect_udp(m);

        for (unsigned i = 0; i < 100; i++)
            say(fd, "flood", 5);
        CHECK(harness_until(PATIENCE_MS, counted(m, "records") + counted(m, "dropped") == 100),
            "%llu records", (unsigned long long)counted(m, "records"));
        CHECK(counted(m, "records") >= 10 && counted(m, "records") <= 20, "%llu records",
            (unsigned long long)counted(m, "records"));
        say(other, "I do not", 8);
        CHECK(harness_until(PATIENCE_MS, strstr(written(m), "I do not") != NULL), "%s", written(m));
        close(fd);
        close(other);
    }
    daemon_stop(&daemon_);
}

/* ---- and all the rest ---- */

static void only_who_can_tell_answers_apart_is_answered(void) {
    start("ack = true; login = true;");
    EACH_MODEL(m) {
        int fd = daemon_connect(daemon_port(service[m], "tcp"));

        say(fd, "Ann\none\n\ntwo\n", 13);
        expect_answer(fd, "ok 0\nok 1\nok 1\nok 2\n", 20);
        close(fd);
        fd = daemon_connect(daemon_port(service[m], "tcp"));
        say(fd, "\0\0\0\3Bob\0\0\0\2hi", 13);
        expect_answer(fd, "\0\0\0\4ok 0\0\0\0\4ok 1", 16);
        close(fd);
        LAB_CLIENT(m, "Алиса", "привет", "end");
    }
    daemon_stop(&daemon_);
}

/* Lines that have come to fd, read until so many are there or, with 0, until there are no more. */
static uint64_t read_answers(int fd, uint64_t count) {
    static char number[32];
    static size_t used;
    static uint64_t next;
    char got[4096];
    ssize_t n;

    if (count == 0)
        used = next = 0;
    while (count == 0 || next < count) {
        n = recv(fd, got, sizeof(got), count == 0 ? MSG_DONTWAIT : 0);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            char wanted[32];

            CHECK(used + 1 < sizeof(number), "%.*s", (int)used, number);
            number[used++] = got[i];
            if (got[i] != '\n')
                continue;
            number[used] = '\0';
            snprintf(wanted, sizeof(wanted), "ok %lu\n", (unsigned long)++next);
            CHECK(strcmp(number, wanted) == 0, "%s, not %s", number, wanted);
            used = 0;
        }
    }
    return next;
}

/* Until nothing more of it has been taken for a while. */
static uint64_t wait_for_rest(unsigned m) {
    uint64_t taken = 0, before = 1;
    unsigned same = 0;

    while (same < 20) {
        taken = counted(m, "records");
        same = taken == before && taken > 0 ? same + 1 : 0;
        before = taken;
        harness_pause_us(10000);
    }
    return taken;
}

/* What has been said and is not answered, beside what the kernel keeps: then reading stops. */
static void at_most_16_messages_are_taken_from_who_does_not_read(void) {
    enum { SAID = 20000 };
    static char text[2 * SAID];

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "x\n", 2);
    start("ack = true; rate = 0; wire = \"line\";");
    EACH_MODEL(m) {
        uint64_t taken, answered;
        char path[32];
        pid_t pids[64];
        size_t count;
        int fd;

        snprintf(path, sizeof(path), "services.d/%u.sock", m);
        fd = daemon_connect_unix(path);
        say(fd, text, sizeof(text));
        taken = wait_for_rest(m);
        CHECK(taken < SAID, "%s: all is taken", daemon_models[m]);
        count = daemon_workers(service[m], NULL, pids);
        for (size_t i = 0; i < count; i++) {
            kill(pids[i], SIGSTOP);
            CHECK(harness_until(PATIENCE_MS, harness_is_stopped(pids[i])), "it goes on");
        }
        answered = read_answers(fd, 0);
        harness_figure("%s: %lu taken, %lu of them answered", daemon_models[m],
            (unsigned long)taken, (unsigned long)answered);
        CHECK(answered <= taken && taken - answered <= 16, "%s: %lu of %lu", daemon_models[m],
            (unsigned long)answered, (unsigned long)taken);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGCONT);
        CHECK(read_answers(fd, SAID) == SAID, "%s: it ends", daemon_models[m]);
        close(fd);
    }
    daemon_stop(&daemon_);
}

static void what_is_not_written_is_not_acknowledged(void) {
    daemon_write_config("");
    EACH_MODEL(m)
    CHECK(symlink("/dev/full", FILE_OF(m)) == 0, "symlink");
    start("ack = true;");
    EACH_MODEL(m) {
        int fd = daemon_connect(daemon_port(service[m], "tcp"));

        say(fd, "one\ntwo\n", 8);
        expect_answer(fd, "error not written\nerror not written\n", 36);
        CHECK(counted(m, "unwritten") == 2, "counters");
        close(fd);
    }
    CHECK(daemon_log_count("was not written to") > 0, "%s", daemon_log());
    daemon_stop(&daemon_);
}

static void file_that_is_moved_away_is_begun_anew(void) {
    int fd[3];

    start("rate = 0;");
    EACH_MODEL(m) {
        fd[m] = daemon_connect(daemon_port(service[m], "tcp"));
        say(fd[m], "before\n", 7);
        expect_lines(m, 1);
        CHECK(rename(FILE_OF(m), "moved") == 0, "rename");
    }
    EACH_MODEL(m) {
        CHECK(harness_until(PATIENCE_MS, harness_exists(FILE_OF(m))), "no new file");
        /* The other worker may have begun it: this one has a second. */
        CHECK(harness_until(
                  PATIENCE_MS, (say(fd[m], "after\n", 6), strstr(written(m), "after") != NULL)),
            "%s", written(m));
        close(fd[m]);
    }
    daemon_stop(&daemon_);
}

static void who_sends_datagrams_is_known_after_its_reader_was_killed(void) {
    pid_t pid[DAEMON_WORKERS_MAX];

    start("login = true; rate = 0;");
    EACH_MODEL(m) {
        int fd = connect_udp(m);
        size_t workers;

        say(fd, "Алиса", 10);
        CHECK(harness_until(PATIENCE_MS, counted(m, "logins") == 1), "no login");
        workers = daemon_workers(service[m], NULL, pid);
        for (size_t i = 0; i < workers; i++)
            kill(pid[i], SIGKILL);
        say(fd, "привет", 12);
        CHECK(harness_until(PATIENCE_MS, strstr(written(m), "Алиса: привет") != NULL), "%s: %s",
            written(m), daemon_log());
        close(fd);
    }
    daemon_stop(&daemon_);
}

static void sessions_keep_their_login_through_a_reload(void) {
    int fd[3];

    start("login = true;");
    EACH_MODEL(m) {
        fd[m] = daemon_connect(daemon_port(service[m], "tcp"));
        say(fd[m], "Алиса\n", 11);
        CHECK(harness_until(PATIENCE_MS, counted(m, "logins") == 1), "no login");
    }
    EACH_MODEL(m) {
        daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"%s\"}}", service[m]);
        CHECK(harness_until(PATIENCE_MS, daemon_number(service[m], "handed_over") == 1),
            "%s: it is not handed over: %s", daemon_models[m], daemon_log());
        say(fd[m], "привет\n", 13);
        CHECK(harness_until(PATIENCE_MS, strstr(written(m), "Алиса: привет\n") != NULL), "%s: %s",
            daemon_models[m], daemon_log());
        close(fd[m]);
    }
    daemon_stop(&daemon_);
}

static const struct harness_test tests[] = {
    { "clients_are_written_down_and_never_answered", clients_are_written_down_and_never_answered },
    { "logins_are_told_in_each_of_their_forms", logins_are_told_in_each_of_their_forms },
    { "every_dialect_and_socket_is_understood", every_dialect_and_socket_is_understood },
    { "one_message_is_one_record_whatever_stands_in_it",
        one_message_is_one_record_whatever_stands_in_it },
    { "what_is_too_long_is_cut_and_that_is_told", what_is_too_long_is_cut_and_that_is_told },
    { "floods_wait_and_lose_nothing", floods_wait_and_lose_nothing },
    { "datagrams_of_a_flood_are_dropped_and_counted",
        datagrams_of_a_flood_are_dropped_and_counted },
    { "only_who_can_tell_answers_apart_is_answered", only_who_can_tell_answers_apart_is_answered },
    { "at_most_16_messages_are_taken_from_who_does_not_read",
        at_most_16_messages_are_taken_from_who_does_not_read },
    { "what_is_not_written_is_not_acknowledged", what_is_not_written_is_not_acknowledged },
    { "file_that_is_moved_away_is_begun_anew", file_that_is_moved_away_is_begun_anew },
    { "who_sends_datagrams_is_known_after_its_reader_was_killed",
        who_sends_datagrams_is_known_after_its_reader_was_killed },
    { "sessions_keep_their_login_through_a_reload", sessions_keep_their_login_through_a_reload },
    { .name = NULL },
};

const struct harness_suite message_log_suite = { "message_log", tests };
