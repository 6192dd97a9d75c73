/* The clients as programs: bots in one room by every way in, through losses, and before liars. */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 20000

static struct daemon daemon_;

static void start(const char *settings) {
    daemon_write_service("echo", "type = \"chat\"; flood_rate = \"unlimited\"; %s", settings);
    daemon_start(&daemon_);
}

/* ---- bots ---- */

/* A bot, its stdin a pipe; more options behind, NULL-terminated. */
static void start_bot(
    struct harness_proc *bot, unsigned port, const char *name, const char *const *more) {
    const char *argv[16] = { "prefork", "chat", "127.0.0.1", NULL, "--bot", "--name", name };
    char digits[8];

    snprintf(digits, sizeof(digits), "%u", port);
    argv[3] = strdup(digits);
    for (size_t i = 7; more != NULL && *more != NULL && i < 15; i++)
        argv[i] = *more++;
    harness_start(bot, argv, HARNESS_STDIN_PIPE);
}

#define BOT(bot, port, name, ...) \
    start_bot((bot), (port), (name), (const char *const[]){ __VA_ARGS__, NULL })

static bool has_heard(const struct harness_proc *bot, const char *words) {
    return strstr(harness_read_file(bot->out, NULL), words) != NULL;
}

static void until_heard(const struct harness_proc *bot, const char *words) {
    CHECK(harness_until(PATIENCE_MS, has_heard(bot, words)), "%s is not in\n%s\n%s", words,
        harness_read_file(bot->out, NULL), harness_read_file(bot->err, NULL));
}

