/* The runner of the system tests. */
#include "tests/support/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FAIL       1
#define EXIT_SKIP       77
#define TEST_SECONDS    180
#define SOAK_SECONDS    3000
#define RUN_TIMEOUT_MS  120000u
#define SANITIZED_TIMES 4u
#define END_SHOWN       1500
#define ENDS_SHOWN      3u

static struct {
    bool is_soak;
    const char *filter;
    char build[PATH_MAX]; /* folder of the binaries */
    char root[PATH_MAX];
    uint64_t seed;
    unsigned proc_count;
    int figures_fd; /* stderr of the runner */
} harness;

/* ---- inside a test ---- */

/* The last lines of a file, if it has any: where a search begins. */
static void show_end(const char *path) {
    char text[END_SHOWN + 1], *at = text, *line;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    ssize_t n = size > 0 ? pread(fd, text, END_SHOWN, size > END_SHOWN ? size - END_SHOWN : 0) : 0;

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    dprintf(harness.figures_fd, "      the end of %s:\n", path);
    while ((line = strsep(&at, "\n")) != NULL)
        if (line[0] != '\0')
            dprintf(harness.figures_fd, "        %s\n", line);
}

/* What the daemon logged and what its clients were told, in the folder of the test. */
static void show_ends(void) {
    glob_t found = { .gl_pathc = 0 };

    show_end("preforkd.log");
    if (glob("err.*", 0, NULL, &found) == 0)
        for (size_t i = found.gl_pathc > ENDS_SHOWN ? found.gl_pathc - ENDS_SHOWN : 0;
             i < found.gl_pathc; i++)
            show_end(found.gl_pathv[i]);
}

void harness_fail(const char *file, int line, const char *what, const char *format, ...) {
    va_list args;

    dprintf(harness.figures_fd, "      %s:%d: %s\n      ", file, line, what);
    va_start(args, format);
    vdprintf(harness.figures_fd, format, args);
    va_end(args);
    dprintf(harness.figures_fd, "\n      (seed %llu)\n", (unsigned long long)harness.seed);
    show_ends();
    _exit(EXIT_FAIL);
}

void harness_skip(const char *format, ...) {
    va_list args;

    dprintf(harness.figures_fd, "      skipped: ");
    va_start(args, format);
    vdprintf(harness.figures_fd, format, args);
    va_end(args);
    dprintf(harness.figures_fd, "\n");
    _exit(EXIT_SKIP);
}

void harness_figure(const char *format, ...) {
    va_list args;

    dprintf(harness.figures_fd, "      ");
    va_start(args, format);
    vdprintf(harness.figures_fd, format, args);
    va_end(args);
    dprintf(harness.figures_fd, "\n");
}

unsigned harness_scale(unsigned in_short, unsigned stated) {
    return harness.is_soak ? stated : in_short;
}

bool harness_is_sanitized(void) {
    return getenv("HARNESS_SANITIZED") != NULL;
}

const char *harness_program(const char *name) {
    char *path;

    CHECK(asprintf(&path, "%s/%s", harness.build, name) > 0, "no memory");
    return path;
}

const char *harness_root(void) {
    return harness.root;
}

uint64_t harness_now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void harness_pause_us(unsigned us) {
    const struct timespec pause_for = { .tv_sec = us / 1000000u,
        .tv_nsec = (long)(us % 1000000u) * 1000 };

    nanosleep(&pause_for, NULL);
}

