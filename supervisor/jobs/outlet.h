#ifndef SUPERVISOR_JOBS_OUTLET_H
#define SUPERVISOR_JOBS_OUTLET_H

/*
 * What waits to be written to a peer: lines and small pieces in a bounded buffer, big pieces
 * straight from a file. Nothing is sent before outlet_flush(), so that what is said in one turn of
 * the loop leaves in one call.
 * Job supervisor only; never blocks on the peer.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OUTLET_PAUSE 65536u     /* who has so much to read is told nothing new */
#define OUTLET_MAX   (1u << 20) /* what is more breaks it */

struct outlet {
    int fd; /* borrowed; -1: what is written stays in the buffer */
    char *buf;
    size_t len, size;
    uint64_t sent;  /* bytes ever */
    bool is_broken; /* the other side is gone, or something that had to be said found no room */
};

void outlet_fini(struct outlet *outlet);

/* Bytes that may be put before it is told to pause. */
size_t outlet_room(const struct outlet *outlet);

void outlet_put(struct outlet *outlet, const void *data, size_t len);

/* A line of JSON. */
void outlet_put_line(struct outlet *outlet, const json_t *object);

/* len bytes of the file from byte `at` on; fewer than that break the outlet. */
void outlet_put_file(struct outlet *outlet, int file_fd, uint64_t at, size_t len);

/* Send what the socket takes. */
void outlet_flush(struct outlet *outlet);

/*
 * Send up to len bytes of the file from byte `at` on, past the buffer, which must be empty.
 * Returns how many; 0 when the socket takes none now, or when the outlet is broken.
 */
size_t outlet_send_file(struct outlet *outlet, int file_fd, uint64_t at, size_t len);

#endif
