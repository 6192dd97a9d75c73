#ifndef WORKERS_WORKER_H
#define WORKERS_WORKER_H

/*
 * A worker: the life of a forked child that serves. It accepts from listeners that the supervisor
 * owns, hands each connection to its model, answers datagrams, and leaves when it is told to:
 * SIGTERM stops accepting and lets sessions end by themselves, CONTRACT_SIGNAL_GIVE does the same
 * and hands over those it can, CONTRACT_SIGNAL_CUT ends them between two messages, the end of the
 * order socket means that the supervisor is dead.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/gate.h"
#include "shared/net.h"
#include "shared/owner.h"
#include "shared/room.h"
#include "shared/scoreboard.h"
#include "workers/services/service.h"

#define WORKER_LISTENERS_MAX 8

enum worker_model { WORKER_PROCESS, WORKER_THREAD, WORKER_EVENT };

struct worker_listener {
    enum net_proto proto;
    int fd; /* non-blocking */
    struct net_address address;
};

struct worker_args {
    const struct service_ops *ops;
    const void *settings;
    const char *service_name;
    enum worker_model model;
    enum service_lang lang;
    struct worker_listener listener[WORKER_LISTENERS_MAX];
    unsigned listener_count;
    struct gate *gate;
    struct scoreboard *board;
    int row;
    uint32_t generation;
    int order_fd;
    bool is_held;        /* lets nobody in before ORDER_OPEN */
    struct room *room;   /* SERVICE_MAIL; else NULL */
    int room_row;        /* in it */
    struct owner *owner; /* SERVICE_OWNS_DATAGRAMS, or memory of the service's; else NULL */
    unsigned wire_mode;  /* enum wire_mode */

    unsigned sessions_max; /* of this worker: threads_per_child, worker_connections */
    bool refuses_when_full;
    const char *full_line;                      /* NULL: closed without a word */
    uint64_t capacity;                          /* sessions of all workers; 0: not known */
    uint64_t idle_timeout_ms, write_timeout_ms; /* 0: none */
    uint64_t first_message_timeout_ms;          /* of texts; 0: none */
    uint64_t message_timeout_ms;                /* likewise, of each that has begun */
    size_t write_buffer_bytes;
    unsigned spare_wanted;                  /* fewer workers with room are reported; 0: never */
    uint64_t max_requests;                  /* of this worker, jitter included; 0: no limit */
    uint64_t reload_on_pss_bytes;           /* 0: no limit */
    uint64_t max_rate, max_rate_per_source; /* 0: gate_pass_rate() is not asked */
};

/*
 * The memory of a worker, in pages of its own: what lies on the heap shares its pages with what
 * the supervisor goes on writing, and each such page is one more copy. Child only, once.
 * Returns its args, all zero and for the caller to fill; without memory it leaves the process.
 */
struct worker_args *worker_new(void);

/* args are those of worker_new(). Child only, as the last thing. Blocks until told to leave. */
_Noreturn void worker_main(struct worker_args *args);

#endif
