#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

/*
 * What the daemon tells whoever started it, in the words of sd_notify(3): datagrams to
 * $NOTIFY_SOCKET. Without that variable all of this does nothing. What finds no room is kept, the
 * newest of each kind, and sent by notify_flush(); a socket that is gone is no mistake.
 *
 *   start ---READY---> serving ---RELOADING---> reloading ---READY---> serving ---STOPPING--->
 *
 * Parent only; nothing here blocks. What is to be told, and when: notify_keeper.h.
 */

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_TEXT_MAX 256

/*
 * Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and remove them from the environment, so that
 * no child speaks for us. A watchdog that is meant for another pid is none. Once, in the process
 * that was started, before it forks.
 */
void notify_open(void);

/* Somebody listens: is there a NOTIFY_SOCKET? */
bool notify_is_wanted(void);

/* How long the watchdog waits for notify_feed(); 0: there is none. */
uint64_t notify_watchdog_ns(void);

/* A reload begins; notify_ready() ends it, whatever its verdict. */
void notify_reloading(void);

/*
 * The daemon serves: at the end of the start, and of each reload. remark is added to the status
 * until the next call, as "the last reload failed: ..."; NULL: nothing. It is copied.
 */
void notify_ready(const char *remark);

/* The daemon is on its way out. */
void notify_stopping(void);

/* How it is, in one line. The same line twice is sent once. */
void notify_status(const char *line);

/* The watchdog's food. Returns false when it could not be sent now. */
bool notify_feed(void);

/* Send what found no room. Returns false when there is still none. */
bool notify_flush(void);

#endif
