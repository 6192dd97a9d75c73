/*
 * What is kept, and for how long. The oldest go first; when ended jobs keep those in work from
 * going on, the oldest of whoever has most. One whose result is being read stays.
 */
#include "supervisor/jobs/book_private.h"

#include "supervisor/jobs/store.h"

#define MEASURE_NS (BOOK_NS_IN_S / 4)  /* while something is in work */
#define AGAIN_NS   (1 * BOOK_NS_IN_S)  /* while an end is not noted */
#define FAILED_NS  (60 * BOOK_NS_IN_S) /* after the disk did not do what it was told */
#define LOOK_MAX_S 3600u
#define QUIET_NS   (BOOK_NS_IN_S / 20)
#define URGENT     256u /* jobs too many: then it is done whatever goes on */
#define USERS_MAX  64u

/* Returns false when the disk does not let go of it. */
static bool forget(struct book *book, struct entry *entry, const char *cause) {
    struct complaint complaint;

    if (store_forget(book->store, entry, &complaint) < 0) {
        book_log_spool(entry, &complaint);
        return false;
    }
    book_log_forgotten(entry, cause);
    book->measure_at_ns = 0;
    book->unnoted -= entry->is_unnoted;
    book->untidy -= entry->is_untidy;
    book_turn_remove(&book->ended, entry);
    TAILQ_REMOVE(&book->all, entry, link);
    entry_free(entry);
    return true;
}

static bool can_go(const struct entry *entry) {
    return TAILQ_EMPTY(&entry->watchers);
}

static struct entry *find_oldest(const struct book *book) {
    struct entry *entry;

    TAILQ_FOREACH (entry, &book->ended.list, turn)
        if (can_go(entry))
            return entry;
    return NULL;
}

/* ---- no room ---- */

/* The user whose ended jobs take most of the spool; those beyond USERS_MAX take little. */
static uid_t find_greediest(const struct book *book) {
    struct {
        uid_t uid;
        uint64_t bytes;
    } users[USERS_MAX];
    const struct entry *entry;
    unsigned count = 0, best = 0, i;

    users[0].uid = (uid_t)-1;
    users[0].bytes = 0;
    TAILQ_FOREACH (entry, &book->ended.list, turn) {
        for (i = 0; i < count && users[i].uid != entry->uid; i++)
            ;
        if (i == USERS_MAX)
            continue;
        if (i == count) {
            users[i].uid = entry->uid;
            users[i].bytes = 0;
            count++;
        }
        users[i].bytes += can_go(entry) ? entry->spool_bytes : 0;
        if (users[i].bytes > users[best].bytes)
            best = i;
    }
    return users[best].uid;
}

static struct entry *find_in_the_way(const struct book *book) {
    const uid_t uid = find_greediest(book);
    struct entry *entry;

    TAILQ_FOREACH (entry, &book->ended.list, turn)
        if (entry->uid == uid && entry->spool_bytes > 0 && can_go(entry))
            return entry;
    return NULL;
}

static bool lacks_room(const struct book *book) {
    return !book->has_room && book->working.count > 0;
}

/* ---- what takes long: one at a time, and when nothing else goes on ---- */

static bool is_urgent(const struct book *book) {
    return book->untidy > URGENT || book->ended.count > book->config->keep_jobs + URGENT ||
           lacks_room(book);
}

void book_keep_stir(struct book *book) {
    const uint64_t at_ns = book->now_ns + (is_urgent(book) ? 0 : QUIET_NS);

    book->quiet_at_ns = book->now_ns + QUIET_NS;
    if (book->keep_at_ns > at_ns)
        book->keep_at_ns = at_ns;
}

/* How long ago it ended; a clock that was set back makes nothing old. */
static uint64_t tell_age_ms(const struct entry *entry) {
    const int64_t age_ms = book_now_unix_ms() - entry->ended_at_unix_ms;

    return age_ms > 0 ? (uint64_t)age_ms : 0;
}

static bool is_old(const struct book *book, const struct entry *entry) {
    return book->config->keep_for_ms > 0 && tell_age_ms(entry) >= book->config->keep_for_ms;
}

/* Returns which one must go now, and why; NULL: none. */
static struct entry *choose(const struct book *book, const char **out_cause) {
    struct entry *entry = find_oldest(book);

    if (entry == NULL)
        return NULL;
    *out_cause = "keep_jobs";
    if (book->ended.count > book->config->keep_jobs)
        return entry;
    *out_cause = "keep_for";
    if (is_old(book, entry))
        return entry;
    *out_cause = "max_spool";
    return lacks_room(book) ? find_in_the_way(book) : NULL;
}

static void note_ends(struct book *book) {
    struct complaint complaint;
    struct entry *entry;

    TAILQ_FOREACH (entry, &book->ended.list, turn)
        if (entry->is_unnoted && store_note_end(book->store, entry, &complaint) == 0) {
            entry->is_unnoted = false;
            book->unnoted--;
        }
}

/* How large it all is, and so whether the jobs in work may go on. */
static void measure(struct book *book) {
    struct entry *entry;

    TAILQ_FOREACH (entry, &book->working.list, turn)
        store_measure(book->store, entry);
    book->has_room = store_bytes(book->store) < book->config->max_spool_bytes;
    runner_set_room(book->runner, book->has_room);
    book->measure_at_ns = book->now_ns + MEASURE_NS;
}

/* The newest are the likeliest. Returns false when all is tidy. */
static bool tidy_one(struct book *book) {
    struct entry *entry;

    if (book->untidy == 0)
        return false;
    entry = TAILQ_LAST(&book->ended.list, entry_list);
    while (entry != NULL && (!entry->is_untidy || entry->is_unnoted))
        entry = TAILQ_PREV(entry, entry_list, turn);
    if (entry == NULL)
        return false;
    store_tidy(book->store, entry);
    entry->is_untidy = false;
    book->untidy--;
    return true;
}

/* Until the oldest is old; an hour at most, since the wall clock may be set. */
static uint64_t wait_ns(const struct book *book) {
    const struct entry *entry = find_oldest(book);
    uint64_t limit_ms = book->config->keep_for_ms, age_ms, left_s;

    if (book->unnoted > 0)
        return AGAIN_NS;
    if (entry == NULL || limit_ms == 0)
        return LOOK_MAX_S * BOOK_NS_IN_S;
    age_ms = tell_age_ms(entry);
    left_s = age_ms < limit_ms ? (limit_ms - age_ms) / 1000 : 0;
    return (left_s < LOOK_MAX_S ? left_s + 1 : LOOK_MAX_S) * BOOK_NS_IN_S;
}

uint64_t book_keep_next_at_ns(const struct book *book) {
    if (book->working.count > 0 && book->measure_at_ns < book->keep_at_ns)
        return book->measure_at_ns;
    return book->keep_at_ns;
}

void book_keep_tend(struct book *book) {
    struct entry *entry;
    const char *cause;

    if (book->working.count > 0 && book->now_ns >= book->measure_at_ns) {
        measure(book);
        if (lacks_room(book))
            book->keep_at_ns = book->now_ns;
    }
    if (book->now_ns < book->keep_at_ns)
        return;
    if (book->now_ns < book->quiet_at_ns && !is_urgent(book)) {
        book->keep_at_ns = book->quiet_at_ns;
        return;
    }
    if (book->unnoted > 0)
        note_ends(book);
    entry = choose(book, &cause);
    if (entry != NULL)
        book->keep_at_ns = forget(book, entry, cause) ? book->now_ns : book->now_ns + FAILED_NS;
    else
        book->keep_at_ns = tidy_one(book) ? book->now_ns : book->now_ns + wait_ns(book);
}
