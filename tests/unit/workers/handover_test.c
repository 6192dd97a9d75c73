/* Two workers, or one and a test that plays the other: where is the session, and does it live? */
#include "tests/unit/workers/handover_fixture.h"
#include "workers/services/session.h"

static void open_fixture(void) {
    fixture_open(&(struct gate_limits){ .max_connections = 50 });
}

TestSuite(handover, .init = open_fixture, .timeout = 60);

/* ---- worker to worker ---- */

static void go_from_to(enum worker_model from, enum worker_model to) {
    const unsigned count = from == WORKER_PROCESS ? 1 : 3, each = to == WORKER_PROCESS ? 1 : count;
    struct member old = start(from, count, false), fresh[3];
    int fd[3];

    connect_all(fd, count);
    for (unsigned i = 0; i < count / each; i++)
        fresh[i] = start(to, each, true);
    for (unsigned i = 0; i < count / each; i++)
        replace(&old, &fresh[i]);
    cr_assert_eq(end_of(&old), 0, "%d to %d", from, to);
    gate_remove_member(gate, (unsigned)old.row);
    for (unsigned i = 0; i < count / each; i++)
        cr_assert_eq(
            sessions(&fresh[i]), each, "%d to %d: %u has %u", from, to, i, sessions(&fresh[i]));
    for (unsigned i = 0; i < count; i++)
        cr_assert(echoes(fd[i], "second") && echoes(fd[i], "third"), "%d to %d", from, to);
    cr_assert_eq(board->row[old.row].counts.handed_over, count);
    cr_assert_eq(board->row[fresh[0].row].counts.connections, 0);
    close_all(fd, count);
    for (unsigned i = 0; i < count / each; i++) {
        UNTIL(sessions(&fresh[i]) == 0);
        kill(fresh[i].pid, SIGTERM);
        cr_assert_eq(end_of(&fresh[i]), 0);
    }
}

Test(handover, each_model_gives_to_each) {
    for (enum worker_model from = WORKER_PROCESS; from <= WORKER_EVENT; from++)
        for (enum worker_model to = WORKER_PROCESS; to <= WORKER_EVENT; to++)
            go_from_to(from, to);
}

Test(handover, what_the_new_one_has_no_room_for_stays) {
    for (enum worker_model model = WORKER_THREAD; model <= WORKER_EVENT; model++) {
        struct member old = start(model, 6, false), fresh;
        int fd[6], extra;

        connect_all(fd, 6);
        fresh = start(model, 4, true);
        replace(&old, &fresh);
        UNTIL(sessions(&fresh) == 4 && sessions(&old) == 2);
        for (unsigned i = 0; i < 6; i++)
            cr_assert(echoes(fd[i], "second"), "session %u", i);
        /* It is full, until one ends. */
        extra = connect_one();
        cr_assert_eq(send(extra, "x", 1, 0), 1);
        close_all(fd, 6);
        cr_assert_eq(recv(extra, (char[1]){ 0 }, 1, 0), 1);
        cr_assert_eq(end_of(&old), 0);
        close(extra);
        kill(fresh.pid, SIGKILL);
        end_of(&fresh);
    }
}

Test(handover, one_takes_from_two_and_its_door_is_open) {
    struct member old[2] = { start(WORKER_EVENT, 3, false), start(WORKER_EVENT, 3, true) }, fresh;
    int fd[6], more;

    connect_all(fd, 3);
    order(&old[1], ORDER_OPEN, -1);
    connect_all(fd + 3, 3);
    fresh = start(WORKER_EVENT, 10, true);
    replace(&old[0], &fresh);
    replace(&old[1], &fresh);
    more = connect_one();
    cr_assert(echoes(more, "more"));
    cr_assert_eq(end_of(&old[0]), 0);
    cr_assert_eq(end_of(&old[1]), 0);
    cr_assert_eq(sessions(&fresh), 7);
    for (unsigned i = 0; i < 6; i++)
        cr_assert(echoes(fd[i], "second"), "session %u", i);
}

/* The second is told to give before it has taken: what comes goes on to the third. */
Test(handover, session_goes_through_one_that_is_replaced_itself) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member second, third;
        int fd[2], channel, to_third[2];
        struct channel_packet packet = { .kind = CHANNEL_COUNT, .value = 1, .fd = -1 };
        struct parcel parcel = { .type = "echo", .proto = NET_UNIX, .slot = GATE_NO_SLOT };
        char body[4096];

        second = start(model, 4, true);
        third = start(model, 4, true);
        channel = take_from_me(&second);
        cr_assert_eq(channel_send(channel, &packet, NULL), 0);
        cr_assert_eq(contract_pair(&to_third[0], &to_third[1]), 0);
        replace(&second, &third);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        parcel_encode(&parcel, body);
        packet = (struct channel_packet){ .kind = CHANNEL_SESSION,
            .value = parcel_size(&parcel),
            .len = parcel_size(&parcel),
            .fd = fd[1] };
        cr_assert_eq(channel_send(channel, &packet, body), 0);
        close(fd[1]);
        cr_assert(echoes(fd[0], "hello"), "model %d", model);
        cr_assert_eq(end_of(&second), 0);
        cr_assert_eq(sessions(&third), 1, "model %d: the third has %u", model, sessions(&third));
        close(fd[0]);
        kill(third.pid, SIGKILL);
        end_of(&third);
    }
}

