/* status and ports: what stands in them. */
#include "tests/unit/supervisor/control_fake.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include "shared/jobs_board.h"
#include "supervisor/control_queue.h"
#include "supervisor/control_status.h"

static json_t *answer;

static void drop_all(void) {
    json_decref(answer);
    scoreboard_free(fake.board);
    loop_free(fake.loop);
    rmdir(fake_dir);
}

TestSuite(control_status, .init = fake_prepare, .fini = drop_all);

static int listen_on(struct listener *listener, enum net_proto proto, const char *url) {
    struct complaint why;
    enum net_proto ignored;

    cr_assert_eq(net_parse(url, &ignored, &listener->wanted, &why), 0, "%s", why.text);
    listener->proto = proto;
    listener->address = listener->wanted;
    listener->fd = socket(
        listener->address.sa.any.sa_family, proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
    cr_assert_eq(bind(listener->fd, &listener->address.sa.any, listener->address.len), 0);
    if (proto != NET_UDP)
        cr_assert_eq(listen(listener->fd, 7), 0);
    listener->address.len = sizeof(listener->address.sa);
    cr_assert_eq(getsockname(listener->fd, &listener->address.sa.any, &listener->address.len), 0);
    return listener->fd;
}

static const json_t *service_at(size_t i) {
    return json_array_get(json_object_get(answer, "services"), i);
}

static json_int_t number(const json_t *object, const char *key) {
    cr_assert(json_is_integer(json_object_get(object, key)), "%s", key);
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key) {
    cr_assert(json_is_string(json_object_get(object, key)), "%s", key);
    return json_string_value(json_object_get(object, key));
}

Test(control_status, daemon_and_services_are_told) {
    struct service *echo = fake_service("echo");

    strcpy(echo->last_death, "killed by SIGKILL after 3.2 s");
    echo->last_death_at_ns = fake.now_ns - 7 * FAKE_SECOND_NS;
    echo->state_since_ns = fake.now_ns - 9 * FAKE_SECOND_NS;
    echo->restarts = 3;
    fake_totals = (struct scoreboard_totals){ .connections = 11,
        .refused = 12,
        .requests = 13,
        .datagrams = 14,
        .bytes_in = 15,
        .bytes_out = 16,
        .dropped = 17,
        .timed_out = 18,
        .cut = 19,
        .log_dropped = 20,
        .handed_over = 21,
        .cut_unanswered = 22 };
    fake_service("ack")->state_reason = "idle";
    answer = control_status_make(&fake, NULL);
    cr_assert_eq(number(answer, "pid"), getpid());
    cr_assert_eq(number(answer, "generation"), 1);
    cr_assert_eq(number(answer, "uptime_s"), 100);
    cr_assert(strlen(text(answer, "version")) > 0);
    cr_assert(json_is_false(json_object_get(answer, "is_stopping")));
    cr_assert_eq(json_array_size(json_object_get(answer, "services")), 2);
    cr_assert_str_eq(text(service_at(0), "name"), "ack");
    cr_assert_str_eq(text(service_at(0), "state"), "STOPPED");
    cr_assert_str_eq(text(service_at(0), "state_reason"), "idle");
    cr_assert_eq(number(service_at(0), "wanted"), 0);
    cr_assert(json_is_null(json_object_get(service_at(0), "last_death")));
    cr_assert_str_eq(text(service_at(1), "name"), "echo");
    cr_assert_str_eq(text(service_at(1), "type"), "echo");
    cr_assert_str_eq(text(service_at(1), "model"), "process");
    cr_assert_str_eq(text(service_at(1), "pm"), "static");
    cr_assert_eq(number(service_at(1), "state_for_s"), 9);
    cr_assert_eq(number(service_at(1), "wanted"), 4);
    cr_assert_eq(number(service_at(1), "max_children"), 4);
    cr_assert_eq(number(service_at(1), "restarts"), 3);
    cr_assert_str_eq(text(json_object_get(service_at(1), "last_death"), "words"),
        "killed by SIGKILL after 3.2 s");
    cr_assert_eq(number(json_object_get(service_at(1), "last_death"), "ago_s"), 7);
    cr_assert_eq(number(service_at(1), "connections_total"), 11);
    cr_assert_eq(number(service_at(1), "refused"), 12);
    cr_assert_eq(number(service_at(1), "requests"), 13);
    cr_assert_eq(number(service_at(1), "datagrams"), 14);
    cr_assert_eq(number(service_at(1), "bytes_in"), 15);
    cr_assert_eq(number(service_at(1), "bytes_out"), 16);
    cr_assert_eq(number(service_at(1), "dropped"), 17);
    cr_assert_eq(number(service_at(1), "timed_out"), 18);
    cr_assert_eq(number(service_at(1), "cut"), 19);
    cr_assert_eq(number(service_at(1), "log_dropped"), 20);
    cr_assert_eq(number(service_at(1), "handed_over"), 21);
    cr_assert_eq(number(service_at(1), "cut_unanswered"), 22);
}

Test(control_status, one_service_may_be_picked) {
    answer = control_status_make(&fake, "echo");
    cr_assert_eq(json_array_size(json_object_get(answer, "services")), 1);
    cr_assert_str_eq(text(service_at(0), "name"), "echo");
}

Test(control_status, workers_stand_by_slot_with_their_states) {
    struct child child[4];
    const json_t *worker;
    struct scoreboard_row *row;

    fake_add_child("echo", &child[0], 3, CHILD_RUNNING);
    fake_add_child("echo", &child[1], 1, CHILD_STARTING);
    fake_add_child("echo", &child[2], 2, CHILD_DRAINING);
    fake_add_child("echo", &child[3], 2, CHILD_RUNNING); /* the one that replaces it */
    child[3].generation = 9;
    child[3].pid = 77;
    row = &fake.board->row[child[0].row];
    row->state = SCOREBOARD_ACTIVE;
    row->sessions = 5;
    row->counts.requests = 600;
    row->pss_bytes = 7000;
    answer = control_status_make(&fake, "echo");
    worker = json_array_get(json_object_get(service_at(0), "workers"), 0);
    cr_assert_eq(number(worker, "slot"), 1);
    cr_assert_str_eq(text(worker, "state"), "starting");
    worker = json_array_get(json_object_get(service_at(0), "workers"), 1);
    cr_assert(number(worker, "slot") == 2 && number(worker, "pid") == 1002);
    cr_assert_str_eq(text(worker, "state"), "draining");
    worker = json_array_get(json_object_get(service_at(0), "workers"), 2);
    cr_assert(number(worker, "slot") == 2 && number(worker, "pid") == 77);
    worker = json_array_get(json_object_get(service_at(0), "workers"), 3);
    cr_assert(number(worker, "slot") == 3 && number(worker, "pid") == 1003);
    cr_assert_str_eq(text(worker, "state"), "active");
    cr_assert_eq(number(worker, "sessions"), 5);
    cr_assert_eq(number(worker, "requests"), 600);
    cr_assert_eq(number(worker, "uptime_s"), 5);
    cr_assert_eq(number(worker, "pss_bytes"), 7000);
    cr_assert_eq(number(service_at(0), "connections"), 5);
    cr_assert_eq(number(service_at(0), "ready"), 2);
}

Test(control_status, wanted_is_what_there_shall_be) {
    struct service *echo = fake_service("echo");
    struct child child[3];

    fake_add_child("echo", &child[0], 1, CHILD_RUNNING);
    fake_add_child("echo", &child[1], 2, CHILD_DRAINING);
    fake_add_child("echo", &child[2], 3, CHILD_RUNNING);
    child[2].wants_recycling = true; /* its replacement counts, not it */
    cr_assert_eq(control_status_count_wanted(echo), 4);
    echo->scale = 9;
    cr_assert_eq(control_status_count_wanted(echo), 9);
    fake_config.service[1].pm = PM_DYNAMIC;
    cr_assert_eq(control_status_count_wanted(echo), 1);
    echo->state = SERVICE_FATAL;
    cr_assert_eq(control_status_count_wanted(echo), 0);
}

Test(control_status, ports_say_wanted_and_taken) {
    struct service *echo = fake_service("echo");
    const json_t *port;
    char path[128], url[160];

    fake_config.service[1].listen_count = 3;
    listen_on(&echo->listener[0], NET_TCP, "tcp://127.0.0.1:0");
    net_set_port(&echo->listener[0].wanted, 50007);
    snprintf(path, sizeof(path), "%s/x", fake_dir);
    snprintf(url, sizeof(url), "unix://%s", path);
    listen_on(&echo->listener[1], NET_UNIX, url);
    answer = control_status_make_ports(&fake);
    cr_assert_eq(json_array_size(answer), 2, "the third is closed");
    port = json_array_get(answer, 0);
    cr_assert_str_eq(text(port, "service"), "echo");
    cr_assert_str_eq(text(port, "proto"), "tcp");
    cr_assert_str_eq(text(port, "address"), "127.0.0.1");
    cr_assert_eq(number(port, "port"), net_port(&echo->listener[0].address));
    cr_assert_eq(number(port, "wanted"), 50007);
    port = json_array_get(answer, 1);
    cr_assert_str_eq(text(port, "proto"), "unix");
    cr_assert_str_eq(text(port, "address"), path);
    cr_assert(json_is_null(json_object_get(port, "port")));
    unlink(path);
    json_decref(answer);
    answer = control_status_make(&fake, "echo");
    cr_assert_eq(json_array_size(json_object_get(service_at(0), "listen")), 2);
    snprintf(path, sizeof(path), "tcp://127.0.0.1:%u", net_port(&echo->listener[0].address));
    cr_assert_str_eq(
        json_string_value(json_array_get(json_object_get(service_at(0), "listen"), 0)), path);
}

/* ---- queues ---- */

static void connect_times(const struct listener *listener, int times) {
    for (int i = 0; i < times; i++) {
        int fd = socket(listener->address.sa.any.sa_family, SOCK_STREAM, 0);
        cr_assert_eq(connect(fd, &listener->address.sa.any, listener->address.len), 0);
    }
}

Test(control_status, queue_of_tcp_is_counted) {
    struct listener listener;
    struct control_queue queue = { .waiting = 0 };

    listen_on(&listener, NET_TCP, "tcp://127.0.0.1:0");
    connect_times(&listener, 3);
    cr_assert(control_queue_add(&queue, &listener));
    cr_assert(queue.waiting == 3 && queue.limit == 7, "%lu of %lu", queue.waiting, queue.limit);
}

Test(control_status, queue_of_a_unix_socket_is_counted) {
    struct listener listener;
    struct control_queue queue = { .waiting = 1, .limit = 1 };
    char url[160];

    snprintf(url, sizeof(url), "unix://%s/q", fake_dir);
    listen_on(&listener, NET_UNIX, url);
    connect_times(&listener, 2);
    unlink(url + strlen("unix://"));
    if (socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) < 0)
        cr_skip_test("this kernel does not say");
    cr_assert(control_queue_add(&queue, &listener));
    cr_assert(queue.waiting == 3 && queue.limit == 8, "%lu of %lu", queue.waiting, queue.limit);
}

