#ifndef SUPERVISOR_JOBS_REQUEST_H
#define SUPERVISOR_JOBS_REQUEST_H

/*
 * One question of a peer, from its line to the last line of the answer. What it says goes to an
 * outlet; which socket that leads to is not its matter.
 *
 *   none --take--> answered, or in hand --go_on, each time that something moved--> answered
 *
 * Job supervisor only; blocks on the disk at most.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/outlet.h"
#include "supervisor/jobs/rights.h"
#include "supervisor/jobs/stream.h"

#define REQUEST_LINE_MAX 65536

struct book;
struct verb;

struct request {
    /* set by the owner before the first line */
    struct book *book;
    struct outlet *outlet;
    struct asker asker;
    struct entry_watcher watcher; /* .moved and .owner are the owner's: call request_go_on() soon */
    /* of the question in hand */
    const struct verb *verb; /* NULL: there is none */
    json_t *args;
    uint64_t now_ns;
    uint64_t wake_at_ns; /* go on then, though nothing has moved; UINT64_MAX: no */
    bool wants_room;     /* there is more to say: go on when the outlet takes it */
    uint64_t next;       /* of a list: goes on there */
    json_t *told;        /* how far the job was, as last said */
    struct stream stream;
};

/* Take a line and answer it, or leave the question in hand. There must be none in hand. */
void request_take(struct request *request, const char *line, size_t len, uint64_t now_ns);

/* Go on with the question in hand, if there is one. */
void request_go_on(struct request *request, uint64_t now_ns);

/* Forget the question without an answer. */
void request_drop(struct request *request);

/* ---- for the verbs ---- */

/* One line of the answer; takes the object. */
void request_say(struct request *request, json_t *object);

/* The last line. format is the error's text; NULL when there is none. */
void request_finish(struct request *request, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An argument; fallback when it is not there. */
bool request_flag(const struct request *request, const char *name, bool fallback);
uint64_t request_number(const struct request *request, const char *name, uint64_t fallback);
const char *request_text(const struct request *request, const char *name);

#endif
