/* The Python example speaks with our wire: what it sends is told, and it prints our answers. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/shared/wire_fixture.h"

TestSuite(framed_socket, .timeout = 20);

/* A listening socket on a port of the kernel's choice. */
static int listen_any(unsigned *out_port) {
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, 1) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *out_port = ntohs(sa.sin_port);
    return fd;
}

/* Answer each message with "<message>", a sign of life before it, until the peer ends. */
static void answer_all(int fd, struct record *record) {
    char data[100], text[WIRE_ENCODE_MOST(300)], answer[300];
    struct wire_message message;
    struct wire_input in;
    struct wire wire;
    ssize_t n;

    wire_init(&wire, &wire_rules_default);
    while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
        in = (struct wire_input){ .data = data, .len = (size_t)n, .now_ms = 1 };
        while (wire_next(&wire, &in, &message) == WIRE_MESSAGE) {
            record_message(record, &message);
            cr_assert_eq(write(fd, "\0\0\0\0", 4), 4);
            n = snprintf(answer, sizeof(answer), "<%.*s>", (int)message.len, message.data);
            n = (ssize_t)wire_encode(wire_form(&wire), text, answer, (size_t)n);
            for (ssize_t i = 0; i < n; i++)
                cr_assert_eq(write(fd, text + i, 1), 1);
        }
    }
    wire_fini(&wire);
}

Test(framed_socket, python_client_and_wire_understand_each_other) {
    struct record record = { .len = 0 };
    char command[512], said[1024];
    int listener, fd;
    unsigned port;
    FILE *python;
    size_t n;

    listener = listen_any(&port);
    snprintf(command, sizeof(command),
        "/usr/bin/python3 etc/examples/framed_socket.py 127.0.0.1 %u Алиса 'two\nlines' "
        "\"$(printf %%0200d 7)\" '/quit'",
        port);
    python = popen(command, "r");
    fd = accept(listener, NULL, NULL);
    answer_all(fd, &record);
    close(fd);
    n = fread(said, 1, sizeof(said) - 1, python);
    said[n] = '\0';
    cr_assert_eq(pclose(python), 0);
    snprintf(command, sizeof(command), "[Алиса][two\nlines][%0200d][/quit]", 7);
    cr_assert_str_eq(record.log, command);
    snprintf(command, sizeof(command), "<Алиса>\n<two\nlines>\n<%0200d>\n</quit>\n", 7);
    cr_assert_str_eq(said, command);
    close(listener);
}

/* A Python program at the other end of a socket pair, as descriptor 0; returns its exit status. */
static int run_python(const char *program, const char *bytes, size_t len) {
    static const char *const head = "import sys; sys.path.insert(0, 'etc/examples');"
                                    "sys.dont_write_bytecode = True;"
                                    "from framed_socket import FramedSocket;"
                                    "s = FramedSocket(fileno=0)\n";
    char text[1024];
    int pair[2], status;
    pid_t pid;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(write(pair[0], bytes, len), (ssize_t)len);
    shutdown(pair[0], SHUT_WR);
    snprintf(text, sizeof(text), "%s%s", head, program);
    pid = fork();
    if (pid == 0) {
        dup2(pair[1], STDIN_FILENO);
        close(pair[0]);
        execl("/usr/bin/python3", "python3", "-c", text, NULL);
        _exit(127);
    }
    close(pair[1]);
    waitpid(pid, &status, 0);
    close(pair[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(framed_socket, python_client_takes_no_lie) {
    static const char raises[] = "try: s.receive_message()\n"
                                 "except %s: sys.exit(42)\n";
    char program[200];

    snprintf(program, sizeof(program), raises, "ValueError");
    cr_expect_eq(run_python(program, BYTES("\0\1\0\1xx")), 42, "longer than allowed");
    cr_expect_eq(run_python(program, BYTES("\xff\xff\xff\xff")), 42);
    snprintf(program, sizeof(program), raises, "ConnectionError");
    cr_expect_eq(run_python(program, BYTES("\0\0\0\5hel")), 42, "ends inside a message");
    cr_expect_eq(run_python(program, BYTES("\0\0\0\5")), 42);
    cr_expect_eq(run_python(program, BYTES("\0\0")), 42);
    snprintf(program, sizeof(program),
        "sys.exit(42 if [s.receive_message(), s.receive_message()] == ['hi', None] else 1)");
    cr_expect_eq(run_python(program, BYTES("\0\0\0\0\0\0\0\2hi")), 42);
    snprintf(program, sizeof(program),
        "try: s.send_message('x' * 65537)\n"
        "except ValueError: sys.exit(42)\n");
    cr_expect_eq(run_python(program, BYTES("")), 42);
}
