/* The job supervisor as the supervisor's child: killed, hung, reloaded, stopped, and asked. */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/jobs_board.h"
#include "tests/system/daemon.h"
#include "tests/system/records.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define ASK         "{\"verb\":\"job.list\"}\n"

/* ---- its configuration ---- */

/* The group "jobs", with this in it, and more of the daemon's file behind. */
static void write_jobs(const char *jobs, const char *more) {
    char text[1024];

    snprintf(text, sizeof(text), "jobs : { %s };\n%s", jobs, more);
    daemon_write_config(text);
}

static void start(struct daemon *daemon, const char *jobs) {
    write_jobs(jobs, "");
    daemon_write_service("echo", "%s", "");
    daemon_start(daemon);
}

/* ---- what the status says of it ---- */

static const json_t *jobs_now(void) {
    const json_t *status = json_array_get(daemon_ask("{\"verb\":\"status\"}"), 0);

    return json_object_get(status, "jobs");
}

static pid_t jobs_pid(void) {
    return (pid_t)json_integer_value(json_object_get(jobs_now(), "pid"));
}

static bool is_in(const char *state) {
    const char *now = json_string_value(json_object_get(jobs_now(), "state"));

    return now != NULL && strcmp(now, state) == 0;
}

static json_int_t jobs_number(const char *key) {
    return json_integer_value(json_object_get(jobs_now(), key));
}

/* Its pid, when it is RUNNING. */
static pid_t wait_for_it(void) {
    CHECK(harness_until(PATIENCE_MS, is_in("RUNNING")), "it does not run: %s", daemon_log());
    return jobs_pid();
}

static bool is_replaced(pid_t pid) {
    return is_in("RUNNING") && jobs_pid() != pid;
}

/* An orphan comes to this process. */
static bool is_gone(pid_t pid) {
    return waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) < 0 && errno == ESRCH);
}

/* Workers of one that was killed come to this process; they have gone by themselves. */
static void reap(void) {
    CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0), "something lives on");
}

static void stop(struct daemon *daemon) {
    daemon_stop(daemon);
    reap();
}

/* ---- its life ---- */

static void killed_job_supervisor_is_replaced_at_once(void) {
    const unsigned kills = harness_scale(8, 200);
    pid_t pid, echo[DAEMON_WORKERS_MAX], now[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    uint64_t begin_ns;

    start(&daemon, "spool_dir = \"spool\";");
    CHECK(daemon_workers("echo", NULL, echo) == 2, "workers");
    begin_ns = harness_now_ns();
    for (unsigned i = 0; i < kills; i++) {
        pid = wait_for_it();
        kill(pid, SIGKILL);
        CHECK(harness_until(PATIENCE_MS, is_replaced(pid)), "not replaced: %s", daemon_log());
        CHECK(is_gone(pid), "it was not reaped");
    }
    harness_figure(
        "%u kills, %.0f ms each", kills, (double)(harness_now_ns() - begin_ns) / 1e6 / kills);
    CHECK(jobs_number("restarts") == kills, "%lld restarts", (long long)jobs_number("restarts"));
    CHECK(harness_until(PATIENCE_MS,
              daemon_log_count("event=jobs_exit") == kills &&
                  daemon_log_count("the job supervisor was killed by SIGKILL") == kills),
        "%s", daemon_log());
    CHECK(daemon_workers("echo", NULL, now) == 2 && memcmp(echo, now, 2 * sizeof(pid_t)) == 0,
        "a service lost its workers");
    stop(&daemon);
}

/* Every life ends before it is ready. */
static void one_that_dies_before_it_is_ready_backs_off(void) {
    uint64_t gap_ns[3], before_ns = 0;
    struct harness_result explain;
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "jobs-start:0", 1);
    start(&daemon, "spool_dir = \"spool\";");
    for (unsigned i = 0; i < 4; i++) {
        CHECK(harness_until(PATIENCE_MS, daemon_log_count("event=jobs_exit") > i), "%s",
            daemon_log());
        if (i > 0)
            gap_ns[i - 1] = harness_now_ns() - before_ns;
        before_ns = harness_now_ns();
    }
    harness_figure("waits: %.0f, %.0f, %.0f ms", (double)gap_ns[0] / 1e6, (double)gap_ns[1] / 1e6,
        (double)gap_ns[2] / 1e6);
    CHECK(gap_ns[2] >= 290000000ull && gap_ns[2] > gap_ns[0], "it does not wait longer");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "a service suffers");
    CHECK(harness_until(PATIENCE_MS, is_in("BACKOFF")), "%s", daemon_log());
    CHECK(jobs_number("next_try_ms") > 0 && jobs_number("restarts") >= 4, "%s", daemon_log());
    explain = harness_run("prefork", "--control", "control.sock", "explain", "jobs", NULL);
    CHECK(explain.code == 0 && strstr(explain.out, "the job supervisor is BACKOFF") != NULL &&
              strstr(explain.out, "it dies before it is ready") != NULL &&
              strstr(explain.out, "the next try is ") != NULL,
        "%s", explain.out);
    unsetenv("PREFORK_FAILPOINT");
    stop(&daemon);
}

