/* Where the log finds no room: a full disk, a reader who sleeps, a file that has grown enough. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/load.h"
#include "tests/system/logged.h"
#include "tests/system/records.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* ---- no room ---- */

/* Every record that was ever said is there or counted among the dropped. */
static void check_told(const struct records *records, unsigned exchanges) {
    size_t there = records_count(records, "connected") + records_count(records, "message") +
                   records_count(records, "disconnected");
    uint64_t dropped = records_sum(records, "log_dropped", "count");

    CHECK(there + dropped == 3ull * exchanges, "%zu records and %lu told as dropped of %u", there,
        (unsigned long)dropped, 3 * exchanges);
    CHECK(dropped == daemon_number("echo", "log_dropped"), "%lu told, %lu counted",
        (unsigned long)dropped, (unsigned long)daemon_number("echo", "log_dropped"));
    CHECK(records_count(records, "log_stalled") == 1, "%zu stalls told",
        records_count(records, "log_stalled"));
    harness_figure(
        "exchanges=%u records=%zu told as dropped=%lu", exchanges, there, (unsigned long)dropped);
}

/* Exchange until records find no room, and then some. Returns how many there were. */
static unsigned exchange_until_dropped(uint16_t port, unsigned least) {
    unsigned count = 0;

    while (count < least || daemon_number("echo", "log_dropped") < 100) {
        CHECK(count < 20000, "nothing is dropped");
        for (unsigned i = 0; i < 100; i++)
            load_exchange(port, count++);
    }
    CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo is %s", daemon_state("echo"));
    return count;
}

static const struct record *last_death(void) {
    struct records records = records_read("logs/preforkd.log");
    const struct record *record = records_find(&records, "worker_exit");

    CHECK(records_get(record, "log_dropped") != NULL, "not told");
    return record;
}

static void full_disk_stops_the_log_and_nothing_else(void) {
    static char block[65536];
    unsigned exchanges;
    struct records records;
    struct daemon daemon;
    int fd;

    harness_own_mounts();
    CHECK(mkdir("logs", 0755) == 0, "%s", strerror(errno));
    if (mount("tmpfs", "logs", "tmpfs", 0, "size=2m") < 0)
        harness_skip("no tmpfs: %s", strerror(errno));
    logged_write_config("file = \"logs/preforkd.log\";", "");
    daemon_write_service("echo", "model = \"event\"; max_children = 1; log_messages = true;");
    daemon_start(&daemon);
    load_exchange(daemon.port, 0);
    fd = open("logs/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    CHECK(errno == ENOSPC, "%s", strerror(errno));
    close(fd);
    exchanges = 1 + exchange_until_dropped(daemon.port, 1000);
    CHECK(unlink("logs/filler") == 0, "%s", strerror(errno));
    CHECK(harness_until(PATIENCE_MS, logged_holds("logs/preforkd.log", " event=log_stalled ")),
        "it does not go on");
    load_exchange(daemon.port, exchanges++);
    CHECK(harness_until(PATIENCE_MS, logged_holds("logs/preforkd.log", " event=log_dropped ")),
        "what was lost is not told");
    load_exchange(daemon.port, exchanges++);
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "connected");
    kill(daemon.proc.pid, SIGUSR1); /* its answer comes when all that was written is there */
    CHECK(
        harness_until(PATIENCE_MS, logged_holds("logs/preforkd.log", "event=log_reopened")), "no");
    records = records_read("logs/preforkd.log");
    check_told(&records, exchanges);
    CHECK(strstr(records_get(records_find(&records, "log_stalled"), "error"), "No space") != NULL,
        "%s", records_get(records_find(&records, "log_stalled"), "error"));
    daemon_stop(&daemon);
    /* And once more in sum, with the death of the worker whose records they were. */
    CHECK(records_sum(&records, "log_dropped", "count") ==
              strtoull(records_get(last_death(), "log_dropped"), NULL, 10),
        "not told: %s", harness_read_file("logs/preforkd.log", NULL));
    CHECK(umount2("logs", MNT_DETACH) == 0, "%s", strerror(errno));
}

