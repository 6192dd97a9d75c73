/*
 * The connection to the daemon. A line is taken when it is whole, bytes as they come: a result may
 * be longer than memory.
 */
#include "supervisor/cli/control_talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_LEAST 8192u
#define BUFFER_DATA  65536u /* a result comes in pieces of this size */
#define LINE_MOST    (64u << 20)

int control_talk_open(struct control_talk *talk, const char *path, uint64_t wait_ms) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = (time_t)(wait_ms / 1000),
        .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000) };
    int error = 0;

    *talk = (struct control_talk){ .fd = -1 };
    if (strlen(path) >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms == 0 ? SOCK_NONBLOCK : 0), 0);
    if (talk->fd < 0)
        return errno;
    /* A daemon that accepts nothing lets connect() wait when its queue is full. */
    if (wait_ms != 0 && wait_ms != UINT64_MAX)
        setsockopt(talk->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(talk->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        error = errno;
        control_talk_close(talk);
    }
    return error;
}

void control_talk_close(struct control_talk *talk) {
    if (talk->fd >= 0)
        close(talk->fd);
    free(talk->buf);
    *talk = (struct control_talk){ .fd = -1 };
}

/* {"verb":…,"args":…} and a newline; NULL when a text in it is not UTF-8. */
static char *write_question(const char *verb, json_t *args, size_t *out_len) {
    json_t *object = json_pack("{s:s}", "verb", verb);
    char *line;

    if (args != NULL)
        json_object_set_new(object, "args", args);
    line = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (line == NULL)
        return NULL;
    *out_len = strlen(line);
    line[(*out_len)++] = '\n'; /* in the place of the terminator */
    return line;
}

int control_talk_ask(struct control_talk *talk, const char *verb, json_t *args) {
    size_t len, sent = 0;
    char *line = write_question(verb, args, &len);
    ssize_t n = 0;
    int error = 0;

    if (line == NULL)
        return EILSEQ;
    if (len > CONTROL_TALK_LINE_MAX + 1)
        error = E2BIG;
    while (error == 0 && sent < len && n >= 0) {
        n = send(talk->fd, line + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0 && errno == EAGAIN)
            error = EAGAIN;
    }
    free(line);
    return error;
}

/* Room behind what is there. Returns 0, or -1 with errno. */
static int make_room(struct control_talk *talk) {
    size_t size = talk->size * 2;
    char *bigger;

    if (talk->used > 0)
        memmove(talk->buf, talk->buf + talk->used, talk->len - talk->used);
    talk->len -= talk->used;
    talk->used = 0;
    if (talk->len < talk->size)
        return 0;
    if (size == 0)
        size = talk->has_data ? BUFFER_DATA : BUFFER_LEAST;
    if (size > LINE_MOST) {
        errno = EMSGSIZE;
        return -1;
    }
    bigger = realloc(talk->buf, size);
    if (bigger == NULL)
        return -1;
    talk->buf = bigger;
    talk->size = size;
    return 0;
}

ssize_t control_talk_receive(struct control_talk *talk) {
    ssize_t n;

    if (make_room(talk) < 0)
        return -1;
    do
        n = recv(talk->fd, talk->buf + talk->len, talk->size - talk->len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        talk->len += (size_t)n;
    return n;
}

static enum control_talk_piece take_bytes(
    struct control_talk *talk, struct control_talk_bytes *out_bytes) {
    size_t len = talk->len - talk->used;

    if (len > talk->data_left)
        len = talk->data_left;
    if (len == 0)
        return CONTROL_TALK_NOTHING;
    *out_bytes = (struct control_talk_bytes){ .at = talk->buf + talk->used, .len = len };
    talk->used += len;
    talk->data_left -= len;
    return CONTROL_TALK_BYTES;
}

/* How many bytes follow the line; -1 when it says so wrongly. */
static json_int_t bytes_behind(const json_t *line) {
    const json_t *data = json_object_get(line, "data");
    const json_int_t len = json_integer_value(data);

    if (data == NULL)
        return 0;
    return len > 0 && len <= CONTROL_TALK_DATA_MAX ? len : -1;
}

enum control_talk_piece control_talk_next(
    struct control_talk *talk, json_t **out_line, struct control_talk_bytes *out_bytes) {
    const char *begin, *newline;
    json_int_t behind;

    while (talk->data_left == 0) {
        begin = talk->buf + talk->used;
        newline = talk->len > talk->used ? memchr(begin, '\n', talk->len - talk->used) : NULL;
        if (newline == NULL)
            return CONTROL_TALK_NOTHING;
        *out_line = json_loadb(begin, (size_t)(newline - begin), 0, NULL);
        talk->used += (size_t)(newline - begin) + 1;
        if (!json_is_object(*out_line) && (talk->has_data || !json_is_array(*out_line)))
            break;
        behind = talk->has_data ? bytes_behind(*out_line) : 0;
        if (behind == 0)
            return CONTROL_TALK_LINE;
        if (behind < 0)
            break;
        talk->data_left = (size_t)behind;
        json_decref(*out_line);
    }
    if (talk->data_left > 0)
        return take_bytes(talk, out_bytes);
    json_decref(*out_line);
    return CONTROL_TALK_GARBAGE;
}
