#ifndef WORKERS_SERVICES_CHAT_CHAT_JSON_H
#define WORKERS_SERVICES_CHAT_CHAT_JSON_H

/*
 * The chat for programs: JSON objects, each a message of its own. Pure but for malloc.
 *
 * From the server; all that have a place in the order have "seq" and "ts":
 *
 *     {"t":"hello","v":1,"room":ROOM,"seq":S}               to HELLO
 *     {"t":"welcome","name":N,"room":ROOM,"key":KEY,"members":M,"again":bool}
 *     {"t":"msg","from":N,"text":T}  {"t":"me",...}         "history":true for earlier ones
 *     {"t":"private","from":N,"to":N,"text":T}
 *     {"t":"ok","id":I}                                     the member's own, in its place
 *     {"t":"joined","name":N}  {"t":"left","name":N}  {"t":"nick","from":N,"name":N}
 *     {"t":"gap","from":S,"to":S}                           these are gone
 *     {"t":"crowd","joined":J,"left":L,"members":M}         more than can be named
 *     {"t":"err","code":C,"text":T,"id":I,"hint":H}  {"t":"bye","code":C}
 *     {"t":"who","members":M,"names":[...]}  {"t":"info","text":T}  {"t":"pong"}
 *
 * From the client: {"t":"join","name":N} {"t":"say","id":I,"text":T} {"t":"me",...}
 * {"t":"private","to":N,"id":I,"text":T} {"t":"nick","name":N} {"t":"who"} {"t":"history","n":N}
 * {"t":"quiet","on":bool} {"t":"help"} {"t":"ping"} {"t":"quit"}
 */

#include "workers/services/chat/chat_show.h"

void chat_json_event(struct chat_buffer *out, const struct chat_scene *scene,
    const struct chat_event *event, const struct chat_ear *ear);
void chat_json_history(struct chat_buffer *out, const struct chat_event *event);

enum chat_verb {
    CHAT_VERB_JOIN,
    CHAT_VERB_SAY,
    CHAT_VERB_ME,
    CHAT_VERB_PRIVATE,
    CHAT_VERB_NICK,
    CHAT_VERB_WHO,
    CHAT_VERB_HISTORY,
    CHAT_VERB_QUIET,
    CHAT_VERB_HELP,
    CHAT_VERB_PING,
    CHAT_VERB_QUIT,
    CHAT_VERBS,
};

/* What somebody wants, whichever way he wrote it. */
struct chat_request {
    enum chat_verb verb;
    uint64_t id;           /* the client's number; 0: none */
    struct chat_text name; /* JOIN, NICK: to be; PRIVATE: of whom */
    struct chat_text text; /* SAY, ME, PRIVATE */
    uint64_t number;       /* HISTORY: how many, 0: as usual */
    int on;                /* QUIET: 1, 0; -1: the other way round */
    void *memory;          /* that the texts lie in; NULL: the caller's */
};

/* Read one object. Returns NULL, or what is wrong with it; then *out has at most the id. */
const char *chat_json_read(struct chat_request *out, const char *text, size_t len);
void chat_json_free(struct chat_request *request);

#endif
