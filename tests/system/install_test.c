/* make install and uninstall into a folder of the test's own, and what the units say of themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define EXPOSURE_MOST "12" /* tenths */

/* The rule of the Makefile itself, without building anything, into ./root under /usr. */
static struct harness_result make(const char *target) {
    char build[4096], destination[4096];
    const char *const argv[] = { "/usr/bin/make", "--no-print-directory", "-C", harness_root(),
        "-o", "all", build, destination, "PREFIX=/usr", target, NULL };
    char *here = getcwd(NULL, 0);

    unsetenv("MAKEFLAGS");
    unsetenv("MAKELEVEL");
    unsetenv("MFLAGS");
    snprintf(build, sizeof(build), "BUILD=%.*s", (int)(strlen(harness_program("x")) - strlen("/x")),
        harness_program("x"));
    snprintf(destination, sizeof(destination), "DESTDIR=%s/root", here);
    return harness_run_argv(argv);
}

static unsigned file_count;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)path, (void)st, (void)where;
    file_count += type != FTW_D && type != FTW_DP;
    return 0;
}

static unsigned count_files(void) {
    file_count = 0;
    nftw("root", count_file, 16, FTW_PHYS);
    return file_count;
}

static void expect_file(const char *path, mode_t mode) {
    struct stat st;

    CHECK(stat(path, &st) == 0, "%s: %s", path, strerror(errno));
    CHECK((st.st_mode & 07777) == mode, "%s: %o", path, st.st_mode & 07777);
}

static void install_puts_everything_and_uninstall_leaves_nothing(void) {
    struct harness_result result;

    umask(077);
    result = make("install");
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    harness_figure("%u files", count_files());
    expect_file("root/usr/sbin/preforkd", 0755);
    expect_file("root/usr/bin/prefork", 0755);
    expect_file("root/usr/share/man/man8/preforkd.8", 0644);
    expect_file("root/usr/share/man/man5/preforkd.conf.5", 0644);
    expect_file("root/usr/lib/systemd/system/preforkd.service", 0644);
    expect_file("root/usr/lib/systemd/system/preforkd.socket", 0644);
    expect_file("root/usr/lib/sysusers.d/preforkd.conf", 0644);
    expect_file("root/usr/lib/tmpfiles.d/preforkd.conf", 0644);
    expect_file("root/usr/share/doc/preforkd/examples/limits.conf", 0644);
    expect_file("root/etc/preforkd/preforkd.conf", 0644);
    expect_file("root/etc/preforkd/services.d/echo.conf", 0644);
    expect_file("root/etc/preforkd/jobs.d/sheet.conf", 0644);
    expect_file("root/etc/logrotate.d/preforkd", 0644);
    expect_file("root/etc/preforkd", 0755);
    result = harness_run(
        "root/usr/sbin/preforkd", "-t", "-f", "root/etc/preforkd/preforkd.conf", NULL);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    result = make("uninstall");
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    CHECK(count_files() == 0, "%u files are left", count_files());
    CHECK(!harness_exists("root/etc/preforkd"), "a folder is left");
    CHECK(!harness_exists("root/usr/share/doc/preforkd"), "a folder is left");
}

static void configuration_that_was_changed_stays(void) {
    static const char mine[] = "type = \"echo\"; max_children = 3;\n";
    const char *path = "root/etc/preforkd/services.d/echo.conf";
    struct harness_result result;

    CHECK(make("install").code == 0, "install");
    harness_write_file(path, mine, strlen(mine));
    result = make("install");
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    CHECK(strcmp(harness_read_file(path, NULL), mine) == 0, "it was overwritten");
    expect_words("stdout", result.out, "/etc/preforkd/services.d/echo.conf: was changed, stays\n");
    result = make("uninstall");
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    CHECK(count_files() == 1, "%u files are left", count_files());
    CHECK(strcmp(harness_read_file(path, NULL), mine) == 0, "it was changed");
}