/* Whoever started the daemon hears of it, and the daemon goes on trying. */
static void start_tells_that_it_does_not_come_up(void) {
    const char *const argv[] = { "preforkd", "-f", "preforkd.conf", NULL };
    struct harness_result r;
    pid_t pid;

    setenv("PREFORK_FAILPOINT", "jobs-start:1", 1);
    write_jobs("spool_dir = \"spool\";", "pid_file = \"pid\";");
    daemon_write_service("echo", "%s", "");
    r = harness_run_argv(argv);
    unsetenv("PREFORK_FAILPOINT");
    pid = (pid_t)atoi(harness_read_file("pid", NULL));
    CHECK(r.code == 3 && strstr(r.err, "the job supervisor is BACKOFF: it was killed") != NULL,
        "%d: %s", r.code, r.err);
    wait_for_it();
    kill(pid, SIGTERM);
    CHECK(harness_until(PATIENCE_MS, is_gone(pid)), "it does not stop");
    reap();
}

static void one_that_hangs_is_killed_and_replaced(void) {
    struct daemon daemon;
    uint64_t begin_ns;
    pid_t pid;

    start(&daemon, "spool_dir = \"spool\"; supervisor_timeout = \"700ms\";");
    pid = wait_for_it();
    begin_ns = harness_now_ns();
    kill(pid, SIGSTOP);
    CHECK(harness_until(PATIENCE_MS, is_replaced(pid)), "a hung one lives: %s", daemon_log());
    harness_figure("found after %.0f ms", (double)(harness_now_ns() - begin_ns) / 1e6);
    CHECK(harness_now_ns() - begin_ns >= 700000000ull, "judged too soon");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("event=jobs_hung") >= 1 &&
                                         daemon_log_count("reason=\"it did not answer\"") >= 1),
        "%s", daemon_log());
    stop(&daemon);
}

/* The daemon waits for it, and what it says last is written. */
static void daemon_that_stops_lets_it_finish(void) {
    struct records records;
    struct daemon daemon;
    pid_t pid;

    start(&daemon, "spool_dir = \"spool\"; supervisor_timeout = \"0\";");
    pid = wait_for_it();
    kill(pid, SIGSTOP); /* it is busy */
    kill(daemon.proc.pid, SIGTERM);
    CHECK(harness_until(PATIENCE_MS, is_in("STOPPING") && daemon_log_count("echo is STOPPED") == 1),
        "%s", daemon_log());
    CHECK(!is_gone(pid), "it was not waited for");
    kill(pid, SIGCONT);
    stop(&daemon);
    records = records_read("preforkd.log");
    CHECK(strcmp(records_get(records_find(&records, "jobs_exit"), "level"), "info") == 0 &&
              strstr(records_get(records_find(&records, "jobs_exit"), "cause"), "exited with 0"),
        "%s", daemon_log());
    CHECK(strcmp(records_get(&records.record[records.count - 1], "event"), "stop") == 0,
        "something is said after the end: %s", daemon_log());
}

