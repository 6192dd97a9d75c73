/* A run that is not as expected shows all that it wrote. */
#include "tests/system/commands.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PATIENCE_S 10

void commands_expect(
    const struct harness_result *r, int code, const char *out, const char *err, int line) {
    CHECK(r->code == code, "line %d: exit %d: %s%s", line, r->code, r->out, r->err);
    CHECK(strstr(r->out, out) != NULL, "line %d: %s, not: %s", line, out, r->out);
    CHECK(strstr(r->err, err) != NULL, "line %d: %s, not: %s", line, err, r->err);
}

int commands_connect(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "control.sock" };
    const struct timeval limit = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "%s", strerror(errno));
    return fd;
}
