/* prefork doctor: each check says well of what is well, and finds what the test has spoilt. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define SETPRIV "/usr/bin/setpriv"

static json_t *findings;
static int exit_code;

/* What it finds about ./preforkd.conf; behind these words of a shell ("ulimit -n 40;", or ""). */
static void examine_after(const char *before) {
    char command[4352];
    struct harness_result r;

    snprintf(command, sizeof(command), "%s '%s' doctor ./preforkd.conf --json", before,
        harness_program("prefork"));
    r = harness_run("/bin/bash", "-c", command, NULL);
    findings = json_loads(r.out, 0, NULL);
    exit_code = r.code;
    CHECK(json_is_array(findings), "exit %d: %s%s", r.code, r.out, r.err);
}

static void examine(void) {
    examine_after("");
}

/* The finding of a check with this grade whose words hold `what` and whose cure holds `mend`. */
static bool has_found(const char *check, const char *grade, const char *what, const char *mend) {
    const json_t *finding;
    const char *cure;

    for (size_t i = 0; i < json_array_size(findings); i++) {
        finding = json_array_get(findings, i);
        cure = json_string_value(json_object_get(finding, "mend"));
        if (strcmp(json_string_value(json_object_get(finding, "check")), check) == 0 &&
            strcmp(json_string_value(json_object_get(finding, "grade")), grade) == 0 &&
            strstr(json_string_value(json_object_get(finding, "what")), what) != NULL &&
            (mend == NULL ? cure == NULL : cure != NULL && strstr(cure, mend) != NULL))
            return true;
    }
    return false;
}

#define FOUND(check, grade, what, mend)                                                         \
    CHECK(has_found(check, grade, what, mend), "%s %s \"%s\" is not in %s", grade, check, what, \
        json_dumps(findings, JSON_INDENT(1)))

#define IS_WELL(check) FOUND(check, "ok", "", NULL)

/* A port of loopback that is taken by us. */
static int take_port(uint16_t *out_port) {
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0,
        "%s", strerror(errno));
    *out_port = ntohs(address.sin_port);
    return fd;
}

/* The words of a shell that becomes nobody; skips where that cannot be. */
static const char *as_nobody(void) {
    static char words[128];
    struct harness_result r;
    char folder[4096];

    if (geteuid() != 0 || !harness_exists(SETPRIV))
        harness_skip("needs root and setpriv");
    CHECK(getcwd(folder, sizeof(folder)) != NULL, "%s", strerror(errno));
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)!chmod(folder, 01777);
        *slash = '/';
    }
    CHECK(chmod(".", 01777) == 0, "%s", strerror(errno));
    snprintf(words, sizeof(words), SETPRIV " --reuid 65534 --regid 65534 --clear-groups");
    r = harness_run(SETPRIV, "--reuid", "65534", "--regid", "65534", "--clear-groups",
        harness_program("preforkd"), "--version", NULL);
    if (r.code != 0)
        harness_skip("the build is in a folder that others may not enter");
    return words;
}

/* ---- */

static void sound_machine_is_well_by_every_check(void) {
    struct harness_result help = harness_run("prefork", "doctor", "--help", NULL), r;
    char name[32], *line = strstr(help.out, "\nchecks:\n");
    struct daemon daemon;
    unsigned count = 0;

    daemon_write_config("jobs : { spool_dir = \"spool\"; };");
    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    examine();
    CHECK(exit_code == 0, "exit %d: %s", exit_code, json_dumps(findings, JSON_INDENT(1)));
    CHECK(line != NULL, "%s", help.out);
    for (line += strlen("\nchecks:\n"); sscanf(line, "  %31s ", name) == 1 && line[0] == ' ';
         line = strchr(line, '\n') + 1) {
        CHECK(has_found(name, "ok", "", NULL) || has_found(name, "warn", "", ""), "%s says nothing",
            name);
        count++;
    }
    harness_figure("checks=%u findings=%zu", count, json_array_size(findings));
    CHECK(count >= 20 && json_array_size(findings) == count, "%u of %zu", count,
        json_array_size(findings));
    IS_WELL("configuration");
    IS_WELL("rights");
    IS_WELL("files");
    IS_WELL("ports");
    IS_WELL("kernel");
    IS_WELL("daemon");
    IS_WELL("services");
    IS_WELL("log-writer");
    IS_WELL("spool");
    IS_WELL("command-user");
    IS_WELL("jobs");
    r = harness_run("prefork", "doctor", "--control", "control.sock", NULL);
    CHECK(r.code == 0 && expect_count_lines(r.out) == count && r.err[0] == '\0', "%d: %s%s", r.code,
        r.out, r.err);
    expect_words("a line", r.out, "ok    daemon        preforkd ");
    daemon_stop(&daemon);
}

