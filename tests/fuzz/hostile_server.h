#ifndef TESTS_FUZZ_HOSTILE_SERVER_H
#define TESTS_FUZZ_HOSTILE_SERVER_H

/*
 * A server that does as the input says, and the person, terminal and clock beside it, for one run
 * of a client: this stands in for sockets, poll(2), dial.h, clock.h and line_editor.h. Included
 * once by a target. When the input is used up the server ends what there is, nobody listens any
 * more, stdin has ended, and time goes by: then every client has to end, too.
 *
 *     poll:  a byte, what is ready:  1 socket  2 room to send  4 stdin  0x80 hang-up
 *            0x18 time  0x60 what comes next: 0x40 how sends go, 0x60 a signal
 *     recv:  kind, length (255: two bytes more), bytes;  kind % 8 > 2: a frame, 7: no bytes but an
 *            error or the end;  0x40: the next one comes with it
 *     stdin: length (0 nothing, 255 the end), bytes
 */

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/dial.h"
#include "shared/escape.h"
#include "shared/exit_code.h"
#include "shared/line_editor.h"
#include "tests/fuzz/input.h"

enum { PEER_FD = 1000, SIGNALS_FD = 1001, POLLS_MOST = 200, FOR_EVER_MS = 60000 };

static struct {
    uint64_t now_ms;
    unsigned polls_since_end, send_how;
    bool is_open, is_datagram, is_terminal, is_json, has_typed;
    struct tail typed;
} world;

static void world_begin(const uint8_t *data, size_t size) {
    expect(!world.is_open);
    input_begin(data, size);
    world.now_ms = 1000000;
    world.polls_since_end = world.send_how = 0;
    world.has_typed = false;
}

/* ---- clock.h ---- */

uint64_t clock_now_ms(void) {
    return world.now_ms;
}

uint64_t clock_now_ns(void) {
    return world.now_ms * 1000000;
}

uint64_t clock_now_coarse_ns(void) {
    return world.now_ms * 1000000;
}

uint64_t clock_wall_ns(void) {
    return world.now_ms * 1000000;
}

/* ---- the socket ---- */

/* Length and bytes of one piece; at most size are written. Returns the length. */
static size_t take_piece(char *dst, size_t size) {
    size_t n = take(1);

    if (n == 255)
        n = take(1) << 8 | take(1);
    n = n < input.left ? n : input.left;
    take_bytes(dst, n < size ? n : size);
    if (n > size) {
        input.at += n - size;
        input.left -= n - size;
    }
    return n;
}

static ssize_t take_error(void) {
    static const int errors[] = { EAGAIN, EINTR, ECONNRESET };
    const unsigned how = take(1) % 4;

    if (how == 3)
        return 0;
    errno = errors[how];
    return -1;
}

/* "kind piece" behind what is there already. Returns the length, as recv(2) does with MSG_TRUNC. */
static size_t take_part(unsigned kind, char *dst, size_t size) {
    size_t n;

    if (kind % 8 < 3 || world.is_datagram || size < 4)
        return take_piece(dst, size);
    n = take_piece(dst + 4, size - 4);
    for (unsigned i = 0; i < 4; i++)
        dst[i] = (char)(n >> 8 * (3 - i));
    return n + 4;
}

ssize_t recv(int fd, void *buf, size_t size, int flags) {
    size_t n = 0;
    unsigned kind;

    expect(fd == PEER_FD && world.is_open && size > 0);
    if (input.left == 0 && !world.is_datagram)
        return 0;
    if (input.left == 0) {
        errno = EAGAIN;
        return -1;
    }
    do {
        kind = take(1);
        if (kind % 8 == 7)
            return n > 0 ? (ssize_t)n : take_error();
        n += take_part(kind, (char *)buf + n, size - n);
    } while (!world.is_datagram && (kind & 0x40) != 0 && n < size && input.left > 0);
    return (ssize_t)(n < size || (flags & MSG_TRUNC) != 0 ? n : size);
}

/* What is sent is read. */
ssize_t send(int fd, const void *buf, size_t len, int flags) {
    static char sink[1 << 16];
    const size_t most = world.send_how == 1 ? (len + 1) / 2 : len;

    expect(fd == PEER_FD && world.is_open && (flags & MSG_NOSIGNAL) != 0);
    memcpy(sink, buf, len < sizeof(sink) ? len : sizeof(sink));
    if (input.left > 0 && world.send_how >= 2) {
        errno = world.send_how == 2 ? EAGAIN : EPIPE;
        return -1;
    }
    return (ssize_t)(world.is_datagram ? len : most);
}

int shutdown(int fd, int how) {
    expect(fd == PEER_FD && world.is_open && how == SHUT_WR);
    return 0;
}

int close(int fd) {
    if (fd < PEER_FD)
        return (int)syscall(SYS_close, fd);
    expect(fd == SIGNALS_FD || world.is_open);
    world.is_open = world.is_open && fd != PEER_FD;
    return 0;
}

/* ---- poll(2) ---- */

/* What is ready at the end of all: everything but a person. */
static int poll_at_end(struct pollfd *fds, nfds_t n, int timeout) {
    int count = 0;

    expect(++world.polls_since_end < POLLS_MOST);
    world.now_ms += timeout < 0 ? FOR_EVER_MS : (unsigned)timeout;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = fds[i].fd >= 0 ? fds[i].events : 0;
        if (fds[i].fd == SIGNALS_FD && world.polls_since_end < POLLS_MOST / 4)
            fds[i].revents = 0;
        count += fds[i].revents != 0;
    }
    return count;
}

