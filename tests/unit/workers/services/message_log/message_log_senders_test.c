/* Who sends datagrams, and how fast anybody may. */
#include "workers/services/message_log/message_log_senders.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(message_log_senders);

static struct message_log_senders senders;

static struct session_path path_of(unsigned n) {
    struct session_path path = { .family = 2, .port = (uint16_t)n };

    memcpy(path.peer, &n, sizeof(n));
    return path;
}

static struct message_log_sender *find(unsigned n, uint64_t now_ms) {
    struct session_path path = path_of(n);

    return message_log_senders_find(&senders, &path, now_ms);
}

Test(message_log_senders, each_is_found_again_and_nobody_else) {
    for (unsigned i = 0; i < 100; i++)
        find(i, 1000 + i)->speaker.records = i + 1;
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(find(i, 2000 + i)->speaker.records, i + 1);
    cr_assert_eq(find(100, 3000)->speaker.records, 0);
}

Test(message_log_senders, full_table_forgets_who_was_silent_longest) {
    const unsigned many = 20 * MESSAGE_LOG_SENDERS;

    for (unsigned i = 0; i < many; i++) {
        find(i, 1000 + i)->speaker.records = i + 1;
        cr_assert_eq(find(0, 1000 + i)->speaker.records, 1, "who speaks is kept");
    }
    cr_assert_eq(find(many - 1, 1000 + many)->speaker.records, many);
    cr_assert_eq(find(1, 1000 + many)->speaker.records, 0);
}

Test(message_log_senders, silence_and_goodbye_make_a_new_one) {
    find(1, 1000)->speaker.records = 7;
    cr_assert_eq(find(1, 1000 + MESSAGE_LOG_SILENT_MS - 1)->speaker.records, 7);
    cr_assert_eq(find(1, 1000 + 2 * MESSAGE_LOG_SILENT_MS)->speaker.records, 0);
    find(1, 2000 + 2 * MESSAGE_LOG_SILENT_MS)->speaker.records = 8;
    message_log_senders_forget(find(1, 2001 + 2 * MESSAGE_LOG_SILENT_MS));
    cr_assert_eq(find(1, 2002 + 2 * MESSAGE_LOG_SILENT_MS)->speaker.records, 0);
}

Test(message_log_senders, row_that_makes_no_sense_is_not_believed) {
    find(1, 1000)->speaker.login.len = 255;
    cr_assert_eq(find(1, 1001)->speaker.login.len, 0);
    find(1, 1002)->speaker.records = 9;
    find(1, 1002)->seen_at_ms = UINT64_MAX; /* a time that has not come */
    cr_assert_eq(find(1, 1003)->speaker.records, 0);
}

Test(message_log_senders, rows_that_make_no_sense_are_taken_by_others) {
    for (unsigned i = 0; i < MESSAGE_LOG_SENDERS; i++)
        senders.row[i].seen_at_ms = UINT64_MAX;
    for (unsigned i = 0; i < 100; i++)
        find(i, 1000)->speaker.records = i + 1;
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(find(i, 1001)->speaker.records, i + 1);
}

/* ---- how fast ---- */

Test(message_log_senders, burst_is_free_and_then_each_waits_for_the_rate) {
    const struct message_log_rate rate = { .burst = 50, .per_s = 20 };
    struct message_log_speaker speaker = { .records = 0 };
    uint64_t now_ms = 1000, wait_ms;

    for (unsigned i = 0; i < 49; i++)
        cr_assert_eq(message_log_speaker_spend(&speaker, &rate, now_ms), 0, "message %u", i);
    for (unsigned i = 0; i < 20; i++) {
        wait_ms = message_log_speaker_spend(&speaker, &rate, now_ms);
        cr_assert_eq(wait_ms, 50, "%llu ms", (unsigned long long)wait_ms);
        now_ms += wait_ms;
    }
    now_ms += 2500; /* all is there again */
    for (unsigned i = 0; i < 49; i++)
        cr_assert_eq(message_log_speaker_spend(&speaker, &rate, now_ms), 0);
    cr_assert_eq(message_log_speaker_spend(&speaker, &rate, now_ms), 50);
}

Test(message_log_senders, what_may_not_come_costs_nothing) {
    const struct message_log_rate rate = { .burst = 3, .per_s = 10 };
    struct message_log_speaker speaker = { .records = 0 };
    unsigned taken = 0;

    for (unsigned i = 0; i < 100; i++)
        taken += message_log_speaker_may(&speaker, &rate, 1000);
    cr_assert_eq(taken, 3, "%u", taken);
    for (unsigned i = 0; i < 1000; i++)
        taken += message_log_speaker_may(&speaker, &rate, 1000 + i);
    cr_assert(taken >= 12 && taken <= 13, "%u", taken);
}

Test(message_log_senders, no_rate_is_no_limit) {
    const struct message_log_rate rate = { .burst = 1 };
    struct message_log_speaker speaker = { .records = 0 };

    for (unsigned i = 0; i < 1000; i++)
        cr_assert(message_log_speaker_may(&speaker, &rate, 1000) &&
                  message_log_speaker_spend(&speaker, &rate, 1000) == 0);
}
