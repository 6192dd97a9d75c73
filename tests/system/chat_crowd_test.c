/* Very many members in one room: all hear each message, and what each costs is bounded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/system/chats.h"
#include "tests/system/peers.h"
#include "tests/system/suites.h"
#include "tests/system/talkers.h"

#define GUESTS            20
#define MEMBER_BYTES_MOST 4096u /* that a worker keeps for each; the kernel's are its own */

static long count_worker_kb(void) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t count = daemon_workers("echo", NULL, pid);
    long kb = 0;

    for (size_t i = 0; i < count; i++)
        kb += harness_status_kb(pid[i], "RssAnon");
    return kb;
}

/* Sum up what the lines say of how many came, or went; forget them. */
static unsigned sum_up(struct peer *peer, const char *words) {
    unsigned sum = 0;

    peers_read(peer);
    for (const char *at = peer->heard; (at = strstr(at, words)) != NULL; at++)
        sum += (unsigned)atoi(at + strlen(words));
    CHECK(strstr(peer->heard, "гость") == NULL, "one is told by name: %s", peer->heard);
    return sum;
}

/* In a crowd who comes and who goes is counted, once a second. */
static void guests_are_counted(uint16_t port, struct peer *ann) {
    struct peer *guest[GUESTS];
    char name[32];

    for (unsigned i = 0; i < GUESTS; i++) {
        snprintf(name, sizeof(name), "гость-%u\n", i);
        guest[i] = peers_come(port, name);
        peers_hear(guest[i], "Добро пожаловать");
    }
    CHECK(harness_until(5000, sum_up(ann, "присоединились: ") == GUESTS), "%s", ann->heard);
    for (unsigned i = 0; i < GUESTS; i++)
        peers_end(guest[i]);
    CHECK(harness_until(5000, sum_up(ann, "покинули: ") == GUESTS), "%s", ann->heard);
    CHECK(sum_up(ann, "присоединились: ") == GUESTS, "%s", ann->heard);
}

/* Of all who came before, by name or counted. */
static void hears_of_all(struct peer *ann, unsigned members) {
    char words[40];

    snprintf(words, sizeof(words), "(в чате: %u)\n", members);
    CHECK(harness_until(20000, peers_has_heard(ann, words)), "%s does not come, but %s", words,
        ann->heard);
    peers_hear(ann, words);
}

static void thousands_of_members_hear_each_message_once(void) {
    const unsigned members = harness_scale(1000, 10000);
    struct talkers_plan plan = {
        .count = members, .speakers = 4, .under_way = 2, .is_silent = true
    };
    struct rlimit files;
    struct talkers *talkers;
    struct peer *ann;
    struct daemon daemon;
    char more[200];
    long before_kb, member_bytes;

    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < members + 200)
        harness_skip("%u descriptors are not allowed here", members);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
    snprintf(more, sizeof(more),
        "worker_connections = %u; rlimit_nofile = %u; flood_rate = \"unlimited\"; "
        "log_messages = false; members_max = %u; backlog = 4096; replay = 0;",
        members + GUESTS + 1, members + 100, members + GUESTS + 1);
    chats_start(&daemon, 2, more);
    ann = peers_come(daemon.port, "Ann\n");
    peers_hear(ann, "Ann!");
    before_kb = count_worker_kb();
    plan.port[0] = daemon.port;
    talkers = talkers_start(&plan);
    hears_of_all(ann, members + 1);
    member_bytes = (count_worker_kb() - before_kb) * 1024 / (long)members;
    guests_are_counted(daemon.port, ann);
    talkers->is_silent = false;
    talkers_go_on(talkers, harness_scale(20, 200));
    talkers_stop(talkers);
    harness_figure("members=%u acknowledged=%lu received=%lu member_bytes=%ld", members,
        (unsigned long)talkers->acknowledged, (unsigned long)talkers->received, member_bytes);
    CHECK(talkers->returns == 0, "%u returns", talkers->returns);
    CHECK(harness_is_sanitized() || member_bytes <= (long)MEMBER_BYTES_MOST, "%ld bytes a member",
        member_bytes);
    chats_clear(&daemon);
}

static const struct harness_test tests[] = {
    { "thousands_of_members_hear_each_message_once", thousands_of_members_hear_each_message_once },
    { .name = NULL },
};

const struct harness_suite chat_crowd_suite = { "chat_crowd", tests };
