#ifndef WORKERS_SERVICES_SERVICE_H
#define WORKERS_SERVICES_SERVICE_H

/*
 * The contract between a service and whatever runs it. A service sees messages, not sockets: the
 * same room runs unchanged in a process, in a thread and in an event loop, over TCP, UNIX sockets
 * and UDP. A hook never blocks and never touches a descriptor.
 *
 * Hooks run in a worker, after fork and after privileges are dropped; under the thread model
 * several sessions' hooks run at once, each session's own one after the other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/net.h"
#include "shared/settings.h"

struct worker;

/* One peer's conversation; for datagrams, one datagram's. The service's view of it. */
struct session {
    struct net_address peer;
    enum net_proto proto;
    struct worker *worker;
    uint64_t messages; /* so far, this one included */
};

enum session_end {
    SESSION_END_CLOSED,  /* the peer closed, or the service asked for it */
    SESSION_END_ERROR,   /* reset, or a broken pipe */
    SESSION_END_TIMEOUT, /* idle, or reads too slowly */
    SESSION_END_CUT,     /* the worker leaves */
    SESSION_END_GIVEN,   /* it goes on in another worker: no hook is told */
};

enum service_flag {
    SERVICE_STREAM = 1,   /* TCP and UNIX listeners allowed */
    SERVICE_DATAGRAM = 2, /* UDP listeners allowed */
    SERVICE_PACKS = 4,    /* sessions may be handed over to another worker: pack, unpack */
};

struct service_ops {
    const char *name; /* the `type` in the configuration */
    const char *summary;
    unsigned flags;
    const char *listen; /* where `prefork serve` and the sample listen: "tcp://127.0.0.1:50007" */
    const struct setting *settings; /* the type's own keys; ends with a NULL name */
    size_t settings_size;

    void (*open)(struct session *session); /* stream only; NULL: nothing to do */
    /* One whole message as the wire decoded it, or one datagram. */
    void (*message)(struct session *session, const char *data, size_t len);
    void (*close)(struct session *session, enum session_end end); /* stream only; NULL */
    /*
     * With SERVICE_PACKS, between two messages; NULL: there is no state. pack writes what the
     * session has, at most size bytes, and changes nothing: it may go on here. Returns how many, or
     * -1 when it cannot be packed now. unpack, in the new worker and instead of open, makes it the
     * same again from bytes that it checks; it sends nothing. Returns 0, or -1: it stays there.
     */
    ssize_t (*pack)(struct session *session, char *buf, size_t size);
    int (*unpack)(struct session *session, const char *data, size_t len);
};

/*
 * Send bytes to the session's peer. Any hook of that session; does not block: what the socket
 * does not take at once is kept (up to write_buffer_bytes) and nothing more is read from this
 * peer until it is gone. A datagram's answer goes out when the batch is done.
 * Returns 0, or -1 when the bytes were not taken: the peer is gone or the buffer is full.
 */
int session_send(struct session *session, const char *data, size_t len);

/* End the session when what was sent is out. Any hook of that session. */
void session_close(struct session *session);

/* The service's own settings, as its table describes them. Any hook. */
const void *session_settings(const struct session *session);

/* Sessions of this service now, over all its workers. Any hook. */
uint64_t session_count_active(const struct session *session);

/* The language of the words that people read. Any hook. */
enum service_lang { SERVICE_LANG_EN, SERVICE_LANG_RU };
enum service_lang session_lang(const struct session *session);

/* Whether anybody would hear session_say(): else what it needs need not be counted. Any hook. */
bool session_is_heard(const struct session *session);

/*
 * Say something to whoever watches: a log record of this event, and, when the console is on, a
 * line on it. Text is escaped there. Any hook.
 */
void session_say(const struct session *session, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The types there are; NULL-terminated. */
extern const struct service_ops *const services_table[];

/* The type called name, or NULL. */
const struct service_ops *services_find(const char *name);

#endif