/* What comes through the FIFO until these words do, added to the text. */
static void read_until(int fd, char *text, size_t size, const char *words) {
    size_t len = strlen(text);
    ssize_t n;
    const uint64_t end_ns = harness_now_ns() + PATIENCE_MS * 1000000ull;

    while (strstr(text, words) == NULL) {
        CHECK(harness_now_ns() < end_ns, "%s does not come: %.2000s", words, text);
        n = read(fd, text + len, size - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
        if (n <= 0)
            harness_pause_us(200);
    }
}

static void reader_of_the_log_who_does_not_read_harms_nothing(void) {
    static char text[1 << 22];
    unsigned exchanges;
    uint64_t began_ns;
    struct records records;
    struct daemon daemon;
    int fd;

    CHECK(mkfifo(LOG, 0600) == 0, "%s", strerror(errno));
    fd = open(LOG, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    logged_write_config("file = \"preforkd.log\";", "");
    daemon_write_service("echo", "model = \"event\"; max_children = 1; log_messages = true;");
    /* Not daemon_start(): its complaints read the log, and that is the test's here. */
    daemon_start_unsettled(&daemon);
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "ready") == 1), "not ready");
    daemon.port = daemon_port("echo", "tcp");
    began_ns = harness_now_ns();
    exchanges = exchange_until_dropped(daemon.port, 1000);
    CHECK(harness_now_ns() - began_ns < 30000000000ull || harness_is_sanitized(), "%u in %lu ms",
        exchanges, (unsigned long)((harness_now_ns() - began_ns) / 1000000));
    harness_figure("exchanges=%u in %lu ms while nobody reads the log", exchanges,
        (unsigned long)((harness_now_ns() - began_ns) / 1000000));
    harness_pause_us(1100000); /* a stall is told when it has lasted for a second */
    read_until(fd, text, sizeof(text), " event=log_stalled ");
    load_exchange(daemon.port, exchanges++);
    read_until(fd, text, sizeof(text), " event=log_dropped ");
    load_exchange(daemon.port, exchanges++);
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "connected");
    kill(daemon.proc.pid, SIGUSR1);
    read_until(fd, text, sizeof(text), " event=log_reopened ");
    while (text[strlen(text) - 1] != '\n')
        read_until(fd, text, sizeof(text), "\n");
    records = records_parse(text);
    check_told(&records, exchanges);
    kill(daemon.proc.pid, SIGTERM);
    CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 0, "exit %d", daemon.proc.code);
    close(fd);
}

static void log_is_rotated_by_size(void) {
    struct load_seen seen = { .room = 0 };
    struct records records;
    struct daemon daemon;
    char path[32], words[32];
    unsigned sent = 0, first;

    logged_write_config("file = \"preforkd.log\"; rotate_size = \"64k\"; rotate_keep = 2;", "");
    daemon_write_service("echo", "model = \"event\"; max_children = 1; log_messages = true;");
    daemon_start(&daemon);
    while (!harness_exists(LOG ".2") || logged_size(LOG) < 10000 || sent < 900) {
        load_exchange(daemon.port, sent);
        snprintf(words, sizeof(words), "load/4/%08u/", sent++);
        /* No faster than it is written, or records would be dropped. */
        CHECK(sent % 50 != 0 || harness_until(PATIENCE_MS, logged_holds(LOG, words)),
            "%s does not come", words);
    }
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "connected");
    daemon_stop(&daemon);
    for (unsigned i = 0; i <= 2; i++) {
        snprintf(path, sizeof(path), i > 0 ? LOG ".%u" : LOG, i);
        CHECK(logged_size(path) > 0 && logged_size(path) <= 65536, "%s has %ld bytes", path,
            (long)logged_size(path));
        records = records_read(path);
        load_see(&seen, &records, sent);
    }
    CHECK(!harness_exists(LOG ".3"), "more files than asked for");
    for (first = 0; first < sent && seen.times[LOAD_CLIENTS][first] == 0; first++)
        continue;
    CHECK(first > 0 && first < sent - 200, "from %u of %u", first, sent);
    for (unsigned i = first; i < sent; i++)
        CHECK(seen.times[LOAD_CLIENTS][i] == 1, "message %u: %u times", i,
            seen.times[LOAD_CLIENTS][i]);
    CHECK(daemon_log_count("event=stop") == 1, "%s", daemon_log());
}

static const struct harness_test tests[] = {
    { "full_disk_stops_the_log_and_nothing_else", full_disk_stops_the_log_and_nothing_else },
    { "reader_of_the_log_who_does_not_read_harms_nothing",
        reader_of_the_log_who_does_not_read_harms_nothing },
    { "log_is_rotated_by_size", log_is_rotated_by_size },
    { .name = NULL },
};

const struct harness_suite daemon_log_room_suite = { "daemon_log_room", tests };