Test(control_status, datagrams_that_wait_are_counted) {
    struct service *echo = fake_service("echo");
    const json_t *queue;

    fake_config.service[1].listen_count = 1;
    listen_on(&echo->listener[0], NET_UDP, "udp://127.0.0.1:0");
    cr_assert_eq(sendto(echo->listener[0].fd, "x", 1, 0, &echo->listener[0].address.sa.any,
                     echo->listener[0].address.len),
        1);
    answer = control_status_make(&fake, "echo");
    queue = json_object_get(service_at(0), "queue");
    cr_assert_gt(number(queue, "waiting_bytes"), 0);
    cr_assert_eq(number(queue, "waiting"), 0);
    cr_assert_eq(number(queue, "overrun"), 0);
}

/* ---- the job supervisor ---- */

static struct child job_supervisor;

static void begin_jobs(void) {
    fake.jobs.text = "{}";
    fake.jobs.state = JOBS_KEEPER_RUNNING;
    fake.jobs.state_since_ns = fake.now_ns - 12 * FAKE_SECOND_NS;
    fake.jobs.board = jobs_board_new();
    cr_assert_not_null(fake.jobs.board);
    job_supervisor = (struct child){ .pid = 77, .ready_at_ns = 1 };
    fake.jobs.child = &job_supervisor;
}

