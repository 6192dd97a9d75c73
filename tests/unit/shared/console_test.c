/* The console: whole lines, escaped, from whoever has something to say; nobody waits. */
#include "shared/console.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int ends[2];
static char text[1 << 17];

static const char *shown(void) {
    ssize_t n = read(ends[0], text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void open_pipe(void) {
    cr_assert_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

TestSuite(console, .init = open_pipe);

Test(console, is_off_until_it_is_used) {
    cr_assert_not(console_is_on());
    console_say("nobody hears");
    console_use(ends[1]);
    cr_assert(console_is_on());
    console_say("port %d, \033[2J %s", 7, "\xd0\x96");
    cr_assert_str_eq(shown(), "port 7, \\x1b[2J \xd0\x96\n");
    console_use(-1);
    console_say("nobody hears");
    cr_assert_str_eq(shown(), "");
}

Test(console, long_line_is_one_line) {
    static char longer[9000];

    memset(longer, '\033', sizeof(longer) - 1);
    console_use(ends[1]);
    console_say("%s", longer);
    cr_assert_gt(strlen(shown()), 4000);
    cr_assert_leq(strlen(text), 4096);
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(console, full_pipe_stalls_nobody_and_keeps_lines_whole) {
    console_use(ends[1]);
    errno = EXDEV;
    for (unsigned i = 0; i < 100000; i++)
        console_say("line %06u", i);
    cr_assert_eq(errno, EXDEV);
    shown();
    cr_assert_eq(strlen(text) % 12, 0);
    for (size_t at = 0; text[at] != '\0'; at += 12)
        cr_assert_eq(memcmp(text + at, "line ", 5), 0);
}
