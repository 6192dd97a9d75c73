/*
 * A line that asks about jobs, from a user who may submit and is not admin: whatever it is, it is
 * answered by lines of JSON, of which the last says that it is, or it stays in hand.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/jobs_board.h"
#include "shared/log.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/request.h"

#define JOB "{\"kernel\":\"divisible\",\"interval\":\"1..10\",\"params\":{\"by\":\"2\"}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct asker owner = { 1001, false }, other = { 1002, false };
static struct book *book;

static void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    abort();
}

static void submit(const struct asker *asker, const char *name, const char *token) {
    json_t *what = json_loads(JOB, 0, NULL);
    const struct book_wanted wanted = {
        .asker = asker, .name = name, .what = name == NULL ? what : NULL, .token = token
    };
    struct complaint complaint;
    struct entry *entry;
    int exit_code;

    if (book_submit(book, &wanted, &entry, &complaint, &exit_code) < 0)
        fail(complaint.text);
    json_decref(what);
}

static struct jobs_config *make_config(void) {
    struct jobs_config *config = calloc(1, sizeof(*config));
    char *path = NULL;

    if (asprintf(&path, "/tmp/fuzz-jobs-%d", getpid()) < 0)
        fail("no memory");
    *config = (struct jobs_config){ .workers = 1,
        .spool_dir = path,
        .admin_uid = 990,
        .submit = JOBS_ALL,
        .commands = JOBS_ALL,
        .max_running = 1,
        .max_queued = 100,
        .max_per_user = 100,
        .max_spool_bytes = 1u << 30,
        .keep_jobs = 100,
        .command_uid = (uid_t)-1,
        .command_gid = (gid_t)-1,
        .definition = calloc(1, sizeof(*config->definition)),
        .definition_count = 1 };
    strcpy(config->definition->name, "sheet");
    config->definition->what = json_loads(JOB, 0, NULL);
    return config;
}

/* The spool goes when the process does. */
static void clean_up(void) {
    char command[128];

    snprintf(command, sizeof(command), "rm -rf /tmp/fuzz-jobs-%d", getpid());
    if (system(command) != 0)
        fprintf(stderr, "%s\n", command);
}

static void start(void) {
    struct book_args args = { .board = jobs_board_new(), .loop = loop_new(), .life = 1 };
    struct complaint complaint;
    int exit_code;

    log_use_records(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO,
        "jobs", 0, NULL);
    args.config = make_config();
    book = book_open(&args, &complaint, &exit_code);
    if (book == NULL)
        fail(complaint.text);
    atexit(clean_up);
    submit(&owner, NULL, "a");
    submit(&owner, "sheet", "b");
    submit(&other, NULL, "c");
    book_cancel(book, book_find(book, 2), &owner);
    args.config->max_queued = 0; /* from now on there is no room: nothing new is kept */
}

/* Each line is JSON, and the last says that it is, unless the question is in hand. */
static void check(const struct request *request) {
    const char *line = request->outlet->buf != NULL ? request->outlet->buf : "", *newline;
    const char *end = line + request->outlet->len;
    bool is_done = false;
    json_t *object;

    for (; line < end; line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(end - line));
        object = newline != NULL ? json_loadb(line, (size_t)(newline - line), 0, NULL) : NULL;
        if (object == NULL || is_done)
            fail("a line that is none");
        is_done = json_is_true(json_object_get(object, "done"));
        json_decref(object);
    }
    if (is_done != (request->verb == NULL))
        fail(is_done ? "in hand and done" : "not answered");
}

static void ignore(struct entry_watcher *watcher) {
    (void)watcher;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct outlet outlet = { .fd = -1 };
    struct request request = {
        .outlet = &outlet, .asker = owner, .wake_at_ns = UINT64_MAX, .watcher.moved = ignore
    };

    if (book == NULL)
        start();
    request.book = book;
    request_take(&request, (const char *)data, size, 1);
    check(&request);
    request_drop(&request);
    outlet_fini(&outlet);
    return 0;
}
