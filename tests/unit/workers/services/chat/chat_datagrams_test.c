/* Members by datagrams: who is believed, who hears what, and what outlives their owner. */
#include "workers/services/chat/chat_datagrams.h"

#include <arpa/inet.h>

#include "tests/unit/workers/services/chat/chat_fixture.h"

#define JOINED "\xf0\x9f\x94\xb5 "
#define LEFT   "\xf0\x9f\x94\xb4 "

static void setup(void) {
    set_settings();
    room.settings.udp_members = 3;
    open_room(3);
    room.worker[0].owns = true;
}

TestSuite(chat_datagrams, .init = setup);

static struct post *owner(void) {
    for (unsigned i = 0; i < room.workers; i++)
        if (room.worker[i].owns)
            return &room.worker[i];
    return NULL;
}

/* One datagram; the port stands for the sender. What goes out to anybody is in room.front. */
static const char *comes(const char *address, uint16_t port, const char *text) {
    struct peer *from = &room.datagram;

    from->post = owner();
    from->session.peer.sa.in = (struct sockaddr_in){ .sin_family = AF_INET,
        .sin_addr.s_addr = inet_addr(address) };
    from->path = (struct session_path){ .family = AF_INET, .port = port };
    memcpy(from->path.peer, &from->session.peer.sa.in.sin_addr, 4);
    from->session.total = strlen(text);
    chat_service.message(&from->session, text, strlen(text));
    turn();
    return hears(from);
}

#define FRONT(wanted) HEARS(&room.front, wanted)

Test(chat_datagrams, members_hear_each_other_and_those_with_streams) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina");

    forget(nina);
    comes("127.0.0.1", 1, "Ann");
    FRONT("");
    comes("127.0.0.1", 2, "Bob");
    FRONT("<1>\n" JOINED "Bob joined the chat");
    comes("127.0.0.1", 1, "hi");
    FRONT("<2>\n[HH:MM:SS] Ann: hi");
    HEARS(nina, JOINED "Ann joined the chat\n" JOINED "Bob joined the chat\n"
                       "[HH:MM:SS] Ann: hi\n");
    sends(nina, "hello");
    FRONT("<1>\n[HH:MM:SS] Nina: hello<2>\n[HH:MM:SS] Nina: hello");
    comes("127.0.0.1", 2, "/quit");
    FRONT("<1>\n" LEFT "Bob left the chat");
    /* Name and message in one, as the other lab's client has it, to come and to talk. */
    comes("127.0.0.1", 3, "Carl\tgood day");
    comes("127.0.0.1", 3, "Carl\tgood night");
    FRONT("<1>\n" JOINED "Carl joined the chat\n[HH:MM:SS] Carl: good day"
          "<1>\n[HH:MM:SS] Carl: good night");
    comes("127.0.0.1", 9, "");
    comes("127.0.0.1", 9, "/quit");
    FRONT("");
}

Test(chat_datagrams, strangers_have_to_send_a_cookie_back) {
    char cookie[200];

    snprintf(cookie, sizeof(cookie), "%s", comes("8.8.8.8", 1, "Mallory"));
    cr_expect_eq(strncmp(cookie, "/cookie ", 8), 0, "%s", cookie);
    cr_expect_eq(strlen(cookie), strlen("/cookie 01234567\n"));
    cookie[16] = '\0';
    /* Never more than three bytes for each that came. */
    cr_expect_str_eq(comes("8.8.8.8", 1, "Ann"), "");
    cr_expect_neq(strlen(comes("8.8.8.8", 1, "/join A")), 0);
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 0);
    /* Another's cookie is none. */
    strcat(cookie, " Mallory");
    cr_expect_eq(strncmp(comes("8.8.4.4", 1, cookie), "/cookie ", 8), 0);
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 0);
    room.now_ms += 60000;
    comes("8.8.8.8", 1, cookie);
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 1);
    comes("8.8.8.8", 1, "/quit");
    room.now_ms += 120000;
    comes("8.8.8.8", 1, cookie);
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 1);
}