static void one_that_does_not_leave_is_killed(void) {
    struct daemon daemon;

    start(&daemon, "spool_dir = \"spool\"; supervisor_timeout = \"0\";");
    kill(wait_for_it(), SIGSTOP);
    kill(daemon.proc.pid, SIGINT); /* at once */
    CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 0, "exit %d", daemon.proc.code);
    CHECK(daemon_log_count("event=jobs_exit") == 1 &&
              daemon_log_count("cause=\"was killed by SIGKILL") == 1,
        "%s", daemon_log());
    reap();
}

static void killed_supervisor_leaves_no_orphan(void) {
    struct daemon daemon;

    start(&daemon, "spool_dir = \"spool\";");
    wait_for_it();
    kill(daemon.proc.pid, SIGKILL);
    CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 128 + SIGKILL, "exit %d", daemon.proc.code);
    reap();
    unlink("preforkd.log");
    start(&daemon, "spool_dir = \"spool\";"); /* the next one is not in its way */
    wait_for_it();
    stop(&daemon);
}

/* ---- reload ---- */

/* Reload; the word for the job supervisor, "none" for null. */
static const char *reload(void) {
    json_t *lines = daemon_ask("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1),
                 *verdict = json_array_get(lines, json_array_size(lines) - 2);
    const char *word = json_string_value(json_object_get(verdict, "job_supervisor"));

    CHECK(json_integer_value(json_object_get(last, "exit")) == 0, "%s", json_dumps(last, 0));
    return word != NULL ? word : "none";
}

static void reload_keeps_tells_replaces_stops_and_starts_it(void) {
    const struct {
        const char *jobs, *more, *word;
        bool is_same;
    } steps[] = {
        { "spool_dir = \"spool\";", "", "kept", true },
        { "spool_dir = \"spool\"; workers = 3;", "", "told", true },
        { "spool_dir = \"spool\"; workers = 3;", "max_generations = 5;", "kept", true },
        { "spool_dir = \"spool2\"; workers = 3;", "max_generations = 5;", "replaced", false },
        { "spool_dir = \"spool2\"; workers = 3; enabled = false;", "", "stopped", false },
        { "spool_dir = \"spool2\"; workers = 3; enabled = false;", "", "none", true },
        { "spool_dir = \"spool2\"; workers = 1;", "", "started", false },
    };
    struct daemon daemon;
    pid_t pid, now;
    const char *word;

    start(&daemon, "spool_dir = \"spool\";");
    pid = wait_for_it();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        write_jobs(steps[i].jobs, steps[i].more);
        word = reload();
        CHECK(strcmp(word, steps[i].word) == 0, "step %zu: %s", i, word);
        if (strcmp(word, "stopped") == 0)
            CHECK(harness_until(PATIENCE_MS, json_is_null(jobs_now())), "%s", daemon_log());
        now = jobs_pid();
        CHECK((now == pid) == steps[i].is_same, "step %zu: pid %d was %d", i, now, pid);
        CHECK(now == 0 || is_in("RUNNING"), "step %zu: %s", i, daemon_log());
        CHECK(now == pid || pid == 0 || is_gone(pid), "step %zu: the old one lives", i);
        pid = now;
    }
    stop(&daemon);
}

static void reload_replaces_it_when_the_log_differs(void) {
    static const char config[] =
        "services_dir = \"services.d\"; control : { socket = \"control.sock\"; };\n"
        "log : { file = \"preforkd.log\"; level = \"debug\"; }; jobs : { spool_dir = \"spool\"; };";
    struct daemon daemon;
    pid_t pid;

    write_jobs("spool_dir = \"spool\";", "");
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    pid = wait_for_it();
    harness_write_file("preforkd.conf", config, strlen(config));
    CHECK(strcmp(reload(), "replaced") == 0, "it logs as it did");
    CHECK(jobs_pid() != pid, "it is the same");
    stop(&daemon);
}

