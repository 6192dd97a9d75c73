/* What is wrong is told with file, line and words, all of it in one run. */
#include "tests/unit/supervisor/config_fixture.h"

TestSuite(config_mistakes, .init = setup, .fini = teardown);

Test(config_mistakes, a_wrong_service_is_told_line_by_line) {
    static const char *const rows[][2] = {
        { "wrokers = 2;", "2: unknown key \"wrokers\", did you mean \"max_children\"?" },
        { "workers = 2;", "2: unknown key \"workers\", did you mean \"max_children\"?" },
        { "procesces = 2;", "2: unknown key \"procesces\", did you mean \"max_children\"?" },
        { "threads = 2;", "2: unknown key \"threads\", did you mean \"threads_per_child\"?" },
        { "port = 0;", "2: unknown key \"port\", did you mean \"listen\"?" },
        { "bnid = 0;", "2: unknown key \"bnid\", did you mean \"listen\"?" },
        { "timeout = 3;", "2: unknown key \"timeout\", did you mean \"worker_timeout\"?" },
        { "max_chlidren = 3;", "2: unknown key \"max_chlidren\", did you mean \"max_children\"?" },
        { "max-children = 3;", "2: unknown key \"max-children\", did you mean \"max_children\"?" },
        { "blacklog = 3;", "2: unknown key \"blacklog\", did you mean \"backlog\"?" },
        { "zzzzzz = 3;", "2: unknown key \"zzzzzz\"; preforkd.conf(5) lists those there are" },
        { "log : { };", "2: unknown key \"log\"" },
        { "spool_dir = \"x\";",
            "2: unknown key \"spool_dir\" here: it belongs into the group \"jobs\"" },
        { "max_children = 0;", "2: max_children: 0 is outside the allowed range, 1 to 1 000" },
        { "max_children = 1001;",
            "2: max_children: 1001 is outside the allowed range, 1 to 1 000" },
        { "max_children = -1;", "2: max_children: \"-1\" is negative" },
        { "max_children = \"8\";", "2: max_children: must be a whole number without quotes" },
        { "max_children = 8.5;", "2: max_children: must be a whole number without quotes" },
        { "max_children = true;", "2: max_children: must be a whole number without quotes" },
        { "max_children = { };", "2: max_children: must be a whole number without quotes" },
        { "max_children = [ 8 ];", "2: max_children: must be a whole number without quotes" },
        { "max_children = 99999999999;",
            "2: 99999999999 does not fit into 32 bits: write 99999999999L\n" },
        { "max_children = 0xFFFFFFFF;",
            "2: 0xFFFFFFFF does not fit into 32 bits: write 0xFFFFFFFFL\n" },
        { "max_children = -2147483649;", "2: -2147483649 does not fit into 32 bits" },
        { "max_children = 99999999999999999999L;",
            "2: 99999999999999999999L does not fit into 64 bits\n" },
        { "max_children = 99999999999L;",
            "2: max_children: 99999999999 is outside the allowed range" },
        { "write_buffer = 1e400;", "2: 1e400 is beyond all numbers\n" },
        { "write_buffer = inf;", "2: inf needs quotes: write \"inf\"\n" },
        { "idle_timeout = 30;", "2: idle_timeout: \"30\" needs a unit: write 150ms, 30s" },
        { "idle_timeout = 30s;", "2: 30s needs quotes: write \"30s\"\n" },
        { "idle_timeout = \"30x\";", "2: idle_timeout: \"30x\" needs a unit" },
        { "idle_timeout = \"\";", "2: idle_timeout: \"\" is empty" },
        { "idle_timeout = \"-1s\";", "2: idle_timeout: \"-1s\" is negative" },
        { "idle_timeout = true;",
            "2: idle_timeout: must be a time in quotes, as \"150ms\" or \"30s\"" },
        { "process_idle_timeout = 0;",
            "2: process_idle_timeout: 0 is outside the allowed range, 1ms to 365d" },
        { "write_buffer = \"64q\";", "2: write_buffer: \"64q\" is not a size" },
        { "write_buffer = 1;", "2: write_buffer: 1 is outside the allowed range, 4k to 1G" },
        { "write_buffer = 65536.0;",
            "2: write_buffer: must be a number of bytes, or a text as \"64k\"" },
        { "listen_mode = 0660;", "2: listen_mode: must be octal and in quotes, as \"0660\"" },
        { "listen_mode = \"rw\";", "2: listen_mode: \"rw\" is not an octal mode: write 0660" },
        { "listen_mode = \"1777\";",
            "2: listen_mode: 1777 is outside the allowed range, 0000 to 0777" },
        { "autostart = yes;", "2: yes is no value: write true or false" },
        { "autostart = 1;", "2: autostart: must be true or false" },
        { "model = \"fork\";", "2: model: unknown \"fork\"; allowed: process, thread, event" },
        { "model = \"evetn\";", "2: model: unknown \"evetn\", did you mean \"event\"?" },
        { "model = event;", "2: event needs quotes: write \"event\"\n" },
        { "pm = \"\";", "2: pm: unknown \"\"; allowed: static, dynamic, ondemand" },
        { "nice = 20;", "2: nice: 20 is outside the allowed range, -20 to 19" },
        { "rlimit_nofile = \"unlimited\";",
            "2: rlimit_nofile: must be a whole number without quotes, or \"inherit\"" },
        { "rlimit_nofile = 1;", "2: rlimit_nofile: 1 is outside the allowed range, 16 to 1 073 741 "
                                "824, or \"inherit\"" },
        { "full_line = \"\";", "2: full_line: must not be empty" },
        { "full_line = \"a\\x00b\";", "2: a text must not hold a NUL byte" },
        { "full_line = \"abc;\n", "2: the text that begins here has no closing quote\n" },
        { "listen = [ ];", "2: listen: must not be empty" },
        { "listen = [ 8 ];", "2: listen: must be a text in quotes, or several in [ ]" },
        { "listen = 50007;", "2: listen: must be a text in quotes, or several in [ ]" },
        { "listen = \"127.0.0.1:1\";",
            "2: listen: \"127.0.0.1:1\" names no protocol: write tcp://" },
        { "listen = \"tcp://localhost:1\";", "2: listen: \"localhost\" is not a numeric address" },
        { "listen = \"tcp://127.0.0.1:65536\";",
            "2: listen: port 65536 is outside the allowed range, 0 to 65535" },
        { "listen = tcp://127.0.0.1:1;",
            "2: tcp://127.0.0.1:1 needs quotes: write \"tcp://127.0.0.1:1\"\n" },
        { "listen = [ \"tcp://127.0.0.1:1\",\n \"tcp://x:1\" ];",
            "3: listen: \"x\" is not a numeric address" },
        { "listen = [ \"tcp://127.0.0.1:1\",\n \"tcp://127.0.0.1:1\" ];",
            "3: listen: tcp://127.0.0.1:1 is taken by service \"s\" (services.d/s.conf:2)" },
        { "listen = [ \"tcp://[::1]:1\", \"tcp://[::1]:2\", \"tcp://[::1]:3\", \"tcp://[::1]:4\",\n"
          "\"tcp://[::1]:5\", \"tcp://[::1]:6\", \"tcp://[::1]:7\", "
          "\"tcp://[::1]:8\",\n\"tcp://[::1]:9\" ];",
            "4: listen: has too many, at most 8 are allowed" },
        { "max_children = 8;\nmax_children = 9;",
            "3: \"max_children\" is set twice, first in services.d/s.conf:2" },
        { "max_children 8;", "2: \"max_children\" needs \"=\" behind it" },
        { "max_children = ;", "2: \"max_children\" needs a value behind \"=\"" },
        { "max_children = 8 }", "2: \"}\" closes nothing" },
        { "listen = [ \"tcp://[::1]:1\" ", "2: the bracket that opens here is not closed\n" },
        { "listen = [ \"tcp://[::1]:1\" }",
            "2: \"}\" cannot close what is open since services.d/s.conf:2" },
        { "/* never ends", "2: the comment that begins here has no end" },
        { "max_children = ", "2: \"max_children\" needs a value behind \"=\"" },
        { "max_children =\nbacklog = 5;", "2: \"max_children\" needs a value behind \"=\"" },
        { "max_children", "2: \"max_children\" needs \"=\" behind it" },
        { "max_children\nbacklog = 5;", "2: \"max_children\" needs \"=\" behind it" },
        { "max_children == 5;", "2: a value is needed here, not \"=\"" },
        { "max.children = 5;", "2: \"max.children\" cannot be a key" },
        { "true = 5;", "2: \"true\" cannot be a key" },
        { "5 = 5;", "2: \"5\" cannot be a key" },
        { "= 5;", "2: a key is needed here, not \"=\"" },
        { "%", "2: a key is needed here, not \"%\"" },
        { "\"max_children\" = 5;", "2: a key is needed here, not \"\"\"" },
        { "backlog = 5 \"x\";", "2: a key is needed here, not \"\"\"" },
        { "backlog = 5 6;", "2: a key is needed here, not \"6\"" },
        { "{ }", "2: a key is needed here, not \"{\"" },
        { "listen = [ , \"tcp://[::1]:1\" ];", "2: a value is needed before this comma" },
        { "listen = [ \"tcp://[::1]:1\", = ];", "2: a value is needed here, not \"=\"" },
        { "min_spare_servers = 4; max_spare_servers = 3;",
            "2: min_spare_servers, 4, must not be above max_spare_servers, 3" },
        { "max_spare_servers = 9;", "2: max_spare_servers, 9, must not be above max_children, 8" },
        { "min_spare_servers = 9;", "2: min_spare_servers, 9, must not be above max_children, 8" },
        { "start_servers = 5;", "2: start_servers, 5, must not be above max_spare_servers, 3" },
        { "start_servers = 1; min_spare_servers = 2;",
            "2: min_spare_servers, 2, must not be above start_servers, 1" },
        { "restart_delay = \"2m\";",
            "2: restart_delay, 2m, must not be above restart_max_delay, 1m" },
        { "user = \"no-such-user\";", "2: user: there is no user \"no-such-user\"" },
        { "group = \"no-such-group\";", "2: group: there is no group \"no-such-group\"" },
        { "user = \"4294967295\";", "2: user: there is no user \"4294967295\"" },
        { "cpu_affinity = \"a\";",
            "2: cpu_affinity: \"a\" is not a list of CPUs from 0 to 1023: write \"0,2-3\"" },
        { "cpu_affinity = \"1-\";", "2: cpu_affinity: \"1-\" is not a list" },
        { "cpu_affinity = \"3-1\";", "2: cpu_affinity: \"3-1\" is not a list" },
        { "cpu_affinity = \"1,,2\";", "2: cpu_affinity: \"1,,2\" is not a list" },
        { "cpu_affinity = \"1024\";", "2: cpu_affinity: \"1024\" is not a list" },
        { "cpu_affinity = \"1000-1023\";",
            "2: cpu_affinity: none of the CPUs \"1000-1023\" is there" },
    };
    char text[512], words[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\";\n%s\n", rows[i][0]);
        cr_assert_null(read_with("", text), "%s", rows[i][0]);
        snprintf(words, sizeof(words), "services.d/s.conf:%s", rows[i][1]);
        expect_said(words, rows[i][0]);
        cr_assert_eq(count_lines(said), 1, "%s\nsays more than one thing:\n%s", rows[i][0], said);
    }
}