static void say(const struct harness_proc *bot, const char *text) {
    CHECK(write(bot->stdin_fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", text);
}

/* The end of its input is its end. */
static void end_bot(struct harness_proc *bot, int code) {
    close(bot->stdin_fd);
    CHECK(harness_wait(bot, PATIENCE_MS) == code, "exit %d: %s", bot->code,
        harness_read_file(bot->err, NULL));
}

/* ---- every way in ---- */

static void bots_of_every_form_meet_in_a_room(void) {
    struct harness_proc bot[4];

    start("listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ]; model = \"event\"; "
          "udp_trusted = \"none\";");
    BOT(&bot[0], daemon_.port, "Ann", "--wire", "framed");
    until_heard(&bot[0], "\"t\":\"welcome\"");
    BOT(&bot[1], daemon_.port, "Боб", "--wire", "line");
    until_heard(&bot[0], "\"t\":\"joined\",\"seq\":2");
    BOT(&bot[2], daemon_.port, "Raw", "--wire", "raw");
    until_heard(&bot[0], "\"name\":\"Raw\"");
    BOT(&bot[3], daemon_port("echo", "udp"), "Udp", "--udp");
    until_heard(&bot[0], "\"name\":\"Udp\"");
    say(&bot[0], "from Ann\n");
    for (unsigned i = 1; i < 4; i++)
        until_heard(&bot[i], "] Ann: from Ann\"}");
    say(&bot[1], "от Боба\nsecond\n");
    say(&bot[2], "from Raw\n");
    say(&bot[3], "from Udp\n");
    until_heard(&bot[0], "\"from\":\"Боб\",\"text\":\"от Боба\"}");
    until_heard(&bot[0], "\"from\":\"Боб\",\"text\":\"second\"}");
    until_heard(&bot[0], "\"from\":\"Raw\",\"text\":\"from Raw\"}");
    say(&bot[2], "again\n"); /* two at once might be taken for one */
    until_heard(&bot[0], "\"from\":\"Raw\",\"text\":\"again\"}");
    until_heard(&bot[0], "\"from\":\"Udp\",\"text\":\"from Udp\"}");
    until_heard(&bot[2], "] Udp: from Udp\"}");
    until_heard(&bot[3], "] Raw: again\"}");
    for (unsigned i = 4; i-- > 0;)
        end_bot(&bot[i], 0);
    CHECK(has_heard(&bot[0], "\"t\":\"left\""), "%s", harness_read_file(bot[0].out, NULL));
    daemon_stop(&daemon_);
}

static void who_sends_datagrams_shows_that_he_is_there(void) {
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(sa);
    struct harness_proc bot;
    char text[64];

    CHECK(bind(fd, (struct sockaddr *)&sa, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&sa, &len) == 0,
        "%s", strerror(errno));
    BOT(&bot, ntohs(sa.sin_port), "Ann", "--udp");
    CHECK(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&sa, &len) == 6, "no name");
    CHECK(connect(fd, (struct sockaddr *)&sa, len) == 0, "%s", strerror(errno));
    CHECK(send(fd, "/cookie 01234567", 16, 0) == 16, "%s", strerror(errno));
    CHECK(recv(fd, text, sizeof(text), 0) == 20 && memcmp(text, "/cookie 01234567 Ann", 20) == 0,
        "%.20s", text);
    CHECK(send(fd, "", 0, 0) == 0, "%s", strerror(errno));
    CHECK(recv(fd, text, sizeof(text), 0) == 0, "no answer to silence");
    say(&bot, "hello\n");
    CHECK(recv(fd, text, sizeof(text), 0) == 5 && memcmp(text, "hello", 5) == 0, "%.5s", text);
    end_bot(&bot, 0);
    CHECK(recv(fd, text, sizeof(text), 0) == 5 && memcmp(text, "/quit", 5) == 0, "%.5s", text);
    CHECK(!has_heard(&bot, "cookie"), "%s", harness_read_file(bot.out, NULL));
    close(fd);
}

static void name_that_is_taken_is_left_to_its_owner(void) {
    struct harness_proc bot[2];

    start("model = \"thread\";");
    start_bot(&bot[0], daemon_.port, "Ann", NULL);
    until_heard(&bot[0], "\"t\":\"welcome\"");
    start_bot(&bot[1], daemon_.port, "Ann", NULL);
    until_heard(&bot[1], "\"name\":\"Ann_2\"");
    say(&bot[1], "/msg Ann psst\n//not a command\n/nick Eve\n");
    until_heard(&bot[0], "\"from\":\"Ann_2\",\"to\":\"Ann\",\"text\":\"psst\"}");
    until_heard(&bot[0], "\"from\":\"Ann_2\",\"text\":\"/not a command\"}");
    until_heard(&bot[0], "\"from\":\"Ann_2\",\"name\":\"Eve\"}");
    end_bot(&bot[1], 0);
    end_bot(&bot[0], 0);
    daemon_stop(&daemon_);
}

static void input_that_ends_is_not_the_end_for_who_stays(void) {
    struct harness_proc bot[2];

    start("model = \"event\";");
    BOT(&bot[0], daemon_.port, "Ann", "--stay");
    until_heard(&bot[0], "\"t\":\"welcome\"");
    close(bot[0].stdin_fd);
    start_bot(&bot[1], daemon_.port, "Bob", NULL);
    say(&bot[1], "hello\n");
    until_heard(&bot[0], "\"text\":\"hello\"}");
    end_bot(&bot[1], 0);
    kill(bot[0].pid, SIGTERM);
    CHECK(harness_wait(&bot[0], PATIENCE_MS) == 143, "exit %d", bot[0].code);
    daemon_stop(&daemon_);
}

/* ---- losses ---- */

/* One of them, whichever. */
static void kill_worker(void) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t count = daemon_workers("echo", NULL, pid);

    if (count > 0)
        kill(pid[harness_random(0, count - 1)], SIGKILL);
}

/* The numbers that a bot heard from Ann: each once, in order. */
static void expect_numbers(const struct harness_proc *bot, unsigned count) {
    const char *at = harness_read_file(bot->out, NULL);
    char wanted[64];

    for (unsigned i = 0; i < count; i++) {
        snprintf(wanted, sizeof(wanted), "\"from\":\"Ann\",\"text\":\"");
        at = strstr(at, wanted);
        CHECK(at != NULL, "%u of %u were heard: %s", i, count, bot->out);
        at += strlen(wanted);
        CHECK((unsigned)atoi(at) == i, "%.20s and not %u", at, i);
    }
    CHECK(strstr(at, "\"from\":\"Ann\"") == NULL, "one was heard twice");
    CHECK(!has_heard(bot, "\"t\":\"gap\""), "a gap");
}

