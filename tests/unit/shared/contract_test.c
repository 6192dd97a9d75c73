/* Records between parent and child: whole, checked, with descriptors that never leak. */
#include "shared/contract.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int parent_fd, child_fd;

static void open_pair(void) {
    cr_assert_eq(contract_pair(&parent_fd, &child_fd), 0);
}

static unsigned count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

TestSuite(contract, .init = open_pair);

Test(contract, record_comes_as_it_was_sent) {
    struct contract_record sent = { .kind = REPORT_READY,
        .pid = 7,
        .generation = 8,
        .value = UINT64_MAX,
        .more = 9 },
                           got;
    int fds[CONTRACT_FDS_MAX];
    unsigned count;

    cr_assert_eq(contract_send(child_fd, &sent, NULL, 0), 0);
    cr_assert_eq(contract_receive(parent_fd, &got, fds, &count), 1);
    sent.magic = got.magic;
    cr_assert_eq(memcmp(&sent, &got, sizeof(got)), 0);
    cr_assert_eq(count, 0);
    cr_assert_eq(contract_receive(parent_fd, &got, fds, &count), -1);
    cr_assert_eq(errno, EAGAIN);
    cr_assert(fcntl(parent_fd, F_GETFD) & FD_CLOEXEC && fcntl(child_fd, F_GETFD) & FD_CLOEXEC);
}

Test(contract, descriptors_come_along_closed_on_exec) {
    struct contract_record record = { .kind = ORDER_LANE };
    int fds[CONTRACT_FDS_MAX], ends[2];
    unsigned count;
    char byte = 'x';

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(contract_send(parent_fd, &record, (int[]){ ends[0], ends[1], child_fd }, 3), 0);
    cr_assert_eq(contract_receive(child_fd, &record, fds, &count), 1);
    cr_assert_eq(count, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(write(fds[1], &byte, 1), 1);
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    cr_assert_eq(contract_send(parent_fd, &record, (int[4]){ 0 }, 4), -1);
    cr_assert_eq(errno, EINVAL);
}

Test(contract, what_is_no_record_is_refused_and_its_descriptors_closed) {
    char bytes[2 * sizeof(struct contract_record)] = { 0 };
    struct contract_record good = { .kind = REPORT_PONG }, got;
    int fds[CONTRACT_FDS_MAX], many[8] = { 0 };
    unsigned before, count;

    cr_assert_eq(contract_send(child_fd, &good, NULL, 0), 0);
    cr_assert_eq(recv(parent_fd, &good, sizeof(good), 0), (ssize_t)sizeof(good));
    memcpy(bytes, &good, sizeof(good));
    before = count_descriptors();
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct iovec part = { bytes, len };
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(sizeof(many))];
        } control = { 0 };
        size_t with = len % 9 * sizeof(int);
        struct msghdr message = { .msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = control.space,
            .msg_controllen = CMSG_SPACE(with) };

        if (len == sizeof(good))
            continue;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(with);
        cr_assert_eq(sendmsg(child_fd, &message, 0), (ssize_t)len);
        cr_assert_eq(contract_receive(parent_fd, &got, fds, &count), -1, "%zu bytes", len);
        cr_assert_eq(errno, EPROTO);
        cr_assert_eq(count, 0);
    }
    bytes[0] ^= 1;
    cr_assert_eq(send(child_fd, bytes, sizeof(good), 0), (ssize_t)sizeof(good));
    cr_assert_eq(contract_receive(parent_fd, &got, fds, &count), -1);
    cr_assert_eq(errno, EPROTO);
    good.kind = CONTRACT_KINDS;
    cr_assert_eq(contract_send(child_fd, &good, NULL, 0), 0);
    cr_assert_eq(contract_receive(parent_fd, &got, fds, &count), -1);
    cr_assert_eq(errno, EPROTO);
    cr_assert_eq(count_descriptors(), before);
}

Test(contract, end_is_told_after_the_last_record) {
    struct contract_record record = { .kind = ORDER_PING, .value = 1 };
    int fds[CONTRACT_FDS_MAX];
    unsigned count;

    /* What the peer did not read makes the kernel say ECONNRESET first. */
    cr_assert_eq(contract_send(child_fd, &record, NULL, 0), 0);
    cr_assert_eq(contract_send(parent_fd, &record, NULL, 0), 0);
    close(parent_fd);
    cr_assert_eq(contract_receive(child_fd, &record, fds, &count), 1);
    cr_assert_eq(contract_receive(child_fd, &record, fds, &count), 0);
    cr_assert_eq(contract_send(child_fd, &record, NULL, 0), -1);
}

Test(contract, peer_that_does_not_read_blocks_nobody) {
    struct contract_record record = { .kind = ORDER_PING };
    unsigned sent = 0;

    while (contract_send(parent_fd, &record, NULL, 0) == 0)
        sent++;
    cr_assert_eq(errno, EAGAIN);
    cr_assert_gt(sent, 50);
}