Test(config_mistakes, a_wrong_file_of_the_daemon_is_told_line_by_line) {
    static const char *const rows[][2] = {
        { "usr = \"x\";", "1: unknown key \"usr\", did you mean \"user\"?" },
        { "pidfile = \"x\";", "1: unknown key \"pidfile\", did you mean \"pid_file\"?" },
        { "log_level = \"x\";",
            "1: unknown key \"log_level\", did you mean \"level\" in the group \"log\"?" },
        { "cnotrol = 3;", "1: unknown key \"cnotrol\", did you mean \"control\"?" },
        { "max_children = 3;",
            "1: unknown key \"max_children\" here: it belongs into a service's file" },
        { "control = 5;", "1: control: must be a group: control : { ... };" },
        { "control : {\n sockt = \"x\"; };", "2: unknown key \"sockt\", did you mean \"socket\"?" },
        { "control : { mode = 384; };", "1: control.mode: must be octal and in quotes" },
        { "log : { level = \"warning\"; };",
            "1: log.level: unknown \"warning\"; allowed: debug, info, warn, error" },
        { "log : { file = \"\"; };", "1: log.file: must not be empty" },
        { "log : { rotate_size = -1; };", "1: log.rotate_size: \"-1\" is negative" },
        { "log : { };\nlog : { };", "2: \"log\" is set twice, first in preforkd.conf:1" },
        { "defaults : { wrokers = 5; };",
            "1: unknown key \"wrokers\", did you mean \"max_children\"?" },
        { "defaults : { nice = 99; };", "1: defaults.nice: 99 is outside the allowed range" },
        { "defaults : { user = \"no-such-user\"; };",
            "1: user: there is no user \"no-such-user\"" },
        { "jobs : { workers = 0; };",
            "1: jobs.workers: 0 is outside the allowed range, 1 to 1 000" },
        { "process_max = 0;", "1: process_max: 0 is outside the allowed range, 1 to 1 000" },
        { "log { };", "1: \"log\" needs \"=\" behind it" },
        { "lang = \"de\";", "1: lang: unknown \"de\"; allowed: en, ru" },
        { "services_dir = \"nowhere\";",
            "1: services_dir: the folder nowhere cannot be read: No such file or directory" },
        { "services_dir = \"preforkd.conf\";",
            "1: services_dir: the folder preforkd.conf cannot be read: Not a directory" },
        { "control : { socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"; };",
            "1: control.socket: the path has 109 bytes, at most 107 are allowed" },
        { "((((((((((((((((((((((((((((((((((", "1: " },
    };
    char words[512];

    put("services.d/s.conf", "type = \"echo\";");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_null(read_with(rows[i][0], NULL), "%s", rows[i][0]);
        snprintf(words, sizeof(words), "preforkd.conf:%s", rows[i][1]);
        expect_said(words, rows[i][0]);
        if (rows[i][0][0] != '(')
            cr_assert_eq(count_lines(said), 1, "%s\nsays:\n%s", rows[i][0], said);
    }
}

