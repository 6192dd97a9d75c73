#ifndef WORKERS_SERVICES_CHAT_CHAT_SETTINGS_H
#define WORKERS_SERVICES_CHAT_CHAT_SETTINGS_H

/* What can be set, and what follows from it. */

#include <stddef.h>
#include <stdint.h>

#include "shared/bus.h"
#include "shared/settings.h"
#include "shared/wire.h"
#include "workers/services/chat/chat_flood.h"

/* From where datagrams are believed to come from whom they name. */
enum chat_trust { CHAT_TRUST_NONE, CHAT_TRUST_LOOPBACK, CHAT_TRUST_PRIVATE, CHAT_TRUST_ALL };

struct chat_settings {
    uint64_t members_max, history, replay, crowd;
    uint64_t queue_soft, queue_hard; /* bytes */
    struct chat_flood_rule flood;
    uint64_t udp_members, udp_timeout_ms;
    unsigned udp_trusted; /* enum chat_trust */
    bool log_messages;
};

extern const struct setting chat_settings_table[];

void chat_settings_bus(const void *settings, struct bus_settings *out);
void chat_settings_wire(const void *settings, struct wire_rules *out);

#endif