static void killed_workers_cost_no_message_and_double_none(void) {
    const unsigned count = harness_scale(300, 5000);
    struct harness_proc bot[2];
    unsigned kills = 0, resumed = 0;
    char text[40];

    for (size_t m = 0; m < 3; m++) {
        char settings[128];

        snprintf(settings, sizeof(settings),
            "model = \"%s\"; max_children = 4; max_spawn_rate = 1000; history = 32768;",
            daemon_models[m]);
        start(settings);
        start_bot(&bot[0], daemon_.port, "Ann", NULL);
        start_bot(&bot[1], daemon_.port, "Bob", NULL);
        until_heard(&bot[0], "\"t\":\"welcome\"");
        until_heard(&bot[1], "\"t\":\"welcome\"");
        for (unsigned i = 0; i < count; i++) {
            snprintf(text, sizeof(text), "%u\n", i);
            say(&bot[0], text);
            if (i % 10 == 0) {
                snprintf(text, sizeof(text), "\"text\":\"%u\"}", i > 5 ? i - 5 : 0);
                until_heard(&bot[1], text);
                kill_worker();
                kills++;
            }
        }
        end_bot(&bot[0], 0);
        snprintf(text, sizeof(text), "\"text\":\"%u\"}", count - 1);
        until_heard(&bot[1], text);
        end_bot(&bot[1], 0);
        expect_numbers(&bot[1], count);
        for (unsigned i = 0; i < 2; i++)
            resumed += (unsigned)expect_count(
                harness_read_file(bot[i].out, NULL), "{\"t\":\"resumed\"}");
        daemon_stop(&daemon_);
        unlink("preforkd.log");
    }
    CHECK(resumed >= 6, "no connection was hit: %u", resumed);
    harness_figure("messages=%u kills=%u resumed=%u lost=0 doubled=0", 3 * count, kills, resumed);
}

static void server_that_stays_away_is_told(void) {
    struct harness_proc bot;

    start("model = \"event\";");
    BOT(&bot, daemon_.port, "Ann", "--reconnect", "300ms");
    until_heard(&bot, "\"t\":\"welcome\"");
    kill(daemon_.proc.pid, SIGKILL);
    harness_wait(&daemon_.proc, PATIENCE_MS);
    CHECK(harness_wait(&bot, PATIENCE_MS) == 69, "exit %d", bot.code);
    CHECK(has_heard(&bot, "\"t\":\"lost\"") &&
              strstr(harness_read_file(bot.err, NULL), "the connection is lost") != NULL,
        "%s", harness_read_file(bot.err, NULL));
    close(bot.stdin_fd);
    /* Workers without a supervisor end by themselves, and come to the test. */
    CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0), "something runs on");
}

/* ---- other servers ---- */

static unsigned start_lab_server(struct harness_proc *server) {
    char script[4096];
    const char *const argv[] = { "/usr/bin/python3", script, NULL };

    snprintf(script, sizeof(script), "%s/tests/system/lab_chat.py", harness_root());
    harness_start(server, argv, 0);
    CHECK(harness_until(PATIENCE_MS, strchr(harness_read_file(server->out, NULL), '\n') != NULL),
        "%s", harness_read_file(server->err, NULL));
    return (unsigned)atoi(harness_read_file(server->out, NULL));
}

static void server_of_the_lab_is_spoken_to_as_it_expects(void) {
    struct harness_proc server, bot[2];
    const unsigned port = start_lab_server(&server);

    BOT(&bot[0], port, "Алиса", "--wire", "raw");
    until_heard(&bot[0], "\"t\":\"connected\"");
    start_bot(&bot[1], port, "Боб", NULL); /* tries frames first */
    until_heard(&bot[1], "\"t\":\"classic\"");
    until_heard(&bot[0], "🔵 Боб присоединился к чату");
    say(&bot[0], "привет\n");
    until_heard(&bot[1], "[14:30:15] Алиса: привет\"}");
    say(&bot[1], "раз\n");
    until_heard(&bot[0], "[14:30:15] Боб: раз\"}");
    say(&bot[1], "два\n");
    until_heard(&bot[0], "[14:30:15] Боб: два\"}");
    say(&bot[1], "/quit\n");
    until_heard(&bot[0], "🔴 Боб покинул чат");
    end_bot(&bot[1], 0);
    kill(server.pid, SIGKILL);
    harness_wait(&server, PATIENCE_MS);
    CHECK(harness_wait(&bot[0], PATIENCE_MS) == 69, "exit %d", bot[0].code);
    close(bot[0].stdin_fd);
}

/* A socket that listens; *out_port is where. */
static int listen_any(unsigned *out_port) {
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, 5) == 0 &&
              getsockname(fd, (struct sockaddr *)&sa, &len) == 0,
        "%s", strerror(errno));
    *out_port = ntohs(sa.sin_port);
    return fd;
}

