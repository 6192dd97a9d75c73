#ifndef WORKERS_MODELS_BLOCKING_H
#define WORKERS_MODELS_BLOCKING_H

/*
 * A session served by blocking: what the process and the thread model share. One recv and one send
 * a message; how long each may take is the socket's own timeout. A cut makes recv return
 * (worker_hurry_fd), so that no wake-up is lost, whenever it comes.
 */

#include "workers/connection.h"

/*
 * Make room to read into for so many lanes; pages are taken as they are used, and stay for the
 * lane's next session. Returns 0, or -1 with errno.
 */
int blocking_open(struct worker *worker, unsigned lanes);

/* The piece of its lane. */
#define BLOCKING_READ_BYTES 16384
char *blocking_area(const struct connection *connection);

/*
 * Open the session and serve it until it is over; connection_end() is the caller's to call.
 * Returns how it ended. Blocks.
 */
enum session_end blocking_converse(struct connection *connection);

#endif
