/* The plan's side: what time it is, whether a definition still runs, and a job for what is due. */
#include "supervisor/jobs/book_private.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"

/* Which boot of the machine this is: sixteen digits of its id; 0 when nobody knows. */
static uint64_t read_boot(void) {
    char text[64] = "", digits[17] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    size_t len = 0;

    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n && len < sizeof(digits) - 1; i++)
        if (isxdigit((unsigned char)text[i]))
            digits[len++] = text[i];
    return strtoull(digits, NULL, 16);
}

static struct schedule_time tell_time(const struct book *book) {
    return (struct schedule_time){ .mono_ms = (int64_t)(clock_now_ns() / BOOK_NS_IN_MS),
        .unix_ms = book_now_unix_ms(),
        .boot = book->boot,
        .life = book->life };
}

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
    book->boot = read_boot();
    book->plan = plan_new(book->store, &client, seed);
    return book->plan != NULL ? book_plan_renew(book, book->config) : -1;
}

int book_plan_renew(struct book *book, const struct jobs_config *config) {
    const struct schedule_time now = tell_time(book);

    book->plan_at_ns = 0;
    return plan_renew(book->plan, config->definition, config->definition_count, &now);
}

void book_plan_tend(struct book *book) {
    struct schedule_time now;
    int patience_ms;

    if (book->is_stopping || book->now_ns < book->plan_at_ns)
        return;
    tzset(); /* the time zone may have become another one */
    now = tell_time(book);
    plan_tend(book->plan, &now);
    patience_ms = plan_patience_ms(book->plan, &now);
    book->plan_at_ns = patience_ms < 0 ? UINT64_MAX
                                       : book->now_ns + (uint64_t)patience_ms * BOOK_NS_IN_MS;
}

int64_t book_next_at_unix_ms(const struct book *book, const char *name) {
    const struct schedule_time now = tell_time(book);

    return plan_next_at_unix_ms(book->plan, name, &now);
}
