#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

/*
 * The control socket: JSON lines of at most 64 KiB, {"verb": …, "args": {…}}, answered by lines of
 * which the last is {"done": true, "exit": N, "error": null or a text}. One table of verbs, each
 * with the right it needs: uid 0 and the daemon's own are admin, whoever may open the socket reads.
 * A peer that sends garbage is told so; one that does not read is cut when its buffer is full.
 * Parent only; never blocks.
 */

#include <stdint.h>

#include "shared/complaint.h"

struct control;
struct supervisor;

/*
 * Bind the socket of the configuration (lock PATH.lock; a stale socket is unlinked only when the
 * lock is ours and nobody answers). Returns 0, or -1 with the complaint.
 */
int control_open(struct supervisor *supervisor, struct complaint *complaint);

/* Close and unlink. In a child, use control_forget() instead. */
void control_close(struct control *control);

/* A child has no business here: close its descriptors. After fork. */
void control_forget(struct control *control);

/* Answer those who wait for something that has happened by now. Once a turn. */
void control_tend(struct control *control);

/* Send an event, a JSON object, to those who follow. */
void control_publish(struct control *control, const char *json_line);

#endif
