/* Packets between two workers; and what the kernel promises, on which all of it rests. */
#include "workers/channel.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/contract.h"

static int ours, theirs;
static char piece[CHANNEL_PIECE_BYTES];
static struct channel_packet packet;

static void open_channel(void) {
    cr_assert_eq(contract_pair(&ours, &theirs), 0);
}

TestSuite(channel, .init = open_channel);

static int send_kind(int channel, enum channel_kind kind) {
    return channel_send(channel, &(struct channel_packet){ .kind = kind, .fd = -1 }, NULL);
}

static unsigned count_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

Test(channel, packet_comes_with_its_piece_and_its_descriptor) {
    const struct channel_packet sent = { .kind = CHANNEL_SESSION, .value = 77, .len = 5, .fd = 0 };

    cr_assert_eq(channel_send(ours, &sent, "hello"), 0);
    cr_assert_eq(channel_receive(theirs, &packet, piece, sizeof(piece)), 1);
    cr_assert_eq(packet.kind, CHANNEL_SESSION);
    cr_assert_eq(packet.value, 77);
    cr_assert_eq(packet.len, 5);
    cr_assert_arr_eq(piece, "hello", 5);
    cr_assert_gt(packet.fd, 0);
    cr_assert_eq(channel_receive(theirs, &packet, piece, sizeof(piece)), -1);
    cr_assert_eq(errno, EAGAIN);
    close(ours);
    cr_assert_eq(channel_receive(theirs, &packet, piece, sizeof(piece)), 0);
}

Test(channel, what_is_no_packet_leaves_no_descriptor_behind) {
    const int fds[3] = { 0, 1, 2 };
    unsigned before = count_descriptors();

    /* A record of the contract, with one, two and three descriptors. */
    for (unsigned n = 1; n <= 3; n++) {
        cr_assert_eq(
            contract_send(ours, &(struct contract_record){ .kind = ORDER_PING }, fds, n), 0);
        cr_assert_eq(channel_receive(theirs, &packet, piece, sizeof(piece)), -1);
        cr_assert_eq(errno, EPROTO);
        cr_assert_eq(count_descriptors(), before, "%u descriptors", n);
    }
}

Test(channel, piece_that_is_longer_than_wanted_is_refused) {
    const struct channel_packet sent = { .kind = CHANNEL_TAKEN, .len = 5, .fd = 1 };
    unsigned before = count_descriptors();

    cr_assert_eq(channel_send(ours, &sent, "hello"), 0);
    cr_assert_eq(channel_receive(theirs, &packet, NULL, 0), -1);
    cr_assert_eq(errno, EPROTO);
    cr_assert_eq(count_descriptors(), before);
}

/* Law of the hand-over: nothing goes in after the reading side is shut, what is in can be read. */
Test(channel, nothing_goes_in_when_reading_is_shut) {
    cr_assert_eq(send_kind(theirs, CHANNEL_TAKEN), 0);
    cr_assert_eq(shutdown(ours, SHUT_RD), 0);
    cr_assert_eq(send_kind(theirs, CHANNEL_TAKEN), -1);
    cr_assert_eq(errno, EPIPE);
    cr_assert_eq(channel_receive(ours, &packet, NULL, 0), 1);
    cr_assert_eq(packet.kind, CHANNEL_TAKEN);
    cr_assert_eq(channel_receive(ours, &packet, NULL, 0), 0);
}

/* A peer that closes without having read is told as an error once: before what it had said. */
Test(channel, what_was_said_before_the_end_is_heard) {
    cr_assert_eq(send_kind(ours, CHANNEL_COUNT), 0);
    cr_assert_eq(send_kind(theirs, CHANNEL_TAKEN), 0);
    close(theirs);
    cr_assert_eq(channel_receive(ours, &packet, NULL, 0), 1);
    cr_assert_eq(packet.kind, CHANNEL_TAKEN);
    cr_assert_eq(channel_receive(ours, &packet, NULL, 0), 0);
}

static void *say_and_close(void *channel) {
    send_kind(*(int *)channel, CHANNEL_TAKEN);
    close(*(int *)channel);
    return NULL;
}

/* The kernel may tell the end though something was said just before it. */
Test(channel, what_is_said_while_somebody_looks_is_heard) {
    for (unsigned i = 0; i < 10000; i++) {
        pthread_t thread;
        int pair[2], rc;

        cr_assert_eq(contract_pair(&pair[0], &pair[1]), 0);
        cr_assert_eq(pthread_create(&thread, NULL, say_and_close, &pair[1]), 0);
        while ((rc = channel_receive(pair[0], &packet, NULL, 0)) < 0)
            ;
        cr_assert_eq(rc, 1, "lost in round %u", i);
        pthread_join(thread, NULL);
        close(pair[0]);
    }
}

Test(channel, full_one_says_so) {
    struct channel_packet sent = { .kind = CHANNEL_MORE, .len = sizeof(piece), .fd = -1 };
    unsigned count = 0;

    while (channel_send(ours, &sent, piece) == 0)
        count++;
    cr_assert_eq(errno, EAGAIN);
    cr_assert_gt(count, 1);
    cr_assert_eq(channel_receive(theirs, &packet, piece, sizeof(piece)), 1);
    cr_assert_eq(packet.len, sizeof(piece));
    cr_assert_eq(channel_send(ours, &sent, piece), 0);
}
