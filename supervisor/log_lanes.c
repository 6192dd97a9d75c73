/*
 * Pipes for the log. They belong to the supervisor so that what is in them outlives both ends'
 * users. The names of lanes are in shared memory because an order has no room for them.
 */
#include "supervisor/log_lanes.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STAGE_BYTES (1 << 20) /* what the kernel lets anybody have */
#define NAMES_BYTES (LOG_LANES_MAX * sizeof(struct log_lane_name))

static int open_pipe(int *out_read, int *out_write) {
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    *out_read = ends[0];
    *out_write = ends[1];
    return 0;
}

static void close_end(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_lane(struct log_lane *lane) {
    close_end(&lane->record_read);
    close_end(&lane->record_write);
    close_end(&lane->out_read);
    close_end(&lane->out_write);
    close_end(&lane->err_read);
    close_end(&lane->err_write);
}

/*
 * All records of a lane must fit into the empty stage. They do, unless this user has so many pipes
 * that the kernel made the stage a small one.
 */
static void bound(const struct log_lanes *lanes, int fd) {
    int room = fcntl(lanes->stage_write, F_GETPIPE_SZ);

    if (fcntl(fd, F_GETPIPE_SZ) > room)
        fcntl(fd, F_SETPIPE_SZ, room);
}

static int open_lane(struct log_lanes *lanes, struct log_lane *lane) {
    int saved_errno;

    lane->record_read = lane->record_write = -1;
    lane->out_read = lane->out_write = -1;
    lane->err_read = lane->err_write = -1;
    if (open_pipe(&lane->record_read, &lane->record_write) == 0 &&
        open_pipe(&lane->out_read, &lane->out_write) == 0 &&
        open_pipe(&lane->err_read, &lane->err_write) == 0) {
        bound(lanes, lane->record_read);
        return 0;
    }
    saved_errno = errno;
    close_lane(lane);
    errno = saved_errno;
    return -1;
}

int log_lanes_open(struct log_lanes *lanes, bool console_on) {
    bool is_new;
    int saved_errno;

    memset(lanes, 0, sizeof(*lanes));
    lanes->console_read = lanes->console_write = -1;
    lanes->stage_read = lanes->stage_write = -1;
    lanes->names = mmap(
        NULL, NAMES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lanes->names == MAP_FAILED) {
        lanes->names = NULL;
        return -1;
    }
    if (open_pipe(&lanes->stage_read, &lanes->stage_write) == 0) {
        fcntl(lanes->stage_write, F_SETPIPE_SZ, STAGE_BYTES);
        if ((!console_on || open_pipe(&lanes->console_read, &lanes->console_write) == 0) &&
            log_lanes_get(lanes, "", 0, &is_new) == 0)
            return 0;
    }
    saved_errno = errno;
    log_lanes_close(lanes);
    errno = saved_errno;
    return -1;
}

static void name_lane(struct log_lanes *lanes, unsigned i, const char *service, unsigned slot) {
    struct log_lane *lane = lanes->lane + i;

    memset(lane->service, 0, sizeof(lane->service));
    strlcpy(lane->service, service, sizeof(lane->service));
    lane->slot = slot;
    memcpy(lanes->names[i].service, lane->service, sizeof(lane->service));
    lanes->names[i].slot = slot;
}

/* Of a service that is gone, or a pool that was larger. */
static int reuse_lane(struct log_lanes *lanes, const char *service, unsigned slot) {
    for (unsigned i = 1; i < LOG_LANES_MAX; i++)
        if (lanes->lane[i].users == 0) {
            name_lane(lanes, i, service, slot);
            return (int)i;
        }
    errno = ENOSPC;
    return -1;
}

int log_lanes_get(struct log_lanes *lanes, const char *service, unsigned slot, bool *out_is_new) {
    unsigned i;

    *out_is_new = false;
    for (i = 0; i < lanes->count; i++)
        if (lanes->lane[i].slot == slot && strcmp(lanes->lane[i].service, service) == 0)
            return (int)i;
    if (i == LOG_LANES_MAX)
        return reuse_lane(lanes, service, slot);
    if (open_lane(lanes, lanes->lane + i) < 0)
        return -1;
    name_lane(lanes, i, service, slot);
    lanes->count++;
    *out_is_new = true;
    return (int)i;
}

void log_lanes_hold(struct log_lanes *lanes, int index) {
    lanes->lane[index].users++;
}

void log_lanes_release(struct log_lanes *lanes, int index) {
    lanes->lane[index].users--;
}

void log_lanes_close(struct log_lanes *lanes) {
    while (lanes->count > 0)
        close_lane(lanes->lane + --lanes->count);
    close_end(&lanes->console_read);
    close_end(&lanes->console_write);
    close_end(&lanes->stage_read);
    close_end(&lanes->stage_write);
    if (lanes->names != NULL)
        munmap(lanes->names, NAMES_BYTES);
    lanes->names = NULL;
}
