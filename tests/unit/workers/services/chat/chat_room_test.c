/* The table of members: no two names alike, whoever comes at once and whoever is killed. */
#include "workers/services/chat/chat_claim.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/workers/services/chat/chat_strike.h"

#define MEMBERS 8
#define LOOK    77

static struct chat_room room;
static _Atomic uint32_t life[16];
static void *memory;

static bool is_alive(void *context, struct chat_owner owner) {
    (void)context;
    return owner.row < 16 && life[owner.row] == owner.life;
}

static void setup(void) {
    const size_t size = chat_room_size(MEMBERS);

    memory = calloc(1, size);
    cr_assert_eq(chat_room_init(memory, MEMBERS), 0);
    cr_assert_eq(chat_room_attach(&room, memory, size, MEMBERS), 0);
    room.is_alive = is_alive;
}

TestSuite(chat_room, .init = setup, .timeout = 60);

static struct chat_owner owner_of(uint32_t row) {
    return (struct chat_owner){ .row = row, .life = life[row] };
}

static struct chat_wish wish_of(uint32_t row, uint64_t look) {
    return (struct chat_wish){ .owner = owner_of(row),
        .name = "Алиса",
        .name_len = strlen("Алиса"),
        .look = look,
        .member = 100 + row,
        .stay = 200 + row,
        .intro = 300 + row,
        .now_ms = 1000 };
}

static enum chat_claim claim(uint32_t row, uint64_t look, struct chat_place *out) {
    const struct chat_wish wish = wish_of(row, look);
    uint32_t rival;

    return chat_claim_name(&room, &wish, out, &rival);
}

Test(chat_room, name_is_one_s_until_he_leaves) {
    struct chat_place first, second;
    struct chat_seen seen;

    cr_assert_eq(claim(1, LOOK, &first), CHAT_CLAIM_HELD);
    cr_expect_eq(claim(2, LOOK, &second), CHAT_CLAIM_TAKEN);
    cr_expect_eq(claim(2, LOOK + 1, &second), CHAT_CLAIM_HELD);
    cr_expect_eq(chat_room_count(&room), 2);
    cr_expect_eq(chat_room_find_look(&room, LOOK), first.index);
    cr_expect_eq(chat_room_find_member(&room, 102, 0), second.index);
    cr_assert(chat_room_see(&room, first.index, &seen));
    cr_expect_str_eq(seen.name, "Алиса");
    cr_expect(seen.member == 101 && seen.stay == 201 && seen.intro == 301);
    cr_expect(chat_room_tell(&room, &first));
    cr_expect(chat_room_leave(&room, first.index, first.word, owner_of(1), true, &first));
    cr_expect_eq(claim(3, LOOK, &second), CHAT_CLAIM_TAKEN, "he is leaving still");
    cr_expect(chat_room_free(&room, &first, owner_of(1)));
    cr_expect_not(chat_room_free(&room, &first, owner_of(1)), "it is empty");
    cr_expect_eq(claim(3, LOOK, &second), CHAT_CLAIM_HELD);
    cr_expect_not(chat_room_is_ours(&room, &first), "another version");
}

Test(chat_room, full_is_full_but_names_can_be_changed) {
    struct chat_place place, own = { .word = 0 };
    struct chat_wish wish;
    uint32_t rival;

    for (uint64_t i = 0; i < MEMBERS; i++) {
        cr_assert_eq(claim(1, 1 + i, &place), CHAT_CLAIM_HELD);
        if (i == 3)
            own = place;
    }
    cr_expect_eq(claim(1, 50, &place), CHAT_CLAIM_FULL);
    wish = wish_of(1, 4); /* looks as it did */
    wish.own = &own;
    cr_expect_eq(chat_claim_name(&room, &wish, &place, &rival), CHAT_CLAIM_HELD);
    wish.look = 5;
    cr_expect_eq(chat_claim_name(&room, &wish, &place, &rival), CHAT_CLAIM_TAKEN);
}

Test(chat_room, killed_one_s_place_is_taken_over_or_buried_by_one) {
    struct chat_place place, mine, other;

    cr_assert_eq(claim(1, LOOK, &place), CHAT_CLAIM_HELD);
    chat_room_tell(&room, &place);
    cr_expect_not(chat_room_is_gone(&room, place.index, 1000));
    /* On its way to another worker, it waits for that one. */
    chat_room_renew(&room, &place, 2000);
    life[1]++;
    cr_expect_not(chat_room_is_gone(&room, place.index, 1000));
    cr_expect(chat_room_is_gone(&room, place.index, 2001));
    cr_expect(chat_room_take_over(&room, place.index, place.word, owner_of(2), &mine));
    cr_expect_not(chat_room_is_gone(&room, place.index, 2001));
    cr_expect_not(chat_room_take_over(&room, place.index, place.word, owner_of(3), &other));
    life[2]++;
    cr_expect(chat_room_is_gone(&room, place.index, 1000), "it is on no way any more");
    cr_expect(chat_room_leave(&room, mine.index, mine.word, owner_of(3), true, &other));
    cr_expect_not(chat_room_leave(&room, mine.index, mine.word, owner_of(4), true, &place));
    /* Killed while he told of it: the next one tells again. */
    life[3]++;
    cr_expect(chat_room_is_gone(&room, other.index, 1000));
    cr_expect(chat_room_leave(&room, other.index, other.word, owner_of(4), true, &place));
    cr_expect_not(chat_room_free(&room, &other, owner_of(3)));
    cr_expect(chat_room_free(&room, &place, owner_of(4)));
    cr_expect_eq(chat_room_count(&room), 0);
}

