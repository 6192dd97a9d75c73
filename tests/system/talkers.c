/*
 * One loop over all of them. Half speak lines and half frames. Numbers of events only ever rise,
 * whatever connection they come through; of each speaker every message comes once and in order,
 * from the first one to the last; and under one number all get the same.
 */
#include "tests/system/talkers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"

#define PATIENCE_MS 30000
#define STALL_MS    15000
#define RETRY_MS    20
#define OVER_MS     100        /* so long the old connection stands at most */
#define ORDER_MOST  (1u << 21) /* events of one run */
#define IN_BYTES    (1u << 16)

enum talker_state { AWAY, GREETING, IN };
static const char *const states[] = { "away", "greeting", "in" };
enum presence { UNKNOWN, HERE, GONE };

struct talker {
    int fd;     /* -1: it is away */
    int old_fd; /* from which it comes over; -1: none */
    uint64_t old_until_ns;
    enum talker_state state;
    bool is_framed, is_local, is_renamed;
    uint16_t port;
    unsigned number;          /* its own, from 1 */
    uint64_t said, came_back; /* its messages */
    uint64_t at;              /* the last event; 0: none yet */
    uint64_t first_at;        /* its first welcome */
    uint64_t message_at;      /* the last message */
    uint64_t own_at;          /* the last one of its own */
    uint64_t retry_at_ns, leave_at;
    uint64_t waits_since_ns; /* for an acknowledgement; 0: none is due */
    uint64_t *heard;         /* of each speaker: the last message */
    enum presence *presence; /* of each speaker, as it was told */
    char room[33];
    char *in;
    size_t len;
};

struct club {
    const struct talkers_plan *plan;
    struct talkers *talkers;
    int epoll;
    uint64_t *order; /* who said which, by its number; 0: nobody got it yet */
    struct talker talker[TALKERS_MOST];
};

static void fail(
    struct club *club, const struct talker *talker, const char *what, const char *line) {
    struct sockaddr_in own = { .sin_port = 0 };
    socklen_t len = sizeof(own);

    if (club->talkers->failed++ > 0)
        return;
    if (!talker->is_local)
        getsockname(talker->fd, (struct sockaddr *)&own, &len);
    snprintf(club->talkers->why, sizeof(club->talkers->why),
        "%s: member-%u (%s from %u) at %lu: %s: %.200s",
        club->plan->what != NULL ? club->plan->what : "talk", talker->number, states[talker->state],
        ntohs(own.sin_port), (unsigned long)talker->at, what, line);
}

/* ---- out ---- */

static void go_away(struct talker *talker) {
    if (talker->fd >= 0)
        close(talker->fd);
    talker->fd = -1;
    talker->state = AWAY;
    talker->len = 0;
    talker->retry_at_ns = harness_now_ns() + RETRY_MS * 1000000ull;
}

/* By itself: it is there on the old connection, but reads nothing more. */
static void come_over(struct talker *talker) {
    if (talker->old_fd >= 0)
        close(talker->old_fd);
    talker->old_fd = talker->fd;
    talker->old_until_ns = harness_now_ns() + OVER_MS * 1000000ull;
    talker->fd = -1;
    go_away(talker);
    talker->retry_at_ns = 0;
}

static void end_old(struct talker *talker, uint64_t now_ns) {
    if (talker->old_fd < 0 || (talker->state != IN && now_ns < talker->old_until_ns))
        return;
    close(talker->old_fd);
    talker->old_fd = -1;
}

