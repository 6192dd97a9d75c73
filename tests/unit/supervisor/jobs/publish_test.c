/* Publishing: whoever looks finds the old file or the whole new one, whatever dies. */
#include "supervisor/jobs/publish.h"

#include "spool_fixture.h"

#include <poll.h>
#include <sys/prctl.h>

#define BYTES (24u << 20)

static char result[128], output[256], unfinished[256];
static struct publish publish;

static void write_file(const char *path, char fill, size_t bytes) {
    char *data = malloc(bytes);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

    memset(data, fill, bytes);
    cr_assert(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes, "%s", strerror(errno));
    close(fd);
    free(data);
}

/* What is there: its first byte when all of it is that byte and it has so many; '?' for others. */
static char look_at(const char *path, size_t bytes) {
    int fd = open(path, O_RDONLY);
    char *data = malloc(bytes + 1), first;
    ssize_t n;

    if (fd < 0) {
        free(data);
        return '-';
    }
    n = read(fd, data, bytes + 1);
    close(fd);
    first = n == (ssize_t)bytes ? data[0] : '?';
    for (ssize_t i = 0; i < n; i++)
        first = data[i] == first ? first : '?';
    free(data);
    return first;
}

static void prepare(void) {
    struct stat st;

    spool_prepare();
    publish = PUBLISH_NONE;
    snprintf(result, sizeof(result), "%s/result", folder);
    snprintf(output, sizeof(output), "%s/there", folder);
    write_file(result, 'n', BYTES);
    cr_assert_eq(stat(result, &st), 0);
    snprintf(unfinished, sizeof(unfinished), "%s/.prefork-%lx-%lx", folder, st.st_dev, st.st_ino);
}

/* output is on another file system, where there are two. */
static bool elsewhere(void) {
    struct stat here, there;

    snprintf(output, sizeof(output), "/tmp/preforkd-publish.%d", getpid());
    cr_assert(stat(folder, &here) == 0 && stat("/tmp", &there) == 0);
    return here.st_dev != there.st_dev;
}

TestSuite(publish, .init = prepare, .fini = spool_clean);

static enum publish_state start(void) {
    return publish_start(&publish, result, output, &complaint);
}

static enum publish_state wait_and_finish(void) {
    struct pollfd over = { .fd = publish.errand.pidfd, .events = POLLIN };

    cr_assert_eq(poll(&over, 1, 10000), 1);
    return publish_finish(&publish, &complaint);
}

/* The folder holds these names, and no half of anything. */
static void only_names(const char *names) {
    char command[256], out[256] = "";
    FILE *pipe;

    snprintf(command, sizeof(command), "ls -A %s | tr '\\n' ' '", folder);
    pipe = popen(command, "r");
    cr_assert_not_null(fgets(out, sizeof(out), pipe));
    pclose(pipe);
    cr_assert_str_eq(out, names);
}

/* ---- a second name ---- */

Test(publish, result_gets_a_second_name_on_its_own_file_system) {
    struct stat here, there;

    cr_assert_eq(start(), PUBLISH_PUT, "%s", complaint.text);
    cr_assert_eq(publish.errand.pidfd, -1);
    cr_assert(stat(result, &here) == 0 && stat(output, &there) == 0);
    cr_assert_eq(here.st_ino, there.st_ino);
    only_names("result there ");
    cr_assert_eq(start(), PUBLISH_PUT, "and once more, as after a kill");
    only_names("result there ");
}

Test(publish, file_or_link_that_is_there_is_replaced_and_what_it_points_to_is_not) {
    char other[128];

    snprintf(other, sizeof(other), "%s/other", folder);
    write_file(output, 'o', 10);
    cr_assert_eq(start(), PUBLISH_PUT);
    cr_assert_eq(look_at(output, BYTES), 'n');
    write_file(other, 'o', 10);
    unlink(output);
    cr_assert_eq(symlink(other, output), 0);
    cr_assert_eq(start(), PUBLISH_PUT);
    cr_assert_eq(look_at(output, BYTES), 'n');
    cr_assert_eq(look_at(other, 10), 'o');
    only_names("other result there ");
}

Test(publish, next_result_leaves_the_last_one_whole_for_its_readers) {
    char next[128];
    int fd;

    snprintf(next, sizeof(next), "%s/next", folder);
    write_file(next, 'x', 10);
    cr_assert_eq(start(), PUBLISH_PUT);
    fd = open(output, O_RDONLY);
    cr_assert_eq(publish_start(&publish, next, output, &complaint), PUBLISH_PUT);
    cr_assert_eq(look_at(output, 10), 'x');
    cr_assert_eq(lseek(fd, 0, SEEK_END), BYTES);
    cr_assert_eq(look_at(result, BYTES), 'n', "the spool's is not touched");
    close(fd);
}

