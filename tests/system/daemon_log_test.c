/* The log of a daemon that is busy, killed, short of room: every record whole, each once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/load.h"
#include "tests/system/logged.h"
#include "tests/system/records.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define REOPEN()    harness_run("prefork", "--control", "control.sock", "reopen", NULL)

/* ---- helpers ---- */

/* The child that writes the log; 0 when there is none now. */
static pid_t log_writer(const struct daemon *daemon) {
    pid_t child[DAEMON_WORKERS_MAX];
    size_t count = harness_children(daemon->proc.pid, child, DAEMON_WORKERS_MAX);
    char path[64], title[64];
    ssize_t n;
    int fd;

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/proc/%d/cmdline", child[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, title, sizeof(title) - 1) : 0;
        close(fd);
        title[n > 0 ? n : 0] = '\0';
        if (strncmp(title, "preforkd: log", strlen("preforkd: log")) == 0)
            return child[i];
    }
    return 0;
}

/* ---- records ---- */

/* Every pid that a worker of echo had, each once. */
struct pids {
    size_t count;
    pid_t pid[DAEMON_WORKERS_MAX];
};

static void note_workers(struct pids *known) {
    pid_t now[DAEMON_WORKERS_MAX];
    size_t count = daemon_workers("echo", NULL, now), k;

    for (size_t i = 0; i < count; i++) {
        for (k = 0; k < known->count && known->pid[k] != now[i]; k++)
            continue;
        if (k == known->count)
            known->pid[known->count++] = now[i];
    }
}

static void check_deaths(const struct records *records, const struct pids *known) {
    static const char *const needed[] = { "slot", "cause", "uptime_ms", "peak_kb", "doing" };
    unsigned deaths;

    CHECK(records_count(records, "worker_exit") == known->count, "%zu records for %zu workers",
        records_count(records, "worker_exit"), known->count);
    for (size_t i = 0; i < known->count; i++) {
        deaths = 0;
        for (size_t k = 0; k < records->count; k++) {
            const struct record *record = &records->record[k];
            if (strcmp(records_get(record, "event"), "worker_exit") != 0 ||
                atoi(records_get(record, "pid")) != known->pid[i])
                continue;
            for (size_t n = 0; n < sizeof(needed) / sizeof(needed[0]); n++)
                CHECK(records_get(record, needed[n]) != NULL, "no %s", needed[n]);
            CHECK(atoi(records_get(record, "peak_kb")) > 100, "%s kB",
                records_get(record, "peak_kb"));
            deaths++;
        }
        CHECK(deaths == 1, "worker %d died %u times", known->pid[i], deaths);
    }
}

static void busy_daemon_writes_records_that_parse_and_one_for_each_death(void) {
    const unsigned kills = harness_scale(10, 200);
    /* The address sanitizer would take this fault for one of the program's. */
    const int fault = harness_is_sanitized() ? SIGXCPU : SIGSEGV;

    for (int json = 0; json < 2; json++) {
        struct pids known = { .count = 0 };
        pid_t now[DAEMON_WORKERS_MAX];
        struct records records;
        struct daemon daemon;

        logged_write_config(json ? "file = \"preforkd.log\"; format = \"json\"; level = \"debug\";"
                                 : "file = \"preforkd.log\"; level = \"debug\";",
            "");
        daemon_write_service(
            "echo", "max_children = 3; max_spawn_rate = 1000; log_messages = true;");
        daemon_write_service("ack", "type = \"ack\"; listen = [ \"udp://127.0.0.1:0\" ];");
        daemon_start(&daemon);
        note_workers(&known);
        for (unsigned i = 0; i < kills; i++) {
            load_exchange(daemon.port, i);
            CHECK(daemon_workers("echo", "idle", now) > 0, "no worker");
            kill(now[0], i % 3 == 0 ? SIGKILL : i % 3 == 1 ? fault : SIGABRT);
            CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "restarts") == i + 1 &&
                                                 daemon_workers("echo", "idle", now) == 3),
                "not replaced: %s", daemon_log());
            note_workers(&known);
        }
        daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        note_workers(&known);
        daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":2,\"wait\":true}}");
        CHECK(REOPEN().code == 0, "reopen");
        daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"ack\",\"wait\":true}}");
        daemon_stop(&daemon);
        records = records_read(LOG);
        CHECK((*daemon_log() == '{') == json, "the wrong format: %.80s", daemon_log());
        for (size_t i = 0; i < records.count; i++) /* those of ack were not noted */
            if (records_get(&records.record[i], "service") != NULL &&
                strcmp(records_get(&records.record[i], "service"), "ack") == 0)
                records.record[i--] = records.record[--records.count];
        check_deaths(&records, &known);
        CHECK(records_count(&records, "message") == kills &&
                  records_count(&records, "start") == 1 && records_count(&records, "stop") == 1,
            "%s", daemon_log());
        harness_figure(
            "%s: %zu records, %zu deaths", json ? "json" : "logfmt", records.count, known.count);
        unlink(LOG);
    }
}

