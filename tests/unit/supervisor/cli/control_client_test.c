/* The client of the control socket, against a daemon that answers what the test wrote down. */
#include "supervisor/cli/control_client.h"

#include <criterion/criterion.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct cmd cmd = { .name = "test" };
static char dir[64], path[96];
static struct control_client_options options = { .control = path };
static struct control_client_question question;
static int listener = -1;
static pid_t daemon_pid;
static unsigned lines;

static void prepare(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(dir, sizeof(dir), "/tmp/client-test.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/c.sock", dir);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    question = (struct control_client_question){ .verb = "ports" };
}

static void clean(void) {
    char command[128];

    if (daemon_pid > 0) {
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
    }
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(control_client, .init = prepare, .fini = clean);

/* A process that takes one question, checks it, answers in two pieces, and closes if told to. */
static void answer_with(const char *wanted, const char *text, bool closes) {
    cr_assert_eq(listen(listener, 1), 0);
    daemon_pid = fork();
    if (daemon_pid != 0) {
        close(listener);
        return;
    }
    char line[256] = "";
    const size_t half = strlen(text) / 2;
    int fd = accept(listener, NULL, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(listener);
    if (read(fd, line, sizeof(line) - 1) < 0 || strcmp(line, wanted) != 0)
        _exit(1);
    for (size_t at = 0; at < half;)
        at += (size_t)write(fd, text + at, half - at);
    for (size_t at = half; at < strlen(text);)
        at += (size_t)write(fd, text + at, strlen(text) - at);
    if (!closes)
        pause();
    _exit(0);
}

#define PORTS "{\"verb\":\"ports\"}\n"
#define DONE  "{\"done\":true,\"exit\":0,\"error\":null}\n"

static void count_line(void *owner, json_t *object) {
    cr_assert_eq(owner, &lines);
    cr_assert(json_is_object(object));
    lines++;
}

Test(control_client, lines_come_and_the_last_ends) {
    question.line = count_line;
    question.owner = &lines;
    question.args = json_pack("{s:i}", "n", 3);
    answer_with("{\"verb\":\"ports\",\"args\":{\"n\":3}}\n",
        "{\"a\":1}\n{\"progress\":\"not a line\"}\n{\"a\":2}\n" DONE "{\"a\":3}\n", false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 0);
    cr_assert_eq(lines, 2);
}

Test(control_client, exit_code_is_the_daemons) {
    answer_with(PORTS, "{\"done\":true,\"exit\":77,\"error\":\"not you\"}\n", false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 77);
}

Test(control_client, answer_may_be_long) {
    static char text[400100];

    snprintf(text, sizeof(text), "{\"a\":\"%0400000d\"}\n" DONE, 7);
    question.line = count_line;
    question.owner = &lines;
    answer_with(PORTS, text, false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 0);
    cr_assert_eq(lines, 1);
}

Test(control_client, nobody_there) {
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 69, "bound, not listening");
    options.control = "/tmp/there-is-no-such-socket";
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 69);
}

Test(control_client, environment_names_the_socket) {
    options.control = NULL;
    cr_assert_eq(setenv("PREFORK_CONTROL", path, 1), 0);
    answer_with(PORTS, DONE, false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 0);
}

Test(control_client, no_right_to_open_it) {
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(chmod(dir, 0755) | chmod(path, 0600), 0);
    cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 77);
    cr_assert_eq(seteuid(0), 0);
}

Test(control_client, daemon_that_goes_before_it_answers) {
    answer_with(PORTS, "{\"a\":1}\n", true);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 69);
}

/* When its end is what was asked for, the socket's end is the answer, once the process is gone. */
Test(control_client, end_of_the_daemon_is_waited_for) {
    question.is_end = true;
    cr_assert_eq(listen(listener, 1), 0); /* this process is whose end is waited for */
    answer_with(PORTS, DONE, true);
    options.timeout_ms = 100;
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 124);
}

Test(control_client, silent_daemon_is_given_up) {
    options.timeout_ms = 50;
    answer_with(PORTS, "{\"progress\":\"2 workers to leave\"}\n", false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 124);
}

Test(control_client, daemon_that_accepts_nothing_is_given_up) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    cr_assert_eq(listen(listener, 0), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    options.timeout_ms = 50;
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 124);
}

Test(control_client, what_is_no_json_is_no_daemon) {
    answer_with(PORTS, "HTTP/1.1 400 Bad Request\n", false);
    cr_assert_eq(control_client_ask(&cmd, &options, &question), 65);
}

/* Without its name, "stop SERVICE" would stop the daemon. */
Test(control_client, name_that_is_no_text_asks_nothing) {
    cr_assert_eq(
        control_client_change(&cmd, &options, "stop", json_pack("{s:s}", "service", "\xff")), 2);
}

/* What a client has sent stands in events: C1 and DEL are what a terminal obeys. */
Test(control_client, json_on_a_terminal_is_printable_ascii) {
    json_t *object = json_pack("{s:s}", "t", "\xc2\x9b\x7f");
    int master, terminal;
    char text[64];
    ssize_t n;

    cr_assert_eq(openpty(&master, &terminal, NULL, NULL, NULL), 0);
    cr_assert(dup2(terminal, STDOUT_FILENO) >= 0);
    control_client_print_json(NULL, object);
    n = read(master, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    cr_assert_str_eq(text, "{\"t\":\"\\u009B\\u007f\"}\r\n");
    json_decref(object);
}