/* It is not there, and a reload finds that out and says so; all else is in force. */
static void reload_says_that_it_does_not_come_up(void) {
    struct harness_result r;
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "jobs-start:0", 1);
    start(&daemon, "enabled = false;");
    unsetenv("PREFORK_FAILPOINT");
    write_jobs("spool_dir = \"spool\";", "");
    r = harness_run("prefork", "--control", "control.sock", "reload", NULL);
    CHECK(r.code == 3 && strstr(r.err, "the job supervisor is BACKOFF: it was killed") != NULL,
        "%d: %s%s", r.code, r.out, r.err);
    CHECK(strstr(r.out, "the job supervisor was started") != NULL, "%s", r.out);
    stop(&daemon);
}

/* ---- who it is ---- */

static long uid_of(pid_t pid) {
    char path[64], *text;
    long uid = -1;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    text = harness_read_file(path, NULL);
    CHECK(sscanf(strstr(text, "\nUid:"), "\nUid: %*d %ld", &uid) == 1, "%s", text);
    return uid;
}

static void it_runs_as_its_own_user(void) {
    const struct passwd *nobody = getpwnam("nobody");
    struct daemon daemon;

    if (geteuid() != 0 || nobody == NULL)
        harness_skip("only root can become somebody else");
    CHECK(mkdir("spool", 0700) == 0 && chown("spool", nobody->pw_uid, nobody->pw_gid) == 0 &&
              chmod(".", 0755) == 0,
        "%s", strerror(errno));
    start(&daemon, "user = \"nobody\"; spool_dir = \"spool\";");
    CHECK(uid_of(wait_for_it()) == (long)nobody->pw_uid, "uid %ld", uid_of(jobs_pid()));
    stop(&daemon);
}

/* Neither a service nor the jobs name one. */
static void without_a_user_of_its_own_it_is_the_daemons(void) {
    const struct passwd *nobody = getpwnam("nobody");
    pid_t echo[DAEMON_WORKERS_MAX];
    struct daemon daemon;

    if (geteuid() != 0 || nobody == NULL)
        harness_skip("only root can become somebody else");
    CHECK(mkdir("spool", 0700) == 0 && chown("spool", nobody->pw_uid, nobody->pw_gid) == 0 &&
              chmod(".", 0755) == 0,
        "%s", strerror(errno));
    write_jobs("spool_dir = \"spool\";", "user = \"nobody\";");
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    CHECK(uid_of(wait_for_it()) == (long)nobody->pw_uid, "uid %ld", uid_of(jobs_pid()));
    CHECK(daemon_workers("echo", NULL, echo) == 2, "workers");
    CHECK(uid_of(echo[0]) == (long)nobody->pw_uid, "a worker is uid %ld", uid_of(echo[0]));
    stop(&daemon);
}

/* The capabilities that a process has, as /proc shows them. */
static unsigned long long capabilities_of(pid_t pid, const char *set) {
    unsigned long long bits = 0;
    char path[64], name[32], *text, *at;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    snprintf(name, sizeof(name), "\n%s:", set);
    text = harness_read_file(path, NULL);
    at = strstr(text, name);
    CHECK(at != NULL && sscanf(at + strlen(name), "%llx", &bits) == 1, "%s", text);
    return bits;
}

