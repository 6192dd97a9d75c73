#ifndef WORKERS_SERVICES_POST_H
#define WORKERS_SERVICES_POST_H

/*
 * A post: one reader of the bus, and the sessions that it serves. Each belongs to one thread, and
 * what stands here is called by that thread, in hooks.
 *
 *   event    the worker is one post, all its sessions in it
 *   process  likewise, with one session at a time
 *   thread   one for each session, in its thread; beside them the worker's main post, with none
 *
 * The main post is the one that may own the datagrams. The posts of a worker share its seat on the
 * bus and its row. A post hears the bus while it has a session or owns the datagrams; its reader
 * then begins behind the last record: who wants older ones reads them with a reader of his own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "workers/services/session.h"

/* The sessions that can be sent to, in the order of their coming; NULL: no more. */
struct session *post_first(struct post *post);
struct session *post_next(struct post *post, struct session *session);

/* The service's own memory: of the post, of the worker (shared by its threads). NULL: none. */
void *post_state(struct post *post);
void *post_worker(struct post *post);

const void *post_settings(const struct post *post);
const char *post_service_name(const struct post *post);
enum service_lang post_lang(const struct post *post);

/* CLOCK_MONOTONIC of this turn of its loop; no system call. */
uint64_t post_now_ms(const struct post *post);

/* One in each worker is: the one that worker_open was given. */
bool post_is_main(const struct post *post);

/* ---- SERVICE_MAIL ---- */

/* The bus of the room, to read it with readers of one's own. */
struct bus *post_bus(const struct post *post);

/*
 * Publish, as bus_publish(); who sleeps is woken when what has come to this post in this turn has
 * been given to its hooks, and all that was published goes to each in one go.
 */
int post_publish(struct post *post, const struct bus_record *record, uint64_t *out_seq);

/* To look for what was published; bus_find(). */
struct bus_seat *post_seat(struct post *post);

/* To read with; bus_read(). The frame moves it when the post begins to hear the bus. */
struct bus_reader *post_reader(struct post *post);

/* Memory of the room, of the service; NULL when it has none. Law 3 holds: trust nothing in it. */
void *post_shared(struct post *post);
void *post_owned(struct post *post);

/*
 * Which worker this is, among all of the room, and how many there can be; and which life a row is
 * in: odd while a worker has it, another number for each, written by the parent alone. So what is
 * marked in shared memory with {row, life} of who made it is an orphan when the row's life differs.
 */
unsigned post_row(const struct post *post);
unsigned post_count_rows(const struct post *post);
uint32_t post_life(const struct post *post, unsigned row);

/* ---- datagrams ---- */

/* This post reads the UDP sockets, and no other of the service does. */
bool post_owns(const struct post *post);

/*
 * The front of a session to send there unasked; valid until the next call, or the end of the hook.
 * NULL when the path makes no sense, or this post does not own the datagrams.
 */
struct session *post_to(struct post *post, const struct session_path *path);

/* ---- as with sessions ---- */

void post_add_count(const struct post *post, unsigned counter, uint64_t n);
bool post_is_heard(const struct post *post);
void post_say(const struct post *post, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