/* ---- the writer is killed ---- */

static void check_connections(const struct records *records, unsigned exchanges) {
    static const char *const events[] = { "connected", "message", "disconnected" };

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        CHECK(records_count(records, events[i]) == exchanges, "%zu times %s for %u exchanges",
            records_count(records, events[i]), events[i], exchanges);
    CHECK(records_count(records, "log_dropped") == 0, "records were dropped");
}

static void killed_log_writer_loses_and_doubles_nothing(void) {
    const unsigned kills = harness_scale(50, 1000);
    struct load_seen seen = { .room = 0 };
    struct records records;
    struct daemon daemon;
    struct load *load;
    unsigned exchanges;
    pid_t writer = 0, last = 0;
    off_t size;

    daemon_write_service("echo", "model = \"event\"; max_children = 4; log_messages = true;");
    daemon_start(&daemon);
    load = load_start(daemon.port, 5000);
    for (unsigned i = 0; i < kills; i++) {
        CHECK(harness_until(PATIENCE_MS, (writer = log_writer(&daemon)) != 0 && writer != last),
            "no log writer after %u kills", i);
        last = writer;
        size = logged_size(LOG);
        /* Now when it works, now before: that is a young death, and the next waits a little. */
        CHECK(i % 2 == 1 || harness_until(PATIENCE_MS, logged_size(LOG) > size),
            "log writer %u writes nothing", i);
        harness_pause_us((unsigned)harness_random(0, 5000));
        kill(last, SIGKILL);
    }
    load_stop(load);
    exchanges = load_done(load);
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "still connected");
    CHECK(daemon_number("echo", "connections_total") == exchanges, "%lu connections, %u exchanges",
        (unsigned long)daemon_number("echo", "connections_total"), exchanges);
    CHECK(daemon_number("echo", "log_dropped") == 0, "records were dropped");
    /* A death that is only seen while it stops is none. */
    CHECK(harness_until(PATIENCE_MS, (writer = log_writer(&daemon)) != 0 && writer != last),
        "no log writer after the last kill");
    daemon_stop(&daemon);
    records = records_read(LOG);
    CHECK(records_count(&records, "log_writer_exit") == kills, "%zu deaths told",
        records_count(&records, "log_writer_exit"));
    check_connections(&records, exchanges);
    load_see(&seen, &records, exchanges + 1);
    load_check_once(&seen, load);
    harness_figure(
        "kills=%u connections=%u records=%zu lost=0 doubled=0", kills, exchanges, records.count);
    CHECK(exchanges > kills, "the clients did nothing");
}

/* ---- reopening ---- */

enum { REOPENS = 50 };

struct moved {
    char path[32];
    off_t size; /* when the daemon said that it is done with it */
};

