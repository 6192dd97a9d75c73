/* Who is there. One too many is told so, and knows what to do about it. */
#include "supervisor/jobs/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/peer.h"

#define NS_IN_MS 1000000ull

struct peers {
    struct book *book;
    struct loop *loop;
    const uint64_t *now_ns;
    TAILQ_HEAD(peer_list, peer) list;
    unsigned count; /* those that are gone and not yet freed included */
};

struct peers *peers_new(struct book *book, struct loop *loop, const uint64_t *now_ns) {
    struct peers *peers = calloc(1, sizeof(*peers));

    if (peers == NULL)
        return NULL;
    peers->book = book;
    peers->loop = loop;
    peers->now_ns = now_ns;
    TAILQ_INIT(&peers->list);
    return peers;
}

static unsigned count_of_user(const struct peers *peers, uid_t uid) {
    const struct peer *peer;
    unsigned count = 0;

    TAILQ_FOREACH (peer, &peers->list, link)
        count += peer->request.asker.uid == uid;
    return count;
}

static struct asker find_asker(const struct peers *peers, int fd) {
    socklen_t len = sizeof(struct ucred);
    struct ucred cred = { .uid = (uid_t)-1 };

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        cred.uid = (uid_t)-1;
    return (struct asker){ cred.uid, rights_is_admin(book_config(peers->book), cred.uid) };
}

static void turn_away(const struct asker *asker, int fd, const char *why) {
    struct complaint complaint;
    char line[160];
    int len = snprintf(
        line, sizeof(line), "{\"done\":true,\"exit\":%d,\"error\":\"%s\"}\n", EXIT_CODE_BUSY, why);

    complaint_set(&complaint, "%s", why);
    book_log_refusal(asker, "connection", &complaint);
    if (send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* It does not listen: nothing is lost. */
    }
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

void peers_add(struct peers *peers, int fd, int bytes_fd) {
    const struct peer_args args = {
        .book = peers->book,
        .loop = peers->loop,
        .now_ns = peers->now_ns,
        .asker = find_asker(peers, fd),
    };
    const char *why = NULL;
    struct peer *peer;

    if (peers->count >= PEERS_MAX)
        why = "the job supervisor has as many connections as it takes";
    else if (!args.asker.is_admin && count_of_user(peers, args.asker.uid) >= PEERS_MAX_USER)
        why = "you have as many connections to the job supervisor as one user may";
    if (why != NULL) {
        close(bytes_fd);
        turn_away(&args.asker, fd, why);
        return;
    }
    peer = peer_new(&args, fd, bytes_fd);
    if (peer == NULL) {
        log_warn("a connection to the job supervisor is lost");
        return;
    }
    TAILQ_INSERT_TAIL(&peers->list, peer, link);
    peers->count++;
}

void peers_tend(struct peers *peers) {
    struct peer *peer, *next;

    TAILQ_FOREACH_SAFE (peer, &peers->list, link, next) {
        peer_tend(peer);
        if (!peer_is_gone(peer))
            continue;
        TAILQ_REMOVE(&peers->list, peer, link);
        peers->count--;
        peer_free(peer);
    }
}

int peers_patience_ms(const struct peers *peers) {
    uint64_t first = UINT64_MAX, at;
    const struct peer *peer;

    TAILQ_FOREACH (peer, &peers->list, link) {
        at = peer_wake_at_ns(peer);
        first = at < first ? at : first;
    }
    if (first == UINT64_MAX)
        return -1;
    return first <= *peers->now_ns ? 0 : (int)((first - *peers->now_ns) / NS_IN_MS) + 1;
}

void peers_free(struct peers *peers) {
    struct peer *peer;

    if (peers == NULL)
        return;
    while ((peer = TAILQ_FIRST(&peers->list)) != NULL) {
        TAILQ_REMOVE(&peers->list, peer, link);
        peer_dismiss(peer);
        peer_free(peer);
    }
    free(peers);
}
