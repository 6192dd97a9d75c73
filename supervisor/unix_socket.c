/*
 * What a kill -9 leaves behind must not block the next start, and a daemon that lives must not
 * lose its socket to a second one. So the lock decides, not the file: it goes with its process.
 * A file that is no socket is never removed, though connect() says ECONNREFUSED for it, too.
 */
#include "supervisor/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NEW ".new"

static int complain(struct complaint *complaint, const char *path, const char *what) {
    return complaint_set(complaint, "%s: %s: %s", path, what, strerror(errno));
}

/* Who answers at the socket: its pid, 0 when nobody does, -1 with errno for any other reason. */
static pid_t find_owner(const struct sockaddr_un *address) {
    struct ucred cred = { .pid = -1 };
    socklen_t len = sizeof(cred);
    pid_t owner = -1;
    int fd, error;

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
            owner = cred.pid > 0 ? cred.pid : 1;
    } else if (errno == ECONNREFUSED || errno == ENOENT) {
        owner = 0;
    }
    error = errno;
    close(fd);
    errno = error;
    return owner;
}

static int refuse_owned(
    struct complaint *complaint, const struct sockaddr_un *address, pid_t owner) {
    if (owner > 0)
        return complaint_set(
            complaint, "%s: another preforkd answers there: pid %d", address->sun_path, (int)owner);
    return complaint_set(complaint, "%s.lock: another preforkd has it", address->sun_path);
}

/* The folder of the path, when only its last part is missing. */
static void make_folder(const char *path) {
    char folder[sizeof(struct sockaddr_un) + 8];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return;
    *slash = '\0';
    mkdir(folder, 0755); /* what went wrong is told when the lock is opened */
}

static int lock(const struct sockaddr_un *address, struct complaint *complaint) {
    char path[sizeof(address->sun_path) + sizeof(".lock")];
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd;

    snprintf(path, sizeof(path), "%s.lock", address->sun_path);
    fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        make_folder(path);
        fd = open(path, flags, 0600);
    }
    if (fd < 0)
        return complain(complaint, path, "cannot open");
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        refuse_owned(complaint, address, find_owner(address));
    else
        complain(complaint, path, "cannot lock");
    close(fd);
    return -1;
}

/* The lock is ours: is what stands there, if anything does, what a dead daemon left? */
static int check_stale(const struct sockaddr_un *address, struct complaint *complaint) {
    const char *path = address->sun_path;
    struct stat st;
    pid_t owner;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : complain(complaint, path, "cannot look at it");
    if (!S_ISSOCK(st.st_mode))
        return complaint_set(complaint, "%s: is there already and is no socket", path);
    owner = find_owner(address);
    if (owner > 0)
        return refuse_owned(complaint, address, owner);
    if (owner < 0)
        return complain(complaint, path, "cannot tell whether somebody answers");
    return 0;
}

/* Bound, ours to open, and listening; at its own name when all of that is so. */
static int make_ready(int fd, const struct sockaddr_un *address,
    const struct unix_socket_wanted *wanted, struct complaint *complaint) {
    const char *place = address->sun_path;
    const mode_t old_mask = umask(0177);
    const int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));

    umask(old_mask);
    if (rc < 0)
        return complain(complaint, place, "cannot bind");
    if ((wanted->uid != (uid_t)-1 || wanted->gid != (gid_t)-1) &&
        lchown(place, wanted->uid, wanted->gid) < 0)
        return complain(complaint, place, "cannot give it to its user and group");
    if (chmod(place, wanted->mode) < 0)
        return complain(complaint, place, "cannot set its mode");
    if (listen(fd, wanted->backlog) < 0)
        return complain(complaint, place, "cannot listen");
    if (rename(place, wanted->path) < 0)
        return complain(complaint, place, "cannot give it its name");
    return 0;
}

/* Under another name first: whoever finds the socket finds somebody who answers. */
static int bind_and_listen(const struct sockaddr_un *address,
    const struct unix_socket_wanted *wanted, struct complaint *complaint) {
    struct sockaddr_un place = *address;
    int fd;

    strcat(place.sun_path, NEW);
    if (unlink(place.sun_path) < 0 && errno != ENOENT)
        return complain(complaint, place.sun_path, "cannot remove it");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return complain(complaint, address->sun_path, "cannot make a socket");
    if (make_ready(fd, &place, wanted, complaint) == 0)
        return fd;
    unlink(place.sun_path);
    close(fd);
    return -1;
}

int unix_socket_open(
    const struct unix_socket_wanted *wanted, int *out_lock_fd, struct complaint *complaint) {
    const char *path = wanted->path;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    *out_lock_fd = -1;
    if (strlen(path) + strlen(NEW) >= sizeof(address.sun_path))
        return complaint_set(complaint, "%s: the path of a socket has at most %zu bytes", path,
            sizeof(address.sun_path) - sizeof(NEW));
    memcpy(address.sun_path, path, strlen(path) + 1);
    *out_lock_fd = lock(&address, complaint);
    if (*out_lock_fd < 0)
        return -1;
    fd = check_stale(&address, complaint);
    if (fd == 0)
        fd = bind_and_listen(&address, wanted, complaint);
    if (fd < 0) {
        close(*out_lock_fd);
        *out_lock_fd = -1;
    }
    return fd;
}
