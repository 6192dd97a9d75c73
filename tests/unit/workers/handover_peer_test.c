/* The other worker is the test: silent, wrong, or gone. */
#include "tests/unit/workers/handover_fixture.h"

#include <fcntl.h>
#include <poll.h>

static void open_fixture(void) {
    fixture_open(&(struct gate_limits){ 0 });
}

TestSuite(handover_peer, .init = open_fixture, .timeout = 60);

/* The next packet of this kind; others are passed over. */
static struct channel_packet receive(int channel, enum channel_kind kind, char *piece) {
    struct channel_packet packet = { .fd = -1 };

    do
        UNTIL(channel_receive(channel, &packet, piece, CHANNEL_PIECE_BYTES) >= 0);
    while (packet.kind != 0 && packet.kind != kind);
    cr_assert_eq(packet.kind, kind, "the channel has ended");
    return packet;
}

static bool has_ended(int channel) {
    char piece[CHANNEL_PIECE_BYTES];
    struct channel_packet packet;

    UNTIL(channel_receive(channel, &packet, piece, sizeof(piece)) >= 0);
    return packet.kind == 0;
}

/* ---- the test is the new worker ---- */

/* All at once, since each takes some seconds. */
Test(handover_peer, silent_new_worker_gets_nothing) {
    const struct channel_packet taken = { .kind = CHANNEL_TAKEN, .fd = -1 };
    char piece[CHANNEL_PIECE_BYTES];
    struct member old[3];
    int fd[3], channel[3];

    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        old[model] = start(model, 1, false);
        connect_all(&fd[model], 1);
    }
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        channel[model] = give_to_me(&old[model]);
        cr_assert_eq(receive(channel[model], CHANNEL_COUNT, piece).value, 1);
        close(receive(channel[model], CHANNEL_SESSION, piece).fd);
        cr_assert_eq(send(fd[model], "second", 6, MSG_NOSIGNAL), 6);
    }
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        cr_assert_eq(recv(fd[model], piece, 6, 0), 6, "model %d: it does not go on", model);
        cr_assert_eq(channel_send(channel[model], &taken, NULL), -1, "it could still be taken");
        close(channel[model]);
        cr_assert(echoes(fd[model], "third"), "model %d", model);
        cr_assert_eq(board->row[old[model].row].counts.handed_over, 0);
        close(fd[model]);
        cr_assert_eq(end_of(&old[model]), 0);
    }
}

Test(handover_peer, session_is_the_taker_s_once_it_said_so) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        const struct channel_packet taken = { .kind = CHANNEL_TAKEN, .fd = -1 };
        struct member old = start(model, 1, false);
        char piece[CHANNEL_PIECE_BYTES], word[8] = "";
        struct channel_packet packet;
        struct parcel parcel;
        int fd, channel;

        connect_all(&fd, 1);
        channel = give_to_me(&old);
        packet = receive(channel, CHANNEL_SESSION, piece);
        cr_assert_eq(parcel_decode(&parcel, piece, packet.len, 100), 0);
        cr_assert(parcel_fits_descriptor(&parcel, packet.fd));
        cr_assert_str_eq(parcel.type, "echo");
        cr_assert_eq(parcel.messages, 1);
        cr_assert_eq(send(fd, "mine", 4, 0), 4);
        cr_assert_eq(channel_send(channel, &taken, NULL), 0);
        close(channel);
        cr_assert_eq(end_of(&old), 0);
        cr_assert_eq(board->row[old.row].counts.handed_over, 1);
        fcntl(packet.fd, F_SETFL, 0);
        cr_assert_eq(recv(packet.fd, word, sizeof(word), 0), 4, "%s", strerror(errno));
        cr_assert_str_eq(word, "mine");
        close(packet.fd);
        close(fd);
    }
}

