/*
 * Which client ids are in the history: chains of sequence numbers by the hash of {member, id}, in
 * the process's own memory. Each process makes its own from the records, so that no death can take
 * it along or leave it half written. A chain's link is kept by the record's slot and is overwritten
 * with it: nothing is ever taken out, a walk ends where the numbers have left the window.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/bus_layout.h"

struct entry {
    uint64_t member, client_id;
    uint64_t before; /* the sequence number before this one in its chain; 0: none */
};

struct bus_index {
    struct bus *bus;
    uint64_t next; /* all before it are taken in */
    uint64_t seed[2];
    struct entry *entry; /* by slot */
    uint64_t newest[];   /* of each chain; as many as slots */
};

struct bus_index *bus_index_new(struct bus *bus) {
    struct bus_index *index = calloc(1, sizeof(*index) + bus->slots * sizeof(index->newest[0]));

    if (index == NULL)
        return NULL;
    index->entry = calloc(bus->slots, sizeof(index->entry[0]));
    if (index->entry == NULL) {
        free(index);
        return NULL;
    }
    index->bus = bus;
    index->next = 1;
    /* The ids are the clients': they shall not choose what falls into one chain. */
    arc4random_buf(index->seed, sizeof(index->seed));
    return index;
}

void bus_index_free(struct bus_index *index) {
    if (index == NULL)
        return;
    free(index->entry);
    free(index);
}

static uint64_t *chain(struct bus_index *index, uint64_t member, uint64_t client_id) {
    unsigned __int128 product = (unsigned __int128)(member ^ index->seed[0]) *
                                (client_id ^ index->seed[1]);
    uint64_t hash = ((uint64_t)product ^ (uint64_t)(product >> 64)) * 0x9e3779b97f4a7c15ull;

    return &index->newest[hash >> 32 & (index->bus->slots - 1)];
}

static void add(struct bus_index *index, uint64_t seq) {
    uint64_t word = atomic_load_explicit(bus_slot(index->bus, seq), memory_order_acquire), *newest;
    struct bus_head head;
    struct entry *entry = &index->entry[seq & (index->bus->slots - 1)];

    if (seq == 0 || bus_lap_of(word) != bus_lap(index->bus, seq) ||
        bus_peek(index->bus, word, &head) != BUS_PEEK_WHOLE || head.client_id == 0)
        return;
    newest = chain(index, head.member, head.client_id);
    *entry = (struct entry){ head.member, head.client_id, *newest };
    *newest = seq;
}

static void catch_up(struct bus_index *index, uint64_t seq) {
    const uint32_t slots = index->bus->slots;

    /*
     * The tail went back: somebody scribbled on it, and what is known may be of another order. Or
     * it is so far ahead that nothing known is in the window: after such leaps, too, it may come
     * back to where it was, and a number that is taken in twice would lead to itself for ever.
     */
    if ((int64_t)(seq - index->next) < 0 || seq - index->next > slots) {
        memset(index->newest, 0, slots * sizeof(index->newest[0]));
        index->next = seq - slots;
    }
    for (; index->next != seq; index->next++)
        add(index, index->next);
}

uint64_t bus_index_find(
    struct bus_index *index, uint64_t seq, uint64_t member, uint64_t client_id) {
    const struct entry *entry;
    uint64_t at;

    catch_up(index, seq);
    for (at = *chain(index, member, client_id); at != 0 && seq - at <= index->bus->slots;
         at = entry->before) {
        entry = &index->entry[at & (index->bus->slots - 1)];
        if (entry->member == member && entry->client_id == client_id)
            return at;
    }
    return 0;
}
