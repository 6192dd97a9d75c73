#ifndef WORKERS_SERVICES_CHAT_CHAT_GUEST_H
#define WORKERS_SERVICES_CHAT_CHAT_GUEST_H

/*
 * Somebody's stay in the room, however he speaks to it: his name and place in the table, and the
 * records that tell the others. The table is changed first and told of after, so that whoever is
 * killed in between leaves a place that shows what is to be done: those who look after the room
 * bury him, and each stay ends with one record, whoever writes it.
 */

#include "workers/services/chat/chat_event.h"
#include "workers/services/chat/chat_room.h"
#include "workers/services/post.h"

struct chat_guest {
    uint64_t id;             /* of the member, on the bus */
    uint64_t stay;           /* a number of this coming and going */
    struct chat_place place; /* word 0: he is not in */
    uint8_t name_len;
    char name[TEXT_NAME_MAX + 1];
};

/* A worker's memory. */
struct chat_worker {
    struct chat_room room;
};

struct chat_room *chat_guest_room(struct post *post);

/* How a name of text_name() looks, as a number. */
uint64_t chat_guest_look(struct post *post, const char *name, size_t len);

/* This worker. */
struct chat_owner chat_guest_owner(const struct post *post);

/* Publish; event's seq, wall_ns are the bus's. Returns as post_publish(). */
int chat_guest_publish(struct post *post, const struct chat_event *event, uint64_t *out_seq);

/* What happened to him, told to all. Returns as bus_publish(). */
int chat_guest_tell(struct post *post, const struct chat_guest *guest, enum chat_kind kind,
    uint64_t client_id, uint64_t number, uint64_t *out_seq);

/*
 * Tell of the name that is HELD at this place: that he came, or what he was called before, whose
 * place is emptied then. Once, however many do. Returns as bus_publish().
 */
int chat_guest_introduce(struct post *post, uint32_t index, const struct chat_seen *seen,
    uint64_t number, uint64_t *out_seq);

enum chat_enter {
    CHAT_ENTER_OK,
    CHAT_ENTER_TAKEN, /* the name; entry->hint is one that is free */
    CHAT_ENTER_FULL,
    CHAT_ENTER_FAILED, /* it could not be told, or he has come back over another connection */
};

struct chat_entry {
    struct chat_owner owner;
    uint64_t until_ms; /* of a lease */
    const char *typed; /* the name that is wanted, any bytes */
    size_t typed_len;
    enum service_lang lang; /* of the default name */
    uint64_t number;        /* of the connection */
    /* Who asks for a name that is taken is told another, TEXT_NAME_MAX + 1 bytes, and does not come
     * in; NULL: he gets it. */
    char *hint;
};

/* guest->id is set. *out_seq: of the record that tells of it. */
enum chat_enter chat_guest_enter(
    struct post *post, struct chat_guest *guest, const struct chat_entry *entry, uint64_t *out_seq);

/* The member is here already, over another connection or a lost one: this is his now. */
bool chat_guest_resume(struct post *post, struct chat_guest *guest, struct chat_owner owner,
    uint64_t number, uint64_t *out_seq);

enum chat_enter chat_guest_rename(
    struct post *post, struct chat_guest *guest, const struct chat_entry *entry, uint64_t *out_seq);

/* Returns true when the others were told: not when the place is another's. */
bool chat_guest_leave(struct post *post, struct chat_guest *guest);

/* Bury him who has this place, if he is gone. True when it may be free now. */
bool chat_guest_bury(struct post *post, uint32_t index);

/* Stays of the member that are ending have ended: before he comes in anew. */
void chat_guest_bury_leaving(struct post *post, uint64_t member);

/* All who are gone. */
void chat_guest_bury_all(struct post *post);

#endif
