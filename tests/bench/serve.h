#ifndef TESTS_BENCH_SERVE_H
#define TESTS_BENCH_SERVE_H

/*
 * What the serve_* benchmarks share: start a server, whatever it is, put a load_echo at it, and
 * read what the server's processes took. All in a header, since each benchmark is one source.
 *
 * A server is a word for where it listens (a port of 127.0.0.1, or the path of a UNIX socket) and
 * its command. SERVE_PIN=1 pins servers to CPU 0 and loads to CPU 1.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVE_TREE_MOST  4096
#define SERVE_WORDS_MOST 64

struct serve_server {
    char *target; /* "7001" or "/tmp/x.sock" */
    char **argv;
    pid_t pid; /* 0: not running */
};

struct serve_tree {
    int count;
    pid_t pid[SERVE_TREE_MOST];
};

struct serve_load {
    pid_t pid;
    FILE *to, *from;
};

struct serve_result {
    double messages, per_second, p50_us, p99_us, errors;
};

static pid_t serve_running[8]; /* groups of what was started, to be killed when we fail */

static inline _Noreturn void serve_fail(const char *what, const char *which) {
    fprintf(stderr, "serve: %s: %s\n", what, which);
    for (int i = 0; i < 8; i++)
        if (serve_running[i] > 0)
            kill(-serve_running[i], SIGKILL);
    exit(1);
}

static inline double serve_now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline int serve_by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static inline double serve_percentile(double *values, int count, double share) {
    qsort(values, (size_t)count, sizeof(*values), serve_by_size);
    return values[(int)(share * (count - 1) + 0.5)];
}

/* To be called in a child, before exec. */
static inline void serve_pin(int cpu) {
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* A connection to the server, blocking. Returns it, or -1 with errno. */
static inline int serve_connect(const char *target) {
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(target)) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    bool is_port = isdigit((unsigned char)target[0]);
    int fd = socket(is_port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result, error;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    strncpy(un.sun_path, target, sizeof(un.sun_path) - 1);
    result = is_port ? connect(fd, (struct sockaddr *)&in, sizeof(in))
                     : connect(fd, (struct sockaddr *)&un, sizeof(un));
    if (result == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Start it and wait until it can be connected to. */
static inline void serve_start(struct serve_server *server) {
    double started_ms = serve_now_ms();
    int fd, null_fd;

    fd = serve_connect(server->target);
    if (fd >= 0)
        serve_fail("something listens already at", server->target);
    server->pid = fork();
    if (server->pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        null_fd = open(getenv("SERVE_LOG") != NULL ? getenv("SERVE_LOG") : "/dev/null",
            O_RDWR | O_CREAT | O_APPEND, 0600);
        for (int i = 0; i < 3; i++)
            dup2(null_fd, i);
        if (getenv("SERVE_PIN") != NULL)
            serve_pin(0);
        execvp(server->argv[0], server->argv);
        _exit(127);
    }
    for (int i = 0; i < 8; i++)
        if (serve_running[i] == 0) {
            serve_running[i] = server->pid;
            break;
        }
    while ((fd = serve_connect(server->target)) < 0) {
        if (serve_now_ms() - started_ms > 5000 || waitpid(server->pid, NULL, WNOHANG) != 0)
            serve_fail("does not listen", server->argv[0]);
        usleep(2000);
    }
    close(fd);
}

/* The parent of a process and the time of its dead children, from /proc. Returns 0, or -1. */
static inline int serve_read_stat(pid_t pid, pid_t *out_parent, uint64_t *out_dead_ns) {
    unsigned long long user = 0, system = 0;
    char path[64], line[1024];
    ssize_t len;
    char *at;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return -1;
    line[len] = '\0';
    at = strrchr(line, ')');
    if (at == NULL ||
        sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %llu %llu", out_parent,
            &user, &system) != 3)
        return -1;
    *out_dead_ns = (user + system) * 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    return 0;
}

static inline void serve_add_children(pid_t parent, struct serve_tree *tree) {
    char path[64], word[32];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    file = fopen(path, "re");
    while (file != NULL && tree->count < SERVE_TREE_MOST && fscanf(file, "%31s", word) == 1)
        tree->pid[tree->count++] = atoi(word);
    if (file != NULL)
        fclose(file);
}

/* The process and all below it. The main thread forks, in every server we know. */
static inline void serve_find_tree(pid_t root, struct serve_tree *tree) {
    tree->count = 1;
    tree->pid[0] = root;
    for (int i = 0; i < tree->count; i++)
        serve_add_children(tree->pid[i], tree);
}

/* Processor time of all its processes so far, the dead ones included. */
static inline uint64_t serve_cpu_ns(pid_t root) {
    static struct serve_tree tree;
    struct timespec used;
    uint64_t sum = 0, dead_ns;
    clockid_t clock;
    pid_t parent;

    serve_find_tree(root, &tree);
    for (int i = 0; i < tree.count; i++)
        if (clock_getcpuclockid(tree.pid[i], &clock) == 0 && clock_gettime(clock, &used) == 0 &&
            serve_read_stat(tree.pid[i], &parent, &dead_ns) == 0)
            sum += (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec + dead_ns;
    return sum;
}

/* Proportional set size of all its processes. */
static inline uint64_t serve_pss_kb(pid_t root, int *out_processes) {
    static struct serve_tree tree;
    unsigned long long kb, sum = 0;
    char path[64], line[256];
    FILE *file;

    serve_find_tree(root, &tree);
    for (int i = 0; i < tree.count; i++) {
        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)tree.pid[i]);
        file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL)
            if (sscanf(line, "Pss: %llu", &kb) == 1)
                sum += kb;
        if (file != NULL)
            fclose(file);
    }
    *out_processes = tree.count;
    return sum;
}