Test(handover, held_worker_lets_nobody_in_and_leaves_when_told) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member member = start(model, 1, true);
        int fd = connect_one();

        cr_assert_eq(send(fd, "x", 1, 0), 1);
        usleep(20000);
        cr_assert_eq(sessions(&member), 0);
        order(&member, ORDER_OPEN, -1);
        cr_assert_eq(recv(fd, (char[1]){ 0 }, 1, 0), 1);
        close(fd);
        kill(member.pid, SIGTERM);
        cr_assert_eq(end_of(&member), 0);
        member = start(model, 1, true);
        kill(member.pid, SIGTERM);
        cr_assert_eq(end_of(&member), 0);
    }
}

/* It may have been woken for it, and nobody else was. */
Test(handover, who_leaves_tells_of_those_who_wait) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member member = start(model, 1, false);
        struct contract_record report;
        int fds[CONTRACT_FDS_MAX], fd, ends[2];
        unsigned fd_count;

        /* It sees both in one turn, the order first. */
        kill(member.pid, SIGSTOP);
        cr_assert_eq(contract_pair(&ends[0], &ends[1]), 0);
        order(&member, ORDER_GIVE, ends[0]);
        close(ends[0]);
        fd = connect_one();
        kill(member.pid, SIGCONT);
        UNTIL(contract_receive(member.order_fd, &report, fds, &fd_count) == 1);
        cr_assert_eq(report.kind, REPORT_LOOK, "model %d: %u", model, report.kind);
        close(ends[1]);
        cr_assert_eq(end_of(&member), 0);
        member = start(model, 1, false);
        cr_assert(echoes(fd, "at last"));
        close(fd);
        kill(member.pid, SIGKILL);
        end_of(&member);
    }
}

/* ---- limits ---- */

Test(handover, slots_go_with_their_sessions, .init = NULL) {
    struct member old, fresh;
    uint32_t slot;
    int fd[3];

    fixture_open(&(struct gate_limits){ .max_connections = 3 });
    old = start(WORKER_EVENT, 10, false);
    connect_all(fd, 3);
    fresh = start(WORKER_EVENT, 10, true);
    replace(&old, &fresh);
    cr_assert_eq(end_of(&old), 0);
    gate_remove_member(gate, (unsigned)old.row);
    cr_assert(!gate_enter(gate, 900, &slot), "a slot was left behind");
    kill(fresh.pid, SIGKILL);
    end_of(&fresh);
    gate_remove_member(gate, (unsigned)fresh.row);
    for (int i = 0; i < 3; i++)
        cr_assert(gate_enter(gate, 900, &slot), "a slot was lost");
    cr_assert(!gate_enter(gate, 900, &slot));
}

/* ---- state ---- */

static ssize_t pack_words(struct session *session, char *buf, size_t size) {
    (void)session;
    return snprintf(buf, size, "the state of it");
}

static int unpack_words(struct session *session, const char *data, size_t len) {
    (void)session;
    return len == 15 && memcmp(data, "the state of it", len) == 0 ? 0 : -1;
}

static ssize_t pack_nonsense(struct session *session, char *buf, size_t size) {
    (void)session;
    return snprintf(buf, size, "nonsense");
}

static ssize_t pack_nothing(struct session *session, char *buf, size_t size) {
    (void)session;
    (void)buf;
    (void)size;
    return -1;
}

static void answer(struct session *session, const char *data, size_t len) {
    session_send(session, data, len);
}

static unsigned hand_over_with(ssize_t (*pack)(struct session *, char *, size_t)) {
    static struct service_ops ops = { .name = "test",
        .flags = SERVICE_STREAM | SERVICE_PACKS,
        .message = answer,
        .unpack = unpack_words };
    unsigned given = 0;

    ops.pack = pack;
    fixture_ops = &ops;
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member old = start(model, 1, false), fresh;
        int fd;

        connect_all(&fd, 1);
        fresh = start(model, 1, true);
        replace(&old, &fresh);
        if (pack == pack_words)
            cr_assert_eq(end_of(&old), 0);
        cr_assert(echoes(fd, "second"), "model %d", model);
        given += sessions(&fresh);
        cr_assert(echoes(fd, "third"), "model %d", model);
        close(fd);
        if (pack != pack_words)
            cr_assert_eq(end_of(&old), 0);
        kill(fresh.pid, SIGKILL);
        end_of(&fresh);
    }
    return given;
}

Test(handover, state_travels) {
    cr_assert_eq(hand_over_with(pack_words), 3);
}

Test(handover, session_whose_state_is_not_understood_stays) {
    cr_assert_eq(hand_over_with(pack_nonsense), 0);
}

Test(handover, session_that_cannot_be_packed_stays) {
    cr_assert_eq(hand_over_with(pack_nothing), 0);
}