static const json_t *worker_at(const json_t *jobs, size_t i) {
    return json_array_get(json_object_get(jobs, "workers"), i);
}

Test(control_status, without_a_job_supervisor_it_is_null) {
    answer = control_status_make(&fake, NULL);
    cr_assert(json_is_null(json_object_get(answer, "jobs")));
    json_decref(answer);
    answer = control_status_make(&fake, "echo");
    cr_assert_null(json_object_get(answer, "jobs"));
}

Test(control_status, job_supervisor_and_its_workers_are_told) {
    struct jobs_board *board;
    const json_t *jobs;

    begin_jobs();
    board = fake.jobs.board;
    board->rows = 3;
    board->running = 2;
    board->queued = 5;
    board->paused = 1;
    board->done = 9;
    board->deaths = 4;
    board->row[0].state = JOBS_BOARD_BUSY;
    board->row[0].pid = 500;
    board->row[0].job = 17;
    board->row[0].frames = 31;
    board->row[0].started_at_ns = fake.now_ns - 3 * FAKE_SECOND_NS;
    board->row[2].state = JOBS_BOARD_IDLE;
    board->row[2].pid = 502;
    board->row[2].started_at_ns = fake.now_ns;
    fake.jobs.restarts = 3;
    strcpy(fake.jobs.last_death, "was killed by SIGKILL");
    fake.jobs.last_death_at_ns = fake.now_ns - 6 * FAKE_SECOND_NS;
    answer = control_status_make(&fake, "jobs");
    cr_assert_eq(json_array_size(json_object_get(answer, "services")), 0);
    jobs = json_object_get(answer, "jobs");
    cr_assert_eq(number(jobs, "pid"), 77);
    cr_assert_str_eq(text(jobs, "state"), "RUNNING");
    cr_assert_eq(number(jobs, "state_for_s"), 12);
    cr_assert_eq(number(jobs, "restarts"), 3);
    cr_assert_eq(number(json_object_get(jobs, "last_death"), "ago_s"), 6);
    cr_assert_eq(number(jobs, "running"), 2);
    cr_assert_eq(number(jobs, "queued"), 5);
    cr_assert_eq(number(jobs, "paused"), 1);
    cr_assert_eq(number(jobs, "done"), 9);
    cr_assert_eq(number(jobs, "worker_deaths"), 4);
    cr_assert_eq(json_array_size(json_object_get(jobs, "workers")), 2);
    cr_assert_eq(number(worker_at(jobs, 0), "slot"), 1);
    cr_assert_eq(number(worker_at(jobs, 0), "pid"), 500);
    cr_assert_str_eq(text(worker_at(jobs, 0), "state"), "busy");
    cr_assert_eq(number(worker_at(jobs, 0), "job"), 17);
    cr_assert_eq(number(worker_at(jobs, 0), "frames"), 31);
    cr_assert_eq(number(worker_at(jobs, 0), "uptime_s"), 3);
    cr_assert_eq(number(worker_at(jobs, 1), "slot"), 3);
    cr_assert(json_is_null(json_object_get(worker_at(jobs, 1), "job")));
    jobs_board_free(board);
}