static void without_a_daemon_the_machine_is_looked_at_all_the_same(void) {
    daemon_write_service("echo", " ");
    examine();
    CHECK(exit_code == 0, "exit %d: %s", exit_code, json_dumps(findings, JSON_INDENT(1)));
    FOUND("daemon", "warn", "no preforkd answers at ", "start it");
    FOUND("spool", "ok", "no job supervisor is configured", NULL);
    CHECK(!has_found("services", "ok", "", NULL), "services of no daemon");
    IS_WELL("ports");
}

static void mistakes_of_the_configuration_are_told(void) {
    daemon_write_service("echo", "max_childen = 3;");
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("configuration", "bad", "echo.conf:1: unknown key \"max_childen\", did you mean", "see");
    IS_WELL("kernel");
    daemon_write_service("echo", "max_requests_jitter = 3;");
    examine();
    CHECK(exit_code == 0, "exit %d", exit_code);
    FOUND("configuration", "warn", "max_requests_jitter changes nothing", "see");
    FOUND("configuration", "ok", "is good, services: 1", NULL);
}

static void files_that_everybody_may_write_are_told(void) {
    daemon_write_service("echo", " ");
    CHECK(chmod("services.d/echo.conf", 0666) == 0, "%s", strerror(errno));
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("rights", "bad", "everybody may write ", "chmod o-w ");
    CHECK(chmod("services.d/echo.conf", 0644) == 0 && chmod("services.d", 0777) == 0, "%s",
        strerror(errno));
    examine();
    FOUND("rights", "bad", "services.d (mode 0777)", "chmod o-w ");
    CHECK(chmod("services.d", 0755) == 0, "%s", strerror(errno));
    examine();
    IS_WELL("rights");
}

static void limits_that_are_too_low_are_told(void) {
    char before[256];

    daemon_write_service("echo", "model = \"event\"; worker_connections = 5000; max_children = 3; "
                                 "backlog = 65535;");
    examine_after("ulimit -n 300;");
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("files", "bad",
        "RLIMIT_NOFILE of this shell is 300, and a worker of echo may need 5033 descriptors",
        "LimitNOFILE=5033");
    examine_after("ulimit -n 6000;");
    IS_WELL("files");
    if (strtoul(harness_read_file("/proc/sys/net/core/somaxconn", NULL), NULL, 10) < 65535)
        FOUND("backlog", "warn", "echo: backlog = 65535 is cut to net.core.somaxconn = ",
            "sysctl -w net.core.somaxconn=65535");
    daemon_write_service(
        "echo", "model = \"thread\"; threads_per_child = 100; max_children = 100;");
    examine();
    IS_WELL("processes");
    snprintf(before, sizeof(before), "ulimit -u 10000; %s", as_nobody());
    examine_after(before);
    FOUND("processes", "bad",
        "RLIMIT_NPROC of this shell is 10000, and all workers together may be 10108 processes and "
        "threads",
        "LimitNPROC=10108");
}

static void group_that_allows_too_little_is_told(void) {
    harness_own_mounts();
    daemon_write_service("echo", "max_children = 20;");
    if (mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "size=1m") < 0)
        harness_skip("no tmpfs: %s", strerror(errno));
    examine();
    IS_WELL("cgroup");
    /* Both generations of control groups: the machine has one of them, or both. */
    CHECK(mkdir("/sys/fs/cgroup/pids", 0755) == 0 && mkdir("/sys/fs/cgroup/memory", 0755) == 0,
        "%s", strerror(errno));
    harness_write_file("/sys/fs/cgroup/pids.max", "12\n", 3);
    harness_write_file("/sys/fs/cgroup/pids/pids.max", "12\n", 3);
    harness_write_file("/sys/fs/cgroup/memory.max", "1048576\n", 8);
    harness_write_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576\n", 8);
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("cgroup", "bad", "allows 12 processes and threads, and full pools have 28", "TasksMax=");
    FOUND("cgroup", "bad", "the control group allows 1.0 MiB of memory", "MemoryMax=");
    harness_write_file("/sys/fs/cgroup/pids.max", "max\n", 4);
    harness_write_file("/sys/fs/cgroup/pids/pids.max", "max\n", 4);
    harness_write_file("/sys/fs/cgroup/memory.max", "max\n", 4);
    harness_write_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", 20);
    examine();
    IS_WELL("cgroup");
}

