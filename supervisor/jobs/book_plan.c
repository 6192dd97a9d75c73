/* The plan's side: what time it is, whether a definition still runs, and a job for what is due. */
#include "supervisor/jobs/book_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned count(void *arg, const char *name) {
    const struct book *book = arg;
    const struct entry_list *lists[] = { &book->queue.list, &book->working.list };
    const struct entry *entry;
    unsigned found = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        TAILQ_FOREACH (entry, lists[i], turn)
            found += strcmp(entry->name, name) == 0;
    return found;
}

static enum plan_answer on_due(
    void *arg, const struct jobs_definition *definition, int64_t due_at_unix_ms) {
    return book_submit_due(arg, definition, due_at_unix_ms);
}

int book_plan_open(struct book *book) {
    const struct plan_client client = { .arg = book, .count = count, .on_due = on_due };
    uint64_t seed;

    tzset();
    arc4random_buf(&seed, sizeof(seed));
    book->plan = plan_new(book->store, &client, seed);
    return book->plan != NULL ? book_plan_renew(book, book->config) : -1;
}

int book_plan_renew(struct book *book, const struct jobs_config *config) {
    const struct schedule_time now = plan_look_at_clocks(book->life);

    book->plan_at_ns = 0;
    return plan_renew(book->plan, config->definition, config->definition_count, &now);
}

void book_plan_tend(struct book *book) {
    struct schedule_time now;
    int patience_ms;

    if (book->is_stopping || book->now_ns < book->plan_at_ns)
        return;
    tzset(); /* the time zone may have become another one */
    now = plan_look_at_clocks(book->life);
    plan_tend(book->plan, &now);
    patience_ms = plan_patience_ms(book->plan, &now);
    book->plan_at_ns = patience_ms < 0 ? UINT64_MAX
                                       : book->now_ns + (uint64_t)patience_ms * BOOK_NS_IN_MS;
}

int64_t book_next_at_unix_ms(const struct book *book, const char *name) {
    const struct schedule_time now = plan_look_at_clocks(book->life);

    return plan_next_at_unix_ms(book->plan, name, &now);
}