/* Somebody else's commands need rights to become somebody else, and nothing beyond. */
static void it_keeps_no_more_rights_than_commands_need(void) {
    const unsigned long long become = 1ull << 5 | 1ull << 6 | 1ull << 7; /* kill, setgid, setuid */
    const struct {
        const char *more, *word;
        unsigned long long rights;
    } steps[] = {
        { "", "kept", 0 },
        { "commands = \"admin\"; command_user = \"daemon\";", "replaced", become },
        { "commands = \"all\"; command_user = \"daemon\";", "told", become },
        { "commands = \"admin\"; command_user = \"nobody\";", "replaced", 0 },
    };
    const struct passwd *nobody = getpwnam("nobody");
    struct daemon daemon;
    char text[256];
    const char *word;
    pid_t pid;

    if (geteuid() != 0 || nobody == NULL || getpwnam("daemon") == NULL)
        harness_skip("only root can become somebody else");
    nobody = getpwnam("nobody"); /* the other call had its place */
    CHECK(mkdir("spool", 0700) == 0, "%s", strerror(errno));
    CHECK(chown("spool", nobody->pw_uid, nobody->pw_gid) == 0 && chmod(".", 0755) == 0, "%s",
        strerror(errno));
    start(&daemon, "user = \"nobody\"; spool_dir = \"spool\";");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        snprintf(text, sizeof(text), "user = \"nobody\"; spool_dir = \"spool\"; %s", steps[i].more);
        write_jobs(text, "");
        word = reload();
        CHECK(strcmp(word, steps[i].word) == 0, "step %zu: %s", i, word);
        pid = wait_for_it();
        CHECK(capabilities_of(pid, "CapPrm") == steps[i].rights &&
                  capabilities_of(pid, "CapEff") == steps[i].rights &&
                  capabilities_of(pid, "CapInh") == 0,
            "step %zu: %llx", i, capabilities_of(pid, "CapPrm"));
    }
    stop(&daemon);
}

/* How many shared mappings of so many bytes a process has. */
static unsigned count_mappings(pid_t pid, size_t bytes) {
    char path[64], rights[8], *text, *line;
    unsigned long from, to;
    unsigned count = 0;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    text = harness_read_file(path, NULL);
    for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        count += sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && rights[3] == 's' &&
                 to - from == bytes;
    return count;
}

static void workers_of_services_have_nothing_of_it(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 board = (sizeof(struct jobs_board) + page - 1) / page * page;
    pid_t before[DAEMON_WORKERS_MAX], now[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    size_t descriptors;
    unsigned others;
    pid_t pid;

    start(&daemon, "spool_dir = \"spool\";");
    pid = wait_for_it();
    CHECK(daemon_workers("echo", "idle", before) == 2, "workers");
    descriptors = harness_descriptors(before[0]);
    kill(before[0], SIGKILL); /* the next one is forked while all of it is there */
    CHECK(
        harness_until(PATIENCE_MS, daemon_workers("echo", "idle", now) == 2 && now[0] != before[0]),
        "not replaced");
    others = count_mappings(now[1], board); /* forked before there was a board */
    CHECK(count_mappings(pid, board) == others + 1, "the job supervisor has no board");
    CHECK(count_mappings(daemon.proc.pid, board) == others + 1, "the supervisor has no board");
    CHECK(count_mappings(now[0], board) == others, "a worker has the board of the jobs");
    CHECK(harness_descriptors(now[0]) == descriptors, "%zu descriptors, and %zu before",
        harness_descriptors(now[0]), descriptors);
    stop(&daemon);
}

/* ---- status ---- */

static void status_and_explain_show_it(void) {
    struct harness_result r;
    struct daemon daemon;
    char words[64];

    start(&daemon, "enabled = false;");
    CHECK(json_is_null(jobs_now()), "there is one");
    r = harness_run("prefork", "--control", "control.sock", "status", "jobs", NULL);
    CHECK(r.code == 0 && strstr(r.out, "there is no job supervisor") != NULL, "%s", r.out);
    r = harness_run("prefork", "--control", "control.sock", "explain", "jobs", NULL);
    CHECK(strstr(r.out, "jobs.enabled = false") != NULL, "%s", r.out);
    write_jobs("spool_dir = \"spool\";", "");
    CHECK(strcmp(reload(), "started") == 0, "%s", daemon_log());
    snprintf(
        words, sizeof(words), "jobs: RUNNING, pid %d, 0 running, 0 queued, 0 paused", jobs_pid());
    r = harness_run("prefork", "--control", "control.sock", "status", NULL);
    CHECK(r.code == 0 && strstr(r.out, words) != NULL, "%s", r.out);
    r = harness_run("prefork", "--control", "control.sock", "status", "jobs", NULL);
    CHECK(r.code == 0 && strstr(r.out, "the job supervisor is RUNNING for ") != NULL, "%s", r.out);
    r = harness_run("prefork", "--control", "control.sock", "stop", "jobs", NULL);
    CHECK(
        r.code == 2 && strstr(r.err, "is the job supervisor, not a service") != NULL, "%s", r.err);
    stop(&daemon);
}

/* ---- questions ---- */

static int ask(const char *line) {
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "control.sock" };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "%s", strerror(errno));
    CHECK(
        send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line), "%s", strerror(errno));
    return fd;
}

