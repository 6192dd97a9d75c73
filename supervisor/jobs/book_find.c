/* Looking jobs up. The newest are asked for most, so what can begins at the end. */
#include "supervisor/jobs/book_private.h"

#include <string.h>

struct entry *book_find(const struct book *book, uint64_t id) {
    struct entry *entry;

    TAILQ_FOREACH_REVERSE(entry, &book->all, entry_list, link)
    if (entry->id <= id)
        return entry->id == id ? entry : NULL;
    return NULL;
}

struct entry *book_find_next(const struct book *book, uint64_t id) {
    struct entry *entry;

    TAILQ_FOREACH (entry, &book->all, link)
        if (entry->id > id)
            return entry;
    return NULL;
}

struct entry *book_find_run(const struct book *book, const char *name, const struct asker *asker) {
    struct entry *entry;

    TAILQ_FOREACH_REVERSE(entry, &book->all, entry_list, link)
    if (rights_can_see(asker, entry) && strcmp(entry->name, name) == 0)
        return entry;
    return NULL;
}

uint64_t book_find_last(const struct book *book, uint64_t n, bool all, const struct asker *asker) {
    const struct entry *entry;

    TAILQ_FOREACH_REVERSE(entry, &book->all, entry_list, link)
    if (rights_can_see(asker, entry) && (all || !entry_has_ended(entry)) && n-- == 0)
        return entry->id;
    return 0;
}

unsigned book_count_workers(const struct book *book, const struct entry *entry) {
    return entry->run != NULL ? runner_count_workers(book->runner, entry) : 0;
}
