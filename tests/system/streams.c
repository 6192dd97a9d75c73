/* One loop over all sessions; what a session has sent and what it waits for are two positions. */
#include "tests/system/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"

#define MESSAGE     64u
#define UNDER_WAY   8u
#define PATIENCE_MS 20000

struct stream {
    int fd; /* -1: it has failed */
    uint64_t sent, back;
};

static char byte_at(unsigned stream, uint64_t at) {
    char head[MESSAGE + 1];

    snprintf(
        head, sizeof(head), "stream %02u message %012lu.", stream, (unsigned long)(at / MESSAGE));
    return at % MESSAGE < strlen(head) ? head[at % MESSAGE] : (char)('a' + at % 23);
}

static void fill(char *data, unsigned stream, uint64_t at, size_t len) {
    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(stream, at + i);
}

static void fail(struct streams *streams, struct stream *stream, const char *what, int error) {
    if (streams->failed++ == 0)
        snprintf(streams->why, sizeof(streams->why), "%s: %s after %lu messages, %lu bytes owed",
            what, error != 0 ? strerror(error) : "end", (unsigned long)(stream->back / MESSAGE),
            (unsigned long)(stream->sent - stream->back));
    close(stream->fd);
    stream->fd = -1;
}

static void send_more(struct streams *streams, struct stream *stream, unsigned index) {
    char data[MESSAGE];
    ssize_t n;

    fill(data, index, stream->sent, sizeof(data));
    n = send(stream->fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        stream->sent += (uint64_t)n;
    else if (errno != EAGAIN)
        fail(streams, stream, "send", errno);
}

static void receive(struct streams *streams, struct stream *stream, unsigned index) {
    char data[MESSAGE * UNDER_WAY], wanted[MESSAGE * UNDER_WAY];
    ssize_t n = recv(stream->fd, data, sizeof(data), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        fail(streams, stream, "receive", n < 0 ? errno : 0);
        return;
    }
    fill(wanted, index, stream->back, (size_t)n);
    if (memcmp(data, wanted, (size_t)n) != 0) {
        fail(streams, stream, "bytes that were not sent", EBADMSG);
        return;
    }
    streams->answered += (stream->back + (uint64_t)n) / MESSAGE - stream->back / MESSAGE;
    stream->back += (uint64_t)n;
}

/* A turn over all. Returns false when there is nothing more to wait for. */
static bool turn(struct streams *streams, struct stream *stream, unsigned count) {
    struct pollfd watch[STREAMS_MOST];
    bool waits = false;

    for (unsigned i = 0; i < count; i++) {
        while (stream[i].fd >= 0 && !streams->is_over &&
               stream[i].sent - stream[i].back <= MESSAGE * (UNDER_WAY - 1)) {
            uint64_t before = stream[i].sent;
            send_more(streams, &stream[i], i);
            if (stream[i].sent == before)
                break;
        }
        watch[i] = (struct pollfd){ .fd = stream[i].fd, .events = POLLIN };
        waits |= stream[i].fd >= 0 && (!streams->is_over || stream[i].sent != stream[i].back);
    }
    if (waits && poll(watch, count, PATIENCE_MS) == 0) {
        snprintf(streams->why, sizeof(streams->why), "no answer for %d ms", PATIENCE_MS);
        streams->failed++;
        return false;
    }
    for (unsigned i = 0; i < count; i++)
        if (stream[i].fd >= 0 && watch[i].revents != 0)
            receive(streams, &stream[i], i);
    return waits;
}

struct streams *streams_start(unsigned count, uint16_t port, const char *path) {
    struct streams *streams = mmap(
        NULL, sizeof(*streams), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct stream stream[STREAMS_MOST] = { 0 };

    pid_t pid = fork();

    if (pid != 0) {
        streams->pid = pid;
        return streams;
    }
    for (unsigned i = 0; i < count; i++) {
        stream[i].fd = path != NULL ? daemon_connect_unix(path) : daemon_connect(port);
        streams->open++;
    }
    while (turn(streams, stream, count))
        ;
    for (unsigned i = 0; i < count; i++)
        close(stream[i].fd);
    _exit(0);
}

void streams_go_on(const struct streams *streams, uint64_t more) {
    const uint64_t wanted = streams->answered + more;

    CHECK(harness_until(
              PATIENCE_MS / 4, streams->answered >= wanted || streams->failed == streams->open),
        "only %lu answers", (unsigned long)streams->answered);
}

unsigned streams_stop(struct streams *streams) {
    streams->is_over = true;
    waitpid(streams->pid, NULL, 0);
    return streams->failed;
}
