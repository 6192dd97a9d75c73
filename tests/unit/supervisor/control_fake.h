#ifndef TESTS_UNIT_SUPERVISOR_CONTROL_FAKE_H
#define TESTS_UNIT_SUPERVISOR_CONTROL_FAKE_H

/*
 * A supervisor without children, for tests of the control socket: two services, echo and ack,
 * whose states the test sets, and functions that note how they were called. Everything happens in
 * one process: fake_turn() is a turn of the supervisor's loop.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "supervisor/control.h"
#include "supervisor/policy.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

#define FAKE_SECOND_NS 1000000000ull

static struct supervisor fake;
static struct config fake_config;
static struct complaint fake_complaint;
static char fake_dir[64], fake_path[96];
static char fake_called[256]; /* what was called, in words */
static bool fake_is_settled, fake_start_fails;
static void (*fake_reopened)(void *owner, int error);
static void *fake_reopened_owner;
static struct scoreboard_totals fake_totals;
static struct policy_rules fake_rules;
static struct policy_counts fake_counts;
static const struct service_ops fake_type = { .name = "echo" };

/* ---- what the control socket calls ---- */

struct service *supervisor_find_service(struct supervisor *supervisor, const char *name) {
    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (strcmp(supervisor->service[i]->config->name, name) == 0)
            return supervisor->service[i];
    return NULL;
}

void supervisor_stop(struct supervisor *supervisor, bool fast) {
    supervisor->is_stopping = true;
    snprintf(fake_called, sizeof(fake_called), "stop daemon%s", fast ? " fast" : "");
}

void supervisor_reopen_logs(
    struct supervisor *supervisor, void (*done)(void *owner, int error), void *owner) {
    (void)supervisor;
    fake_reopened = done;
    fake_reopened_owner = owner;
}

uint64_t reload_ask(struct supervisor *supervisor, enum reload_kind kind) {
    (void)supervisor;
    snprintf(fake_called, sizeof(fake_called), "reload%s", kind == RELOAD_DRY ? " dry" : "");
    return ++fake.reload.last_run;
}

const struct reload_verdict *reload_answer(
    const struct supervisor *supervisor, enum reload_kind kind, uint64_t run) {
    const struct reload_verdict *verdict = &supervisor->reload.verdict[kind];

    return verdict->run >= run ? verdict : NULL;
}

const char *service_state_name(enum service_state state) {
    static const char *const names[] = { "STOPPED", "STARTING", "RUNNING", "BACKOFF", "FATAL",
        "STOPPING" };

    return names[state];
}

const char *child_state_name(enum child_state state) {
    static const char *const names[] = { "starting", "running", "draining", "cut", "killed" };

    return names[state];
}

bool child_is_leaving(const struct child *child) {
    return child->state >= CHILD_DRAINING;
}

int service_start(struct service *service, struct complaint *complaint) {
    snprintf(fake_called, sizeof(fake_called), "start %s", service->config->name);
    if (fake_start_fails)
        return complaint_set(complaint, "port 50007 is busy");
    service->state = SERVICE_STARTING;
    return 0;
}

void service_stop(struct service *service, const char *reason) {
    snprintf(fake_called, sizeof(fake_called), "stop %s: %s", service->config->name, reason);
    service->state = SERVICE_STOPPING;
}

void service_restart(struct service *service) {
    snprintf(fake_called, sizeof(fake_called), "restart %s", service->config->name);
}

void service_scale(struct service *service, unsigned n, const char *by) {
    snprintf(fake_called, sizeof(fake_called), "scale %s %u", service->config->name, n);
    snprintf(service->scaled_by, sizeof(service->scaled_by), "%s", by);
    service->scale = n;
}

void service_count(const struct service *service, struct scoreboard_totals *out) {
    (void)service;
    *out = fake_totals;
}

void service_measure(
    const struct service *service, struct policy_rules *rules, struct policy_counts *counts) {
    (void)service;
    *rules = fake_rules;
    *counts = fake_counts;
}

unsigned service_count_most(const struct service *service) {
    return service->scale > 0 ? service->scale : (unsigned)service->config->max_children;
}

unsigned service_count_ready(const struct service *service) {
    const struct child *child;
    unsigned count = 0;

    TAILQ_FOREACH (child, &service->children, link)
        count += child->state == CHILD_RUNNING;
    return count;
}

bool service_is_settled(const struct service *service) {
    (void)service;
    return fake_is_settled;
}

/* ---- the job supervisor: its end of the orders is here ---- */

static int fake_jobs_error; /* of jobs_keeper_give(); 0: it takes what it gets */
static int fake_given = -1, fake_given_bytes = -1;
static uint64_t fake_wake_at_ns;

const char *jobs_keeper_state_name(enum jobs_keeper_state state) {
    static const char *const names[] = { "STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING" };

    return names[state];
}

int jobs_keeper_give(struct supervisor *supervisor, int fd, int bytes_fd) {
    (void)supervisor;
    if (fake_jobs_error != 0) {
        errno = fake_jobs_error;
        return -1;
    }
    fake_given = dup(fd);
    fake_given_bytes = dup(bytes_fd);
    return 0;
}

void jobs_keeper_wake(struct supervisor *supervisor, uint64_t at_ns) {
    (void)supervisor;
    fake_wake_at_ns = at_ns;
}

/* ---- the supervisor ---- */

