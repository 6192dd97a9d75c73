#ifndef SHARED_FRAME_H
#define SHARED_FRAME_H

/*
 * What a worker reports through its pipe: frames of a fixed header and a payload, both
 * checksummed. A chunk is zero or more PART frames and then one DONE, or one FAIL. A frame that a
 * death cut short is never complete, so it is never taken.
 * Pure; callable anywhere. Both ends are the same program on the same machine: host byte order.
 */

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC       0x4d524650u /* "PFRM" */
#define FRAME_PAYLOAD_MAX (256u * 1024u)

enum frame_type {
    FRAME_PART = 1, /* some bytes of the chunk's rendered result, in order */
    FRAME_DONE,     /* the last bytes; the chunk is complete */
    FRAME_FAIL,     /* the kernel gave up; the payload says why */
    FRAME_LEFT,     /* a warm worker is done with the job; no chunk, no payload */
};

struct frame {
    uint32_t magic;
    uint16_t type;
    uint16_t lane;
    uint64_t chunk;
    uint64_t records;  /* DONE: results in the whole chunk */
    uint64_t digested; /* DONE: bytes of canonical records under `digest` */
    uint32_t epoch;
    uint32_t digest; /* DONE: crc32c of the canonical records of the whole chunk */
    uint32_t part;   /* 0, 1, 2 … within the chunk: a missing one is seen */
    uint32_t len;    /* of the payload that follows */
    uint32_t payload_crc;
    uint32_t header_crc; /* of all the fields above */
};

/* Fill magic and both checksums; the other fields and the payload are the caller's. */
void frame_seal(struct frame *frame, const void *payload);

enum frame_verdict {
    FRAME_COMPLETE,
    FRAME_MORE, /* not all bytes are here yet */
    FRAME_BAD,  /* this is not a frame: the stream is of no more use */
};

/*
 * Look for one frame at the beginning of len bytes. With FRAME_COMPLETE, *out is the header and
 * *out_payload points into data. The length is checked before anything is read by it.
 */
enum frame_verdict frame_read(
    const void *data, size_t len, struct frame *out, const char **out_payload);

#endif
