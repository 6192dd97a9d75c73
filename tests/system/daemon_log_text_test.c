/* What a log says when others have a say in it: workers that print, clocks, peers that forge. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/load.h"
#include "tests/system/logged.h"
#include "tests/system/records.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* ---- what is in them ---- */

/* A worker's stdout and stderr are pipes to the log: write where the worker would. */
static void print_as(pid_t pid, int fd_of_worker, const char *text) {
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd_of_worker);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", strerror(errno));
    close(fd);
}

static void what_a_worker_prints_becomes_records(void) {
    pid_t pid[DAEMON_WORKERS_MAX];
    struct daemon daemon;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    for (unsigned life = 0; life < 2; life++) { /* and so does what its successor prints */
        CHECK(daemon_workers("echo", "idle", pid) == 2, "workers");
        print_as(pid[1], STDOUT_FILENO, "hello event=forged\nand\033[31m bye\n");
        /* A line without its end waits for it for a second. */
        print_as(
            pid[1], STDERR_FILENO, life == 0 ? "something went wrong" : "something went wrong\n");
        CHECK(harness_until(PATIENCE_MS, daemon_log_count("something went wrong") == life + 1),
            "%s", daemon_log());
        kill(pid[1], SIGKILL);
        CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "restarts") == life + 1 &&
                                             daemon_number("echo", "ready") == 2),
            "not replaced");
    }
    daemon_stop(&daemon);
    records_read(LOG);
    CHECK(daemon_log_count(" level=info service=echo slot=2 event=output "
                           "msg=\"hello event=forged\" stream=stdout\n") == 2,
        "%s", daemon_log());
    CHECK(daemon_log_count(" level=info service=echo slot=2 event=output "
                           "msg=\"and\\x1b[31m bye\" stream=stdout\n") == 2,
        "%s", daemon_log());
    CHECK(daemon_log_count(" level=warn service=echo slot=2 event=output "
                           "msg=\"something went wrong\" stream=stderr\n") == 2,
        "%s", daemon_log());
}

/* The wall clock is for people: an hour back or a year ahead changes what is shown, no more. */
static void wall_clock_that_is_off_disturbs_nothing(void) {
    static const long shifts_s[] = { 365L * 86400, -3600, -10L * 365 * 86400 };
    struct records records;
    struct daemon daemon;
    char text[32];
    uint64_t began_ns;
    int fd, ms;

    for (size_t i = 0; i < sizeof(shifts_s) / sizeof(shifts_s[0]); i++) {
        snprintf(text, sizeof(text), "%ld", shifts_s[i]);
        CHECK(setenv("PREFORK_CLOCK_SHIFT", text, 1) == 0, "%s", strerror(errno));
        daemon_write_service("echo", "model = \"%s\"; idle_timeout = \"400ms\";", daemon_models[i]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "x", 1), "echo");
        began_ns = harness_now_ns();
        CHECK(daemon_is_closed(fd, PATIENCE_MS), "%s: never", daemon_models[i]);
        ms = (int)((harness_now_ns() - began_ns) / 1000000);
        CHECK(ms > 300 && (ms < 3000 || harness_is_sanitized()), "%s: after %d ms",
            daemon_models[i], ms);
        close(fd);
        daemon_stop(&daemon);
        records = records_read(LOG);
        for (size_t k = 0; k < records.count; k++)
            CHECK(labs(records_time_s(&records.record[k]) - (time(NULL) + shifts_s[i])) < 60,
                "%s with a shift of %ld s", records_get(&records.record[k], "ts"), shifts_s[i]);
        unlink(LOG);
    }
}