/* Elsewhere than under /usr the unit names the programs where they are. */
static void units_name_the_programs_where_they_are(void) {
    const char *const argv[] = { "/bin/sh", "-c",
        "cd \"$1\" && DESTDIR=$2/root PREFIX=/opt/lab etc/install.sh install \"${0%/*}\"",
        harness_program("prefork"), harness_root(), getcwd(NULL, 0), NULL };
    struct harness_result result = harness_run_argv(argv);
    char *unit;

    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    unit = harness_read_file("root/opt/lab/lib/systemd/system/preforkd.service", NULL);
    expect_words("unit", unit, "\nExecStart=/opt/lab/sbin/preforkd -F\n");
    expect_words("unit", unit, "\nExecReload=/opt/lab/bin/prefork reload --wait\n");
    expect_words("logrotate", harness_read_file("root/etc/logrotate.d/preforkd", NULL),
        " /opt/lab/bin/prefork reopen ");
}

/* The first word of a command line is looked for: it has to be a program that is there. */
static void write_unit(const char *name, const char *program) {
    char path[4096], *unit, *at;
    FILE *out = fopen(name, "w");

    snprintf(path, sizeof(path), "%s/etc/systemd/%s", harness_root(), name);
    unit = harness_read_file(path, NULL);
    CHECK(out != NULL, "%s: %s", name, strerror(errno));
    for (at = strtok(unit, "\n"); at != NULL; at = strtok(NULL, "\n"))
        if (strncmp(at, "Exec", 4) == 0)
            fprintf(out, "%.*s%s\n", (int)strcspn(at, "=") + 1, at, program);
        else if (strncmp(at, "Documentation", 13) != 0)
            fprintf(out, "%s\n", at);
    fclose(out);
}

static void units_are_good_and_give_away_little(void) {
    struct harness_result result;

    if (!harness_exists("/usr/bin/systemd-analyze"))
        harness_skip("there is no systemd-analyze here");
    write_unit("preforkd.service", harness_program("preforkd"));
    write_unit("preforkd.socket", "");
    result = harness_run("/usr/bin/systemd-analyze", "security", "--offline=true", "--no-pager",
        "--threshold=" EXPOSURE_MOST, "./preforkd.service", NULL);
    CHECK(result.code == 0, "%d: %.3000s", result.code, result.out);
    harness_figure("%.*s", (int)strcspn(strstr(result.out, "Overall"), ":") + 5,
        strstr(result.out, "Overall"));
    /* An unknown key is only printed. */
    result = harness_run("/usr/bin/systemd-analyze", "verify", "--man=no", "./preforkd.service",
        "./preforkd.socket", NULL);
    CHECK(result.code == 0 && result.err[0] == '\0', "%d: %s", result.code, result.err);
}

static void package_has_the_version_of_the_program(void) {
    struct harness_result result = harness_run("prefork", "--version", NULL);
    char path[4096], first[128], wanted[128];

    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    snprintf(path, sizeof(path), "%s/etc/deb/changelog", harness_root());
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(harness_read_file(path, NULL), ")"),
        harness_read_file(path, NULL));
    snprintf(wanted, sizeof(wanted), "preforkd (%.*s",
        (int)strcspn(strchr(result.out, ' ') + 1, "\n"), strchr(result.out, ' ') + 1);
    CHECK(strcmp(first, wanted) == 0, "the changelog begins with \"%s)\", not \"%s)\"", first,
        wanted);
}

static const struct harness_test tests[] = {
    { "install_puts_everything_and_uninstall_leaves_nothing",
        install_puts_everything_and_uninstall_leaves_nothing },
    { "configuration_that_was_changed_stays", configuration_that_was_changed_stays },
    { "units_name_the_programs_where_they_are", units_name_the_programs_where_they_are },
    { "units_are_good_and_give_away_little", units_are_good_and_give_away_little },
    { "package_has_the_version_of_the_program", package_has_the_version_of_the_program },
    { .name = NULL },
};

const struct harness_suite install_suite = { "install", tests };