Test(config_mistakes, the_type_is_asked_for) {
    cr_assert_null(read_with("", ""));
    expect_said("services.d/s.conf: type is missing: write type = \"NAME\"; there are ", "");
    cr_assert_null(read_with("", "\ntype = \"eco\"; max_childen = 3;"));
    expect_said("services.d/s.conf:2: type: unknown \"eco\", did you mean \"echo\"? allowed: ", "");
    expect_said("did you mean \"max_children\"?", "");
    cr_assert_null(read_with("", "type = \"zzzzzzz\";"));
    expect_said("services.d/s.conf:1: type: unknown \"zzzzzzz\"; allowed: ", "");
    cr_assert_null(read_with("", "type = echo;"));
    cr_assert_str_eq(said, "services.d/s.conf:1: echo needs quotes: write \"echo\"\n");
    cr_assert_null(read_with("", "type = 5;"));
    cr_assert_str_eq(said, "services.d/s.conf:1: type: must be a text in quotes\n");
}

Test(config_mistakes, all_mistakes_are_told_in_one_run_by_file_and_line) {
    put("services.d/b.conf", "type = \"echo\";\nnice = 99;\nwrokers = 1; backlog = 0;\n");
    put("services.d/a.conf", "type = \"ack\";\n\nlisten = \"tcp://127.0.0.1:1\";\nport = 1;\n");
    cr_assert_null(
        read_with("process_max = 99999999999;\nlog : { level = x; };\nusr = \"x\";\n", NULL));
    cr_assert_str_eq(said,
        "preforkd.conf:1: 99999999999 does not fit into 32 bits: write 99999999999L\n"
        "preforkd.conf:2: x needs quotes: write \"x\"\n"
        "preforkd.conf:3: unknown key \"usr\", did you mean \"user\"?\n"
        "services.d/a.conf:3: listen: tcp://127.0.0.1:1: the type \"ack\" serves datagrams only: "
        "write udp://\n"
        "services.d/a.conf:4: unknown key \"port\", did you mean \"listen\"?\n"
        "services.d/b.conf:2: nice: 99 is outside the allowed range, -20 to 19\n"
        "services.d/b.conf:3: unknown key \"wrokers\", did you mean \"max_children\"?\n"
        "services.d/b.conf:3: backlog: 0 is outside the allowed range, 1 to 65 535\n",
        "%s", said);
}

