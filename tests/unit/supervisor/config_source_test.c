/* Files: includes, what is no file, what is too much, and the child that reads first. */
#include "tests/unit/supervisor/config_fixture.h"

TestSuite(config_source, .init = setup, .fini = teardown);

Test(config_source, files_that_others_may_write_are_warned_of) {
    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert(chmod("preforkd.conf", 0664) == 0 && chmod("services.d/s.conf", 0646) == 0);
    config_free(reread());
    cr_assert_str_eq(said, "preforkd.conf: warning: its group may write it: chmod g-w\n"
                           "services.d/s.conf: warning: everybody may write it: chmod o-w\n");
}

Test(config_source, folders_of_what_is_written_are_looked_for) {
    config_free(read_good("log : { file = \"no/x.log\"; };\npid_file = \"no/x.pid\";\n"
                          "control : { socket = \"no/c.sock\"; };",
        "type = \"echo\";"));
    cr_assert_str_eq(said, "preforkd.conf:1: warning: log.file: there is no folder no\n"
                           "preforkd.conf:2: warning: pid_file: there is no folder no\n"
                           "preforkd.conf:3: warning: control.socket: there is no folder no\n");
}

Test(config_source, includes_stand_in_place_and_know_their_lines) {
    struct config *config;

    cr_assert_eq(mkdir("sub", 0755), 0);
    put("sub/limits.inc", "# limits\nmax_children = 5;\n@include \"deep/more.inc\"\nnice = 3;");
    cr_assert_eq(mkdir("sub/deep", 0755), 0);
    put("sub/deep/more.inc", "listen = \"unix://here.sock\";");
    config = read_good(
        "", "type = \"echo\";\n  @include \"../sub/limits.inc\" # yes\nbacklog = 7;");
    cr_assert_str_eq(said, "");
    cr_assert(config->service[0].max_children == 5 && config->service[0].nice == 3 &&
              config->service[0].backlog == 7);
    cr_assert_not_null(strstr(config->service[0].listen_texts.text[0], "/sub/deep/here.sock"));
    config_free(config);

    put("sub/deep/more.inc", "\n\nwrokers = 3;\n");
    cr_assert_null(
        read_with("", "type = \"echo\";\n@include \"../sub/limits.inc\"\nnice = 7;\nbaklog = 7;"));
    expect_said("services.d/../sub/deep/more.inc:3: unknown key \"wrokers\"", "");
    expect_said(
        "services.d/s.conf:3: \"nice\" is set twice, first in services.d/../sub/limits.inc:4", "");
    expect_said("services.d/s.conf:4: unknown key \"baklog\"", "");
}

Test(config_source, includes_that_cannot_be_are_told, .timeout = 10) {
    static const char *const rows[][2] = {
        { "@include \"nowhere\"",
            "services.d/s.conf:2: services.d/nowhere cannot be read: No such file or directory\n" },
        { "@include \"../services.d\"",
            "services.d/s.conf:2: services.d/../services.d is a folder, a file is needed\n" },
        { "@include \"/dev/zero\"", "services.d/s.conf:2: /dev/zero is not a regular file\n" },
        { "@include \"../pipe\"",
            "services.d/s.conf:2: services.d/../pipe is not a regular file\n" },
        { "@include \"s.conf\"", "services.d/s.conf:2: @include is nested too deeply\n" },
        { "@include <x>", "services.d/s.conf:2: @include needs a file: @include \"FILE\"\n" },
        { "@include \"x\" y = 3;",
            "services.d/s.conf:2: nothing may follow @include on its line\n" },
    };
    char text[256];

    cr_assert_eq(mkfifo("pipe", 0644), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "type = \"echo\";\n%s\n", rows[i][0]);
        cr_assert_null(read_with("", text));
        expect_said(rows[i][1], rows[i][0]);
    }
}

Test(config_source, what_is_no_file_is_told, .timeout = 10) {
    static char big[(1 << 20) + 2];

    cr_assert_null(config_read_plain("/nowhere/x.conf", fmemopen(said, sizeof(said), "w")));
    put("preforkd.conf", "");
    cr_assert_eq(mkdir("services.d/dir.conf", 0755), 0);
    cr_assert_eq(mkfifo("services.d/pipe.conf", 0644), 0);
    cr_assert_null(reread());
    cr_assert_str_eq(said,
        "services.d/dir.conf: services.d/dir.conf is a folder, a file is needed\n"
        "services.d/pipe.conf: services.d/pipe.conf is not a regular file\n");
    cr_assert(rmdir("services.d/dir.conf") == 0 && unlink("services.d/pipe.conf") == 0);

    memset(big, ' ', sizeof(big));
    put_bytes("services.d/s.conf", big, sizeof(big) - 1);
    cr_assert_null(reread());
    cr_assert_str_eq(said,
        "services.d/s.conf: services.d/s.conf has 1048577 bytes, at most 1048576 are allowed\n");
    put_bytes("services.d/s.conf", "type = \"echo\";\n\0\nnice = 3;\0", 27);
    cr_assert_null(reread());
    cr_assert_str_eq(said, "services.d/s.conf:2: there is a NUL byte: this is no text file\n"
                           "services.d/s.conf:3: there is a NUL byte: this is no text file\n");
    put("services.d/s.conf", "\xef\xbb\xbftype = \"echo\";");
    cr_assert_null(reread());
    cr_assert_str_eq(said,
        "services.d/s.conf:1: the file begins with a byte order mark: save it as "
        "UTF-8 without BOM\n");
}

Test(config_source, bombs_are_put_out, .timeout = 20) {
    static char text[1 << 20];
    size_t len = 0;

    memset(text, '(', 200000);
    memcpy(text, "x = ", 4);
    text[200000] = '\0';
    cr_assert_null(read_with(text, "type = \"echo\";"));
    expect_said("preforkd.conf:1: the brackets are nested too deeply\n", "");
    while (len < sizeof(text) - 32)
        len += (size_t)snprintf(text + len, 32, "k%zu = 1;\n", len);
    cr_assert_null(read_with(text, NULL));
    expect_said("preforkd.conf:4097: there are too many keys\n", "");
    put("half.inc", "#");
    memset(text, ' ', 600000);
    text[600000] = '\0';
    put("half.inc", text);
    cr_assert_null(read_with("@include \"half.inc\"\n@include \"half.inc\"\n", NULL));
    expect_said("half.inc:1: with what is included the file is too long\n", "");
}

Test(config_source, no_service_is_a_warning) {
    config_free(read_good("", NULL));
    cr_assert_str_eq(said,
        "preforkd.conf: warning: services_dir: no service: there is no NAME.conf in services.d\n");
}

Test(config_source, a_child_reads_first) {
    FILE *out;
    struct config *config;

    put("preforkd.conf", "nice = 3;");
    put("services.d/s.conf", "type = \"echo\";\nwrokers = 3;");
    reread();
    out = fmemopen(said + LINES_MAX / 2, LINES_MAX / 2, "w");
    cr_assert_null(config_read_guarded("preforkd.conf", out));
    fclose(out);
    cut_folder(said + LINES_MAX / 2);
    cr_assert_str_eq(said + LINES_MAX / 2, said, "the words are the same");
    put("preforkd.conf", "");
    put("services.d/s.conf", "type = \"echo\";\nnice = 3;");
    config = config_read_guarded("preforkd.conf", stderr);
    cr_assert(config != NULL && config->service[0].nice == 3);
    config_free(config);
}