static inline void serve_forget(struct serve_server *server) {
    for (int i = 0; i < 8; i++)
        if (serve_running[i] == server->pid)
            serve_running[i] = 0;
    server->pid = 0;
}

/* End it: TERM, and what is still there after 3 s gets KILL. */
static inline void serve_stop(struct serve_server *server, bool is_gently) {
    static struct serve_tree tree;
    double from_ms = serve_now_ms();
    int fd;

    serve_find_tree(server->pid, &tree);
    if (is_gently)
        kill(server->pid, SIGTERM);
    while (is_gently && serve_now_ms() - from_ms < 3000)
        if (waitpid(server->pid, NULL, WNOHANG) != 0) {
            serve_forget(server);
            return;
        } else {
            usleep(1000);
        }
    for (int i = 0; i < tree.count; i++)
        kill(tree.pid[i], SIGKILL);
    waitpid(server->pid, NULL, 0);
    serve_forget(server);
    while ((fd = serve_connect(server->target)) >= 0) { /* the last of them has the listener */
        close(fd);
        usleep(1000);
    }
}

/*
 * Start a load (load_echo with its options) at a server and wait until it is connected and warm.
 * On CPU of them, or on none with -1; is_first: it runs before all else as soon as it can.
 */
static inline struct serve_load serve_load_start(
    char **options, const char *target, int cpu, bool is_first) {
    struct sched_param first = { .sched_priority = 1 };
    char *argv[SERVE_WORDS_MOST + 4], line[512];
    int down[2], up[2], count = 0;
    struct serve_load load;

    while (options[count] != NULL && count < SERVE_WORDS_MOST)
        argv[count] = options[count], count++;
    argv[count++] = (char *)"--gate";
    if (isdigit((unsigned char)target[0]))
        argv[count++] = (char *)"127.0.0.1";
    argv[count++] = (char *)target;
    argv[count] = NULL;
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        serve_fail("pipe", strerror(errno));
    load.pid = fork();
    if (load.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(down[0], 0);
        dup2(up[1], 1);
        if (cpu >= 0)
            serve_pin(cpu);
        if (is_first)
            sched_setscheduler(0, SCHED_FIFO, &first);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    load.to = fdopen(down[1], "w");
    load.from = fdopen(up[0], "r");
    if (fgets(line, sizeof(line), load.from) == NULL)
        serve_fail("the load did not start at", target);
    if (strcmp(line, "ready\n") != 0)
        serve_fail(target, line);
    return load;
}

static inline double serve_field(const char *json, const char *name) {
    const char *at = strstr(json, name);

    return at == NULL ? 0 : atof(at + strlen(name));
}

/* Let it go, and wait for its result. Its connections stay open. */
static inline struct serve_result serve_load_run(struct serve_load *load) {
    struct serve_result result;
    char line[1024];

    fputs("go\n", load->to);
    fflush(load->to);
    if (fgets(line, sizeof(line), load->from) == NULL)
        serve_fail("no result", "load");
    result.messages = serve_field(line, "\"messages\":");
    result.per_second = serve_field(line, "\"messages_per_second\":");
    result.p50_us = serve_field(line, "\"p50_us\":");
    result.p99_us = serve_field(line, "\"p99_us\":");
    result.errors = serve_field(line, "\"errors\":");
    if (result.errors > 0 || result.messages < 1)
        serve_fail("errors", line);
    return result;
}

static inline void serve_load_end(struct serve_load *load) {
    fclose(load->to);
    fclose(load->from);
    waitpid(load->pid, NULL, 0);
}

/*
 * Cut the words of a command line into sections: what follows names[i], up to the next name, is
 * out[i]; NULL when it is not there. names ends with NULL.
 */
static inline void serve_sections(char **argv, const char *const *names, char ***out) {
    for (int j = 0; names[j] != NULL; j++)
        out[j] = NULL;
    for (char **word = argv + 1, *now; (now = *word) != NULL; word++)
        for (int j = 0; names[j] != NULL; j++)
            if (strcmp(now, names[j]) == 0) {
                out[j] = word + 1;
                *word = NULL;
            }
}

#endif
