#ifndef SUPERVISOR_CLI_CONTROL_TALK_H
#define SUPERVISOR_CLI_CONTROL_TALK_H

/*
 * One connection to the control socket, and what comes over it: lines of JSON and, where they are
 * expected, bytes behind a line {"data":N}. Complains of nothing and waits for nothing but a
 * connection: control_client.h and job_client.h say what is to be done.
 *
 *     open -> ask -> receive, next ... next NOTHING, receive, ... -> close
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A question has at most so many bytes, its newline apart; and N above. */
#define CONTROL_TALK_LINE_MAX 65536u
#define CONTROL_TALK_DATA_MAX (256u * 1024u)

struct control_talk {
    int fd;        /* -1: not connected */
    bool has_data; /* lines {"data":N} are followed by bytes; set by the caller after the opening */
    char *buf;
    size_t used, len, size; /* what is in buf and not taken: [used, len) */
    size_t data_left;       /* of the bytes that follow the last such line */
};

/*
 * Connect; the talk need not be closed when that fails. wait_ms is for how long that and asking
 * may block; UINT64_MAX: for ever; 0: not at all.
 * Returns 0 or a number of errno: EAGAIN when it would take longer, ENAMETOOLONG.
 */
int control_talk_open(struct control_talk *talk, const char *path, uint64_t wait_ms);

/* Harmless when it is not connected. */
void control_talk_close(struct control_talk *talk);

/*
 * Send a question; args is taken, NULL: none. Returns 0 or a number of errno: EILSEQ for text that
 * is not UTF-8, E2BIG, EAGAIN when it was not read in time. Whoever was turned away is not told
 * so here: the reason stands in what there is to read.
 */
int control_talk_ask(struct control_talk *talk, const char *verb, json_t *args);

/*
 * Take what has come. Does not block. Returns how many bytes, 0 at the end, or -1 with errno:
 * EAGAIN, EMSGSIZE for a line without end. What control_talk_next() gave is gone.
 */
ssize_t control_talk_receive(struct control_talk *talk);

enum control_talk_piece {
    CONTROL_TALK_NOTHING, /* that would be whole */
    CONTROL_TALK_LINE,
    CONTROL_TALK_BYTES,
    CONTROL_TALK_GARBAGE, /* who answers is no preforkd */
};

/* What is next: a line that the caller frees, or bytes in out_bytes. */
struct control_talk_bytes {
    const char *at; /* borrowed until the next control_talk_receive() */
    size_t len;
};
enum control_talk_piece control_talk_next(
    struct control_talk *talk, json_t **out_line, struct control_talk_bytes *out_bytes);

#endif
