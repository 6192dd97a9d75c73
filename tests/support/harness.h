#ifndef TESTS_SUPPORT_HARNESS_H
#define TESTS_SUPPORT_HARNESS_H

/*
 * System tests: each runs in a process and a folder of its own, against the real binaries. A test
 * fails when a CHECK does, when it takes too long, or when it leaves a process behind: orphans
 * come to the test's process, which looks for them at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct harness_test {
    const char *name; /* a sentence: child_killed_is_replaced */
    void (*run)(void);
};

/* The tests of one file; NULL-name terminated. */
struct harness_suite {
    const char *name;
    const struct harness_test *tests;
};

/* Run what the command line asks for; returns the exit code. The last suite has a NULL name. */
int harness_main(int argc, char **argv, const struct harness_suite *suites);

/* ---- inside a test ---- */

/* End the test as failed, with a message, unless ok. */
#define CHECK(ok, ...)                                          \
    do {                                                        \
        if (!(ok))                                              \
            harness_fail(__FILE__, __LINE__, #ok, __VA_ARGS__); \
    } while (0)

_Noreturn void harness_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* End the test as skipped, with the reason. */
_Noreturn void harness_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print a figure of this test under its name. */
void harness_figure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The stated number under --soak, the short one otherwise. */
unsigned harness_scale(unsigned in_short, unsigned stated);

/* True when the binaries are built with a sanitizer: then limits of time and memory are not. */
bool harness_is_sanitized(void);

/* Path of a built program, as "prefork". */
const char *harness_program(const char *name);

/* Root of the checkout. */
const char *harness_root(void);

/* ---- programs ---- */

struct harness_proc {
    pid_t pid;
    int stdin_fd;          /* write end, or -1 */
    int stdout_fd;         /* read end, or -1 */
    char out[32], err[32]; /* files in the test's folder; out is empty when stdout_fd is open */
    bool is_over;
    int code; /* exit code, or 128 + signal */
    long peak_kb;
};

enum harness_flag {
    HARNESS_STDOUT_PIPE = 1,   /* stdout_fd is to be read by the test */
    HARNESS_STDIN_PIPE = 2,    /* stdin_fd is to be written by the test; else /dev/null */
    HARNESS_STDOUT_SOCKET = 4, /* likewise, over a socket */
};

/* Start a program; argv[0] is found by harness_program() unless it holds a slash. */
void harness_start(struct harness_proc *proc, const char *const *argv, unsigned flags);

/* Wait for its end; CHECKs that it comes within the time. Returns the exit code. */
int harness_wait(struct harness_proc *proc, unsigned timeout_ms);

struct harness_result {
    int code;
    char *out, *err; /* terminated; never freed: a test is short */
    size_t out_len;
    uint64_t wall_ns;
};

/* Run a program to its end: NULL-terminated arguments. */
struct harness_result harness_run(const char *program, ...) __attribute__((sentinel));
struct harness_result harness_run_argv(const char *const *argv);

/* Read a whole file; terminated. *out_len may be NULL. CHECKs that it can be read. */
char *harness_read_file(const char *path, size_t *out_len);

void harness_write_file(const char *path, const void *data, size_t len);

bool harness_exists(const char *path);

/* From now on what this test mounts is its own; skips where that is not allowed. */
void harness_own_mounts(void);

/* ---- processes ---- */

/* Children of a process, by /proc. Returns how many, at most `most`. */
size_t harness_children(pid_t pid, pid_t *out, size_t most);

/* True when some process has this argument, whole. */
bool harness_runs(const char *argument);

/* True when a signal has stopped it, all its threads. */
bool harness_is_stopped(pid_t pid);

/* How many threads a process has. */
size_t harness_threads(pid_t pid);

/* How many descriptors a process has open. */
size_t harness_descriptors(pid_t pid);

/* Field of /proc/PID/status in kB, as "VmRSS"; 0 when there is none. */
long harness_status_kb(pid_t pid, const char *field);

/* Wait until the condition holds; looks again every 200 us. Returns false after the time. */
#define harness_until(timeout_ms, condition)                                 \
    ({                                                                       \
        uint64_t until_end_ns = harness_now_ns() + (timeout_ms)*1000000ull;  \
        bool until_ok;                                                       \
        while (!(until_ok = (condition)) && harness_now_ns() < until_end_ns) \
            harness_pause_us(200);                                           \
        until_ok;                                                            \
    })

uint64_t harness_now_ns(void);

/* The pace of a polling loop or of a killer; never a substitute for an event. */
void harness_pause_us(unsigned us);

/* A random number in [low, high], from a seed that is printed when the test fails. */
uint64_t harness_random(uint64_t low, uint64_t high);

#endif