/* Read one frame of the client's; terminated. */
static void read_frame(int fd, char *text, size_t size) {
    unsigned char head[4];
    size_t len;

    CHECK(recv(fd, head, 4, MSG_WAITALL) == 4, "no frame");
    len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    CHECK(len < size && recv(fd, text, len, MSG_WAITALL) == (ssize_t)len, "%zu bytes", len);
    text[len] = '\0';
}

static void write_frame(int fd, const char *text) {
    const size_t len = strlen(text);
    const unsigned char head[4] = { 0, 0, (unsigned char)(len >> 8), (unsigned char)len };

    CHECK(send(fd, head, 4, MSG_NOSIGNAL) == 4 && send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len,
        "%s", strerror(errno));
}

static void who_comes_back_says_where_he_was_and_what_is_not_settled(void) {
    unsigned port;
    int listener = listen_any(&port), fd;
    char text[4096], key[64], wanted[256];
    struct harness_proc bot;

    start_bot(&bot, port, "Ann", NULL);
    fd = accept(listener, NULL, NULL);
    read_frame(fd, text, sizeof(text));
    CHECK(sscanf(text, "HELLO 1 lang=en caps=json,history key=%32[0-9a-f] name=Ann", key) == 1,
        "%s", text);
    write_frame(fd, "{\"t\":\"hello\",\"v\":1,\"room\":\"00ff\",\"seq\":40}");
    write_frame(
        fd, "{\"t\":\"welcome\",\"seq\":41,\"name\":\"Ann\",\"room\":\"00ff\",\"members\":1}");
    write_frame(fd, "{\"t\":\"msg\",\"seq\":7,\"history\":true,\"from\":\"B\",\"text\":\"old\"}");
    say(&bot, "one\ntwo\nthree\n");
    for (unsigned i = 0; i < 3; i++)
        read_frame(fd, text, sizeof(text));
    CHECK(strcmp(text, "{\"t\":\"say\",\"id\":3,\"text\":\"three\"}") == 0, "%s", text);
    write_frame(fd, "{\"t\":\"ok\",\"seq\":42,\"id\":1}");
    write_frame(fd, "{\"t\":\"msg\",\"seq\":43,\"from\":\"B\",\"text\":\"new\"}");
    until_heard(&bot, "\"new\"");
    close(fd);
    fd = accept(listener, NULL, NULL);
    read_frame(fd, text, sizeof(text));
    snprintf(wanted, sizeof(wanted),
        "HELLO 1 lang=en caps=json,history key=%s since=00ff:43 name=Ann", key);
    CHECK(strcmp(text, wanted) == 0, "%s", text);
    write_frame(
        fd, "{\"t\":\"welcome\",\"seq\":44,\"name\":\"Ann\",\"room\":\"00ff\",\"again\":true}");
    read_frame(fd, text, sizeof(text));
    CHECK(strcmp(text, "{\"t\":\"say\",\"id\":2,\"text\":\"two\"}") == 0, "%s", text);
    read_frame(fd, text, sizeof(text));
    CHECK(strcmp(text, "{\"t\":\"say\",\"id\":3,\"text\":\"three\"}") == 0, "%s", text);
    write_frame(fd, "{\"t\":\"ok\",\"seq\":45,\"id\":2}");
    close(bot.stdin_fd);
    /* It stays until the last is settled, whichever way. */
    write_frame(fd, "{\"t\":\"err\",\"id\":3,\"code\":\"empty\",\"text\":\"no\"}");
    read_frame(fd, text, sizeof(text));
    CHECK(strcmp(text, "{\"t\":\"quit\"}") == 0, "%s", text);
    close(fd);
    CHECK(harness_wait(&bot, PATIENCE_MS) == 0, "exit %d: %s", bot.code,
        harness_read_file(bot.err, NULL));
    CHECK(has_heard(&bot, "{\"t\":\"resumed\"}"), "%s", harness_read_file(bot.out, NULL));
}

static void what_is_not_settled_at_the_end_is_told(void) {
    unsigned port;
    int listener = listen_any(&port), fd;
    struct harness_proc bot;
    char text[4096];

    BOT(&bot, port, "Ann", "--reconnect", "0");
    fd = accept(listener, NULL, NULL);
    read_frame(fd, text, sizeof(text));
    write_frame(fd, "{\"t\":\"welcome\",\"seq\":1,\"name\":\"Ann\",\"room\":\"00ff\"}");
    say(&bot, "one\ntwo\n");
    read_frame(fd, text, sizeof(text));
    read_frame(fd, text, sizeof(text));
    close(fd);
    CHECK(harness_wait(&bot, PATIENCE_MS) == 3, "exit %d", bot.code);
    CHECK(strstr(harness_read_file(bot.err, NULL), "2 messages may not be said") != NULL, "%s",
        harness_read_file(bot.err, NULL));
    close(bot.stdin_fd);
}

