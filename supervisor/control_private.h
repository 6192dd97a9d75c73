#ifndef SUPERVISOR_CONTROL_PRIVATE_H
#define SUPERVISOR_CONTROL_PRIVATE_H

/* What the verbs ask of the control socket, and nobody else does. Parent only; never blocks. */

#include <stdint.h>

struct control;
struct control_request;

#define CONTROL_EVENTS_KEPT 100

/* Hand over the last events, oldest first. */
void control_replay(struct control *control, uint64_t most,
    void (*each)(void *owner, const char *line), void *owner);

/* The request of the peer with this id, or NULL when it is gone. control may be NULL. */
struct control_request *control_find_request(struct control *control, uint64_t id);

#endif
