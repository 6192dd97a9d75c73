/*
 * The protocol by hand, since it is one datagram: libsystemd would be a library for it. The address
 * is kept instead of a connection, which would end with the first systemd that is re-executed.
 */
#include "supervisor/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/number.h"

/* A period below this is none that a loop can keep, and none to burn a processor for. */
#define WATCHDOG_LEAST_US 20000

static struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ns;
    const char *owed; /* the step that is still to be sent; NULL: none */
    bool owes_status;
    char line[NOTIFY_TEXT_MAX], remark[NOTIFY_TEXT_MAX];
} notify = { .fd = -1 };

/* ---- the environment ---- */

/* An absolute path, or "@" and an abstract name. */
static bool read_address(const char *text) {
    const size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(notify.address.sun_path)) {
        log_warnx("NOTIFY_SOCKET: \"%s\" is neither a path nor an @NAME; nothing is told", text);
        return false;
    }
    notify.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(notify.address.sun_path, text, len);
    notify.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@')
        notify.address.sun_path[0] = '\0';
    else
        notify.address_len++;
    return true;
}

/* The variable as a number; 0 when it is missing or is none. */
static uint64_t read_number(const char *name) {
    const char *text = getenv(name);
    struct complaint complaint;
    uint64_t value;

    if (text == NULL || number_parse_u64(text, strlen(text), &value, &complaint) < 0)
        return 0;
    return value;
}

static uint64_t read_watchdog_ns(void) {
    uint64_t period_us = read_number("WATCHDOG_USEC");

    if (getenv("WATCHDOG_PID") != NULL && read_number("WATCHDOG_PID") != (uint64_t)getpid())
        return 0;
    if (period_us == 0 || period_us > UINT64_MAX / 1000)
        return 0;
    return (period_us > WATCHDOG_LEAST_US ? period_us : WATCHDOG_LEAST_US) * 1000;
}

void notify_open(void) {
    const char *text = getenv("NOTIFY_SOCKET");

    if (text != NULL && read_address(text)) {
        notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (notify.fd < 0)
            log_warn("NOTIFY_SOCKET");
        else
            notify.watchdog_ns = read_watchdog_ns();
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

bool notify_is_wanted(void) {
    return notify.fd >= 0;
}

uint64_t notify_watchdog_ns(void) {
    return notify.watchdog_ns;
}

/* ---- the datagrams ---- */

/* Returns false when it has to be tried again. Who is gone has no more questions. */
static bool deliver(const char *text) {
    if (sendto(notify.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
            (const struct sockaddr *)&notify.address, notify.address_len) >= 0)
        return true;
    return errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM && errno != EINTR;
}

bool notify_flush(void) {
    char text[3 * NOTIFY_TEXT_MAX], step[80] = "", status[2 * NOTIFY_TEXT_MAX + 16] = "";

    if (notify.fd < 0 || (notify.owed == NULL && !notify.owes_status))
        return true;
    if (notify.owed != NULL && strcmp(notify.owed, "RELOADING=1") == 0)
        snprintf(step, sizeof(step), "%s\nMONOTONIC_USEC=%" PRIu64 "\n", notify.owed,
            clock_now_ns() / 1000);
    else if (notify.owed != NULL)
        snprintf(step, sizeof(step), "%s\n", notify.owed);
    if (notify.owes_status)
        snprintf(status, sizeof(status), "STATUS=%s%s%s\n", notify.line,
            notify.remark[0] != '\0' ? "; " : "", notify.remark);
    snprintf(text, sizeof(text), "%s%s", step, status);
    if (!deliver(text))
        return false;
    notify.owed = NULL;
    notify.owes_status = false;
    return true;
}

static void take_step(const char *step) {
    notify.owed = step;
    notify_flush();
}

/* A line of the protocol ends where the text's first line does. */
static void keep_line(char dst[NOTIFY_TEXT_MAX], const char *text) {
    snprintf(dst, NOTIFY_TEXT_MAX, "%s", text);
    dst[strcspn(dst, "\n")] = '\0';
}

void notify_reloading(void) {
    take_step("RELOADING=1");
}

void notify_ready(const char *remark) {
    keep_line(notify.remark, remark != NULL ? remark : "");
    notify.owes_status = true;
    take_step("READY=1");
}

void notify_stopping(void) {
    take_step("STOPPING=1");
}

void notify_status(const char *line) {
    char kept[NOTIFY_TEXT_MAX];

    keep_line(kept, line);
    if (strcmp(kept, notify.line) == 0)
        return;
    memcpy(notify.line, kept, sizeof(kept));
    notify.owes_status = true;
    notify_flush();
}

bool notify_feed(void) {
    return notify.fd < 0 || deliver("WATCHDOG=1\n");
}