/* Nothing that a terminal obeys comes through, whichever field it stands in. */
static void server_that_lies_harms_nobody(void) {
    static const char *const lies[] = {
        "{\"t\":\"msg\",\"from\":\"\\u001b[2J\",\"text\":\"a\\u001b]0;x\\u0007\\nb\\u009b31m\"}",
        "{\"t\":\"msg\",\"from\":7,\"text\":[],\"seq\":-5,\"ts\":{}}",
        "{\"t\":\"who\",\"names\":[1,null,\"\\u202ex\"],\"members\":-1}",
        "{\"t\":\"gap\",\"from\":9,\"to\":18446744073709551615}",
        "{\"t\":\"gap\",\"from\":1,\"to\":9223372036854775807,\"room\":\"0\"}",
        "{\"t\":\"ok\",\"id\":99999}",
        "{\"t\":\"err\",\"id\":0,\"code\":\"name_taken\",\"hint\":\"\\r\\n\"}",
        "{\"t\":\"welcome\",\"name\":\"\",\"room\":\"0123456789abcdef0123456789abcdef0\"}",
        "[[[[[[[[",
        "\x1b[31m no JSON \xff",
        "{\"t\":\"info\",\"text\":\"the end\"}",
    };
    unsigned port;
    int listener = listen_any(&port), fd;
    char text[4096], digits[8];
    const char *argv[] = { "prefork", "chat", "127.0.0.1", digits, "--name", "Ann", NULL };
    struct harness_proc client;
    const char *out;

    snprintf(digits, sizeof(digits), "%u", port);
    harness_start(&client, argv, HARNESS_STDIN_PIPE);
    fd = accept(listener, NULL, NULL);
    read_frame(fd, text, sizeof(text));
    write_frame(fd, "{\"t\":\"welcome\",\"seq\":1,\"name\":\"Ann\\u001b\",\"room\":\"00ff\"}");
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        write_frame(fd, lies[i]);
    until_heard(&client, "the end");
    out = harness_read_file(client.out, NULL);
    for (const char *c = out; *c != '\0'; c++)
        CHECK(*c == '\n' || (unsigned char)*c >= 0x20, "byte %u in\n%s", *c, out);
    CHECK(strstr(out, "\xc2\x9b") == NULL && strstr(out, "\xe2\x80\xae") == NULL, "%s", out);
    /* Longer than anything may be: no memory is taken for it. */
    CHECK(send(fd, "\x7f\xff\xff\xff", 4, MSG_NOSIGNAL) == 4, "%s", strerror(errno));
    close(fd);
    fd = accept(listener, NULL, NULL); /* it comes back, and is turned away for good */
    read_frame(fd, text, sizeof(text));
    write_frame(fd, "{\"t\":\"bye\",\"code\":\"replaced\"}");
    CHECK(harness_wait(&client, PATIENCE_MS) == 69, "exit %d: %s", client.code,
        harness_read_file(client.err, NULL));
    close(fd);
    close(client.stdin_fd);
}

static void frames_are_not_given_up_when_they_were_asked_for(void) {
    unsigned port;
    int listener = listen_any(&port), fd;
    struct harness_proc bot;

    BOT(&bot, port, "Ann", "--wire", "framed");
    fd = accept(listener, NULL, NULL);
    CHECK(send(fd, "Hello, I speak no frames\n", 25, MSG_NOSIGNAL) == 25, "%s", strerror(errno));
    CHECK(harness_wait(&bot, PATIENCE_MS) == 69, "exit %d", bot.code);
    close(fd);
    close(bot.stdin_fd);
}

/* ---- prefork send ---- */