static bool has_answer(int fd, int timeout_ms) {
    struct pollfd watch = { .fd = fd, .events = POLLIN };

    return poll(&watch, 1, timeout_ms) == 1;
}

/* The next line; "" at the end of the stream. */
static const char *read_line(int fd) {
    static char line[4096];
    size_t len = 0;

    while (len < sizeof(line) - 1) {
        CHECK(has_answer(fd, PATIENCE_MS), "no answer");
        if (recv(fd, line + len, 1, 0) <= 0 || line[len] == '\n')
            break;
        len++;
    }
    line[len] = '\0';
    return line;
}

/* It has come to the job supervisor: nobody else can have given the last word. */
static void expect_end(int fd) {
    const char *line;

    do {
        line = read_line(fd);
        CHECK(line[0] != '\0', "closed without the last word");
    } while (strstr(line, "\"done\"") == NULL);
    CHECK(strstr(line, "\"exit\":78") == NULL, "%s", line);
    close(fd);
}

static void question_about_jobs_is_answered_by_the_job_supervisor(void) {
    struct daemon daemon;
    uint64_t begin_ns;
    pid_t pid;
    int fd;

    start(&daemon, "spool_dir = \"spool\"; supervisor_timeout = \"0\";");
    pid = wait_for_it();
    begin_ns = harness_now_ns();
    expect_end(ask(ASK));
    harness_figure("answered after %.2f ms", (double)(harness_now_ns() - begin_ns) / 1e6);
    kill(pid, SIGSTOP);
    CHECK(harness_until(PATIENCE_MS, harness_is_stopped(pid)), "it does not stop");
    fd = ask(ASK);
    daemon_do("{\"verb\":\"ports\"}"); /* the supervisor has seen it, and answers others */
    CHECK(!has_answer(fd, 0), "somebody else answers: %s", read_line(fd));
    kill(pid, SIGCONT);
    expect_end(fd);
    stop(&daemon);
}

static void question_waits_until_it_is_ready(void) {
    pid_t child[DAEMON_WORKERS_MAX], pid = 0;
    struct daemon daemon;
    int fd;

    setenv("PREFORK_FAILPOINT", "jobs-start:1:stop", 1);
    start(&daemon, "spool_dir = \"spool\";");
    unsetenv("PREFORK_FAILPOINT");
    CHECK(harness_until(
              PATIENCE_MS, is_in("STARTING") && (pid = jobs_pid()) != 0 && harness_is_stopped(pid)),
        "%s", daemon_log());
    fd = ask(ASK);
    CHECK(strcmp(read_line(fd), "{\"progress\":\"the job supervisor is being started\"}") == 0,
        "no progress");
    CHECK(harness_until(
              PATIENCE_MS, harness_children(daemon.proc.pid, child, DAEMON_WORKERS_MAX) == 4),
        "children");
    kill(pid, SIGCONT);
    expect_end(fd);
    stop(&daemon);
}

