/* fdatasync(2) in a child. */
#include "supervisor/jobs/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "shared/log.h"

static int sync_file(const char *path, struct complaint *complaint) {
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc = -1;

    if (fd < 0 || fdatasync(fd) < 0)
        complaint_set(complaint, "%s: could not be synced: %s", path, strerror(errno));
    else
        rc = 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int sync_in_child(void *arg, struct complaint *complaint) {
    FAILPOINT("result-syncing");
    return sync_file(arg, complaint);
}

static void on_over(struct loop_watch *watch, uint32_t events) {
    struct settle *settle = watch->owner;
    struct complaint complaint;

    (void)events;
    loop_remove(settle->loop, watch); /* before its descriptor is closed */
    if (errand_finish(&settle->errand, &complaint) < 0)
        log_warnx("%s", complaint.text);
    settle->is_over = true;
}

bool settle_start(struct settle *settle, struct loop *loop, const char *path) {
    struct complaint complaint;

    *settle = (struct settle){ .loop = loop };
    if (errand_start(&settle->errand, sync_in_child, (void *)path) == 0) {
        settle->watch = (struct loop_watch){
            .fd = settle->errand.pidfd, .ready = on_over, .owner = settle
        };
        if (loop_add(loop, &settle->watch, EPOLLIN) == 0)
            return true;
        errand_stop(&settle->errand);
    }
    if (sync_file(path, &complaint) < 0)
        log_warnx("%s", complaint.text);
    return false;
}

void settle_stop(struct settle *settle) {
    loop_remove(settle->loop, &settle->watch);
    errand_stop(&settle->errand);
}