Test(config_mistakes, what_looks_like_a_mistake_in_a_text_or_comment_is_none) {
    struct config *config = read_good(
        "# 99999999999 \" {\n// \" [\n/* 99999999999 \n \" @include \"x\" */\n",
        "type = \"echo\"; full_line = \"99999999999 # // /* { \\\" wrokers = 2; }\"; "
        "when_full = \"refuse\" # no newline");

    cr_assert_str_eq(said, "");
    cr_assert_str_eq(config->service[0].full_line, "99999999999 # // /* { \" wrokers = 2; }");
    config_free(config);
}

Test(config_mistakes, what_a_terminal_would_obey_is_escaped) {
    cr_assert_null(read_with("", "type = \"\x1b[31m\nx\";"));
    cr_assert_null(strchr(said, '\x1b'));
    cr_assert_null(read_with("", "type = \"\\x1b[31m\";"));
    cr_assert_null(strchr(said, '\x1b'), "%s", said);
    expect_said("type: unknown \"\\x1b[31m\"; allowed: ", "");
}

Test(config_mistakes, a_bracket_that_is_forgotten_is_told_where_it_opens) {
    cr_assert_null(read_with("log : {\n level = [ \"info\";\n};\nusr = 3;", "type = \"echo\";"));
    expect_said("preforkd.conf:2: the bracket that opens here is not closed\n", "");
    expect_said("preforkd.conf:4: unknown key \"usr\", did you mean \"user\"?\n", "");
}

