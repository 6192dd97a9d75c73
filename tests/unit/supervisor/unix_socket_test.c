/* Whose the control socket is: stale files, living owners, rights. */
#include "supervisor/unix_socket.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], path[96], lock_path[128];
static struct complaint complaint;
static int fd = -1, lock_fd = -1;

static int open_socket(
    const char *place, mode_t mode, gid_t gid, int *out_lock_fd, struct complaint *why) {
    return unix_socket_open(
        &(struct unix_socket_wanted){
            .path = place, .mode = mode, .uid = (uid_t)-1, .gid = gid, .backlog = 16 },
        out_lock_fd, why);
}

static void prepare(void) {
    snprintf(dir, sizeof(dir), "/tmp/socket-test.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/c.sock", dir);
    snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
}

static void clean(void) {
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(unix_socket, .init = prepare, .fini = clean);

static int open_it(void) {
    fd = open_socket(path, 0640, (gid_t)-1, &lock_fd, &complaint);
    return fd;
}

static int connect_to(const char *to) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int peer = socket(AF_UNIX, SOCK_STREAM, 0), rc;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", to);
    rc = connect(peer, (struct sockaddr *)&address, sizeof(address));
    close(peer);
    return rc;
}

static void refused_with(const char *words) {
    cr_assert_eq(open_it(), -1);
    cr_assert_eq(lock_fd, -1);
    cr_assert_not_null(strstr(complaint.text, words), "%s", complaint.text);
}

Test(unix_socket, mode_is_as_configured) {
    struct stat st;

    umask(0);
    cr_assert_geq(open_it(), 0, "%s", complaint.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0640);
    cr_assert_eq(umask(022), 0, "the mask is put back");
    cr_assert_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_assert_eq(fcntl(lock_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_assert_eq(connect_to(path), 0);
}

Test(unix_socket, group_is_as_configured) {
    struct stat st;

    if (geteuid() != 0)
        cr_skip_test("only root can give files away");
    fd = open_socket(path, 0660, 65534, &lock_fd, &complaint);
    cr_assert_geq(fd, 0, "%s", complaint.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_gid, 65534);
}

Test(unix_socket, stale_one_is_replaced) {
    cr_assert_geq(open_it(), 0);
    close(fd);
    close(lock_fd); /* as a kill -9 does it; both files stay */
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(access(lock_path, F_OK), 0);
    cr_assert_geq(open_it(), 0, "%s", complaint.text);
    cr_assert_eq(connect_to(path), 0);
}

/* Killed between bind and its name. */
Test(unix_socket, half_made_one_is_replaced) {
    char half[128];

    cr_assert_geq(open_it(), 0);
    close(fd);
    close(lock_fd);
    snprintf(half, sizeof(half), "%s.new", path);
    cr_assert_eq(rename(path, half), 0);
    cr_assert_geq(open_it(), 0, "%s", complaint.text);
    cr_assert_eq(connect_to(path), 0);
    cr_assert_eq(access(half, F_OK), -1);
}

Test(unix_socket, living_one_is_left_alone) {
    char words[64];
    int first, first_lock;

    cr_assert_geq(open_it(), 0);
    first = fd;
    first_lock = lock_fd;
    snprintf(words, sizeof(words), "another preforkd answers there: pid %d", (int)getpid());
    refused_with(words);
    cr_assert_eq(connect_to(path), 0);
    /* Somebody who answers without the lock is alive, too. */
    cr_assert_eq(unlink(lock_path), 0);
    refused_with(words);
    cr_assert_eq(connect_to(path), 0);
    close(first);
    close(first_lock);
}

Test(unix_socket, lock_of_one_that_does_not_answer_counts) {
    int held = open(lock_path, O_RDWR | O_CREAT, 0600);

    cr_assert_eq(flock(held, LOCK_EX), 0);
    refused_with("another preforkd has it");
    close(held);
}

/* connect() says ECONNREFUSED for a file, too. */
Test(unix_socket, file_is_never_removed) {
    int file = open(path, O_WRONLY | O_CREAT, 0600);

    close(file);
    refused_with("is there already and is no socket");
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    refused_with("is there already and is no socket");
    cr_assert_eq(access("/etc/passwd", F_OK), 0);
}

Test(unix_socket, lock_is_no_way_to_another_file) {
    char target[128];

    snprintf(target, sizeof(target), "%s/target", dir);
    cr_assert_eq(symlink(target, lock_path), 0);
    refused_with("cannot open");
    cr_assert_eq(access(target, F_OK), -1);
}

Test(unix_socket, folder_is_made_when_only_that_is_missing) {
    snprintf(path, sizeof(path), "%s/run/c.sock", dir);
    cr_assert_geq(open_it(), 0, "%s", complaint.text);
    close(fd);
    close(lock_fd);
    snprintf(path, sizeof(path), "%s/a/b/c.sock", dir);
    refused_with("No such file or directory");
}

Test(unix_socket, path_has_a_longest) {
    static char longest[200];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    cr_assert_eq(open_socket(longest, 0600, (gid_t)-1, &lock_fd, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "at most 103 bytes"), "%s", complaint.text);
}
