#ifndef TESTS_UNIT_SUPERVISOR_LOG_WRITER_FIXTURE_H
#define TESTS_UNIT_SUPERVISOR_LOG_WRITER_FIXTURE_H

/*
 * The log writer as a process of its own, with lanes held by the test as the supervisor holds
 * them, and numbered records that are looked for in its files, byte by byte.
 */

#include "supervisor/log_writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/log.h"

#define WRITERS     3
#define NUMBERS_MAX 4000000u

static char folder[64], path[128];
static struct config config;
static struct log_lanes lanes;
static int order_fd = -1;
static pid_t writer_pid;
static bool to_terminal;
static int child_stdout = -1, child_stderr = -1;
static uint8_t *seen[WRITERS + 1]; /* how often each number of each lane stands in the files */
static _Atomic int *stop;

static inline void prepare(void) {
    snprintf(folder, sizeof(folder), "/tmp/log_writer_test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    config.log.file = path;
    config.log.level = CONFIG_INFO;
    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i <= WRITERS; i++)
        seen[i] = calloc(NUMBERS_MAX, 1);
}

static inline void clean(void) {
    char command[128];

    if (writer_pid > 0)
        kill(writer_pid, SIGKILL);
    umount2(folder, MNT_DETACH);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(log_writer, .init = prepare, .fini = clean, .timeout = 60);

/* ---- the supervisor's part ---- */

static inline void start(void) {
    int child_fd;

    cr_assert_eq(contract_pair(&order_fd, &child_fd), 0);
    writer_pid = fork();
    if (writer_pid != 0) {
        close(child_fd);
        return;
    }
    if (child_stdout >= 0)
        dup2(child_stdout, STDOUT_FILENO);
    if (child_stderr >= 0)
        dup2(child_stderr, STDERR_FILENO);
    log_writer_main(&(struct log_writer_args){ .config = &config,
        .lanes = &lanes,
        .order_fd = child_fd,
        .generation = 7,
        .to_terminal = to_terminal });
}

static inline struct contract_record await_report(uint32_t kind) {
    struct pollfd ready = { .fd = order_fd, .events = POLLIN };
    struct contract_record got = { 0 };
    int fds[CONTRACT_FDS_MAX];
    unsigned count;

    cr_assert_eq(poll(&ready, 1, 10000), 1, "no report %u", kind);
    cr_assert_eq(contract_receive(order_fd, &got, fds, &count), 1);
    cr_assert_eq(got.kind, kind);
    cr_assert_eq(got.pid, writer_pid);
    cr_assert_eq(got.generation, 7);
    return got;
}

static inline void start_ready(void) {
    start();
    await_report(REPORT_READY);
}

static inline int await_end(void) {
    int status;

    cr_assert_eq(waitpid(writer_pid, &status, 0), writer_pid);
    writer_pid = 0;
    return status;
}

static inline void finish(void) {
    kill(writer_pid, SIGTERM);
    cr_assert_eq(await_end(), 0);
    close(order_fd);
}

static inline void kill_writer(void) {
    kill(writer_pid, SIGKILL);
    cr_assert_eq(await_end(), SIGKILL);
    close(order_fd);
}

static inline void ask(uint32_t kind, uint64_t value) {
    cr_assert_eq(
        contract_send(order_fd, &(struct contract_record){ .kind = kind, .value = value }, NULL, 0),
        0);
}

#define UNTIL(condition)                                              \
    do {                                                              \
        uint64_t until_ns = clock_now_ns() + 10000000000u;            \
        while (!(condition)) {                                        \
            cr_assert_lt(clock_now_ns(), until_ns, "%s", #condition); \
            usleep(500);                                              \
        }                                                             \
    } while (0)

static inline off_t size_of(const char *file) {
    struct stat st;

    return stat(file, &st) == 0 ? st.st_size : -1;
}

static inline char *read_all(const char *file) {
    off_t size = size_of(file);
    char *text;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    cr_assert(fd >= 0 && size >= 0, "%s", file);
    text = malloc((size_t)size + 1);
    cr_assert_eq(read(fd, text, (size_t)size), size);
    text[size] = '\0';
    cr_assert_eq(strlen(text), (size_t)size, "%s has a hole", file);
    close(fd);
    return text;
}

static inline bool file_holds(const char *text) {
    char *all = size_of(path) > 0 ? read_all(path) : NULL;
    bool holds = all != NULL && strstr(all, text) != NULL;

    free(all);
    return holds;
}

/* What a worker prints. */
static inline void print_to(int fd, const char *text, size_t len) {
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
}

/* ---- numbered records ---- */

/* The text of a number: its length differs, its bytes are known. */
static inline size_t fill(char *dst, unsigned lane, unsigned number, unsigned longest) {
    size_t len = number * 2654435761u % longest;

    memset(dst, 'a' + (int)(lane + number) % 26, len);
    dst[len] = '\0';
    return len;
}

/* Write number `number` into a lane, and wait for room as often as it takes. */
static inline void put_number(unsigned lane, unsigned number, unsigned longest) {
    struct log_origin origin = { .service = "w", .slot = lane };
    struct log_field fields[] = { LOG_NUMBER("n", number), LOG_NUMBER("of", longest), { 0 } };
    struct pollfd room = { .fd = lanes.lane[lane].record_write, .events = POLLOUT };
    char line[LOG_LINE_MAX], msg[LOG_LINE_MAX];
    size_t len;

    fill(msg, lane, number, longest);
    len = log_format_line(line, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, &origin, "number", msg, fields);
    while (write(room.fd, line, len) < 0)
        poll(&room, 1, -1);
}

/* A record of ours is checked byte by byte and counted; of another only its syntax, roughly. */
static inline void check_line(const char *line) {
    unsigned lane = 0, number = 0, longest = 0;
    char wanted[2 * LOG_LINE_MAX], msg[LOG_LINE_MAX];
    const char *event = strstr(line, " event=number ");

    cr_assert_eq(strncmp(line, "ts=2", 4), 0, "broken line: %.200s", line);
    if (event == NULL) {
        cr_assert_not_null(strstr(line, " event="), "broken line: %.200s", line);
        return;
    }
    if (strstr(line, " slot=") != NULL)
        sscanf(strstr(line, " slot="), " slot=%u", &lane);
    cr_assert_not_null(strstr(event, " n="), "broken line: %.200s", line);
    cr_assert_eq(sscanf(strstr(event, " n="), " n=%u of=%u", &number, &longest), 2);
    cr_assert(lane <= WRITERS && number < NUMBERS_MAX && longest > 0 && longest < LOG_LINE_MAX);
    snprintf(wanted, sizeof(wanted), " event=number msg=%s n=%u of=%u",
        fill(msg, lane, number, longest) > 0 ? msg : "\"\"", number, longest);
    cr_assert_str_eq(event, wanted, "broken line");
    seen[lane][number]++;
}

/* Returns how many lines there are. */
static inline unsigned check_file(const char *file) {
    char *text = read_all(file), *end;
    unsigned lines = 0;

    for (char *line = text; *line != '\0'; line = end + 1, lines++) {
        end = strchr(line, '\n');
        cr_assert_not_null(end, "%s ends within a line", file);
        *end = '\0';
        check_line(line);
    }
    free(text);
    return lines;
}

static inline void check_numbers(unsigned lane, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++)
        cr_assert_eq(
            seen[lane][i], 1, "number %u of lane %u stands there %u times", i, lane, seen[lane][i]);
    for (unsigned i = to; i < NUMBERS_MAX; i++)
        cr_assert_eq(seen[lane][i], 0);
}

static pid_t children[WRITERS + 1];

/* One process a lane, which writes numbers until *stop; stop[1 + lane] is how many. */
static inline void start_numbers(unsigned longest) {
    bool is_new;

    for (unsigned lane = 1; lane <= WRITERS; lane++) {
        cr_assert_eq(log_lanes_get(&lanes, "w", lane, &is_new), (int)lane);
        children[lane] = fork();
        if (children[lane] != 0)
            continue;
        for (int n = 0; !*stop && n < (int)NUMBERS_MAX; n++) {
            put_number(lane, (unsigned)n, longest);
            stop[1 + lane] = n + 1;
            if (n % 16 == 0)
                usleep(1);
        }
        _exit(0);
    }
}

static inline void stop_numbers(void) {
    *stop = 1;
    for (unsigned lane = 1; lane <= WRITERS; lane++)
        cr_assert_eq(waitpid(children[lane], NULL, 0), children[lane]);
}

#endif