static void ports_that_others_have_are_told_with_their_owner(void) {
    struct daemon daemon;
    char words[128];
    uint16_t port;
    int fd = take_port(&port);

    daemon_write_service("busy", "listen = [ \"tcp://127.0.0.1:%u\" ];", port);
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    snprintf(words, sizeof(words), "busy: tcp://127.0.0.1:%u is busy, pid %d, ", port, getpid());
    FOUND("ports", "bad", words, "end whoever has it");
    daemon_write_service(
        "busy", "listen = [ \"tcp://127.0.0.1:%u\" ]; port_policy = \"next\";", port);
    examine();
    CHECK(exit_code == 0, "exit %d", exit_code);
    FOUND("ports", "warn", words, "another one is taken");
    /* The daemon's own are no matter, and neither is one that it has taken instead. */
    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"unix://e.sock\", "
        "\"unix://@doctor-%d\" ];",
        getpid());
    daemon_start(&daemon);
    examine();
    FOUND("ports", "ok", "4 addresses are free, or the daemon's own", NULL);
    kill(daemon.proc.pid, SIGSTOP); /* nobody says whose they are */
    examine_after("PREFORK_CONTROL=none");
    FOUND("ports", "bad", "e.sock is busy, somebody has it", "end whoever has it");
    kill(daemon.proc.pid, SIGCONT);
    daemon_stop(&daemon);
    close(fd);
}

static void low_port_without_root_is_told(void) {
    if (strtoul(harness_read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", NULL), NULL,
            10) < 1024)
        harness_skip("every port is everybody's here");
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:81\" ];");
    examine();
    if (geteuid() == 0)
        IS_WELL("low-ports");
    examine_after(as_nobody());
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("low-ports", "bad",
        "echo: tcp://127.0.0.1:81 is below net.ipv4.ip_unprivileged_port_start = 1024, and uid "
        "65534 is not root",
        "preforkd.socket");
}

static void folders_that_cannot_be_written_are_told(void) {
    static const char config[] =
        "services_dir = \"services.d\";\nlog : { file = \"logs/x.log\"; };\n"
        "control : { socket = \"there/is/none/c.sock\"; };\n";

    daemon_write_service("echo", " ");
    harness_write_file("preforkd.conf", config, strlen(config));
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("log", "bad", "logs: No such file or directory", "install -d -o ");
    FOUND("control", "bad", "there/is/none: No such file or directory", "install -d -o ");
    CHECK(mkdir("logs", 0755) == 0 && mkdir("there", 0755) == 0 && mkdir("there/is", 0755) == 0,
        "%s", strerror(errno));
    examine();
    IS_WELL("log");
    IS_WELL("control"); /* one folder is made by the daemon */
}

static void folders_are_looked_at_as_the_user_of_the_daemon(void) {
    static const char config[] =
        "user = \"65534\"; group = \"65534\";\n"
        "services_dir = \"services.d\";\nlog : { file = \"logs/x.log\"; };\n"
        "control : { socket = \"c.sock\"; };\n"
        "jobs : { spool_dir = \"logs\"; };\n";

    (void)as_nobody();
    daemon_write_service("echo", " ");
    harness_write_file("preforkd.conf", config, strlen(config));
    CHECK(mkdir("logs", 0700) == 0, "%s", strerror(errno));
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("log", "bad", "logs: Permission denied", "chown ");
    FOUND("spool", "bad", "logs belongs to root, and the job supervisor is ", "chown -R ");
    CHECK(chown("logs", 65534, 65534) == 0, "%s", strerror(errno));
    harness_write_file("logs/x.log", "", 0);
    examine();
    FOUND("log", "bad", "x.log: Permission denied", "chown ");
    CHECK(chown("logs/x.log", 65534, 65534) == 0, "%s", strerror(errno));
    examine();
    IS_WELL("log");
    IS_WELL("spool");
    IS_WELL("control");
    FOUND("user", "ok", "names the user \"65534\"", NULL);
}

