/* What must fit to each other, to the machine and to the whole. */
#include "tests/unit/supervisor/config_fixture.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

TestSuite(config_check, .init = setup, .fini = teardown);

Test(config_check, names_of_services_are_checked) {
    static const char *const names[] = { "a b", "a.b", "-a", "ä", "",
        "a1234567890123456789012345678901" };
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "services.d/x%s.conf", names[i]);
        snprintf(path, sizeof(path), "services.d/%s.conf", names[i]);
        put(path, "type = \"echo\";");
        if (names[i][0] == '\0') { /* ".conf" is hidden */
            config_free(read_good("", NULL));
        } else {
            cr_assert_null(read_with("", NULL), "%s", names[i]);
            expect_said(
                ".conf: the file's name is the service's: 1 to 31 letters, digits, \"-\" or",
                names[i]);
        }
        cr_assert_eq(unlink(path), 0);
    }
}

Test(config_check, name_of_the_job_supervisor_is_taken) {
    put("services.d/jobs.conf", "type = \"echo\";");
    cr_assert_null(read_with("", NULL));
    expect_said("services.d/jobs.conf: \"jobs\" is the job supervisor's name", "jobs");
}

Test(config_check, addresses_of_all_services_are_compared) {
    static const struct {
        const char *first, *second;
        bool is_same;
    } rows[] = {
        { "tcp://127.0.0.1:5", "tcp://127.0.0.1:5", true },
        { "tcp://127.0.0.1:5", "tcp://127.0.0.2:5", false },
        { "tcp://127.0.0.1:5", "tcp://127.0.0.1:6", false },
        { "tcp://127.0.0.1:5", "udp://127.0.0.1:5", false },
        { "tcp://0.0.0.0:5", "tcp://127.0.0.1:5", true },
        { "tcp://127.0.0.1:5", "tcp://0.0.0.0:5", true },
        { "tcp://[::]:5", "tcp://127.0.0.1:5", true },
        { "udp://0.0.0.0:5", "udp://[::]:5", true },
        { "tcp://[::]:5", "tcp://[::1]:5", true },
        { "tcp://[::1]:5", "tcp://127.0.0.1:5", false },
        { "tcp://[::1]:5", "tcp://0.0.0.0:5", false },
        { "tcp://[::1]:5", "tcp://[0:0::1]:5", true },
        { "tcp://[fe80::1%1]:5", "tcp://[fe80::1%2]:5", false },
        { "tcp://127.0.0.1:0", "tcp://127.0.0.1:0", false },
        { "unix:///x/y.sock", "unix:///x/y.sock", true },
        { "unix:///x/y.sock", "unix:///x/y.sock2", false },
        { "unix://y.sock", "unix://y.sock", true },
        { "unix://@y", "unix://@y", true },
        { "unix://@y", "unix://@yy", false },
    };
    struct config *config;
    char text[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\";\nlisten = \"%s\";\n", rows[i].first);
        put("services.d/a.conf", text);
        snprintf(text, sizeof(text), "type = \"echo\";\n\nlisten = \"%s\";\n", rows[i].second);
        config = read_with("", text);
        cr_assert_eq(
            config == NULL, rows[i].is_same, "%s %s\n%s", rows[i].first, rows[i].second, said);
        config_free(config);
        if (rows[i].is_same)
            expect_said("services.d/s.conf:3: listen: ", rows[i].first);
        if (rows[i].is_same)
            expect_said(" is taken by service \"a\" (services.d/a.conf:2)\n", rows[i].first);
    }
    put("services.d/a.conf", "type = \"echo\";");
    cr_assert_null(read_with("", "\n\ntype = \"echo\";"));
    expect_said("services.d/s.conf:3: listen: tcp://127.0.0.1:50007 is taken by service \"a\" "
                "(services.d/a.conf:1)\n",
        "two of the type's own");
}

Test(config_check, workers_of_all_services_are_counted) {
    put("services.d/a.conf", "type = \"echo\"; max_children = 600;");
    cr_assert_null(read_with("", "type = \"ack\";\nmax_children = 401;"));
    expect_said("services.d/s.conf:2: max_children: with this service all may have 1001 workers "
                "together, process_max allows 1000\n",
        "");
    cr_assert_null(read_with("process_max = 607;", "type = \"ack\";"));
    expect_said("services.d/s.conf: max_children: with this service all may have 608 workers", "");
    config_free(read_good("process_max = 608;", "type = \"ack\";"));
}

Test(config_check, sixty_five_services_are_one_too_many) {
    char path[64], text[128];

    for (int i = 0; i < 65; i++) {
        snprintf(path, sizeof(path), "services.d/s%02d.conf", i);
        snprintf(text, sizeof(text), "type = \"echo\"; listen = \"tcp://127.0.0.1:%d\";", 1000 + i);
        put(path, text);
    }
    cr_assert_null(read_with("", NULL));
    expect_said(
        "preforkd.conf: services_dir: services.d has 65 services, at most 64 are allowed", "");
    cr_assert_eq(unlink(path), 0);
    config_free(read_good("", NULL));
}