uint64_t harness_random(uint64_t low, uint64_t high) {
    static uint64_t state;
    uint64_t z;

    if (state == 0)
        state = harness.seed;
    z = (state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return low + (z ^ z >> 31) % (high - low + 1);
}

/* ---- programs ---- */

static int open_file(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0644);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

/* The child's three descriptors, and our ends of those that are pipes. */
static void open_streams(struct harness_proc *proc, unsigned flags, int fds[3]) {
    unsigned id = harness.proc_count++;
    int pipes[2];

    snprintf(proc->err, sizeof(proc->err), "err.%u", id);
    fds[2] = open_file(proc->err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (flags & HARNESS_STDIN_PIPE) {
        CHECK(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
        fds[0] = pipes[0];
        proc->stdin_fd = pipes[1];
    } else {
        fds[0] = open_file("/dev/null", O_RDONLY);
    }
    if (flags & (HARNESS_STDOUT_PIPE | HARNESS_STDOUT_SOCKET)) {
        if (flags & HARNESS_STDOUT_SOCKET)
            CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes) == 0, "socketpair");
        else
            CHECK(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
        fds[1] = pipes[1];
        proc->stdout_fd = pipes[0];
    } else {
        snprintf(proc->out, sizeof(proc->out), "out.%u", id);
        fds[1] = open_file(proc->out, O_WRONLY | O_CREAT | O_TRUNC);
    }
}

void harness_start(struct harness_proc *proc, const char *const *argv, unsigned flags) {
    const char *path = strchr(argv[0], '/') != NULL ? argv[0] : harness_program(argv[0]);
    int fds[3];

    *proc = (struct harness_proc){ .stdin_fd = -1, .stdout_fd = -1 };
    open_streams(proc, flags, fds);
    proc->pid = fork();
    CHECK(proc->pid >= 0, "fork: %s", strerror(errno));
    if (proc->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; i < 3; i++)
            dup2(fds[i], i);
        execv(path, (char *const *)argv);
        _exit(127);
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* UBSan of gcc writes to stderr, whatever log it is told to write. */
static void look_for_reports(const struct harness_proc *proc) {
    char *err;

    if (!harness_is_sanitized())
        return;
    err = harness_read_file(proc->err, NULL);
    CHECK(strstr(err, "runtime error:") == NULL && strstr(err, "Sanitizer:") == NULL,
        "a sanitizer reports:\n%.4000s", err);
    free(err);
}

int harness_wait(struct harness_proc *proc, unsigned timeout_ms) {
    struct pollfd watch = { .fd = (int)syscall(SYS_pidfd_open, proc->pid, 0), .events = POLLIN };
    struct rusage usage;
    int status, n;

    if (proc->is_over)
        return proc->code;
    CHECK(watch.fd >= 0, "pidfd_open: %s", strerror(errno));
    do
        n = poll(
            &watch, 1, (int)(harness_is_sanitized() ? timeout_ms * SANITIZED_TIMES : timeout_ms));
    while (n < 0 && errno == EINTR);
    CHECK(n == 1, "process %d did not end within %u ms; its stderr ends:\n%.2000s", proc->pid,
        timeout_ms, harness_read_file(proc->err, NULL));
    close(watch.fd);
    CHECK(wait4(proc->pid, &status, 0, &usage) == proc->pid, "wait4");
    proc->is_over = true;
    proc->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    proc->peak_kb = usage.ru_maxrss;
    look_for_reports(proc);
    return proc->code;
}

struct harness_result harness_run_argv(const char *const *argv) {
    struct harness_result result;
    struct harness_proc proc;
    uint64_t started_ns = harness_now_ns();

    harness_start(&proc, argv, 0);
    result.code = harness_wait(&proc, RUN_TIMEOUT_MS);
    result.wall_ns = harness_now_ns() - started_ns;
    result.out = harness_read_file(proc.out, &result.out_len);
    result.err = harness_read_file(proc.err, NULL);
    unlink(proc.out);
    unlink(proc.err);
    return result;
}

struct harness_result harness_run(const char *program, ...) {
    const char *argv[64] = { program };
    size_t count = 1;
    va_list args;

    va_start(args, program);
    while (count < 63 && (argv[count] = va_arg(args, const char *)) != NULL)
        count++;
    va_end(args);
    argv[count] = NULL;
    return harness_run_argv(argv);
}

char *harness_read_file(const char *path, size_t *out_len) {
    size_t size = 65536, len = 0;
    char *data = malloc(size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    CHECK(fd >= 0 && data != NULL, "%s: %s", path, strerror(errno));
    while ((n = read(fd, data + len, size - len)) > 0) {
        len += (size_t)n;
        if (len == size) {
            size *= 2;
            data = realloc(data, size + 1);
            CHECK(data != NULL, "no memory");
        }
    }
    close(fd);
    data[len] = '\0';
    if (out_len != NULL)
        *out_len = len;
    return data;
}

void harness_write_file(const char *path, const void *data, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    CHECK(write(fd, data, len) == (ssize_t)len, "%s: %s", path, strerror(errno));
    close(fd);
}

/* In a chroot the root is no mount: then there is nothing to detach, unless something is shared. */
void harness_own_mounts(void) {
    if (unshare(CLONE_NEWNS) < 0)
        harness_skip("mounts of its own need root");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return;
    CHECK(errno == EINVAL, "mount: %s", strerror(errno));
    if (strstr(harness_read_file("/proc/self/mountinfo", NULL), " shared:") != NULL)
        harness_skip("the mounts of this chroot are shared with others");
}

bool harness_exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* ---- processes ---- */

size_t harness_children(pid_t pid, pid_t *out, size_t most) {
    char path[64];
    size_t count = 0;
    FILE *list;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    list = fopen(path, "re");
    if (list == NULL)
        return 0;
    while (count < most && fscanf(list, "%d", &out[count]) == 1)
        count++;
    fclose(list);
    return count;
}

/* The arguments of a process, parted by NULs. Returns their length. */
static size_t read_arguments_of(const char *pid, char *dst, size_t size) {
    char path[300];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, dst, size);
        close(fd);
    }
    return n > 0 ? (size_t)n : 0;
}

bool harness_runs(const char *argument) {
    char arguments[4096], whole[128] = "";
    DIR *dir = opendir("/proc");
    bool found = false;
    size_t len;

    CHECK(dir != NULL, "/proc: %s", strerror(errno));
    snprintf(whole + 1, sizeof(whole) - 1, "%s", argument);
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        len = read_arguments_of(entry->d_name, arguments, sizeof(arguments));
        found = memmem(arguments, len, whole, strlen(argument) + 2) != NULL;
    }
    closedir(dir);
    return found;
}

static size_t count_entries(const char *path) {
    DIR *dir = opendir(path);
    size_t count = 0;

    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

bool harness_is_stopped(pid_t pid) {
    char pattern[64];
    glob_t tasks;
    size_t stopped = 0;

    snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/stat", pid);
    if (glob(pattern, 0, NULL, &tasks) != 0)
        return false;
    while (stopped < tasks.gl_pathc && harness_exists(tasks.gl_pathv[stopped]) &&
           strstr(harness_read_file(tasks.gl_pathv[stopped], NULL), ") T ") != NULL)
        stopped++;
    return stopped == tasks.gl_pathc;
}

size_t harness_threads(pid_t pid) {
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    return count_entries(path);
}

size_t harness_descriptors(pid_t pid) {
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    return count_entries(path);
}

long harness_status_kb(pid_t pid, const char *field) {
    char path[64], line[256];
    size_t len = strlen(field);
    long kb = 0;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    status = fopen(path, "re");
    if (status == NULL)
        return 0;
    while (fgets(line, sizeof(line), status) != NULL)
        if (strncmp(line, field, len) == 0 && line[len] == ':')
            kb = atol(line + len + 1);
    fclose(status);
    return kb;
}

/* ---- the runner ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* A program that was started leaves nothing behind, not even a zombie. */
static void look_for_orphans(void) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    char path[64], *name = NULL;

    if (pid < 0)
        return;
    if (pid == 0 && harness_children(getpid(), &pid, 1) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
        name = harness_read_file(path, NULL);
    }
    CHECK(false, "the test left process %d behind: %s", pid, name != NULL ? name : "(ended)");
}

_Noreturn static void run_in_child(const struct harness_test *test, const char *dir) {
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN);
    dup2(null_fd, STDIN_FILENO);
    close(null_fd);
    CHECK(chdir(dir) == 0, "%s: %s", dir, strerror(errno));
    setenv("TMPDIR", dir, 1);
    test->run();
    look_for_orphans();
    _exit(0);
}