Test(chat_datagrams, trust) {
    static const struct {
        const char *address;
        bool loopback, private;
    } cases[] = {
        { "127.0.0.1", true, true },
        { "127.9.9.9", true, true },
        { "10.1.2.3", false, true },
        { "172.16.0.1", false, true },
        { "172.31.255.255", false, true },
        { "172.32.0.1", false, false },
        { "192.168.7.7", false, true },
        { "192.169.0.1", false, false },
        { "169.254.1.1", false, true },
        { "8.8.8.8", false, false },
        { "::1", true, true },
        { "fd00::1", false, true },
        { "fe80::1", false, true },
        { "fec0::1", false, false },
        { "2001:db8::1", false, false },
        { "::ffff:127.0.0.1", true, true },
        { "::ffff:8.8.8.8", false, false },
        { "::ffff:10.0.0.1", false, true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_address peer = { .len = sizeof(peer.sa.in6) };

        peer.sa.any.sa_family = strchr(cases[i].address, ':') != NULL ? AF_INET6 : AF_INET;
        inet_pton(peer.sa.any.sa_family, cases[i].address,
            peer.sa.any.sa_family == AF_INET ? (void *)&peer.sa.in.sin_addr
                                             : (void *)&peer.sa.in6.sin6_addr);
        cr_expect_eq(chat_datagrams_is_trusted(&peer, CHAT_TRUST_LOOPBACK), cases[i].loopback, "%s",
            cases[i].address);
        cr_expect_eq(chat_datagrams_is_trusted(&peer, CHAT_TRUST_PRIVATE), cases[i].private, "%s",
            cases[i].address);
        cr_expect(chat_datagrams_is_trusted(&peer, CHAT_TRUST_ALL));
        cr_expect_not(chat_datagrams_is_trusted(&peer, CHAT_TRUST_NONE));
    }
}

Test(chat_datagrams, flood_is_dropped_counted_and_told) {
    comes("127.0.0.1", 1, "Ann");
    for (unsigned i = 0; i < 53; i++)
        comes("127.0.0.1", 1, "x");
    cr_expect_eq(room.count[CHAT_COUNT_SAID], 50);
    cr_expect_eq(room.count[CHAT_COUNT_UDP_DROPPED], 3);
    tick(1000);
    FRONT("<1>[HH:MM:SS] too fast, not said: 3 messages\n");
    tick(1000);
    FRONT("");
}

Test(chat_datagrams, silent_one_is_asked_and_then_has_left) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina");

    comes("127.0.0.1", 1, "Ann");
    comes("127.0.0.1", 2, "Bob");
    forget(nina);
    forget(&room.front);
    tick(80000);
    FRONT("");
    tick(10000);
    FRONT("<1>\n<2>\n"); /* empty datagrams */
    tick(1000);
    FRONT("");
    comes("127.0.0.1", 2, "");
    tick(29000);
    HEARS(nina, LEFT "Ann left the chat\n");
    /* Nobody buries who is there by a lease that is renewed. */
    tick(60000);
    forget(&room.front);
    comes("127.0.0.1", 2, "here");
    HEARS(nina, "[HH:MM:SS] Bob: here\n");
}

Test(chat_datagrams, table_that_is_full_takes_nobody_more) {
    for (uint16_t i = 1; i <= 4; i++)
        comes("127.0.0.1", i, "Name");
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 3);
    cr_expect_eq(room.count[CHAT_COUNT_REFUSED], 1);
    comes("127.0.0.1", 2, "/quit");
    comes("127.0.0.1", 4, "Name");
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 4);
}

/* ---- the owner goes, they stay ---- */

Test(chat_datagrams, new_owner_goes_on_where_the_killed_one_was) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina");

    comes("127.0.0.1", 1, "Ann");
    forget(nina);
    sends(nina, "one");
    FRONT("<1>\n[HH:MM:SS] Nina: one");
    kill_worker(&room.worker[0]);
    room.worker[0].owns = false;
    tick(1000);
    sends(nina, "two");
    FRONT("");
    room.worker[2].owns = true;
    chat_service.mail(&room.worker[2]);
    FRONT("<1>\n[HH:MM:SS] Nina: two");
    sends(nina, "three");
    FRONT("<1>\n[HH:MM:SS] Nina: three");
    comes("127.0.0.1", 1, "four");
    HEARS(nina, "[HH:MM:SS] Ann: four\n");
}

Test(chat_datagrams, memory_that_makes_no_sense_costs_its_members_their_place_and_no_more) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina");

    comes("127.0.0.1", 1, "Ann");
    memset(room.owned, 0xff, chat_datagrams_size(&room.settings));
    forget(nina);
    sends(nina, "one");
    chat_service.mail(&room.worker[0]);
    tick(1000);
    comes("127.0.0.1", 2, "Bob");
    forget(&room.front);
    sends(nina, "two");
    FRONT("<2>\n[HH:MM:SS] Nina: two");
    tick(100000);
    comes("127.0.0.1", 2, "");
    forget(nina);
    tick(40000);
    HEARS(nina, LEFT "Ann left the chat\n");
}
