#include "workers/services/message_log/message_log_speaker.h"

/* How far behind it is that all is there again, at most, while one more may come. */
static uint64_t slack_us(const struct message_log_rate *rate) {
    return (rate->burst - 1) * 1000000u / rate->per_s;
}

static uint64_t debt_us(const struct message_log_speaker *speaker, uint64_t now_us) {
    return speaker->full_at_us > now_us ? speaker->full_at_us - now_us : 0;
}

uint64_t message_log_speaker_spend(
    struct message_log_speaker *speaker, const struct message_log_rate *rate, uint64_t now_ms) {
    const uint64_t now_us = now_ms * 1000;
    uint64_t owed_us;

    if (rate->per_s == 0)
        return 0;
    owed_us = debt_us(speaker, now_us) + 1000000u / rate->per_s;
    speaker->full_at_us = now_us + owed_us;
    return owed_us > slack_us(rate) ? (owed_us - slack_us(rate) + 999) / 1000 : 0;
}

bool message_log_speaker_may(
    struct message_log_speaker *speaker, const struct message_log_rate *rate, uint64_t now_ms) {
    if (rate->per_s > 0 && debt_us(speaker, now_ms * 1000) > slack_us(rate))
        return false;
    message_log_speaker_spend(speaker, rate, now_ms);
    return true;
}