/* ---- what cannot be ---- */

static void refused(const char *target, const char *words) {
    complaint.text[0] = '\0';
    cr_assert_eq(publish_start(&publish, result, target, &complaint), PUBLISH_FAILED, "%s", target);
    cr_assert(strstr(complaint.text, target) != NULL && strstr(complaint.text, words) != NULL, "%s",
        complaint.text);
    cr_assert(
        publish.errand.pidfd == -1 && publish.errand.words_fd == -1 && publish.unfinished == NULL);
}

Test(publish, place_that_takes_no_file_is_told) {
    char path[256];

    refused("/dev/null", "no file");
    refused(folder, "no file");
    snprintf(path, sizeof(path), "%s/not/there", folder);
    refused(path, "No such file");
    snprintf(path, sizeof(path), "%s/there", result);
    refused(path, "Not a directory");
    unlink(result);
    cr_assert_eq(start(), PUBLISH_FAILED);
    cr_assert_not_null(strstr(complaint.text, result), "%s", complaint.text);
    arm("publish-link:0:fail");
    cr_assert_eq(start(), PUBLISH_FAILED);
    publish_stop(&publish);
}

Test(publish, failed_fork_is_a_cause) {
    if (!elsewhere())
        return;
    arm("publish-fork:0:fail");
    cr_assert_eq(start(), PUBLISH_FAILED);
    cr_assert(strstr(complaint.text, output) != NULL && strstr(complaint.text, "temporarily"), "%s",
        complaint.text);
    cr_assert_eq(publish.unfinished, NULL);
}

/* ---- a copy ---- */

Test(publish, copy_replaces_what_is_there) {
    arm("publish-link:0:fail");
    write_file(output, 'o', 10);
    cr_assert_eq(start(), PUBLISH_COPYING, "%s", complaint.text);
    cr_assert_eq(wait_and_finish(), PUBLISH_PUT, "%s", complaint.text);
    cr_assert_eq(look_at(output, BYTES), 'n');
    cr_assert_eq(publish.errand.pidfd, -1);
    only_names("result there ");
}

/* A copy takes its time; whoever waits for the end of a stream of ours must not wait for it. */
Test(publish, child_that_copies_holds_nothing_of_ours) {
    struct pollfd ended = { .events = POLLIN };
    int ours[2];

    if (!elsewhere())
        return;
    cr_assert_eq(pipe(ours), 0);
    arm("publish-copying:2:stop");
    cr_assert_eq(start(), PUBLISH_COPYING, "%s", complaint.text);
    while (access(publish.unfinished, F_OK) < 0)
        poll(NULL, 0, 1);
    close(ours[1]);
    ended.fd = ours[0];
    cr_assert_eq(poll(&ended, 1, 5000), 1);
    publish_stop(&publish);
}

