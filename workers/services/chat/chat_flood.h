#ifndef WORKERS_SERVICES_CHAT_CHAT_FLOOD_H
#define WORKERS_SERVICES_CHAT_CHAT_FLOOD_H

/*
 * How fast somebody may talk: so many messages at once, then so many a second. It is told how long
 * to wait; a debt is kept, so that who takes much at once waits the longer. Pure.
 */

#include <stdint.h>

#define CHAT_FLOOD_UNLIMITED UINT64_MAX

struct chat_flood {
    uint64_t full_at_us; /* when all is there again; 0: it is */
};

struct chat_flood_rule {
    uint64_t burst, rate; /* rate: a second; CHAT_FLOOD_UNLIMITED: no limit */
};

/*
 * n messages were taken. Returns after how many milliseconds the next may come; 0: at once.
 */
uint64_t chat_flood_take(
    struct chat_flood *flood, const struct chat_flood_rule *rule, unsigned n, uint64_t now_ms);

/* Take one only when it may come now. */
int chat_flood_try(struct chat_flood *flood, const struct chat_flood_rule *rule, uint64_t now_ms);

#endif