static void move_log(struct moved *moved, unsigned number) {
    /* Or the log writer, which may be new, would open the file after it was moved. */
    CHECK(harness_until(PATIENCE_MS, logged_size(LOG) > 0), "nothing comes");
    snprintf(moved->path, sizeof(moved->path), "old.%u", number);
    CHECK(rename(LOG, moved->path) == 0, "%s", strerror(errno));
}

static void see_file(struct load_seen *seen, struct records *all, const char *path, unsigned room) {
    struct records records = records_read(path);

    load_see(seen, &records, room);
    all->record = realloc(all->record, (all->count + records.count) * sizeof(struct record));
    memcpy(all->record + all->count, records.record, records.count * sizeof(struct record));
    all->count += records.count;
}

/* Every old file is as it was when it was let go; all of them together hold everything once. */
static void check_moved(const struct moved *moved, unsigned count, const struct load *load) {
    const unsigned room = load_done(load) + count;
    struct load_seen seen = { .room = 0 };
    struct records all = { .count = 0 };

    for (unsigned i = 0; i < count; i++) {
        CHECK(logged_size(moved[i].path) == moved[i].size,
            "%s was written to afterwards: %ld, not %ld", moved[i].path,
            (long)logged_size(moved[i].path), (long)moved[i].size);
        see_file(&seen, &all, moved[i].path, room);
        CHECK(seen.times[LOAD_CLIENTS][i] == 1, "what was written before is not in %s",
            moved[i].path);
    }
    see_file(&seen, &all, LOG, room);
    load_check_once(&seen, load);
    check_connections(&all, load_done(load) + count);
    harness_figure("reopened=%u records=%zu", count, all.count);
}

static void reopen_is_done_when_it_says_so(void) {
    const unsigned count = harness_scale(REOPENS, 20 * REOPENS);
    struct moved *moved = calloc(count, sizeof(*moved));
    struct harness_result reopened;
    struct daemon daemon;
    struct load *load;

    daemon_write_service("echo", "model = \"event\"; max_children = 4; log_messages = true;");
    daemon_start(&daemon);
    load = load_start(daemon.port, 3000);
    for (unsigned i = 0; i < count; i++) {
        move_log(&moved[i], i);
        load_exchange(daemon.port, i);
        reopened = REOPEN();
        moved[i].size = logged_size(moved[i].path);
        CHECK(
            reopened.code == 0 && harness_exists(LOG), "exit %d: %s", reopened.code, reopened.err);
        CHECK(harness_until(PATIENCE_MS, logged_size(LOG) > 0), "nothing comes");
    }
    load_stop(load);
    CHECK(daemon_number("echo", "log_dropped") == 0, "records were dropped");
    daemon_stop(&daemon);
    check_moved(moved, count, load);
}

static void signal_reopens_too(void) {
    const unsigned count = harness_scale(REOPENS, 20 * REOPENS);
    struct moved *moved = calloc(count, sizeof(*moved));
    struct daemon daemon;
    struct load *load;

    daemon_write_service("echo", "model = \"process\"; max_children = 6; log_messages = true;");
    daemon_start(&daemon);
    load = load_start(daemon.port, 3000);
    for (unsigned i = 0; i < count; i++) {
        move_log(&moved[i], i);
        load_exchange(daemon.port, i);
        kill(daemon.proc.pid, SIGUSR1);
        CHECK(
            harness_until(PATIENCE_MS, logged_holds(LOG, " event=log_reopened ")), "not reopened");
        moved[i].size = logged_size(moved[i].path);
    }
    load_stop(load);
    CHECK(daemon_number("echo", "log_dropped") == 0, "records were dropped");
    daemon_stop(&daemon);
    check_moved(moved, count, load);
}

