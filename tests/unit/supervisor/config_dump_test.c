/* What the configuration is dumped as, and that it can be read again. */
#include "tests/unit/supervisor/config_fixture.h"

TestSuite(config_dump, .init = setup, .fini = teardown);

static char *dump(void) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size), *complaints = fmemopen(said, sizeof(said), "w");

    cr_assert_eq(config_dump("preforkd.conf", out, complaints), 0, "%s", said);
    fclose(out);
    fclose(complaints);
    return text;
}

/* Put each part of the dump where its heading says. */
static void write_parts(char *text) {
    char *part = strstr(text, "# file "), *next, *name;

    for (; part != NULL; part = next) {
        next = strstr(part + 1, "\n# file ");
        if (next != NULL)
            *next++ = '\0';
        name = strndup(part + 7, strcspn(part + 7, "\n"));
        put(name, part);
        free(name);
    }
}

/* Values without the origins, and what stands before those. */
static void cut_origins(char *text) {
    char *to = text, *start = text;

    for (char *at = text; *at != '\0'; at++) {
        if (at[0] == ' ' && at[1] == '#' && at[2] == ' ') {
            at += strcspn(at, "\n");
            while (to > start && to[-1] == ' ')
                to--;
        }
        *to++ = *at;
    }
    *to = '\0';
}

/* The value's last line in the text, and the origin at its end. */
static void expect_row(const char *text, const char *value, const char *origin) {
    char line[64];
    const char *at = NULL;

    snprintf(line, sizeof(line), "\n%s ", value);
    for (const char *next = text; (next = strstr(next, line)) != NULL; next++)
        at = next;
    cr_assert_not_null(at, "%s is not in\n%s", value, text);
    at += strlen(line);
    at += strspn(at, " ");
    cr_assert(strncmp(at, "# ", 2) == 0 && strncmp(at + 2, origin, strlen(origin)) == 0 &&
                  at[2 + strlen(origin)] == '\n',
        "%s: %.*s", value, (int)strcspn(at, "\n"), at);
}

Test(config_dump, the_dump_tells_where_each_value_comes_from) {
    char *text;

    put("preforkd.conf",
        "\nlang = \"ru\";\nlog : {\n  level = \"warn\";\n};\ndefaults : { nice = 3; };");
    put("services.d/s.conf", "type = \"echo\";\n@include \"more.inc\"\n");
    put("services.d/more.inc", "\n\nbacklog = 9;\n");
    text = dump();
    cut_folder(text);
    expect_row(text, "lang = \"ru\";", "preforkd.conf:2");
    expect_row(text, "    level = \"warn\";", "preforkd.conf:4");
    expect_row(text, "process_max = 1000;", "default");
    expect_row(text, "nice = 3;", "preforkd.conf:6");
    expect_row(text, "backlog = 9;", "services.d/more.inc:3");
    expect_row(text, "#cpu_affinity =", "default: any");
    expect_row(text, "#threads_per_child = 64;", "default");
    free(text);
}

Test(config_dump, every_line_of_the_dump_has_an_origin) {
    char *text, *rest = NULL;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    text = dump();
    cut_folder(text);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (strchr(line, '=') != NULL)
            cr_assert(
                strstr(line, "# default") != NULL || strstr(line, "# services.d/s.conf:1") != NULL,
                "%s", line);
    free(text);
}

Test(config_dump, a_dump_that_is_read_again_dumps_the_same) {
    static const char *const services[] = {
        "type = \"echo\"; max_children = 2; full_line = \"Мест нет "
        "\\x1b[31m\\\"\\\\\\n\\xff\\xe0\\xa0\"; "
        "when_full = \"refuse\"; listen = [ \"tcp://[::1]:0\", \"unix://x.sock\", \"unix://@y\" ];",
        "type = \"ack\"; rlimit_nofile = 9; max_children = 3;",
        "type = \"echo\"; model = \"thread\"; pm = \"static\"; idle_timeout = 0; max_requests = "
        "4000000000L; max_requests_jitter = 5; rlimit_as = \"3000000000\"; rlimit_nofile = 2000; "
        "nice = -3; cpu_affinity = \"0\"; user = \"0\"; autostart = false;",
        "type = \"echo\"; pm = \"ondemand\"; min_spare_servers = 900; listen_mode = \"0600\";",
    };
    char *first, *second;

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (i == 2 && geteuid() != 0)
            continue;
        put("preforkd.conf",
            "process_max = 900; log : { rotate_size = 123456; file = \"a\\\"b\"; };\n"
            "defaults : { write_timeout = \"90s\"; };");
        put("services.d/s.conf", services[i]);
        if (i == 1)
            put("services.d/s.conf", "type = \"ack\"; rlimit_nofile = 19; max_children = 3;");
        first = dump();
        second = strdup(first);
        write_parts(second);
        free(second);
        second = dump();
        cut_origins(first);
        cut_origins(second);
        cr_assert_str_eq(first, second);
        free(first);
        free(second);
    }
}

Test(config_dump, jobs_that_are_read_again_dump_the_same) {
    static const char *const jobs[] = {
        "kernel = \"divisible\"; interval = 7;",
        "kernel = \"divisible\"; interval = \"0..9223372036854775807\"; by = [ 3000000000L, 7 ];\n"
        "run = \"at sat,sun 3:00\"; jitter = \"5m\"; missed = \"once\"; output = \"o\\\"ä\";\n"
        "format = \"csv\"; chunk = 5000000000L; verify = \"0.125%\"; deadline = \"90m\";",
        "kernel = \"command\"; interval = 0; retries = 0; on_held = \"mark\"; enabled = false;\n"
        "command = [ \"true\", \"\", \"a,\\\"b\\n\", \"{lo}\" ];",
    };
    char *first, *second;

    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        put("preforkd.conf", "jobs : { commands = \"admin\"; max_spool = \"3G\"; keep_for = 0; };");
        put("jobs.d/j.conf", jobs[i]);
        first = dump();
        second = strdup(first);
        write_parts(second);
        free(second);
        second = dump();
        cut_origins(first);
        cut_origins(second);
        cr_assert_str_eq(first, second);
        cr_assert_not_null(strstr(first, "/jobs.d/j.conf\nkernel = "), "%s", first);
        free(first);
        free(second);
    }
}

Test(config_dump, a_job_s_dump_tells_where_each_value_comes_from) {
    char *text;

    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
    put("jobs.d/j.conf", "kernel = \"divisible\";\ninterval = \"1 000\";\n\nby = [ 3, 5 ];");
    text = dump();
    cut_folder(text);
    expect_row(text, "interval = \"1..1000\";", "jobs.d/j.conf:2");
    expect_row(text, "by = [ 3, 5 ];", "jobs.d/j.conf:4");
    expect_row(text, "run = \"manual\";", "default");
    expect_row(text, "#overlap = \"skip\";", "default");
    expect_row(text, "#output =", "default: only in the spool");
    expect_row(text, "    enabled = true;", "default");
    free(text);
}

Test(config_dump, a_wrong_file_is_not_dumped) {
    FILE *nowhere = fopen("/dev/null", "w");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    put("preforkd.conf", "nice = 3;");
    cr_assert_eq(config_dump("preforkd.conf", out, nowhere), -1);
    fclose(out);
    fclose(nowhere);
    cr_assert_str_eq(text, "");
    free(text);
}
