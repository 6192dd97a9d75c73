#ifndef SHARED_CONTRACT_H
#define SHARED_CONTRACT_H

/*
 * What the supervisor and its children say to each other: fixed-size records over one
 * SOCK_SEQPACKET socketpair per child. Orders go down, reports go up; a report is gossip, checked
 * for size, magic, pid and generation before it is believed. The end of the stream tells a child
 * that its parent is dead.
 *
 * A child is told to leave by signals, because a blocking one does not read orders: SIGTERM
 * drains it (no more accepting, sessions go on), CONTRACT_SIGNAL_GIVE drains it and makes it look
 * for an ORDER_GIVE, sent before, CONTRACT_SIGNAL_CUT ends its sessions, SIGKILL ends it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <signal.h>

#define CONTRACT_SIGNAL_CUT  SIGRTMIN
#define CONTRACT_SIGNAL_GIVE (SIGRTMIN + 1)

#define CONTRACT_FDS_MAX 3

enum contract_kind {
    /* orders */
    ORDER_LANE = 1, /* log writer: the read ends of a new lane; value: index */
    ORDER_REOPEN,   /* log writer: switch to a new file, then REPORT_REOPENED; value: echoed */
    ORDER_LOOK,     /* worker: connections may be waiting: try to accept */
    ORDER_EMPTY,    /* worker: the listeners will be closed: accept what still waits; value: when */
    ORDER_PING,     /* answered by REPORT_PONG; value: echoed */
    ORDER_OPEN,     /* a held worker may let connections in */
    ORDER_GIVE,     /* worker: give its sessions through this channel, and leave as in a drain */
    ORDER_TAKE,     /* worker: sessions come through this channel */
    ORDER_PEER,     /* jobs: a connection, and a memfd of what was read from it: at least a line */
    ORDER_CONFIG,   /* jobs: another configuration, a memfd of its text; value: generation */
    ORDER_WORK,     /* job worker: a ring and a job's text; value: solo chunk; more: first lane */
    /* reports */
    REPORT_READY,    /* the child serves */
    REPORT_SHORT,    /* a worker sees fewer spare workers than wanted */
    REPORT_LOOK,     /* a worker was woken for a connection that it has no room for */
    REPORT_RECYCLE,  /* a worker has served its share and asks to be replaced */
    REPORT_REOPENED, /* value: of the order; more: errno, 0 when done */
    REPORT_PONG,
    CONTRACT_KINDS,
};

struct contract_record {
    uint32_t magic;
    uint32_t kind;
    int32_t pid;         /* of the child, whoever writes */
    uint32_t generation; /* of the child: two lives of one slot differ */
    uint64_t value, more;
};

/* A pair, closed on exec, non-blocking on both ends. Returns 0, or -1 with errno. */
int contract_pair(int *out_parent_fd, int *out_child_fd);

/*
 * Send a record, with fd_count descriptors (they stay open here). Either side, any process;
 * does not block. Returns 0, or -1 with errno (EAGAIN: the peer does not read).
 */
int contract_send(int fd, const struct contract_record *record, const int *fds, unsigned fd_count);

/*
 * Receive one record. Descriptors that come with it are put in fds (CONTRACT_FDS_MAX), closed on
 * exec; the caller owns them. Does not block.
 * Returns 1, 0 at the end of the stream, or -1 with errno: EAGAIN when there is none, EPROTO when
 * it was not a record (it is gone then, its descriptors closed).
 */
int contract_receive(int fd, struct contract_record *out, int *fds, unsigned *out_fd_count);

#endif