/* The log writer is killed in the midst of it: the verb waits for the next one. */
static void reopen_survives_the_death_of_the_log_writer(void) {
    enum { ROUNDS = 20 };
    const char *const argv[] = { "prefork", "--control", "control.sock", "reopen", NULL };
    struct moved moved[ROUNDS];
    struct harness_proc reopen;
    struct daemon daemon;
    struct load *load;
    pid_t writer;

    daemon_write_service("echo", "model = \"event\"; log_messages = true;");
    daemon_start(&daemon);
    load = load_start(daemon.port, 3000);
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(harness_until(PATIENCE_MS, (writer = log_writer(&daemon)) != 0), "no log writer");
        move_log(&moved[i], i);
        load_exchange(daemon.port, i);
        harness_start(&reopen, argv, 0);
        harness_pause_us((unsigned)harness_random(0, 3000));
        kill(writer, SIGKILL);
        CHECK(harness_wait(&reopen, PATIENCE_MS) == 0, "exit %d: %s", reopen.code,
            harness_read_file(reopen.err, NULL));
        moved[i].size = logged_size(moved[i].path);
    }
    load_stop(load);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("event=log_writer_exit") > 0), "not told");
    daemon_stop(&daemon);
    for (unsigned i = 0; i < ROUNDS; i++)
        CHECK(logged_size(moved[i].path) == moved[i].size, "%s was written to afterwards",
            moved[i].path);
}

static void reopen_that_fails_is_told_and_the_old_file_is_kept(void) {
    struct harness_result reopened;
    struct daemon daemon;

    CHECK(mkdir("logs", 0755) == 0, "%s", strerror(errno));
    logged_write_config("file = \"logs/preforkd.log\";", "");
    daemon_write_service("echo", "log_messages = true; max_children = 1;");
    daemon_start(&daemon);
    load_exchange(daemon.port, 0);
    CHECK(harness_until(PATIENCE_MS, logged_holds("logs/preforkd.log", "load/4/00000000/")),
        "the log writer has not begun");
    CHECK(rename("logs", "gone") == 0, "%s", strerror(errno));
    reopened = REOPEN();
    CHECK(reopened.code == 74 && strstr(reopened.err, "No such file or directory") != NULL,
        "exit %d: %s", reopened.code, reopened.err);
    load_exchange(daemon.port, 1);
    CHECK(harness_until(PATIENCE_MS, logged_holds("gone/preforkd.log", "load/4/00000001/")),
        "it does not log on");
    CHECK(logged_holds("gone/preforkd.log", "log file reopened: No such file or directory") ||
              logged_holds("gone/preforkd.log", "event=log_reopen_failed"),
        "%s", harness_read_file("gone/preforkd.log", NULL));
    CHECK(mkdir("logs", 0755) == 0, "%s", strerror(errno));
    reopened = REOPEN();
    CHECK(reopened.code == 0, "exit %d: %s", reopened.code, reopened.err);
    load_exchange(daemon.port, 2);
    CHECK(harness_until(PATIENCE_MS, logged_holds("logs/preforkd.log", "load/4/00000002/")),
        "it does not log in the new file");
    CHECK(!logged_holds("gone/preforkd.log", "load/4/00000002/"), "it logs in the old one");
    daemon_stop(&daemon);
    records_read("gone/preforkd.log");
    records_read("logs/preforkd.log");
}

static const struct harness_test tests[] = {
    { "busy_daemon_writes_records_that_parse_and_one_for_each_death",
        busy_daemon_writes_records_that_parse_and_one_for_each_death },
    { "killed_log_writer_loses_and_doubles_nothing", killed_log_writer_loses_and_doubles_nothing },
    { "reopen_is_done_when_it_says_so", reopen_is_done_when_it_says_so },
    { "signal_reopens_too", signal_reopens_too },
    { "reopen_survives_the_death_of_the_log_writer", reopen_survives_the_death_of_the_log_writer },
    { "reopen_that_fails_is_told_and_the_old_file_is_kept",
        reopen_that_fails_is_told_and_the_old_file_is_kept },
    { .name = NULL },
};

const struct harness_suite daemon_log_suite = { "daemon_log", tests };
