#include "workers/services/chat/chat_settings.h"

#include "workers/services/chat/chat_event.h"

#define FRAME_MAX   32768 /* a text of which each byte is escaped, and what stands around it */
#define ARENA_LEAST (64u << 10)

static const char *const trusts[] = { "none", "loopback", "private", "all", NULL };

#define AT(field) .offset = offsetof(struct chat_settings, field)

const struct setting chat_settings_table[] = {
    { .name = "members_max",
        .type = SETTING_NUMBER,
        AT(members_max),
        .operand = "N",
        .fallback = "10000",
        .min = 1,
        .max = 100000,
        .help = "members of the room at once" },
    { .name = "history",
        .type = SETTING_NUMBER,
        AT(history),
        .operand = "N",
        .fallback = "2048",
        .min = 16,
        .max = 32768,
        .help = "events of the room that are kept, for who comes back and for who reads slowly" },
    { .name = "replay",
        .type = SETTING_NUMBER,
        AT(replay),
        .operand = "N",
        .fallback = "20",
        .max = 200,
        .help = "earlier messages that are shown to who joins, but for classic clients" },
    { .name = "crowd",
        .type = SETTING_NUMBER,
        AT(crowd),
        .operand = "N",
        .fallback = "500",
        .min = 1,
        .max = 100000,
        .help = "with more members who joins and leaves is only counted, once a second" },
    { .name = "queue_soft",
        .type = SETTING_BYTES,
        AT(queue_soft),
        .operand = "BYTES",
        .fallback = "256k",
        .min = 4096,
        .max = 1u << 30,
        .help = "who has so much unread gets no more, and is told later how much was missed" },
    { .name = "queue_hard",
        .type = SETTING_BYTES,
        AT(queue_hard),
        .operand = "BYTES",
        .fallback = "1m",
        .min = 8192,
        .max = 1u << 30,
        .help = "the connection of who is so far behind is ended" },
    { .name = "flood_burst",
        .type = SETTING_NUMBER,
        AT(flood.burst),
        .operand = "N",
        .fallback = "50",
        .min = 1,
        .max = 100000,
        .help = "messages that a member may send at once" },
    { .name = "flood_rate",
        .type = SETTING_NUMBER,
        AT(flood.rate),
        .operand = "N",
        .fallback = "20",
        .unset = "unlimited",
        .min = 1,
        .max = 100000,
        .help = "and then a second: others wait until they are read (by UDP: are dropped and "
                "counted)" },
    { .name = "udp_trusted",
        .type = SETTING_CHOICE,
        AT(udp_trusted),
        .operand = "NETS",
        .choices = trusts,
        .fallback = "private",
        .help = "from where datagrams are trusted; others have to send a cookie back first" },
    { .name = "udp_members",
        .type = SETTING_NUMBER,
        AT(udp_members),
        .operand = "N",
        .fallback = "1024",
        .min = 1,
        .max = 16384,
        .help = "members by UDP at once" },
    { .name = "udp_timeout",
        .type = SETTING_DURATION,
        AT(udp_timeout_ms),
        .operand = "TIME",
        .fallback = "120s",
        .min = 1000,
        .max = 86400000,
        .help = "who has sent no datagram for so long has left" },
    { .name = "log_messages",
        .type = SETTING_BOOL,
        AT(log_messages),
        .fallback = "true",
        .help = "each message to the log and the console" },
    { .name = NULL },
};

/* A row's arena holds its share when one worker alone is talked to, in messages of some length. */
void chat_settings_bus(const void *settings, struct bus_settings *out) {
    const struct chat_settings *own = settings;

    out->history = (uint32_t)own->history;
    out->payload_max = CHAT_PAYLOAD_MAX;
    out->arena_bytes = (uint32_t)own->history * 512;
    if (out->arena_bytes < ARENA_LEAST)
        out->arena_bytes = ARENA_LEAST;
}

void chat_settings_wire(const void *settings, struct wire_rules *out) {
    (void)settings;
    out->frame_max_bytes = FRAME_MAX;
    out->line_max_bytes = FRAME_MAX;
}