static void say(struct talker *talker, const char *text) {
    char out[600];
    size_t len = strlen(text);
    uint32_t head = htonl((uint32_t)len);

    if (talker->is_framed) {
        memcpy(out, &head, 4);
        memcpy(out + 4, text, len);
        len += 4;
    } else {
        len = (size_t)snprintf(out, sizeof(out), "%s\n", text);
    }
    /* A full or broken socket: what it tells when it is read decides. */
    (void)send(talker->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_message(struct talker *talker, uint64_t id) {
    char text[200];

    snprintf(text, sizeof(text),
        "{\"t\":\"say\",\"id\":%lu,\"text\":\"%lu of member-%u, in some more words\"}",
        (unsigned long)id, (unsigned long)id, talker->number);
    say(talker, text);
}

/* There and back again; the numbers in its names are the same. */
static void say_name(struct talker *talker) {
    char text[100];

    snprintf(text, sizeof(text), "{\"t\":\"nick\",\"name\":\"member-%u%s\"}", talker->number,
        talker->is_renamed ? "" : " again");
    talker->is_renamed = !talker->is_renamed;
    say(talker, text);
}

static void say_hello(struct talker *talker) {
    char text[300];
    size_t len = (size_t)snprintf(
        text, sizeof(text), "HELLO 1 caps=json key=keyofthetalker%08u ", talker->number);

    if (talker->at > 0)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "since=%s:%lu ", talker->room,
            (unsigned long)talker->at);
    snprintf(text + len, sizeof(text) - len, "name=member-%u", talker->number);
    say(talker, text);
}

static int connect_to(const struct talker *talker, const char *path) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(talker->port) };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    int fd = socket(talker->is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (talker->is_local)
        snprintf(local.sun_path, sizeof(local.sun_path), "%s", path);
    rc = talker->is_local ? connect(fd, (struct sockaddr *)&local, sizeof(local))
                          : connect(fd, (struct sockaddr *)&to, sizeof(to));
    if (rc == 0)
        return fd;
    close(fd);
    return -1;
}

static void come(struct club *club, struct talker *talker) {
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = talker };

    talker->fd = connect_to(talker, club->plan->path);
    if (talker->fd < 0) {
        go_away(talker);
        return;
    }
    epoll_ctl(club->epoll, EPOLL_CTL_ADD, talker->fd, &event);
    talker->state = GREETING;
    talker->leave_at = club->plan->leave_each > 0
                           ? talker->said + harness_random(1, 2 * club->plan->leave_each)
                           : UINT64_MAX;
    say_hello(talker);
}

/* ---- in ---- */