/* Nor is its descriptor touched by the old one while the answer is awaited, whatever comes. */
Test(handover_peer, cut_touches_no_session_that_is_offered) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        const struct channel_packet taken = { .kind = CHANNEL_TAKEN, .fd = -1 };
        const struct timeval mine = { .tv_sec = 77 };
        struct member old = start(model, 1, false);
        char piece[CHANNEL_PIECE_BYTES];
        struct timeval now;
        socklen_t len = sizeof(now);
        int fd, given, channel;

        connect_all(&fd, 1);
        channel = give_to_me(&old);
        given = receive(channel, CHANNEL_SESSION, piece).fd;
        setsockopt(given, SOL_SOCKET, SO_RCVTIMEO, &mine, sizeof(mine));
        kill(old.pid, CONTRACT_SIGNAL_CUT);
        usleep(20000);
        cr_assert_eq(channel_send(channel, &taken, NULL), 0);
        close(channel);
        cr_assert_eq(end_of(&old), 0);
        cr_assert_eq(getsockopt(given, SOL_SOCKET, SO_RCVTIMEO, &now, &len), 0);
        cr_assert_eq(now.tv_sec, 77, "model %d", model);
        cr_assert_eq(send(given, "mine", 4, MSG_NOSIGNAL), 4);
        cr_assert_eq(recv(fd, piece, 4, 0), 4, "model %d: it was cut", model);
        cr_assert_eq(board->row[old.row].counts.cut, 0);
        close(given);
        close(fd);
    }
}

Test(handover_peer, new_worker_that_ends_or_talks_nonsense_costs_nothing) {
    enum { ENDS, REFUSES, COUNTS, SAYS_NOTHING_THAT_COUNTS, WAYS };

    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++)
        for (int way = 0; way < WAYS; way++) {
            const struct channel_packet refused = { .kind = CHANNEL_REFUSED, .fd = -1 },
                                        count = { .kind = CHANNEL_COUNT, .fd = -1 };
            struct member old = start(model, 1, false);
            char piece[CHANNEL_PIECE_BYTES];
            struct channel_packet packet;
            int fd, channel;

            connect_all(&fd, 1);
            channel = give_to_me(&old);
            packet = receive(channel, CHANNEL_SESSION, piece);
            close(packet.fd);
            if (way == REFUSES)
                channel_send(channel, &refused, NULL);
            if (way == COUNTS)
                channel_send(channel, &count, NULL);
            if (way == SAYS_NOTHING_THAT_COUNTS)
                cr_assert_eq(send(channel, "nonsense", 8, MSG_NOSIGNAL), 8);
            if (way != ENDS)
                cr_assert(has_ended(channel), "model %d, way %d", model, way);
            close(channel);
            cr_assert(echoes(fd, "second"), "model %d, way %d", model, way);
            close(fd);
            cr_assert_eq(end_of(&old), 0);
        }
}

/* Bytes that the peer had no room for go with the session, in pieces, in order. */
Test(handover_peer, unsent_bytes_travel) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        static char data[60000];
        struct member old = start(model, 1, false), fresh;
        int fd = connect_one();
        size_t sent = 0, got = 0;
        ssize_t n;

        for (int idle = 0; idle < 50;) {
            for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (char)((sent + i) * 131 + (sent + i) / 251);
            n = send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            idle = n > 0 ? 0 : idle + 1;
            if (n < 0)
                usleep(1000);
        }
        fresh = start(model, 1, true);
        replace(&old, &fresh);
        cr_assert_eq(end_of(&old), 0);
        cr_assert_eq(sessions(&fresh), 1);
        while (got < sent && (n = recv(fd, data, sizeof(data), 0)) > 0)
            for (ssize_t i = 0; i < n && data[i] == (char)(got * 131 + got / 251); i++)
                got++;
        cr_assert_eq(got, sent, "model %d: %zu of %zu bytes", model, got, sent);
        cr_assert(echoes(fd, "and so on"));
        close(fd);
        kill(fresh.pid, SIGKILL);
        end_of(&fresh);
    }
}

/* ---- the test is the old worker ---- */

static const struct parcel good = { .type = "echo", .proto = NET_UNIX, .slot = GATE_NO_SLOT };

static int send_parcel(int channel, const struct parcel *parcel, int fd, uint64_t told_len) {
    char body[4096];
    struct channel_packet packet = { .kind = CHANNEL_SESSION, .fd = fd };

    parcel_encode(parcel, body);
    packet.len = parcel_size(parcel);
    packet.value = told_len != 0 ? told_len : packet.len;
    return channel_send(channel, &packet, body);
}

static void end_fresh(struct member *fresh) {
    int fd = connect_one();

    cr_assert(echoes(fd, "still here"));
    close(fd);
    kill(fresh->pid, SIGTERM);
    cr_assert_eq(end_of(fresh), 0);
}

