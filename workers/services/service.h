#ifndef WORKERS_SERVICES_SERVICE_H
#define WORKERS_SERVICES_SERVICE_H

/*
 * The contract between a service and whatever runs it. A service sees messages, not sockets: the
 * same room runs unchanged in a process, in a thread and in an event loop, over TCP, UNIX sockets
 * and UDP. A hook never blocks and never touches a descriptor of the frame's. What a service may
 * call stands in session.h (one peer) and post.h (the bus, and all peers beside it).
 *
 * Hooks run in a worker, after fork and after privileges are dropped; under the thread model
 * several posts' hooks run at once, those of one post and of its sessions one after the other.
 *
 *   open -> message, writable ... -> drain when the worker cuts it -> close
 *             `-> pack, in another worker unpack -> writable -> message ...
 *
 * A worker may be killed between any two instructions. What a service has published on the bus has
 * happened; what it has only sent may be lost on the way; so who is to be told that a message
 * counts is told by that message's own record, at its place in the order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/net.h"
#include "shared/settings.h"

struct bus_settings;
struct post;
struct wire_rules;
struct worker;

/* One peer's conversation; for datagrams, one datagram's. The service's view of it. */
struct session {
    struct worker *worker;
    enum net_proto proto;
    uint64_t messages; /* so far, this one included */
    size_t total;      /* of this message; above its len when the wire has cut it */
    struct net_address peer;
};

enum session_end {
    SESSION_END_CLOSED,  /* the peer closed, or the service asked for it */
    SESSION_END_ERROR,   /* reset, or a broken pipe */
    SESSION_END_TIMEOUT, /* idle, silent from the beginning, or too slow */
    SESSION_END_CUT,     /* the worker leaves */
    SESSION_END_GIVEN,   /* it goes on in another worker: no hook is told */
    SESSION_END_REFUSED, /* what it sent is no message: too long, HTTP, TLS */
};

enum service_flag {
    SERVICE_STREAM = 1,   /* TCP and UNIX listeners allowed */
    SERVICE_DATAGRAM = 2, /* UDP listeners allowed */
    SERVICE_PACKS = 4,    /* sessions may be handed over to another worker: pack, unpack */
    /*
     * Messages are texts, in the form that the peer speaks (wire.h; setting `wire`); what is sent
     * is written in that form. A datagram is one message, a line's end behind it taken off. What
     * the wire refuses is answered, logged, counted and closed above the service.
     */
    SERVICE_TEXT = 8,
    SERVICE_MAIL = 16,           /* it hears the bus of its room (setting `room`): bus, mail */
    SERVICE_OWNS_DATAGRAMS = 32, /* one worker at a time reads the UDP sockets: post_owns() */
};

#define SERVICE_COUNTERS_MAX 12

enum service_lang { SERVICE_LANG_EN, SERVICE_LANG_RU };

/* All NULL or 0: there is none, or nothing to do. */
struct service_ops {
    const char *name; /* the `type` in the configuration */
    const char *summary;
    unsigned flags;
    const char *listen; /* where `prefork serve` and the sample listen: "tcp://127.0.0.1:50007" */
    const struct setting *settings; /* the type's own keys; ends with a NULL name */
    size_t settings_size;
    /* What keys that all services have are when the file says nothing: "key", "value", ..., NULL */
    const char *const *defaults;
    /* Names of what it counts, as status shows them; NULL-terminated. session_add_count() */
    const char *const *counters;

    /* ---- a session; all but message of streams only ---- */

    /* session_state(): all zero when it begins, and nothing in it to free: it may be given away. */
    size_t session_size;
    void (*open)(struct session *session);
    /* One whole message as the wire decoded it (it may be empty), or one datagram. */
    void (*message)(struct session *session, const char *data, size_t len);
    /*
     * All that was sent is out, after some of it had to wait, or was found unsent by
     * session_unsent(): there is room again. The first hook after unpack, too.
     */
    void (*writable)(struct session *session);
    /* The worker ends the session, now: last words. */
    void (*drain)(struct session *session);
    void (*close)(struct session *session, enum session_end end);
    /*
     * With SERVICE_PACKS, between two messages. pack writes what the session has, at most size
     * bytes, and changes nothing: it may go on here. Returns how many, or -1 when it cannot be
     * packed now. unpack, in the new worker and instead of open, makes it the same again from bytes
     * that it checks, and touches nothing else: the session may stay where it was all the same, and
     * session_post() is the main one. Returns 0, or -1: it stays there. What is between bytes and
     * messages, and what is not sent, is packed above the service. What was published meanwhile is
     * for writable to look for; so it is in the old worker when the session comes back to it.
     */
    ssize_t (*pack)(struct session *session, char *buf, size_t size);
    int (*unpack)(struct session *session, const char *data, size_t len);

    /* ---- a worker and its posts (post.h) ---- */

    size_t worker_size; /* post_worker(), shared by the worker's threads: all zero at first */
    /* The worker's main post, before it is READY. Returns 0, or -1 with errno: it cannot serve. */
    int (*worker_open)(struct post *post);
    void (*worker_close)(struct post *post);   /* it leaves by itself; who is killed does not */
    size_t (*post_size)(const void *settings); /* post_state(), likewise */
    /*
     * SERVICE_MAIL: there may be records behind post_reader(); or this post has just begun to own
     * the datagrams. Read so many that it takes a few milliseconds at most, and send to the
     * sessions. Returns true to be called again soon, though the reader is at the end.
     */
    bool (*mail)(struct post *post);
    /*
     * About once a second, in each post; in main posts also when a worker of the room is gone
     * (post_life()). now_ms: CLOCK_MONOTONIC.
     */
    void (*tick)(struct post *post, uint64_t now_ms);

    /* ---- what outlives workers: pure functions of the settings ---- */

    /* Fill in all but rows. Services that name the same room must agree, in type too. */
    void (*bus)(const void *settings, struct bus_settings *out);
    /* Memory of the room, beside the bus: post_shared(). The same for all that name it. */
    size_t (*shared_size)(const void *settings);
    /* Parent, before fork; mem is all zero. Returns 0, or -1 with errno. */
    int (*shared_init)(void *mem, size_t size, const void *settings);
    /* Memory of this service, all zero at first: post_owned(). Whoever owns datagrams writes. */
    size_t (*owned_size)(const void *settings);
    /* SERVICE_TEXT: change limits of the wire; out holds the defaults, mode from the setting. */
    void (*wire_rules)(const void *settings, struct wire_rules *out);
};

/* The types there are; NULL-terminated. */
extern const struct service_ops *const services_table[];

/* The type called name, or NULL. */
const struct service_ops *services_find(const char *name);

#endif
