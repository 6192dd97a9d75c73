#include "workers/services/chat/chat_flood.h"

/* Each message moves the time when all is there again by its share of a second. */
static uint64_t share_us(const struct chat_flood_rule *rule) {
    return 1000000 / rule->rate;
}

/* How long until one is there. */
static uint64_t wait_us(
    const struct chat_flood *flood, const struct chat_flood_rule *rule, uint64_t now_us) {
    const uint64_t debt = flood->full_at_us > now_us ? flood->full_at_us - now_us : 0,
                   room = (rule->burst - 1) * share_us(rule);

    return debt > room ? debt - room : 0;
}

uint64_t chat_flood_take(
    struct chat_flood *flood, const struct chat_flood_rule *rule, unsigned n, uint64_t now_ms) {
    const uint64_t now_us = now_ms * 1000;

    if (rule->rate == CHAT_FLOOD_UNLIMITED)
        return 0;
    if (flood->full_at_us < now_us)
        flood->full_at_us = now_us;
    flood->full_at_us += n * share_us(rule);
    return (wait_us(flood, rule, now_us) + 999) / 1000;
}

int chat_flood_try(struct chat_flood *flood, const struct chat_flood_rule *rule, uint64_t now_ms) {
    if (rule->rate != CHAT_FLOOD_UNLIMITED && wait_us(flood, rule, now_ms * 1000) > 0)
        return 0;
    chat_flood_take(flood, rule, 1, now_ms);
    return 1;
}
