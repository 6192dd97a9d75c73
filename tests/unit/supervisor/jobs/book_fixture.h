#ifndef TESTS_UNIT_SUPERVISOR_JOBS_BOOK_FIXTURE_H
#define TESTS_UNIT_SUPERVISOR_JOBS_BOOK_FIXTURE_H

/*
 * A book over a real spool folder, with a runner that does what the test says, and peers at the
 * other end of socketpairs. Everything happens in one process: fixture_turn() is a turn of the job
 * supervisor's loop.
 */

#include <jansson.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/peers.h"
#include "tests/unit/supervisor/jobs/runner_fake.h"

#define FIXTURE_SECOND_NS 1000000000ull
#define FIXTURE_JOB       "{\"kernel\":\"null\",\"interval\":\"1..10\",\"options\":{\"chunk\":\"1\"}}"
#define FIXTURE_COMMAND   "{\"kernel\":\"command\",\"interval\":\"1..3\",\"argv\":[\"/bin/true\"]}"

static char fixture_dir[64], fixture_spool[96];
static struct loop *fixture_loop;
static struct jobs_board *fixture_board;
static struct book *fixture_book;
static struct peers *fixture_peers;
static uint64_t fixture_now_ns;
static struct complaint fixture_complaint;
static int fixture_exit;
static int fixture_log_fd;
static json_t *fixture_last;

static const struct asker fixture_admin = { 0, true }, fixture_anna = { 1001, false },
                          fixture_berta = { 1002, false };

static inline json_t *fixture_read(const char *text) {
    json_error_t why;
    json_t *object = json_loads(text, 0, &why);

    cr_assert_not_null(object, "%s: %s", text, why.text);
    return object;
}

/* A configuration as after reading a file of defaults. */
static inline struct jobs_config *fixture_config(void) {
    struct jobs_config *config = calloc(1, sizeof(*config));

    *config = (struct jobs_config){ .workers = 2,
        .spool_dir = strdup(fixture_spool),
        .admin_uid = 990,
        .submit = JOBS_ALL,
        .commands = JOBS_NOBODY,
        .max_running = 8,
        .max_queued = 1000,
        .max_per_user = 100,
        .max_result_bytes = 1u << 30,
        .max_spool_bytes = 1ull << 40,
        .keep_jobs = 1000,
        .graceful_timeout_ms = 10000,
        .command_uid = (uid_t)-1,
        .command_gid = (gid_t)-1 };
    return config;
}

/* One more definition; they come by name. */
static inline struct jobs_definition *fixture_define(
    struct jobs_config *config, const char *name, const char *what, const char *run) {
    struct jobs_definition *definition;

    config->definition = realloc(
        config->definition, (config->definition_count + 1) * sizeof(*definition));
    definition = &config->definition[config->definition_count++];
    *definition = (struct jobs_definition){ .what = fixture_read(what) };
    snprintf(definition->name, sizeof(definition->name), "%s", name);
    cr_assert_eq(schedule_parse(run, &definition->schedule, &fixture_complaint), 0);
    return definition;
}

/* config is taken. */
static inline void fixture_open_book(struct jobs_config *config) {
    const struct book_args args = {
        .config = config, .board = fixture_board, .loop = fixture_loop, .life = 1
    };

    fixture_book = book_open(&args, &fixture_complaint, &fixture_exit);
    cr_assert_not_null(fixture_book, "%s", fixture_complaint.text);
    fixture_peers = peers_new(fixture_book, fixture_loop, &fixture_now_ns);
}

static inline void fixture_prepare(void) {
    snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/book-test.XXXXXX");
    cr_assert_not_null(mkdtemp(fixture_dir));
    snprintf(fixture_spool, sizeof(fixture_spool), "%s/spool", fixture_dir);
    fixture_log_fd = memfd_create("log", MFD_CLOEXEC);
    log_use_records(fixture_log_fd, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "jobs", 0, NULL);
    fixture_loop = loop_new();
    fixture_board = jobs_board_new();
    fixture_now_ns = clock_now_ns();
}

static inline void fixture_open(void) {
    fixture_prepare();
    fixture_open_book(fixture_config());
}

static inline void fixture_close_book(void) {
    peers_free(fixture_peers);
    book_close(fixture_book);
    fixture_book = NULL;
}

static inline void fixture_close(void) {
    char command[128];

    if (fixture_book != NULL)
        fixture_close_book();
    json_decref(fixture_last);
    close(fixture_log_fd);
    jobs_board_free(fixture_board);
    loop_free(fixture_loop);
    snprintf(command, sizeof(command), "rm -rf %s", fixture_dir);
    cr_assert_eq(system(command), 0);
}