static void every_line_is_acknowledged_or_the_end_says_otherwise(void) {
    struct harness_result r;
    unsigned port;
    int listener;
    char digits[8], *said;

    daemon_write_service("echo", "type = \"message_log\"; login = true; ack = true; rate = 0; file "
                                 "= \"said\"; model = \"event\";");
    daemon_start(&daemon_);
    snprintf(digits, sizeof(digits), "%u", daemon_.port);
    for (unsigned i = 0; i < 2; i++) {
        r = harness_run("/bin/sh", "-c",
            "seq 1000 | \"$0\" send 127.0.0.1 \"$1\" --name Ann --ack --json --wire \"$2\"",
            harness_program("prefork"), digits, i == 0 ? "line" : "framed", NULL);
        CHECK(r.code == 0 && strcmp(r.out, "{\"sent\":1000,\"acknowledged\":1000}\n") == 0,
            "exit %d: %s%s", r.code, r.out, r.err);
    }
    /* The log may have no room for so many at once; the file has them before they are answered. */
    said = harness_read_file("services.d/said", NULL);
    CHECK(expect_count(said, " Ann: ") == 2000, "%zu records", expect_count(said, " Ann: "));
    r = harness_run("prefork", "send", "127.0.0.1", digits, "--wire", "raw", "--message", "Eve",
        "--message", "a\nb", "--message", "end", "--message", "c", NULL);
    CHECK(r.code == 0 && strstr(r.err, "3 messages sent") != NULL, "exit %d: %s", r.code, r.err);
    CHECK(harness_until(
              PATIENCE_MS, strstr(harness_read_file("services.d/said", NULL), " Eve: b\n") != NULL),
        "not said");
    daemon_stop(&daemon_);
    listener = listen_any(&port);
    snprintf(digits, sizeof(digits), "%u", port);
    r = harness_run("prefork", "send", "127.0.0.1", digits, "--ack", "--message", "hello",
        "--timeout", "200ms", NULL);
    CHECK(r.code == 124 && strstr(r.err, "1 of 1 messages are not acknowledged") != NULL,
        "exit %d: %s", r.code, r.err);
    close(listener);
    r = harness_run("prefork", "send", "127.0.0.1", digits, "--ack", "--udp", NULL);
    CHECK(r.code == 2 && strstr(r.err, "--ack does not go with --udp") != NULL, "exit %d: %s",
        r.code, r.err);
}

/* Talks on and on, and acknowledges nothing. */
static void chatter(int listener) {
    int fd = accept(listener, NULL, NULL);

    while (fd >= 0 && send(fd, "la la\n", 6, MSG_NOSIGNAL) == 6)
        harness_pause_us(20000);
    _exit(0);
}

static void chatter_is_no_acknowledgement(void) {
    struct harness_result r;
    unsigned port;
    int listener = listen_any(&port);
    char digits[8];
    pid_t pid = fork();

    if (pid == 0)
        chatter(listener);
    snprintf(digits, sizeof(digits), "%u", port);
    r = harness_run("prefork", "send", "127.0.0.1", digits, "--ack", "--message", "hello",
        "--timeout", "300ms", NULL);
    CHECK(r.code == 124 && strstr(r.err, "1 of 1 messages are not acknowledged") != NULL,
        "exit %d: %s", r.code, r.err);
    CHECK(r.wall_ns < 5000000000ull, "after %.1f s", (double)r.wall_ns / 1e9);
    close(listener);
    waitpid(pid, NULL, 0);
}

static const struct harness_test tests[] = {
    { "bots_of_every_form_meet_in_a_room", bots_of_every_form_meet_in_a_room },
    { "who_sends_datagrams_shows_that_he_is_there", who_sends_datagrams_shows_that_he_is_there },
    { "name_that_is_taken_is_left_to_its_owner", name_that_is_taken_is_left_to_its_owner },
    { "input_that_ends_is_not_the_end_for_who_stays",
        input_that_ends_is_not_the_end_for_who_stays },
    { "killed_workers_cost_no_message_and_double_none",
        killed_workers_cost_no_message_and_double_none },
    { "server_that_stays_away_is_told", server_that_stays_away_is_told },
    { "server_of_the_lab_is_spoken_to_as_it_expects",
        server_of_the_lab_is_spoken_to_as_it_expects },
    { "who_comes_back_says_where_he_was_and_what_is_not_settled",
        who_comes_back_says_where_he_was_and_what_is_not_settled },
    { "what_is_not_settled_at_the_end_is_told", what_is_not_settled_at_the_end_is_told },
    { "server_that_lies_harms_nobody", server_that_lies_harms_nobody },
    { "frames_are_not_given_up_when_they_were_asked_for",
        frames_are_not_given_up_when_they_were_asked_for },
    { "every_line_is_acknowledged_or_the_end_says_otherwise",
        every_line_is_acknowledged_or_the_end_says_otherwise },
    { "chatter_is_no_acknowledgement", chatter_is_no_acknowledgement },
    { .name = NULL },
};

const struct harness_suite client_suite = { "client", tests };
