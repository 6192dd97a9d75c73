/*
 * One loop over all members. Half of them speak lines and half frames. A member's place in the
 * order is the number it got last: the next one has to be one more, whatever connection it comes
 * through, and to be what every other member got under that number.
 */
#include "tests/system/members.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"

#define PATIENCE_MS 20000
#define RETRY_MS    20
#define ORDER_MOST  (1u << 20) /* messages of one run */
#define ROOM_TEXT   32

enum member_state { AWAY, GREETING, IN };

struct member {
    int fd; /* -1: it is away */
    enum member_state state;
    bool is_framed, is_datagram;
    uint16_t port;
    uint64_t number;                      /* its own, from 1 */
    uint64_t said, came_back;             /* its messages */
    uint64_t at;                          /* of the order; 0: it was told nothing yet */
    uint64_t heard[2 * MEMBERS_MOST + 1]; /* of each member: its last message */
    uint64_t retry_at_ns;
    char room[ROOM_TEXT + 1];
    char in[1 << 18];
    size_t len;
};

struct club {
    const struct members_plan *plan;
    struct members *members;
    unsigned count;
    uint32_t *order; /* a hash of each message, by its number; 0: nobody got it yet */
    struct member member[2 * MEMBERS_MOST];
};

static void fail(
    struct club *club, const struct member *member, const char *what, const char *line) {
    if (club->members->failed++ == 0)
        snprintf(club->members->why, sizeof(club->members->why), "member %lu at %lu: %s: %.120s",
            (unsigned long)member->number, (unsigned long)member->at, what, line);
}

static uint32_t hash(const char *text, size_t len) {
    uint32_t value = 2166136261u;

    for (size_t i = 0; i < len; i++)
        value = (value ^ (unsigned char)text[i]) * 16777619u;
    return value | 1;
}

/* ---- out ---- */

static void go_away(struct member *member) {
    close(member->fd);
    member->fd = -1;
    member->state = AWAY;
    member->len = 0;
    member->retry_at_ns = harness_now_ns() + RETRY_MS * 1000000ull;
}