/* As if the job supervisor had been killed, and another one begun. config is taken. */
static inline void fixture_restart(struct jobs_config *config) {
    fixture_close_book();
    fixture_open_book(config);
}

/* A turn that does not wait. */
static inline void fixture_turn(void) {
    cr_assert_geq(loop_turn(fixture_loop, 0), 0);
    book_tend(fixture_book, fixture_now_ns);
    peers_tend(fixture_peers);
}

static inline void fixture_pass(uint64_t ns) {
    fixture_now_ns += ns;
    fixture_turn();
}

/* True when such a word is in the log. */
static inline bool fixture_has_logged(const char *word) {
    static char text[1 << 20];
    ssize_t n = pread(fixture_log_fd, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return strstr(text, word) != NULL;
}

/* ---- jobs ---- */

/* Returns the job, or NULL with fixture_complaint and fixture_exit. */
static inline struct entry *fixture_ask(
    const struct asker *asker, const char *name, const char *what, const char *token) {
    json_t *object = what != NULL ? fixture_read(what) : NULL;
    const struct book_wanted wanted = {
        .asker = asker, .name = name, .what = object, .token = token
    };
    struct entry *entry;
    int rc = book_submit(fixture_book, &wanted, &entry, &fixture_complaint, &fixture_exit);

    json_decref(object);
    return rc == 0 ? entry : NULL;
}

static inline struct entry *fixture_submit(const struct asker *asker) {
    struct entry *entry = fixture_ask(asker, NULL, FIXTURE_JOB, "");

    cr_assert_not_null(entry, "%s", fixture_complaint.text);
    return entry;
}

static inline struct entry *fixture_find(uint64_t id) {
    struct entry *entry = book_find(fixture_book, id);

    cr_assert_not_null(entry, "there is no job %d", (int)id);
    return entry;
}

/* Submit it, and let it run to its end. */
static inline struct entry *fixture_run(const struct asker *asker) {
    struct entry *entry = fixture_submit(asker);

    fixture_turn();
    fake_finish(entry);
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_DONE);
    return entry;
}

/* ---- peers ---- */

static inline int fixture_memfd(const char *data, size_t len) {
    int fd = memfd_create("bytes", MFD_CLOEXEC);

    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    return fd;
}

/* A connection that has said so much by the time it is handed over. */
static inline int fixture_connect(const char *said) {
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    peers_add(fixture_peers, pair[1], fixture_memfd(said, strlen(said)));
    return pair[0];
}

static inline void fixture_write(int fd, const char *text) {
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next bytes, with turns as needed. Returns how many came before the end, or silence. */
static inline size_t fixture_receive(int fd, char *data, size_t len) {
    size_t got = 0;
    ssize_t n;

    for (int turns = 0; got < len && turns < 200;) {
        n = recv(fd, data + got, len - got, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        fixture_turn();
        turns++;
    }
    return got;
}

/* The next line of an answer, without its newline; NULL at the end, or when none comes. */
static inline char *fixture_line(int fd) {
    static char line[1 << 20];

    for (size_t len = 0; len < sizeof(line) - 1; len++) {
        if (fixture_receive(fd, line + len, 1) == 0)
            return NULL;
        if (line[len] == '\n') {
            line[len] = '\0';
            return line;
        }
    }
    return NULL;
}

/* Borrowed, until the next one. */
static inline json_t *fixture_object(int fd) {
    char *line = fixture_line(fd);

    cr_assert_not_null(line, "no line");
    json_decref(fixture_last);
    fixture_last = fixture_read(line);
    return fixture_last;
}

/* Read up to the last line; the error's text, "" for none; fixture_exit is the exit code. */
static inline const char *fixture_finish(int fd) {
    static char error[1024];
    json_t *object;
    bool is_done;

    do {
        object = fixture_object(fd);
        is_done = json_is_true(json_object_get(object, "done"));
        fixture_exit = (int)json_integer_value(json_object_get(object, "exit"));
        snprintf(error, sizeof(error), "%s",
            json_is_string(json_object_get(object, "error"))
                ? json_string_value(json_object_get(object, "error"))
                : "");
    } while (!is_done);
    return error;
}

/* True when nothing has come, whatever turns there were. */
static inline bool fixture_is_silent(int fd) {
    char byte;

    for (int i = 0; i < 20; i++)
        fixture_turn();
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

static inline bool fixture_is_closed(int fd) {
    char byte;

    for (int i = 0; i < 20; i++)
        fixture_turn();
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

#endif