/* Returns the exit status of the test, or EXIT_FAIL after its time. */
static int wait_for_test(pid_t pid) {
    struct pollfd watch = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    int status = 0, n, seconds = harness.is_soak ? SOAK_SECONDS : TEST_SECONDS;

    if (harness_is_sanitized())
        seconds *= (int)SANITIZED_TIMES;
    do
        n = poll(&watch, 1, seconds * 1000);
    while (n < 0 && errno == EINTR);
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(watch.fd);
    if (n == 0)
        fprintf(stderr, "      took longer than %d s\n", seconds);
    return n == 1 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAIL;
}

static int run_test(const struct harness_suite *suite, const struct harness_test *test) {
    char dir[] = "/tmp/preforkd-test-XXXXXX";
    uint64_t started_ns = harness_now_ns();
    int status;
    pid_t pid;

    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        return EXIT_FAIL;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        run_in_child(test, dir);
    status = wait_for_test(pid);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    fprintf(stderr, "%s  %s/%s (%.1f s)\n",
        status == 0           ? "ok  "
        : status == EXIT_SKIP ? "skip"
                              : "FAIL",
        suite->name, test->name, (double)(harness_now_ns() - started_ns) / 1e9);
    return status;
}

static bool is_wanted(const struct harness_suite *suite, const struct harness_test *test) {
    char name[256];

    snprintf(name, sizeof(name), "%s/%s", suite->name, test->name);
    return harness.filter == NULL || strstr(name, harness.filter) != NULL;
}

static void read_arguments(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--soak") == 0) {
            harness.is_soak = true;
        } else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc) {
            harness.filter = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            harness.seed = strtoull(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: %s [--soak] [--filter TEXT] [--seed N]\n", argv[0]);
            exit(2);
        }
    }
}

/* The binaries lie in the folder above this one's; the checkout is where the runner was started. */
static void find_places(void) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len < 0 || getcwd(harness.root, sizeof(harness.root)) == NULL) {
        perror("harness");
        exit(1);
    }
    self[len] = '\0';
    snprintf(harness.build, sizeof(harness.build), "%s", dirname(dirname(self)));
}

int harness_main(int argc, char **argv, const struct harness_suite *suites) {
    unsigned passed = 0, failed = 0, skipped = 0;
    int status;

    harness.seed = harness_now_ns() ^ (uint64_t)getpid() << 32;
    harness.figures_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
    read_arguments(argc, argv);
    find_places();
    for (; suites->name != NULL; suites++) {
        for (const struct harness_test *test = suites->tests; test->name != NULL; test++) {
            if (!is_wanted(suites, test))
                continue;
            status = run_test(suites, test);
            passed += status == 0;
            skipped += status == EXIT_SKIP;
            failed += status != 0 && status != EXIT_SKIP;
        }
    }
    printf("system: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed > 0 || passed == 0;
}