Test(handover_peer, bytes_read_and_not_used_are_given_to_the_service) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member fresh = start(model, 1, true);
        struct parcel parcel = good;
        char back[32] = "";
        int fd[2], channel = take_from_me(&fresh);

        parcel.unread = "unread";
        parcel.unread_len = 6;
        parcel.unsent = "unsent ";
        parcel.unsent_len = 7;
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        cr_assert_eq(send_parcel(channel, &parcel, fd[1], 0), 0);
        close(fd[1]);
        for (size_t got = 0; got < 13;) {
            ssize_t n = recv(fd[0], back + got, sizeof(back) - got, 0);
            cr_assert_gt(n, 0);
            got += (size_t)n;
        }
        cr_assert_str_eq(back, "unsent unread", "model %d", model);
        close(fd[0]);
        close(channel);
        order(&fresh, ORDER_OPEN, -1);
        end_fresh(&fresh);
    }
}

/* What it has said goes in no more: then it is not its session, and it keeps its hands off. */
Test(handover_peer, session_that_cannot_be_accepted_is_not_touched) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member fresh = start(model, 4, true);
        int fd[2], channel;
        char byte = 0;

        kill(fresh.pid, SIGSTOP);
        channel = take_from_me(&fresh);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        cr_assert_eq(send_parcel(channel, &good, fd[1], 0), 0);
        shutdown(channel, SHUT_RD);
        kill(fresh.pid, SIGCONT);
        cr_assert_eq(send(fd[0], "x", 1, 0), 1);
        order(&fresh, ORDER_OPEN, -1);
        end_fresh(&fresh);
        cr_assert_eq(recv(fd[1], &byte, 1, MSG_DONTWAIT), 1, "model %d has read it", model);
        cr_assert_eq(fcntl(fd[1], F_GETFL) & O_NONBLOCK, 0);
        close(fd[0]);
        close(fd[1]);
        close(channel);
    }
}

/* The old one closes its own a moment later, or is stopped before it does. */
Test(handover_peer, descriptor_that_the_old_worker_still_has_does_no_harm) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member fresh = start(model, 8, false);
        int fd[2][2], channel = take_from_me(&fresh);

        for (unsigned i = 0; i < (model == WORKER_PROCESS ? 1 : 2); i++) {
            cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd[i]), 0);
            cr_assert_eq(send_parcel(channel, &good, fd[i][1], 0), 0);
            cr_assert(echoes(fd[i][0], "hello"), "model %d", model);
            close(fd[i][0]);
            UNTIL(sessions(&fresh) == 0);
        }
        for (unsigned i = 0; i < 5; i++) {
            int more = connect_one();
            cr_assert(echoes(more, "still here"), "model %d", model);
            close(more);
        }
        end_fresh(&fresh);
        close(channel);
    }
}

/* How the new worker takes what is wrong: the channel ends, and it serves on. */
static void expect_end(void (*send_wrong)(int channel, const int *fd)) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        struct member fresh = start(model, 4, false);
        int fd[2], channel = take_from_me(&fresh);

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        send_wrong(channel, fd);
        close(fd[1]);
        cr_assert(has_ended(channel), "model %d", model);
        cr_assert_eq(recv(fd[0], (char[1]){ 0 }, 1, 0), 0, "it kept the descriptor");
        close(fd[0]);
        close(channel);
        cr_assert_eq(sessions(&fresh), 0);
        end_fresh(&fresh);
    }
}

static void send_nonsense(int channel, const int *fd) {
    (void)fd;
    cr_assert_eq(send(channel, "nonsense", 8, MSG_NOSIGNAL), 8);
}

static void send_no_descriptor(int channel, const int *fd) {
    (void)fd;
    cr_assert_eq(send_parcel(channel, &good, -1, 0), 0);
}

static void send_pipe(int channel, const int *fd) {
    int ends[2];

    (void)fd;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(send_parcel(channel, &good, ends[0], 0), 0);
}

static void send_other_kind(int channel, const int *fd) {
    struct parcel parcel = good;

    parcel.proto = NET_TCP;
    parcel.peer.sa.in.sin_family = AF_INET;
    parcel.peer.len = sizeof(parcel.peer.sa.in);
    cr_assert_eq(send_parcel(channel, &parcel, fd[1], 0), 0);
}

static void send_other_service(int channel, const int *fd) {
    struct parcel parcel = good;

    strcpy(parcel.type, "chat");
    cr_assert_eq(send_parcel(channel, &parcel, fd[1], 0), 0);
}