Test(config_check, root_becomes_whom_the_file_names) {
    struct config *config;

    if (geteuid() != 0)
        cr_skip_test("needs root");
    config = read_good("", "type = \"echo\"; user = \"root\"; group = \"root\";");
    cr_assert(config->service[0].uid == 0 && config->service[0].gid == 0);
    config_free(config);
    config = read_good("user = \"1\"; group = \"7\";", "type = \"echo\";");
    cr_assert(config->uid == 1 && config->gid == 7, "numbers need no names");
    cr_assert(config->service[0].uid == 1 && config->service[0].gid == 7,
        "a service has the daemon's user");
    config_free(config);
}

/* In a child, which is nobody from then on: read, and say so by its end. */
static void read_as_nobody(FILE *out) {
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
        _exit(2);
    config_read_plain("preforkd.conf", out);
    fclose(out);
    _exit(0);
}

/* What he is told; he was started by one who is nice to others. */
static void read_in_child(void) {
    FILE *out = fopen("said", "w+");
    int status;
    pid_t pid;

    cr_assert_not_null(out);
    pid = fork();
    if (pid == 0) {
        setpriority(PRIO_PROCESS, 0, 19);
        read_as_nobody(out);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
    rewind(out);
    said[fread(said, 1, sizeof(said) - 1, out)] = '\0';
    fclose(out);
}

Test(config_check, niceness_is_warned_of_where_it_was_asked_for) {
    put("services.d/s.conf", "type = \"echo\";\n");
    put("preforkd.conf", "");
    read_in_child();
    cr_assert_str_eq(said, "");
    put("services.d/s.conf", "type = \"echo\";\nnice = 3;\n");
    read_in_child();
    expect_said("services.d/s.conf:2: warning: nice: only root can go below 19", "");
}

Test(config_check, nobody_else_becomes_somebody_else) {
    put("services.d/s.conf", "type = \"echo\";\nuser = \"root\";\ngroup = \"root\";\n");
    put("preforkd.conf", "");
    read_in_child();
    expect_said("services.d/s.conf:2: user: to become \"root\" the daemon must be started as root, "
                "not as uid ",
        "");
    expect_said("services.d/s.conf:3: group: to become \"root\" the daemon must be started", "");
}

Test(config_check, what_changes_nothing_is_warned_of) {
    static const char *const rows[][2] = {
        { "threads_per_child = 9;",
            "threads_per_child changes nothing: only model = \"thread\" heeds it" },
        { "worker_connections = 9;", "worker_connections changes nothing: only model = \"event\"" },
        { "model = \"event\"; threads_per_child = 9;", "threads_per_child changes nothing" },
        { "process_idle_timeout = \"1s\";",
            "process_idle_timeout changes nothing: only pm = \"ondemand\"" },
        { "pm = \"static\"; min_spare_servers = 900;",
            "min_spare_servers changes nothing: only pm = \"dynamic\"" },
        { "max_requests_jitter = 9;", "max_requests_jitter changes nothing: max_requests is 0" },
        { "full_line = \"x\";", "full_line changes nothing: only when_full = \"refuse\" heeds it" },
        { "listen_mode = \"0600\";", "listen_mode changes nothing: there is no unix:// address" },
        { "listen = \"udp://[::]:1\"; backlog = 5;",
            "backlog changes nothing: there are only udp:// addresses" },
        { "model = \"event\"; worker_connections = 1000; rlimit_nofile = 1000;",
            "worker_connections: 1000 sessions need 1064 descriptors in each worker, the limit "
            "(RLIMIT_NOFILE) is 1000" },
    };
    char text[256], words[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\";\n%s\n", rows[i][0]);
        config_free(read_good("", text));
        snprintf(words, sizeof(words), "services.d/s.conf:2: warning: %s", rows[i][1]);
        expect_said(words, rows[i][0]);
        cr_assert_eq(count_lines(said), 1, "%s", said);
    }
}

Test(config_check, descriptors_are_compared_with_the_limit_of_the_process) {
    struct rlimit limit = { .rlim_cur = 512, .rlim_max = 512 };

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    config_free(read_good("", "type = \"echo\"; model = \"event\";"));
    expect_said("services.d/s.conf: warning: worker_connections: 1024 sessions need 1088 "
                "descriptors in each worker, the limit (RLIMIT_NOFILE) is 512\n",
        "");
    config_free(read_good("", "type = \"echo\"; model = \"event\"; worker_connections = 448;"));
    cr_assert_str_eq(said, "");
}