Test(config_mistakes, two_on_one_line_are_both_told) {
    cr_assert_null(read_with("", "type = \"echo\"; nice = 99; backlog = 99999999999; pm = x;"));
    expect_said("services.d/s.conf:1: nice: 99 is outside", "");
    expect_said("services.d/s.conf:1: 99999999999 does not fit", "");
    expect_said("services.d/s.conf:1: x needs quotes", "");
    cr_assert_eq(count_lines(said), 3, "%s", said);
}

Test(config_mistakes, the_line_of_an_element_is_its_own) {
    cr_assert_null(
        read_with("", "type = \"echo\";\nlisten = [ \"tcp://a:1\"\n# c\n/*\n*/ ,\n\n"
                      "\"tcp://b:1\"\n\n, \"tcp://c:1\",\n\"tcp://d:1\"\n\n];\nusr = 3;"));
    expect_said("services.d/s.conf:2: listen: \"a\" is not", "");
    expect_said("services.d/s.conf:7: listen: \"b\" is not", "");
    expect_said("services.d/s.conf:9: listen: \"c\" is not", "");
    expect_said("services.d/s.conf:10: listen: \"d\" is not", "");
    expect_said("services.d/s.conf:13: unknown key \"usr\"", "");
}

Test(config_mistakes, a_comma_that_is_forgotten_is_told) {
    cr_assert_null(read_with("", "type = \"echo\";\nlisten = [ 5\n6 ];\nusr = 3;"));
    expect_said("services.d/s.conf:3: a comma is missing before this value\n", "");
    expect_said("services.d/s.conf:4: unknown key \"usr\", did you mean \"user\"?\n", "");
}

Test(config_mistakes, what_follows_a_key_that_is_set_twice_is_read) {
    cr_assert_null(read_with("", "type = \"echo\";\nnice = 1;\nnice = 2;\nusr = 3;"));
    cr_assert_eq(count_lines(said), 2, "%s", said);
    expect_said("services.d/s.conf:4: unknown key \"usr\", did you mean \"user\"?\n", "");
}

Test(config_mistakes, what_is_wrong_for_all_services_is_told_once) {
    put("services.d/a.conf", "type = \"ack\";");
    cr_assert_null(read_with("defaults : { user = \"no-such-user\"; };", "type = \"echo\";"));
    cr_assert_str_eq(said, "preforkd.conf:1: user: there is no user \"no-such-user\"\n");
}
