#ifndef SUPERVISOR_SERVICE_REPLACE_H
#define SUPERVISOR_SERVICE_REPLACE_H

/*
 * A new worker for an old one. The new one is held until it is READY and the old one is told to
 * leave, so that its first room is for the sessions that the old one hands over. Parent only;
 * nothing here blocks.
 */

#include <stdint.h>

struct child;
struct service;

/* Fork new workers for those that want recycling, as far as there are permits. */
void service_replace_next(struct service *service, uint64_t now_ns);

/*
 * fresh, READY, takes the place of old: the sessions of old that can be packed go to fresh through
 * a channel of their own, old drains (graceful_timeout of service) and fresh opens its door. Both
 * are of one type; fresh may be held or not, old may be on its way out already. A fresh one may
 * take from several old ones, an old one give to several: what the first has no room for goes to
 * the next.
 */
void service_replace(struct service *service, struct child *old, struct child *fresh);

/* Let a held worker open its door. One that does not read is killed. */
void service_replace_open(struct child *fresh);

#endif