static void say(struct member *member, const char *text) {
    char out[512];
    size_t len = strlen(text);
    uint32_t head = htonl((uint32_t)len);

    if (member->is_framed) {
        memcpy(out, &head, 4);
        memcpy(out + 4, text, len);
        len += 4;
    } else {
        len = (size_t)snprintf(out, sizeof(out), member->is_datagram ? "%s" : "%s\r\n", text);
    }
    /* A full or broken socket: what it tells when it is read decides. */
    (void)send(member->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_message(struct member *member, uint64_t id) {
    char text[128];

    snprintf(text, sizeof(text), "%lu message %lu of member %lu", (unsigned long)id,
        (unsigned long)id, (unsigned long)member->number);
    say(member, text);
}

static void say_hello(struct member *member) {
    char text[128];
    size_t len = (size_t)snprintf(text, sizeof(text), "hello %lu", (unsigned long)member->number);

    if (member->at > 0)
        snprintf(
            text + len, sizeof(text) - len, " %s:%lu", member->room, (unsigned long)member->at);
    say(member, text);
}

static void come(struct member *member) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(member->port) };

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->fd = socket(
        AF_INET, (member->is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (connect(member->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        go_away(member);
        return;
    }
    member->state = GREETING;
    say_hello(member);
}

/* ---- in ---- */

/* A datagram may be lost on its way in, or on its way out; nothing comes twice. */
static bool is_next(
    const struct club *club, const struct member *member, uint64_t number, uint64_t id) {
    const uint64_t heard = member->heard[number];

    if (heard == 0)
        return true;
    return member->is_datagram || number > club->plan->count ? id > heard : id == heard + 1;
}

/* Its own, or somebody's: each exactly once, and by their own numbers in order. */
static void take_message(struct club *club, struct member *member, const char *line, size_t len) {
    unsigned long seq, number, id;
    uint32_t value = hash(line, len);

    if (sscanf(line, "%lu %lu %lu ", &seq, &number, &id) != 3 || seq >= ORDER_MOST ||
        number > club->count) {
        fail(club, member, "no message", line);
        return;
    }
    if (member->is_datagram ? seq <= member->at : seq != member->at + 1)
        fail(club, member, "out of order", line);
    if (club->order[seq] == 0)
        club->order[seq] = value;
    if (club->order[seq] != value)
        fail(club, member, "another got another", line);
    if (!is_next(club, member, number, id))
        fail(club, member, "its sender's order", line);
    member->heard[number] = id;
    member->at = seq;
    if (number == member->number) {
        club->members->counted += id - member->came_back;
        member->came_back = id;
    }
    if (seq > club->members->last)
        club->members->last = seq;
    member->is_datagram ? club->members->datagrams++ : club->members->received++;
}

static void take_room(struct club *club, struct member *member, const char *line) {
    unsigned long seq;
    char room[ROOM_TEXT + 1];

    if (sscanf(line, "room %32s %lu", room, &seq) != 2) {
        fail(club, member, "no room", line);
        return;
    }
    /* A place before the first message is none to come back to. */
    if (member->at == 0) {
        club->members->open += member->room[0] == '\0';
        strcpy(member->room, room);
        member->at = seq;
    } else if (strcmp(room, member->room) != 0 || (seq != member->at && !member->is_datagram)) {
        fail(club, member, "another place", line);
    }
    member->state = IN;
    for (uint64_t id = member->came_back + 1; id <= member->said; id++)
        say_message(member, id);
}

static void take_line(struct club *club, struct member *member, char *line, size_t len) {
    if (member->state == GREETING)
        take_room(club, member, line);
    else if (strncmp(line, "room ", 5) == 0)
        fail(club, member, "told its room again", line);
    else if (strncmp(line, "again ", 6) != 0 && strcmp(line, "bye") != 0)
        take_message(club, member, line, len);
}

/* The next whole one in what came; returns its length with its head or end, 0: none. */
static size_t find_line(struct member *member, size_t at, char **out, size_t *out_len) {
    const size_t rest = member->len - at;
    uint32_t head;
    char *end;

    *out = member->in + at;
    if (member->is_framed) {
        if (rest < 4)
            return 0;
        memcpy(&head, *out, 4);
        *out_len = ntohl(head);
        *out += 4;
        return rest - 4 >= *out_len ? *out_len + 4 : 0;
    }
    end = memchr(*out, '\n', rest);
    if (end == NULL)
        return 0;
    *out_len = (size_t)(end - *out);
    return *out_len + 1;
}

static void take_lines(struct club *club, struct member *member) {
    size_t at = 0, n, len;
    char *line, copy[2048];

    while ((n = find_line(member, at, &line, &len)) > 0) {
        if (len >= sizeof(copy)) {
            fail(club, member, "far too long", "");
            return;
        }
        memcpy(copy, line, len);
        copy[len] = '\0';
        take_line(club, member, copy, len);
        at += n;
    }
    memmove(member->in, member->in + at, member->len - at);
    member->len -= at;
}

static void receive(struct club *club, struct member *member) {
    ssize_t n = recv(
        member->fd, member->in + member->len, sizeof(member->in) - member->len, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && member->is_datagram)
        return;
    if (n <= 0) {
        go_away(member);
        club->members->returns++;
        return;
    }
    if (member->is_datagram && memchr(member->in + member->len, '\n', (size_t)n) != NULL)
        fail(club, member, "two in one datagram", member->in + member->len);
    member->len += (size_t)n;
    if (member->is_datagram)
        member->in[member->len++] = '\n';
    take_lines(club, member);
}

/* ---- the loop ---- */

/* Has each that must have it all there is? */
static bool is_done(const struct club *club) {
    for (unsigned i = 0; i < club->count; i++) {
        const struct member *member = &club->member[i];
        if (!member->is_datagram &&
            (member->came_back != member->said || member->at != club->members->last))
            return false;
    }
    return true;
}

/* What is lost of datagrams is lost: only streams are waited for. */
static void say_more(struct club *club, struct member *member) {
    if (member->state != IN || club->members->is_over)
        return;
    if (member->is_datagram && member->said > 0 && member->said != member->came_back &&
        harness_random(0, 20) > 0)
        return;
    if (member->is_datagram || member->said - member->came_back < club->plan->under_way)
        say_message(member, ++member->said);
}

static void turn(struct club *club) {
    struct pollfd watch[2 * MEMBERS_MOST];

    for (unsigned i = 0; i < club->count; i++) {
        struct member *member = &club->member[i];
        if (member->fd < 0 && harness_now_ns() >= member->retry_at_ns)
            come(member);
        if (member->fd >= 0)
            say_more(club, member);
        watch[i] = (struct pollfd){ .fd = member->fd, .events = POLLIN };
    }
    if (poll(watch, club->count, 5) > 0)
        for (unsigned i = 0; i < club->count; i++)
            if (watch[i].fd >= 0 && watch[i].revents != 0)
                receive(club, &club->member[i]);
    if (club->plan->pause_us > 0)
        harness_pause_us(club->plan->pause_us);
}

static void run(struct club *club) {
    uint64_t until_ns = UINT64_MAX;

    while (club->members->failed == 0 && harness_now_ns() < until_ns) {
        turn(club);
        if (!club->members->is_over)
            continue;
        if (until_ns == UINT64_MAX)
            until_ns = harness_now_ns() + PATIENCE_MS * 1000000ull;
        if (is_done(club))
            return;
    }
    for (unsigned i = 0; i < club->count; i++)
        if (club->members->failed == 0 && !club->member[i].is_datagram &&
            (club->member[i].came_back != club->member[i].said ||
                club->member[i].at != club->members->last))
            fail(club, &club->member[i], "has not got all", "");
}

static void fill(struct club *club) {
    const struct members_plan *plan = club->plan;
    unsigned places = 0, udp = 0;

    while (places < MEMBERS_PLACES && plan->port[places] != 0)
        places++;
    while (udp < MEMBERS_PLACES && plan->udp[udp] != 0)
        udp++;
    club->count = plan->count + plan->datagram_count;
    for (unsigned i = 0; i < club->count; i++) {
        struct member *member = &club->member[i];
        member->fd = -1;
        member->number = i + 1;
        member->is_datagram = i >= plan->count;
        member->is_framed = !member->is_datagram && i % 2 == 1;
        member->port = member->is_datagram ? plan->udp[i % udp] : plan->port[i % places];
    }
}

struct members *members_start(const struct members_plan *plan) {
    struct members *members = mmap(
        NULL, sizeof(*members), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct club *club;
    pid_t pid = fork();

    if (pid != 0) {
        members->pid = pid;
        CHECK(harness_until(PATIENCE_MS,
                  members->failed > 0 || members->open == plan->count + plan->datagram_count),
            "%u are in the room", members->open);
        CHECK(members->failed == 0, "%s", members->why);
        return members;
    }
    club = calloc(1, sizeof(*club));
    club->plan = plan;
    club->members = members;
    club->order = calloc(ORDER_MOST, sizeof(*club->order));
    fill(club);
    run(club);
    _exit(0);
}

void members_go_on(const struct members *members, uint64_t more) {
    const uint64_t wanted = members->counted + more;

    CHECK(harness_until(PATIENCE_MS, members->counted >= wanted || members->failed > 0),
        "only %lu count", (unsigned long)members->counted);
    CHECK(members->failed == 0, "%s", members->why);
}

void members_stop(struct members *members) {
    members->is_over = true;
    waitpid(members->pid, NULL, 0);
    CHECK(members->failed == 0, "%s", members->why);
}
