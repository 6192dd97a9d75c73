#ifndef WORKERS_SERVICES_ECHO_ECHO_CLIENT_H
#define WORKERS_SERVICES_ECHO_ECHO_CLIENT_H

/* One conversation with an echo service: send bytes, get the same ones back. Blocks, within limits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/dial.h"

struct echo_client {
    int fd;                    /* -1 */
    struct dial_target target; /* of the last echo_client_open() */
    uint64_t timeout_ms;       /* for each step */
    unsigned retries;          /* datagrams: how often one is sent again */
    char *reply; /* of the last exchange; as long as what was sent when that went well */
    size_t reply_len, reply_room;
    uint64_t sent_at_ns; /* of the last exchange; of the last try */
    uint64_t lost;       /* datagrams that were not answered in time */
    char *before;        /* what was sent before, when it was sent more than once: may come late */
    size_t before_len;
};

/* Returns an exit code: 0, or with the complaint what dial_open() says. */
int echo_client_open(
    struct echo_client *client, const struct dial_target *target, struct complaint *complaint);

/*
 * Send and wait until as many bytes are back; *out_rtt_ns is how long that took.
 * Returns an exit code: 0 when they are the same; with the complaint 65 when not, 69 when the
 * peer closed, 124 when it did not answer in time.
 */
int echo_client_exchange(struct echo_client *client, const char *data, size_t len,
    uint64_t *out_rtt_ns, struct complaint *complaint);

/* Say that no more comes, and see that nothing more comes back. Returns an exit code, as above. */
int echo_client_finish(struct echo_client *client, struct complaint *complaint);

void echo_client_close(struct echo_client *client);

#endif