static uint64_t number_of(const char *line, const char *key) {
    const char *at = strstr(line, key);

    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Message id of speaker `number`, as event seq. */
static void take_message(struct club *club, struct talker *talker, uint64_t seq, unsigned number,
    uint64_t id, const char *line) {
    const uint64_t value = (uint64_t)number << 40 | id;

    if (number == 0 || number > club->plan->speakers || id == 0) {
        fail(club, talker, "nobody's message", line);
        return;
    }
    if (club->order[seq] == 0)
        club->order[seq] = value;
    if (club->order[seq] != value)
        fail(club, talker, "another got another", line);
    if (talker->heard[number] != 0 && id != talker->heard[number] + 1)
        fail(club, talker, "its speaker's order", line);
    if (talker->presence[number] == GONE)
        fail(club, talker, "who has left talks", line);
    talker->heard[number] = id;
    talker->message_at = seq;
    if (seq > club->talkers->last)
        club->talkers->last = seq;
    club->talkers->received++;
}

static void take_welcome(struct club *club, struct talker *talker, const char *line) {
    const char *room = strstr(line, "\"room\":\"");
    char was[33];

    strcpy(was, talker->room);
    if (room == NULL || sscanf(room, "\"room\":\"%32[0-9a-f]\"", talker->room) != 1)
        fail(club, talker, "no room", line);
    if (was[0] != '\0' && strcmp(was, talker->room) != 0)
        fail(club, talker, "another room", line);
    if (was[0] == '\0') {
        club->talkers->in++;
        talker->first_at = talker->at;
    }
    talker->state = IN;
    for (uint64_t id = talker->came_back + 1; id <= talker->said; id++)
        say_message(talker, id);
}

static void take_ok(
    struct club *club, struct talker *talker, uint64_t seq, uint64_t id, const char *line) {
    const uint64_t now_ns = harness_now_ns();
    const unsigned waited_ms = (unsigned)((now_ns - talker->waits_since_ns) / 1000000);

    take_message(club, talker, seq, talker->number, id, line);
    if (id != talker->came_back + 1)
        fail(club, talker, "not its next one", line);
    club->talkers->acknowledged++;
    talker->came_back = id;
    talker->own_at = seq;
    if (waited_ms > club->talkers->slowest_ms)
        club->talkers->slowest_ms = waited_ms;
    talker->waits_since_ns = talker->said > id ? now_ns : 0;
}

static void take_presence(
    struct club *club, struct talker *talker, enum presence presence, const char *line) {
    const unsigned number = (unsigned)number_of(line, "\"name\":\"member-");

    if (number == 0 || number > club->plan->count)
        fail(club, talker, "nobody", line);
    else if (number <= club->plan->speakers && talker->presence[number] == presence)
        fail(club, talker, "told twice", line);
    else if (number <= club->plan->speakers)
        talker->presence[number] = presence;
}

/* Whoever it is, is there. */
static void take_name(struct club *club, struct talker *talker, const char *line) {
    const unsigned number = (unsigned)number_of(line, "\"from\":\"member-");

    if (number == 0 || number != number_of(line, "\"name\":\"member-"))
        fail(club, talker, "another's name", line);
    else if (number <= club->plan->speakers && talker->presence[number] == GONE)
        fail(club, talker, "who has left has another name", line);
}

static void take_line(struct club *club, struct talker *talker, const char *line) {
    const uint64_t seq = number_of(line, "\"seq\":");

    if (strncmp(line, "{\"t\":\"hello\"", 12) == 0 || strstr(line, ",\"again\":true}") != NULL)
        if (strstr(line, "\"welcome\"") == NULL)
            return;
    if (strncmp(line, "{\"t\":\"bye\"", 10) == 0) {
        if (strstr(line, "stopping") == NULL)
            fail(club, talker, "shown out", line);
        return;
    }
    if (strncmp(line, "{\"t\":\"crowd\"", 12) == 0)
        return;
    if (seq <= talker->at || seq >= ORDER_MOST) {
        fail(club, talker, "out of order, or no event", line);
        return;
    }
    talker->at = seq;
    if (strncmp(line, "{\"t\":\"msg\"", 10) == 0)
        take_message(club, talker, seq, (unsigned)number_of(line, "\"from\":\"member-"),
            number_of(line, "\"text\":\""), line);
    else if (strncmp(line, "{\"t\":\"ok\"", 9) == 0)
        take_ok(club, talker, seq, number_of(line, "\"id\":"), line);
    else if (strncmp(line, "{\"t\":\"welcome\"", 14) == 0)
        take_welcome(club, talker, line);
    else if (strncmp(line, "{\"t\":\"nick\"", 11) == 0)
        take_name(club, talker, line);
    else if (strncmp(line, "{\"t\":\"joined\"", 13) == 0)
        take_presence(club, talker, HERE, line);
    else if (strncmp(line, "{\"t\":\"left\"", 11) == 0)
        take_presence(club, talker, GONE, line);
    else
        fail(club, talker, "not expected", line);
}

/* The next whole one in what came; returns its length with its head or end, 0: none. */
static size_t find_line(struct talker *talker, size_t at, char **out, size_t *out_len) {
    const size_t rest = talker->len - at;
    uint32_t head;
    char *end;

    *out = talker->in + at;
    if (talker->is_framed) {
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

static void take_lines(struct club *club, struct talker *talker) {
    size_t at = 0, n, len;
    char *line, copy[4096];

    while ((n = find_line(talker, at, &line, &len)) > 0 && talker->fd >= 0) {
        if (len >= sizeof(copy)) {
            fail(club, talker, "far too long", "");
            return;
        }
        memcpy(copy, line, len);
        copy[len] = '\0';
        take_line(club, talker, copy);
        at += n;
    }
    memmove(talker->in, talker->in + at, talker->len - at);
    talker->len -= at;
}

static void receive(struct club *club, struct talker *talker) {
    ssize_t n;

    if (talker->fd < 0)
        return;
    n = recv(talker->fd, talker->in + talker->len, IN_BYTES - talker->len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        go_away(talker);
        club->talkers->returns++;
        return;
    }
    talker->len += (size_t)n;
    take_lines(club, talker);
}

/* ---- the loop ---- */

/* Whoever spoke while it was in the room was heard to the end. */
static bool has_heard_all(const struct club *club, const struct talker *talker) {
    for (unsigned i = 0; i < club->plan->speakers; i++) {
        const struct talker *other = &club->talker[i];
        if (other->own_at > talker->first_at && talker->heard[other->number] != other->said)
            return false;
    }
    return true;
}

static bool has_all(const struct club *club, const struct talker *talker) {
    return talker->came_back == talker->said && talker->message_at == club->talkers->last &&
           talker->state == IN && has_heard_all(club, talker);
}

static bool is_done(const struct club *club) {
    for (unsigned i = 0; i < club->plan->count; i++)
        if (!has_all(club, &club->talker[i]))
            return false;
    return true;
}

static void say_more(struct club *club, struct talker *talker) {
    if (talker->state != IN || club->talkers->is_over || club->talkers->is_silent ||
        talker->number > club->plan->speakers ||
        talker->said - talker->came_back >= club->plan->under_way)
        return;
    if (talker->waits_since_ns == 0)
        talker->waits_since_ns = harness_now_ns();
    say_message(talker, ++talker->said);
    if (club->plan->rename_each > 0 && talker->said % club->plan->rename_each == 0)
        say_name(talker);
    if (talker->said >= talker->leave_at)
        club->plan->comes_over ? come_over(talker) : go_away(talker);
}

static void act(struct club *club, struct talker *talker, uint64_t now_ns) {
    end_old(talker, now_ns);
    if (talker->fd < 0 && now_ns >= talker->retry_at_ns)
        come(club, talker);
    else if (talker->fd >= 0)
        say_more(club, talker);
    if (talker->waits_since_ns > 0 && now_ns > talker->waits_since_ns + STALL_MS * 1000000ull)
        fail(club, talker, "it waits for an acknowledgement for too long", "");
}

static void turn(struct club *club) {
    const uint64_t now_ns = harness_now_ns();
    struct epoll_event events[64];
    int n;

    for (unsigned i = 0; i < club->plan->count; i++)
        act(club, &club->talker[i], now_ns);
    n = epoll_wait(club->epoll, events, 64, 5);
    for (int i = 0; i < n; i++)
        receive(club, events[i].data.ptr);
    if (club->plan->pause_us > 0)
        harness_pause_us(club->plan->pause_us);
}

static void run(struct club *club) {
    uint64_t until_ns = UINT64_MAX;

    while (club->talkers->failed == 0 && harness_now_ns() < until_ns) {
        turn(club);
        if (!club->talkers->is_over)
            continue;
        if (until_ns == UINT64_MAX)
            until_ns = harness_now_ns() + PATIENCE_MS * 1000000ull;
        if (is_done(club))
            return;
    }
    for (unsigned i = 0; i < club->plan->count; i++)
        if (club->talkers->failed == 0 && !has_all(club, &club->talker[i]))
            fail(club, &club->talker[i], "has not got all", "");
}

static void fill(struct club *club) {
    const struct talkers_plan *plan = club->plan;
    unsigned places = 0;

    while (places < TALKERS_PLACES && plan->port[places] != 0)
        places++;
    club->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < plan->count; i++)
        club->talker[i] = (struct talker){ .fd = -1,
            .old_fd = -1,
            .number = i + 1,
            .is_framed = i % 2 == 1,
            .is_local = plan->path != NULL && i % 3 == 2,
            .port = plan->port[i % places],
            .in = malloc(IN_BYTES),
            .heard = calloc(plan->speakers + 1, sizeof(uint64_t)),
            .presence = calloc(plan->speakers + 1, sizeof(enum presence)) };
}

struct talkers *talkers_start(const struct talkers_plan *plan) {
    struct talkers *talkers = mmap(
        NULL, sizeof(*talkers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct club *club;
    pid_t pid;

    talkers->is_silent = plan->is_silent;
    pid = fork();

    if (pid != 0) {
        talkers->pid = pid;
        CHECK(harness_until(PATIENCE_MS, talkers->failed > 0 || talkers->in == plan->count),
            "%u are in", talkers->in);
        CHECK(talkers->failed == 0, "%s", talkers->why);
        return talkers;
    }
    club = calloc(1, sizeof(*club));
    club->plan = plan;
    club->talkers = talkers;
    club->order = calloc(ORDER_MOST, sizeof(*club->order));
    fill(club);
    run(club);
    _exit(0);
}

void talkers_go_on(const struct talkers *talkers, uint64_t more) {
    const uint64_t wanted = talkers->acknowledged + more;

    CHECK(harness_until(PATIENCE_MS, talkers->acknowledged >= wanted || talkers->failed > 0),
        "only %lu are acknowledged", (unsigned long)talkers->acknowledged);
    CHECK(talkers->failed == 0, "%s", talkers->why);
}

void talkers_stop(struct talkers *talkers) {
    talkers->is_over = true;
    waitpid(talkers->pid, NULL, 0);
    CHECK(talkers->failed == 0, "%s", talkers->why);
}
