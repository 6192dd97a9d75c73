/*
 * Bytes on their way out. A file's bytes do not pass through this process when they are many:
 * sendfile(2) moves them, so that a big result costs a reader's turn and no memory.
 */
#include "supervisor/jobs/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 1024u

void outlet_fini(struct outlet *outlet) {
    free(outlet->buf);
    outlet->buf = NULL;
    outlet->len = outlet->size = 0;
}

size_t outlet_room(const struct outlet *outlet) {
    return outlet->len < OUTLET_PAUSE && !outlet->is_broken ? OUTLET_PAUSE - outlet->len : 0;
}

/* Room for len more bytes; NULL breaks the outlet, since half an answer would be a wrong one. */
static char *reserve(struct outlet *outlet, size_t len) {
    size_t wanted = outlet->size > 0 ? outlet->size : FIRST;
    char *bigger;

    if (outlet->is_broken || len > OUTLET_MAX - outlet->len) {
        outlet->is_broken = true;
        return NULL;
    }
    while (wanted < outlet->len + len)
        wanted *= 2;
    if (wanted > outlet->size) {
        bigger = realloc(outlet->buf, wanted);
        if (bigger == NULL) {
            outlet->is_broken = true;
            return NULL;
        }
        outlet->buf = bigger;
        outlet->size = wanted;
    }
    return outlet->buf + outlet->len;
}

void outlet_put(struct outlet *outlet, const void *data, size_t len) {
    char *place = reserve(outlet, len);

    if (place == NULL)
        return;
    memcpy(place, data, len);
    outlet->len += len;
}

void outlet_put_line(struct outlet *outlet, const json_t *object) {
    char *line = json_dumps(object, JSON_COMPACT);

    if (line == NULL) {
        outlet->is_broken = true;
        return;
    }
    outlet_put(outlet, line, strlen(line));
    outlet_put(outlet, "\n", 1);
    free(line);
}

void outlet_put_file(struct outlet *outlet, int file_fd, uint64_t at, size_t len) {
    char *place = reserve(outlet, len);

    if (place == NULL)
        return;
    if (pread(file_fd, place, len, (off_t)at) == (ssize_t)len)
        outlet->len += len;
    else
        outlet->is_broken = true;
}

static bool is_passing(int error) {
    return error == EAGAIN || error == EINTR;
}

void outlet_flush(struct outlet *outlet) {
    ssize_t n;

    if (outlet->len == 0 || outlet->fd < 0 || outlet->is_broken)
        return;
    n = send(outlet->fd, outlet->buf, outlet->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        outlet->is_broken = !is_passing(errno);
        return;
    }
    outlet->sent += (uint64_t)n;
    outlet->len -= (size_t)n;
    memmove(outlet->buf, outlet->buf + n, outlet->len);
    if (outlet->len == 0 && outlet->size > OUTLET_PAUSE)
        outlet_fini(outlet); /* many peers that once had much to read do not keep it */
}

size_t outlet_send_file(struct outlet *outlet, int file_fd, uint64_t at, size_t len) {
    off_t offset = (off_t)at;
    ssize_t n;

    if (outlet->fd < 0 || outlet->is_broken)
        return 0;
    n = sendfile(outlet->fd, file_fd, &offset, len);
    if (n > 0) {
        outlet->sent += (uint64_t)n;
        return (size_t)n;
    }
    /* 0: the file is shorter than what was promised. */
    outlet->is_broken = n == 0 || !is_passing(errno);
    return 0;
}