static void send_row_that_is_none(int channel, const int *fd) {
    struct parcel parcel = good;

    parcel.row = SCOREBOARD_ROWS;
    cr_assert_eq(send_parcel(channel, &parcel, fd[1], 0), 0);
}

static void send_more_than_told(int channel, const int *fd) {
    cr_assert_eq(send_parcel(channel, &good, fd[1], parcel_size(&good) - 1), 0);
}

static void send_two_at_once(int channel, const int *fd) {
    cr_assert_eq(send_parcel(channel, &good, fd[1], parcel_size(&good) + 10), 0);
    cr_assert_eq(send_parcel(channel, &good, fd[1], 0), 0);
}

static void send_piece_of_nothing(int channel, const int *fd) {
    const struct channel_packet packet = { .kind = CHANNEL_MORE, .value = 7, .len = 1, .fd = -1 };

    (void)fd;
    cr_assert_eq(channel_send(channel, &packet, "x"), 0);
}

static void send_answer(int channel, const int *fd) {
    const struct channel_packet packet = { .kind = CHANNEL_TAKEN, .fd = fd[1] };

    cr_assert_eq(channel_send(channel, &packet, NULL), 0);
}

Test(handover_peer, what_is_wrong_is_closed) {
    void (*const wrong[])(int, const int *) = { send_nonsense, send_no_descriptor, send_pipe,
        send_other_kind, send_other_service, send_row_that_is_none, send_more_than_told,
        send_two_at_once, send_piece_of_nothing, send_answer };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_end(wrong[i]);
}

/* Its length is looked at before memory is taken; the pieces of it are passed over. */
Test(handover_peer, parcel_that_is_too_long_is_refused) {
    struct member fresh = start(WORKER_EVENT, 4, false);
    char piece[CHANNEL_PIECE_BYTES] = "";
    int fd[2], channel = take_from_me(&fresh);

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    cr_assert_eq(send_parcel(channel, &good, fd[1], UINT64_MAX / 2), 0);
    receive(channel, CHANNEL_REFUSED, piece);
    close(fd[0]);
    close(fd[1]);
    close(channel);
    end_fresh(&fresh);
}

Test(handover_peer, old_worker_that_says_nothing_keeps_the_door_shut_for_a_moment) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++) {
        const struct channel_packet count = { .kind = CHANNEL_COUNT, .value = 1, .fd = -1 };

        for (int says = 0; says < 2; says++) {
            struct member fresh = start(model, 1, true);
            int channel = take_from_me(&fresh), fd = connect_one();
            uint64_t began_ms = clock_now_ms();

            if (says)
                cr_assert_eq(channel_send(channel, &count, NULL), 0);
            order(&fresh, ORDER_OPEN, -1);
            cr_assert(echoes(fd, "hello"), "model %d", model);
            cr_assert_geq(clock_now_ms() - began_ms, CHANNEL_SILENCE_MS - 1);
            cr_assert_leq(clock_now_ms() - began_ms, 20 * CHANNEL_SILENCE_MS);
            close(fd);
            close(channel);
            end_fresh(&fresh);
        }
    }
}

/* How long a connection waits at the door of a new worker whose old one ends, or has none to give.
 */
static uint64_t wait_at_door(enum worker_model model, bool says) {
    const struct channel_packet none = { .kind = CHANNEL_COUNT, .value = 0, .fd = -1 };
    struct member fresh = start(model, 1, true);
    int channel = take_from_me(&fresh), fd = connect_one();
    uint64_t began_ms = clock_now_ms(), waited_ms;

    order(&fresh, ORDER_OPEN, -1);
    if (says)
        cr_assert_eq(channel_send(channel, &none, NULL), 0);
    else
        close(channel);
    cr_assert(echoes(fd, "hello"), "model %d", model);
    waited_ms = clock_now_ms() - began_ms;
    close(fd);
    if (says)
        close(channel);
    end_fresh(&fresh);
    return waited_ms;
}

Test(handover_peer, old_worker_that_ends_or_has_none_opens_the_door_at_once) {
    for (enum worker_model model = WORKER_PROCESS; model <= WORKER_EVENT; model++)
        for (int says = 0; says < 2; says++) {
            bool is_quick = false;

            /* A busy machine may be slow now and then. */
            for (unsigned i = 0; i < 20 && !is_quick; i++)
                is_quick = wait_at_door(model, says != 0) < CHANNEL_SILENCE_MS / 2;
            cr_assert(is_quick, "model %d, says %d", model, says);
        }
}