static void without_a_job_supervisor_it_is_said_what_to_write(void) {
    struct daemon daemon;
    int fd;

    start(&daemon, "enabled = false;");
    fd = ask(ASK);
    CHECK(
        strstr(read_line(fd), "\"exit\":78,\"error\":\"there is no job supervisor: write ") != NULL,
        "another answer");
    close(fd);
    stop(&daemon);
}

/* More than its orders hold and than may wait: each is answered or turned away, none is lost. */
static void many_questions_at_once_are_all_answered(void) {
    enum { PEERS = 600 };
    unsigned answered = 0, refused = 0;
    struct daemon daemon;
    const char *line;
    int fd[PEERS];
    pid_t pid;

    start(&daemon, "spool_dir = \"spool\"; supervisor_timeout = \"0\";");
    pid = wait_for_it();
    kill(pid, SIGSTOP);
    CHECK(harness_until(PATIENCE_MS, harness_is_stopped(pid)), "it does not stop");
    for (int i = 0; i < PEERS; i++) {
        fd[i] = ask(ASK);
    }
    kill(pid, SIGCONT);
    for (int i = 0; i < PEERS; i++) {
        while ((line = read_line(fd[i]))[0] != '\0' && strstr(line, "\"done\"") == NULL)
            ;
        CHECK(line[0] != '\0', "number %d was closed without the last word", i);
        refused += strstr(line, "\"exit\":75") != NULL;
        answered += strstr(line, "\"exit\":75") == NULL;
        close(fd[i]);
    }
    harness_figure("answered=%u turned_away=%u", answered, refused);
    CHECK(answered > 100, "%u were answered", answered);
    CHECK(jobs_pid() == pid, "it died of it");
    expect_end(ask(ASK));
    stop(&daemon);
}

static const struct harness_test tests[] = {
    { "killed_job_supervisor_is_replaced_at_once", killed_job_supervisor_is_replaced_at_once },
    { "one_that_dies_before_it_is_ready_backs_off", one_that_dies_before_it_is_ready_backs_off },
    { "start_tells_that_it_does_not_come_up", start_tells_that_it_does_not_come_up },
    { "one_that_hangs_is_killed_and_replaced", one_that_hangs_is_killed_and_replaced },
    { "daemon_that_stops_lets_it_finish", daemon_that_stops_lets_it_finish },
    { "one_that_does_not_leave_is_killed", one_that_does_not_leave_is_killed },
    { "killed_supervisor_leaves_no_orphan", killed_supervisor_leaves_no_orphan },
    { "reload_keeps_tells_replaces_stops_and_starts_it",
        reload_keeps_tells_replaces_stops_and_starts_it },
    { "reload_replaces_it_when_the_log_differs", reload_replaces_it_when_the_log_differs },
    { "reload_says_that_it_does_not_come_up", reload_says_that_it_does_not_come_up },
    { "it_runs_as_its_own_user", it_runs_as_its_own_user },
    { "without_a_user_of_its_own_it_is_the_daemons", without_a_user_of_its_own_it_is_the_daemons },
    { "it_keeps_no_more_rights_than_commands_need", it_keeps_no_more_rights_than_commands_need },
    { "workers_of_services_have_nothing_of_it", workers_of_services_have_nothing_of_it },
    { "status_and_explain_show_it", status_and_explain_show_it },
    { "question_about_jobs_is_answered_by_the_job_supervisor",
        question_about_jobs_is_answered_by_the_job_supervisor },
    { "question_waits_until_it_is_ready", question_waits_until_it_is_ready },
    { "without_a_job_supervisor_it_is_said_what_to_write",
        without_a_job_supervisor_it_is_said_what_to_write },
    { "many_questions_at_once_are_all_answered", many_questions_at_once_are_all_answered },
    { NULL, NULL },
};

const struct harness_suite daemon_jobs_keeper_suite = { "daemon_jobs_keeper", tests };
