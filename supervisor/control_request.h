#ifndef SUPERVISOR_CONTROL_REQUEST_H
#define SUPERVISOR_CONTROL_REQUEST_H

/*
 * One question of a peer, from its line to the last line of the answer. Knows no socket: what it
 * says goes to a function that its owner gave. Parent only; never blocks.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/complaint.h"

struct control_verb;
struct supervisor;

#define CONTROL_REQUEST_LINE_MAX 65536
#define CONTROL_REQUEST_WORDS    256

struct control_request {
    /* set by the owner before the first line */
    struct supervisor *supervisor;
    void (*send)(void *owner, json_t *object); /* one line; does not keep the object */
    /* Hand the connection to the job supervisor. 0: it is gone; -1 with errno: it is not. */
    int (*give)(void *owner);
    void *owner;
    uint64_t id; /* differs for each peer that ever came */
    bool is_admin;
    uid_t uid; /* of the peer, */
    pid_t pid; /* as far as the kernel says */
    /* of the question in hand */
    const struct control_verb *verb; /* NULL: there is none */
    json_t *args;
    char service[64];                     /* args.service; "" without */
    char progress[CONTROL_REQUEST_WORDS]; /* as last told */
    uint64_t run;                         /* of a reload, that it waits for */
    uint64_t until_ns;                    /* how long it waits for the job supervisor */
    bool is_following;                    /* wants events until it goes */
    bool is_about_end;                    /* the end of the daemon is its answer */
};

/* Take a line and answer it, or leave the question in hand. There must be none in hand. */
void control_request_take(struct control_request *request, const char *line, size_t len);

/* Look whether what it waits for has happened. Nothing to do when no question is in hand. */
void control_request_look(struct control_request *request);

/* The daemon ends: answer what is in hand. */
void control_request_end(struct control_request *request);

/* Forget the question without an answer: the peer is gone. */
void control_request_drop(struct control_request *request);

/* ---- for the verbs ---- */

/* An argument that is true or false; fallback when it is not there. */
bool control_request_flag(const struct control_request *request, const char *name, bool fallback);

/* One line of the answer; takes the object. */
void control_request_say(struct control_request *request, json_t *object);

/* A line about how far it is, when it differs from the one before. */
void control_request_tell(struct control_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last line. format is the error's text; NULL when there is none. */
void control_request_finish(struct control_request *request, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A JSON string of any bytes: what is not UTF-8 is escaped. */
json_t *control_request_text(const char *text);

#endif