/* What it writes is looked at with care: the board is not the supervisor's. */
Test(control_status, board_full_of_nonsense_does_no_harm) {
    const json_t *jobs;

    begin_jobs();
    memset(fake.jobs.board, 0xff, sizeof(*fake.jobs.board));
    answer = control_status_make(&fake, NULL);
    jobs = json_object_get(answer, "jobs");
    cr_assert_eq(json_array_size(json_object_get(jobs, "workers")), JOBS_BOARD_ROWS);
    cr_assert_str_eq(text(worker_at(jobs, 0), "state"), "unknown");
    jobs_board_free(fake.jobs.board);
}

/* The rows are those of one that is dead. */
Test(control_status, rows_of_one_that_is_gone_are_not_shown) {
    const json_t *jobs;

    begin_jobs();
    fake.jobs.board->rows = 1;
    fake.jobs.board->running = 1;
    fake.jobs.board->done = 8;
    fake.jobs.board->row[0].state = JOBS_BOARD_BUSY;
    fake.jobs.child = NULL;
    fake.jobs.state = JOBS_KEEPER_BACKOFF;
    fake.jobs.start_at_ns = fake.now_ns + FAKE_SECOND_NS / 2;
    answer = control_status_make(&fake, NULL);
    jobs = json_object_get(answer, "jobs");
    cr_assert(json_is_null(json_object_get(jobs, "pid")));
    cr_assert_eq(number(jobs, "next_try_ms"), 500);
    cr_assert(json_is_null(json_object_get(jobs, "running")));
    cr_assert_eq(number(jobs, "done"), 8);
    cr_assert_eq(json_array_size(json_object_get(jobs, "workers")), 0);
    jobs_board_free(fake.jobs.board);
}