static short ready(int fd, short wanted, unsigned how) {
    if (fd == SIGNALS_FD)
        return (how & 0x60) == 0x60 ? POLLIN : 0;
    if (fd == STDIN_FILENO) {
        world.has_typed = (how & 4) != 0;
        return world.has_typed ? POLLIN : 0;
    }
    return (short)((how & 1 ? wanted & POLLIN : 0) | (how & 2 ? wanted & POLLOUT : 0) |
                   (how & 0x80 ? POLLHUP : 0));
}

int poll(struct pollfd *fds, nfds_t n, int timeout) {
    unsigned how;
    int count = 0;

    if (input.left == 0)
        return poll_at_end(fds, n, timeout);
    how = take(1);
    if ((how & 0x60) == 0x40)
        world.send_how = take(1) % 4;
    world.now_ms += (how & 0x18) * (how & 0x18);
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = fds[i].fd < 0 ? 0 : ready(fds[i].fd, fds[i].events, how);
        count += fds[i].revents != 0;
    }
    if (count == 0)
        world.now_ms += timeout < 0 ? FOR_EVER_MS : (unsigned)timeout;
    return count;
}

/* ---- dial.h ---- */

int dial_refuse_absent(const struct dial_target *target, struct complaint *complaint) {
    (void)target;
    complaint_set(complaint, "nobody listens there");
    return EXIT_CODE_UNAVAILABLE;
}

int dial_open(const struct dial_target *target, uint64_t timeout_ms, int *out_fd,
    struct complaint *complaint) {
    *out_fd = -1;
    if (input.left == 0 || take(1) % 4 == 3) {
        world.now_ms += timeout_ms;
        return dial_refuse_absent(target, complaint);
    }
    expect(!world.is_open);
    world.is_open = true;
    world.is_datagram = target->proto == NET_UDP;
    *out_fd = PEER_FD;
    return EXIT_CODE_OK;
}

short dial_wait(int fd, short events, uint64_t end_ms) {
    struct pollfd watch = { .fd = fd, .events = events };

    if (fd < 0 && world.now_ms < end_ms)
        world.now_ms = end_ms;
    while (world.now_ms < end_ms && poll(&watch, 1, (int)(end_ms - world.now_ms)) <= 0)
        ;
    return watch.revents;
}

char *dial_format(char dst[DIAL_TEXT_MAX], const struct dial_target *target) {
    (void)target;
    return strcpy(dst, "there:1");
}

/* ---- signals, and what else the kernel says ---- */

int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
    (void)how, (void)set, (void)old;
    return 0;
}

int signalfd(int fd, const sigset_t *set, int flags) {
    (void)fd, (void)set, (void)flags;
    return SIGNALS_FD;
}

ssize_t read(int fd, void *buf, size_t len) {
    static const uint32_t signals[] = { SIGINT, SIGTERM, SIGWINCH, SIGWINCH };
    struct signalfd_siginfo info = { .ssi_signo = SIGINT };

    if (fd != SIGNALS_FD)
        return syscall(SYS_read, fd, buf, len);
    expect(len == sizeof(info));
    info.ssi_signo = signals[take(1) % 4];
    memcpy(buf, &info, sizeof(info));
    return sizeof(info);
}

ssize_t getrandom(void *buf, size_t len, unsigned flags) {
    (void)flags;
    memset(buf, 0x5a, len);
    return (ssize_t)len;
}

int isatty(int fd) {
    (void)fd;
    return world.is_terminal;
}

/* ---- line_editor.h ---- */

void line_editor_open(const char *prompt, bool is_plain) {
    (void)is_plain;
    expect(prompt != NULL);
}

void line_editor_close(void) {
}

enum line_editor_found line_editor_next(const char **out, size_t *out_len) {
    size_t n;

    if (input.left == 0)
        return LINE_EDITOR_END;
    n = world.has_typed ? take(1) : 0;
    world.has_typed = false;
    if (n == 0 || n == 255)
        return n == 0 ? LINE_EDITOR_NONE : LINE_EDITOR_END;
    *out_len = n < input.left ? n : input.left;
    *out = tail_make(&world.typed, *out_len);
    take_bytes((char *)*out, *out_len);
    return LINE_EDITOR_LINE;
}

/* Nothing that a terminal obeys. */
static void expect_shown(const char *line) {
    const size_t len = strlen(line);
    uint32_t rune;

    for (size_t i = 0; i < len;) {
        const int step = escape_decode((const unsigned char *)line + i, len - i, &rune);

        expect(step > 0 && (rune == '\\' || escape_is_shown(rune)));
        expect(!world.is_json || rune < 0x7f);
        i += (size_t)step;
    }
}

static void expect_object(const char *line) {
    json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);

    expect(json_is_object(object));
    json_decref(object);
}

void line_editor_print(const char *line) {
    if (world.is_terminal || !world.is_json)
        expect_shown(line);
    expect(strchr(line, '\n') == NULL);
    if (world.is_json)
        expect_object(line);
}

void line_editor_say(const char *line) {
    expect(!world.is_json);
    expect_shown(line);
}

void line_editor_resize(void) {
}

void line_editor_suspend(void) {
}

void line_editor_resume(void) {
}

#endif