Test(publish, copy_has_the_rights_of_the_result) {
    struct stat st;

    cr_assert_eq(chmod(result, 0604), 0);
    arm("publish-link:0:fail");
    cr_assert_eq(start(), PUBLISH_COPYING);
    cr_assert_eq(wait_and_finish(), PUBLISH_PUT);
    cr_assert_eq(stat(output, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0604);
}

Test(publish, result_goes_to_another_file_system) {
    if (!elsewhere())
        return;
    cr_assert_eq(start(), PUBLISH_COPYING, "%s", complaint.text);
    cr_assert_eq(wait_and_finish(), PUBLISH_PUT, "%s", complaint.text);
    cr_assert_eq(look_at(output, BYTES), 'n');
    unlink(output);
}

Test(publish, full_disk_is_a_cause_and_leaves_the_old_file) {
    char disk[128];

    snprintf(disk, sizeof(disk), "%s/disk", folder);
    cr_assert_eq(mkdir(disk, 0700), 0);
    if (mount("none", disk, "tmpfs", 0, "size=1m") < 0)
        return;
    snprintf(output, sizeof(output), "%s/there", disk);
    write_file(output, 'o', 10);
    cr_assert_eq(start(), PUBLISH_COPYING, "%s", complaint.text);
    cr_assert_eq(wait_and_finish(), PUBLISH_FAILED);
    cr_assert(strstr(complaint.text, "No space left") != NULL && strstr(complaint.text, output),
        "%s", complaint.text);
    cr_assert_eq(look_at(output, 10), 'o');
    umount2(disk, MNT_DETACH);
}

Test(publish, copy_that_is_given_up_leaves_nothing) {
    publish_stop(&publish);
    if (!elsewhere())
        return;
    arm("publish-copying:2:stop");
    write_file(output, 'o', 10);
    cr_assert_eq(start(), PUBLISH_COPYING);
    strcpy(unfinished, publish.unfinished);
    while (access(unfinished, F_OK) < 0)
        poll(NULL, 0, 1);
    publish_stop(&publish);
    cr_assert_eq(access(unfinished, F_OK), -1);
    cr_assert_eq(publish.errand.pidfd, -1);
    cr_assert_eq(look_at(output, 10), 'o');
    unlink(output);
}

/* ---- kills ---- */

static void publish_it(void) {
    struct pollfd over;

    if (start() != PUBLISH_COPYING)
        return;
    over = (struct pollfd){ .fd = publish.errand.pidfd, .events = POLLIN };
    poll(&over, 1, -1);
    publish_finish(&publish, &complaint);
}

/* The one who publishes is killed; the next one tries again. */
Test(publish, kill_of_the_owner_leaves_the_old_file_or_the_new_one) {
    static const char *const steps[] = { "publish-ready", "publish-renamed" };

    for (int i = 0; i < 2; i++) {
        write_file(output, 'o', 10);
        cr_assert(was_killed(do_and_die(steps[i], publish_it)), "nobody came to %s", steps[i]);
        cr_assert_eq(i == 0 ? look_at(output, 10) : look_at(output, BYTES), i == 0 ? 'o' : 'n');
        cr_assert_eq(start(), PUBLISH_PUT, "%s", complaint.text);
        cr_assert_eq(look_at(output, BYTES), 'n');
        only_names("result there ");
        unlink(output);
    }
}

/* The child that copies is killed at the step; its parent lives and is told. */
static void kill_copier(const char *step, bool is_put) {
    if (!elsewhere())
        return;
    write_file(output, 'o', 10);
    arm(step);
    cr_assert_eq(start(), PUBLISH_COPYING);
    strcpy(unfinished, publish.unfinished);
    cr_assert_eq(wait_and_finish(), PUBLISH_FAILED, "%s", step);
    cr_assert_not_null(strstr(complaint.text, "SIGKILL"), "%s", complaint.text);
    cr_assert_eq(is_put ? look_at(output, BYTES) : look_at(output, 10), is_put ? 'n' : 'o');
    cr_assert_eq(access(unfinished, F_OK), -1);
    unlink(output);
}

Test(publish, kill_of_the_copier_is_told_and_leaves_no_half_file) {
    kill_copier("publish-copying", false);
    kill_copier("publish-copying:4", false);
    kill_copier("publish-ready", false);
    kill_copier("publish-renamed", true);
}

/* Wait for whoever is ours now, and end it if it does not end by itself. Returns how it ended. */
static int wait_for_orphan(void) {
    char path[64], pid[32] = "";
    int status, tries = 5000;
    FILE *children;

    while (waitpid(-1, &status, WNOHANG) == 0)
        if (tries-- > 0) {
            poll(NULL, 0, 1);
        } else {
            snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
            children = fopen(path, "r");
            cr_assert_not_null(fgets(pid, sizeof(pid), children));
            kill(atoi(pid), SIGKILL);
            cr_assert_fail("the copier lives on");
        }
    return status;
}

/* The owner dies while its child copies: the child goes with it, and the next try is whole. */
Test(publish, kill_of_the_owner_ends_the_copy) {
    int status;
    pid_t pid;

    if (!elsewhere())
        return;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid = fork();
    if (pid == 0) {
        arm("publish-copying:2:stop");
        if (start() != PUBLISH_COPYING)
            _exit(1);
        while (access(publish.unfinished, F_OK) < 0)
            poll(NULL, 0, 1);
        raise(SIGKILL);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(was_killed(status));
    cr_assert(was_killed(wait_for_orphan()), "the copier");
    cr_assert_eq(look_at(output, BYTES), '-');
    cr_assert_eq(start(), PUBLISH_COPYING, "%s", complaint.text);
    cr_assert_eq(wait_and_finish(), PUBLISH_PUT, "%s", complaint.text);
    cr_assert_eq(look_at(output, BYTES), 'n');
    unlink(output);
}