/* What would forge a record, a field, or what a terminal shows. */
static const char *const evil[] = {
    "x\nts=2026-01-01T00:00:00.000Z level=error pid=1 event=x msg=forged",
    "x\r\n{\"ts\":\"2026-01-01T00:00:00.000Z\",\"level\":\"error\",\"event\":\"x\"}",
    "x event=x msg=y level=error",
    "x\" event=x y=\"",
    "x\\\" event=x y=\\\"",
    "x\\",
    "x\",\"event\":\"x\",\"y\":\"",
    "\033]0;title\007\033[2J\033[31m\b\b\b\x7f\t",
    "\u202egnp.exe\u202c\u2066\u2069\ufeff",
    "\xc2\x9b"
    "31m \xff\xfe \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82",
    "\u2028\u2029\xc2\x85 end",
    "%s%n%d%n",
};
enum { EVIL = sizeof(evil) / sizeof(evil[0]) };

/* Nothing in it that a terminal obeys: no control character, no mark of direction. */
static void check_harmless(const char *what, const char *text) {
    static const char *const marks[] = { "\u202e", "\u202c", "\u2066", "\u2069", "\ufeff", "\u2028",
        "\u2029", "\xc2\x85", "\xc2\x9b", "\xff", "\xc0", "\xed\xa0" };

    for (const char *at = text; *at != '\0'; at++)
        CHECK(((unsigned char)*at >= ' ' || *at == '\n') && *at != 0x7f, "%s: byte %02x in %.80s",
            what, *at, at > text + 40 ? at - 40 : text);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        CHECK(strstr(text, marks[i]) == NULL, "%s: mark %zu in %.80s", what, i,
            strstr(text, marks[i]));
}

static void check_fields_of_message(const struct record *record) {
    static const char *const keys[] = { "ts", "level", "service", "slot", "pid", "event", "msg",
        "peer" };

    CHECK(record->count == sizeof(keys) / sizeof(keys[0]), "%zu fields", record->count);
    for (size_t i = 0; i < record->count; i++)
        CHECK(strcmp(record->key[i], keys[i]) == 0, "field %zu is %s", i, record->key[i]);
    CHECK(strcmp(records_get(record, "level"), "info") == 0, "a forged level");
    CHECK(strncmp(records_get(record, "msg"), "message received: ", 18) == 0, "%s",
        records_get(record, "msg"));
}

static void peer_cannot_forge_a_record(void) {
    struct records records;
    struct daemon daemon;
    size_t messages;
    int fd;

    for (int json = 0; json < 2; json++) {
        logged_write_config(
            json ? "file = \"preforkd.log\"; format = \"json\";" : "file = \"preforkd.log\";",
            "console = \"on\";\n");
        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 1; log_messages = true;", daemon_models[json]);
        daemon_start(&daemon);
        for (size_t i = 0; i < EVIL; i++) {
            fd = daemon_connect(daemon.port);
            CHECK(daemon_echo(fd, evil[i], strlen(evil[i])), "message %zu", i);
            close(fd);
        }
        CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "connected");
        daemon_stop(&daemon);
        records = records_read(LOG);
        CHECK(records_count(&records, "x") == 0, "forged: %s", daemon_log());
        messages = 0;
        for (size_t i = 0; i < records.count; i++) {
            if (strcmp(records_get(&records.record[i], "event"), "message") != 0)
                continue;
            check_fields_of_message(&records.record[i]);
            if (json && messages < 7)
                CHECK(strcmp(records_get(&records.record[i], "msg") + 18, evil[messages]) == 0,
                    "message %zu is changed: %s", messages, records_get(&records.record[i], "msg"));
            messages++;
        }
        CHECK(messages == EVIL, "%zu records of %d messages", messages, EVIL);
        check_harmless("log", daemon_log());
        check_harmless("console", harness_read_file(daemon.proc.out, NULL));
        CHECK(strstr(harness_read_file(daemon.proc.out, NULL), "title") != NULL, "no console");
        unlink(LOG);
    }
}

static const struct harness_test tests[] = {
    { "what_a_worker_prints_becomes_records", what_a_worker_prints_becomes_records },
    { "wall_clock_that_is_off_disturbs_nothing", wall_clock_that_is_off_disturbs_nothing },
    { "peer_cannot_forge_a_record", peer_cannot_forge_a_record },
    { .name = NULL },
};

const struct harness_suite daemon_log_text_suite = { "daemon_log_text", tests };
