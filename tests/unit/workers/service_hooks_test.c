/* The hooks of a worker and its posts, in each model. */
#include <sys/mman.h>

#include "shared/bus.h"
#include "shared/crc32c.h"
#include "tests/unit/workers/handover_fixture.h"
#include "workers/services/post.h"

#define EACH_MODEL(model) \
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++)

/* What the hooks of all workers have seen. */
static struct seen {
    _Atomic unsigned opened, closed, ticks, wrong;
    _Atomic uint32_t life_of_first; /* as the second one saw it when it ticked last */
} * seen;

static int result; /* of worker_open */

struct of_worker {
    char words[32];
};

static void open_fixture(void) {
    crc32c_init();
    fixture_open(&(struct gate_limits){ 0 });
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

TestSuite(service_hooks, .init = open_fixture, .timeout = 60);

static int worker_open(struct post *post) {
    struct of_worker *own = post_worker(post);

    seen->wrong += own->words[0] != '\0' || !post_is_main(post) || post_first(post) != NULL;
    strcpy(own->words, "of the worker");
    seen->opened++;
    errno = ENOENT;
    return result;
}

static void worker_close(struct post *post) {
    seen->wrong += !post_is_main(post);
    seen->closed++;
}

static size_t post_size(const void *settings) {
    (void)settings;
    return 100;
}

static void tick(struct post *post, uint64_t now_ms) {
    const uint64_t real_ms = clock_now_ms();

    seen->wrong += now_ms > real_ms || real_ms - now_ms > 1000;
    if (post_is_main(post) && post_count_rows(post) > 0 && post_row(post) == 1)
        seen->life_of_first = post_life(post, 0);
    seen->ticks++;
}

/* How many messages its post has seen, and what its worker knows. */
static void message(struct session *session, const char *data, size_t len) {
    struct post *post = session_post(session);
    unsigned *count = post_state(post);
    struct of_worker *own = post_worker(post);

    (void)data;
    seen->wrong += strcmp(own->words, "of the worker") != 0 || post_first(post) != session;
    ++*count;
    session_send(session, data, len);
}

static bool mail(struct post *post) {
    (void)post;
    return false;
}

static struct service_ops ops = { .name = "hooks",
    .flags = SERVICE_STREAM | SERVICE_TEXT,
    .message = message,
    .mail = mail,
    .worker_size = sizeof(struct of_worker),
    .worker_open = worker_open,
    .worker_close = worker_close,
    .post_size = post_size,
    .tick = tick };

Test(service_hooks, worker_opens_and_closes_once_and_ticks) {
    fixture_ops = &ops;
    EACH_MODEL(model) {
        struct member member;
        int fd;

        memset(seen, 0, sizeof(*seen));
        member = start(model, 3, false);
        cr_assert_eq(seen->opened, 1, "model %d", model);
        fd = connect_one();
        cr_assert(echoes(fd, "first"), "model %d", model);
        UNTIL(seen->ticks >= 1);
        close(fd);
        UNTIL(sessions(&member) == 0);
        kill(member.pid, SIGTERM);
        cr_assert_eq(end_of(&member), 0);
        cr_assert_eq(seen->opened, 1);
        cr_assert_eq(seen->closed, 1, "model %d", model);
        cr_assert_eq(seen->wrong, 0, "model %d", model);
    }
}

Test(service_hooks, worker_that_cannot_open_does_not_serve) {
    fixture_ops = &ops;
    result = -1;
    EACH_MODEL(model) {
        struct member member = { .row = scoreboard_claim_row(board, 0, 1, 1) };
        struct contract_record report;
        int child_fd, fds[CONTRACT_FDS_MAX];
        unsigned fd_count;

        cr_assert_eq(contract_pair(&member.order_fd, &child_fd), 0);
        member.pid = fork();
        if (member.pid == 0)
            fixture_run(&member, child_fd, model, 3, false);
        close(child_fd);
        cr_assert_eq(end_of(&member), 71, "model %d", model);
        cr_assert_neq(contract_receive(member.order_fd, &report, fds, &fd_count), 1);
    }
}

/* One that has no session is not woken by the bus: it looks once a second. */
Test(service_hooks, death_of_one_makes_another_tick_and_see_it) {
    const struct bus_settings bus = {
        .rows = 8, .history = 16, .payload_max = 64, .arena_bytes = 4096
    };

    fixture_ops = &ops;
    ops.flags |= SERVICE_MAIL;
    EACH_MODEL(model) {
        struct member first, second;
        uint64_t began_ms;
        uint32_t life;
        int fd;

        memset(seen, 0, sizeof(*seen));
        fixture_room = room_new(&bus, 0, NULL, NULL);
        cr_assert_eq(room_claim_row(fixture_room), 0);
        cr_assert_eq(room_claim_row(fixture_room), 1);
        life = room_life(fixture_room, 0);
        first = start(model, 3, true);
        second = start(model, 3, false);
        cr_assert(first.row == 0 && second.row == 1);
        fd = connect_one();
        cr_assert(echoes(fd, "first"), "model %d", model);
        UNTIL(seen->life_of_first == life);
        usleep(50000); /* not at a second's end */
        kill(first.pid, SIGKILL);
        end_of(&first);
        room_release_row(fixture_room, 0);
        began_ms = clock_now_ms();
        UNTIL(seen->life_of_first == life + 1);
        cr_assert(model == WORKER_THREAD || clock_now_ms() - began_ms < 500, "model %d", model);
        close(fd);
        UNTIL(sessions(&second) == 0);
        kill(second.pid, SIGTERM);
        cr_assert_eq(end_of(&second), 0);
        scoreboard_release_row(board, 0);
        scoreboard_release_row(board, 1);
        room_free(fixture_room);
        cr_assert_eq(seen->wrong, 0, "model %d", model);
    }
}