static inline void fake_add_service(const char *name, enum service_state state) {
    struct config_service *config = &fake_config.service[fake.service_count];
    struct service *service = fake.service[fake.service_count] = &fake.place[fake.service_count];

    *config = (struct config_service){ .type = &fake_type, .max_children = 4, .start_retries = 3 };
    snprintf(config->name, sizeof(config->name), "%s", name);
    *service = (struct service){
        .config = config, .supervisor = &fake, .state = state, .index = fake.service_count
    };
    for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
        service->listener[i].fd = -1;
    TAILQ_INIT(&service->children);
    fake.service_count++;
}

static inline struct service *fake_service(const char *name) {
    return fake.service[strcmp(name, "echo") == 0 ? 1 : 0];
}

/* A worker with a row in the scoreboard. */
static inline void fake_add_child(
    const char *name, struct child *child, unsigned slot, enum child_state state) {
    *child = (struct child){ .state = state,
        .pid = 1000 + (int)slot,
        .slot = slot,
        .generation = slot,
        .started_at_ns = fake.now_ns - 5 * FAKE_SECOND_NS };
    child->row = scoreboard_claim_row(fake.board, fake_service(name)->index, slot, slot);
    TAILQ_INSERT_HEAD(&fake_service(name)->children, child, link);
}

static inline void fake_prepare(void) {
    snprintf(fake_dir, sizeof(fake_dir), "/tmp/control-test.XXXXXX");
    cr_assert_not_null(mkdtemp(fake_dir));
    snprintf(fake_path, sizeof(fake_path), "%s/c.sock", fake_dir);
    fake_config = (struct config){
        .file = "/etc/preforkd/preforkd.conf", .gid = (gid_t)-1, .process_max = 256
    };
    fake_config.control.socket = fake_path;
    fake_config.control.mode = 0660;
    fake = (struct supervisor){ .config = &fake_config, .generation = 1 };
    fake.loop = loop_new();
    fake.board = scoreboard_new();
    fake.now_ns = clock_now_ns();
    fake.started_at_ns = fake.now_ns - 100 * FAKE_SECOND_NS;
    fake_add_service("ack", SERVICE_STOPPED); /* by name, as they always are */
    fake_add_service("echo", SERVICE_RUNNING);
    fake_called[0] = '\0';
    fake_is_settled = fake_start_fails = false;
    fake_jobs_error = 0;
    fake_given = fake_given_bytes = -1;
    fake_wake_at_ns = UINT64_MAX;
}

static inline void fake_open(void) {
    fake_prepare();
    cr_assert_eq(control_open(&fake, &fake_complaint), 0, "%s", fake_complaint.text);
}

static inline void fake_close(void) {
    char command[128];

    control_close(fake.control);
    scoreboard_free(fake.board);
    loop_free(fake.loop);
    snprintf(command, sizeof(command), "rm -rf %s", fake_dir);
    cr_assert_eq(system(command), 0);
}

/* A turn that does not wait. */
static inline void fake_turn(void) {
    cr_assert_geq(loop_turn(fake.loop, 0), 0);
    control_tend(fake.control);
}

/* ---- peers ---- */

static inline int fake_connect(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake_path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void fake_write(int fd, const char *text) {
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next line of an answer, without its newline; NULL at the end, or when none comes. */
static inline char *fake_read(int fd) {
    static char line[1 << 20];
    size_t len = 0;
    ssize_t n;

    for (int turns = 0; turns < 2000 && len < sizeof(line) - 1;) {
        n = recv(fd, line + len, 1, MSG_DONTWAIT);
        if (n == 0)
            return NULL;
        if (n < 0) {
            fake_turn();
            turns++;
        } else if (line[len] == '\n') {
            line[len] = '\0';
            return line;
        } else {
            len++;
        }
    }
    return NULL;
}

/* True when the other side has closed. */
static inline bool fake_is_closed(int fd) {
    char byte;

    for (int i = 0; i < 20; i++)
        fake_turn();
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* True when nothing has come, whatever turns there were. */
static inline bool fake_is_silent(int fd) {
    char byte;

    for (int i = 0; i < 20; i++)
        fake_turn();
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

/* Read up to the last line; the error's text, "" for none. *out_exit is the exit code. */
static inline const char *fake_finish(int fd, int *out_exit) {
    static char error[1024];
    char *line;
    json_t *object;
    bool is_done;

    for (;;) {
        line = fake_read(fd);
        cr_assert_not_null(line, "no last line");
        object = json_loads(line, 0, NULL);
        cr_assert(json_is_object(object) || json_is_array(object), "%s", line);
        is_done = json_is_true(json_object_get(object, "done"));
        if (is_done) {
            *out_exit = (int)json_integer_value(json_object_get(object, "exit"));
            cr_assert_not_null(json_object_get(object, "error"));
            snprintf(error, sizeof(error), "%s",
                json_is_string(json_object_get(object, "error"))
                    ? json_string_value(json_object_get(object, "error"))
                    : "");
        }
        json_decref(object);
        if (is_done)
            return error;
    }
}

/* The first line of the answer to a question, as JSON. */
static inline json_t *fake_ask(int fd, const char *question) {
    char *line;

    fake_write(fd, question);
    line = fake_read(fd);
    cr_assert_not_null(line);
    return json_loads(line, 0, NULL);
}

#endif