static void disk_without_room_is_told(void) {
    static const char config[] = "services_dir = \"services.d\"; log : { file = \"logs/l\"; };\n"
                                 "control : { socket = \"c.sock\"; };\n"
                                 "jobs : { spool_dir = \"logs\"; };\n";
    static char block[65536];
    int fd;

    harness_own_mounts();
    CHECK(mkdir("logs", 0755) == 0, "%s", strerror(errno));
    if (mount("tmpfs", "logs", "tmpfs", 0, "size=80m,nr_inodes=2000") < 0)
        harness_skip("no tmpfs: %s", strerror(errno));
    daemon_write_config("");
    harness_write_file("preforkd.conf", config, strlen(config));
    daemon_write_service("echo", " ");
    examine();
    IS_WELL("space");
    CHECK(mount("tmpfs", "logs", "tmpfs", MS_REMOUNT, "size=80m,nr_inodes=500") == 0, "%s",
        strerror(errno));
    examine();
    FOUND("space", "warn", " inodes are free", "remove files");
    CHECK(mount("tmpfs", "logs", "tmpfs", MS_REMOUNT, "size=2m,nr_inodes=2000") == 0, "%s",
        strerror(errno));
    examine();
    CHECK(exit_code == 0, "exit %d", exit_code);
    FOUND("space", "warn", "logs: 2.0 MiB are free, of 64.0 MiB that may be needed", "make room");
    fd = open("logs/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    close(fd);
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("space", "bad", "logs: 0 B are free", "make room");
}

/* A kernel without a system call, as a sandbox makes it. */
static void deny_call(int number) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { .len = 4, .filter = filter };

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "%s", strerror(errno));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        harness_skip("no seccomp here: %s", strerror(errno));
}

static void kernel_without_what_is_used_is_told(void) {
    daemon_write_service("echo", " ");
    examine();
    FOUND("kernel", "ok", "features that are used", NULL);
    deny_call(SYS_pidfd_send_signal);
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("kernel", "bad", "pidfd_open is not there: children cannot be looked after", "5.10");
    deny_call(SYS_close_range);
    examine();
    FOUND("kernel", "warn", "close_range is not there", "5.10");
}

static void services_that_do_not_run_are_told(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", " ");
    daemon_write_service("bad", "restart_delay = \"40s\";");
    daemon_start(&daemon);
    CHECK(harness_until(5000, strcmp(daemon_state("bad"), "BACKOFF") == 0), "%s",
        daemon_state("bad"));
    examine();
    CHECK(exit_code == 0, "exit %d", exit_code);
    FOUND("services", "warn",
        "bad is BACKOFF: its workers die before they are ready; a worker was "
        "killed by SIGKILL after ",
        "prefork explain bad");
    daemon_stop(&daemon);
    daemon_write_service("bad", "start_retries = 1;");
    daemon_start(&daemon);
    CHECK(
        harness_until(5000, strcmp(daemon_state("bad"), "FATAL") == 0), "%s", daemon_state("bad"));
    examine();
    CHECK(exit_code == 1, "exit %d", exit_code);
    FOUND("services", "bad", "bad is FATAL: ", "prefork explain bad, then prefork start bad");
    IS_WELL("log-writer");
    daemon_stop(&daemon);
}

static const struct harness_test tests[] = {
    { "sound_machine_is_well_by_every_check", sound_machine_is_well_by_every_check },
    { "without_a_daemon_the_machine_is_looked_at_all_the_same",
        without_a_daemon_the_machine_is_looked_at_all_the_same },
    { "mistakes_of_the_configuration_are_told", mistakes_of_the_configuration_are_told },
    { "files_that_everybody_may_write_are_told", files_that_everybody_may_write_are_told },
    { "limits_that_are_too_low_are_told", limits_that_are_too_low_are_told },
    { "group_that_allows_too_little_is_told", group_that_allows_too_little_is_told },
    { "ports_that_others_have_are_told_with_their_owner",
        ports_that_others_have_are_told_with_their_owner },
    { "low_port_without_root_is_told", low_port_without_root_is_told },
    { "folders_that_cannot_be_written_are_told", folders_that_cannot_be_written_are_told },
    { "folders_are_looked_at_as_the_user_of_the_daemon",
        folders_are_looked_at_as_the_user_of_the_daemon },
    { "disk_without_room_is_told", disk_without_room_is_told },
    { "kernel_without_what_is_used_is_told", kernel_without_what_is_used_is_told },
    { "services_that_do_not_run_are_told", services_that_do_not_run_are_told },
    { .name = NULL },
};

const struct harness_suite doctor_suite = { "doctor", tests };