Test(chat_room, lease_holds_until_its_time) {
    struct chat_wish wish = wish_of(0, LOOK);
    struct chat_place place;
    uint32_t rival;

    wish.owner = (struct chat_owner){ CHAT_ROOM_LEASED, 1 };
    wish.until_ms = 5000;
    cr_assert_eq(chat_claim_name(&room, &wish, &place, &rival), CHAT_CLAIM_HELD);
    cr_expect_not(chat_room_is_gone(&room, place.index, 5000));
    cr_expect(chat_room_is_gone(&room, place.index, 5001));
    chat_room_renew(&room, &place, 6000);
    cr_expect_not(chat_room_is_gone(&room, place.index, 6000));
}

Test(chat_room, memory_that_makes_no_sense_is_looked_at_in_bounds) {
    const size_t size = chat_room_size(MEMBERS);
    struct chat_seen seen;
    struct chat_place place;

    cr_expect_eq(chat_room_attach(&room, memory, size, MEMBERS + 1), -1);
    memset((char *)memory + 48, 0xff, size - 48);
    for (uint32_t i = 0; i < chat_room_top(&room) + 2; i++)
        cr_expect_not(chat_room_see(&room, i, &seen));
    cr_expect_leq(chat_room_count(&room), chat_room_top(&room));
    cr_expect_eq(claim(1, LOOK, &place), CHAT_CLAIM_FULL);
}

/* ---- between two steps of another ---- */

static struct chat_place others, before_all;
static enum chat_claim others_result;
static bool is_killed;

/* Another one comes for the same name; into the place that is free by now, if that is lower. */
static void another_comes(void) {
    if (before_all.word != 0)
        chat_room_free(&room, &before_all, owner_of(5));
    if (is_killed)
        life[1]++;
    others_result = claim(2, LOOK, &others);
}

Test(chat_room, of_two_who_try_the_one_in_the_lower_place_has_the_name) {
    static const struct {
        const char *at;
        bool is_lower;
    } cases[] = { { "chat-trying", false }, { "chat-looked", false }, { "chat-trying", true },
        { "chat-looked", true } };
    enum chat_claim mine;
    struct chat_place place;

    for (size_t i = 0; i < 4; i++) {
        before_all.word = 0;
        if (cases[i].is_lower)
            cr_assert_eq(claim(5, LOOK + 9, &before_all), CHAT_CLAIM_HELD);
        strike = (struct strike){ cases[i].at, another_comes };
        mine = claim(1, LOOK, &place);
        cr_expect_eq(mine, cases[i].is_lower ? CHAT_CLAIM_TAKEN : CHAT_CLAIM_HELD, "%zu", i);
        cr_expect_eq(
            others_result, cases[i].is_lower ? CHAT_CLAIM_HELD : CHAT_CLAIM_TAKEN, "%zu", i);
        cr_expect_eq(chat_room_count(&room), 1, "%zu", i);
        if (mine == CHAT_CLAIM_HELD)
            chat_room_free(&room, &place, owner_of(1));
        else
            chat_room_free(&room, &others, owner_of(2));
        cr_expect_eq(chat_room_count(&room), 0, "%zu", i);
    }
}

Test(chat_room, who_is_killed_while_he_tries_is_in_nobody_s_way) {
    struct chat_place place;

    is_killed = true;
    strike = (struct strike){ "chat-looked", another_comes };
    cr_expect_eq(claim(1, LOOK, &place), CHAT_CLAIM_TAKEN);
    cr_expect_eq(others_result, CHAT_CLAIM_HELD);
}

/* ---- many at once ---- */

#define THREADS 4
#define ROUNDS  20000
#define LOOKS   2

static _Atomic int holders[LOOKS];
static _Atomic unsigned taken, collisions;

/* Some hold the name for a moment, some are killed with it; whoever meets a dead one buries him. */
static void *come_and_go(void *argument) {
    const uint32_t row = (uint32_t)(uintptr_t)argument;
    unsigned seed = row;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned which = (unsigned)rand_r(&seed) % LOOKS;
        const struct chat_wish wish = wish_of(row, LOOK + which);
        struct chat_place place;
        uint32_t rival;

        if (chat_claim_name(&room, &wish, &place, &rival) == CHAT_CLAIM_HELD) {
            collisions += atomic_fetch_add(&holders[which], 1) != 0;
            taken++;
            if (rand_r(&seed) % 4 > 0) {
                holders[which]--;
                chat_room_free(&room, &place, wish.owner);
            } else {
                holders[which]--;
                life[row]++;
            }
        } else if (rival != UINT32_MAX && chat_room_is_gone(&room, rival, 1000)) {
            struct chat_seen seen;

            if (chat_room_see(&room, rival, &seen) && chat_room_is_gone(&room, rival, 1000) &&
                chat_room_leave(&room, rival, seen.word, owner_of(row), false, &place))
                chat_room_free(&room, &place, owner_of(row));
        }
    }
    return NULL;
}

Test(chat_room, of_many_who_come_at_once_one_has_the_name) {
    pthread_t thread[THREADS];
    struct chat_place place;

    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, come_and_go, (void *)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    cr_expect_eq(collisions, 0);
    cr_expect_gt(taken, ROUNDS / 10);
    /* Nothing is left in between: whoever is in the table is dead, and can be buried. */
    for (uint32_t i = 0; i < chat_room_top(&room); i++) {
        struct chat_seen seen;

        if (!chat_room_see(&room, i, &seen))
            continue;
        cr_expect(chat_room_is_gone(&room, i, 1000));
        cr_expect(chat_room_leave(&room, i, seen.word, owner_of(9), false, &place));
        cr_expect(chat_room_free(&room, &place, owner_of(9)));
    }
    cr_expect_eq(chat_room_count(&room), 0);
}
