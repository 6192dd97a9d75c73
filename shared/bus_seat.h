#ifndef SHARED_BUS_SEAT_H
#define SHARED_BUS_SEAT_H

/*
 * A worker's seat on the bus: its row, from which it publishes and where it is woken. After fork;
 * the worker's threads may share it.
 *
 *     awake -> bus_sleep() -> asleep -> woken, or for another reason -> bus_awake() -> awake
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/bus.h"

struct bus_seat;

/*
 * Sit down in the row that the parent claimed, behind whatever its last owner left. Takes memory
 * for the index of client ids, 32 bytes for each slot (twice the history), as it is touched.
 * Returns NULL with errno.
 */
struct bus_seat *bus_sit(struct bus *bus, int row);
void bus_leave(struct bus_seat *seat);

/*
 * Publish. A record whose member and client_id are in the history already is not published again,
 * whoever else publishes at the same time. Does not block but on the other threads of this seat.
 * Returns 1, or 0 when it was there already, with its sequence number; or -1 with errno: EMSGSIZE,
 * ESTALE when the row has been given to somebody else, EAGAIN when a million swaps have failed.
 */
int bus_publish(struct bus_seat *seat, const struct bus_record *record, uint64_t *out_seq);

/*
 * The two halves of it, for who publishes several: the record is there, and whoever reads finds it,
 * but nobody who sleeps is woken before the caller rouses them, which has to be soon. Killed in
 * between, it leaves them to others, as one killed in bus_publish() does (bus.h).
 */
int bus_publish_quietly(struct bus_seat *seat, const struct bus_record *record, uint64_t *out_seq);
void bus_rouse(struct bus_seat *seat);

/*
 * Look for a record in the history by its sender's number. One look into a private index that first
 * takes in what was published since the last call: about 20 ns for each such record, so less than
 * 100 us for a whole history of 2048. Returns whether it is there.
 */
bool bus_find(struct bus_seat *seat, uint64_t member, uint64_t client_id, uint64_t *out_seq);

/*
 * To be watched with EPOLLIN | EPOLLET, and never read: so each of several threads with an epoll of
 * its own hears it.
 */
int bus_wake_fd(const struct bus_seat *seat);

/*
 * Before waiting: from now on who publishes wakes this row. Returns false when the reader has
 * something to read; then do not wait. After waiting, whatever ended it: bus_awake().
 */
bool bus_sleep(struct bus_seat *seat, const struct bus_reader *reader);
void bus_awake(struct bus_seat *seat);

#endif
