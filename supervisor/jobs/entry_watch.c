/* Who watches a job. */
#include "supervisor/jobs/entry.h"

void entry_watch(struct entry_watcher *watcher, struct entry *entry) {
    if (watcher->entry != NULL)
        TAILQ_REMOVE(&watcher->entry->watchers, watcher, link);
    watcher->entry = entry;
    if (entry != NULL)
        TAILQ_INSERT_TAIL(&entry->watchers, watcher, link);
}

void entry_tell(struct entry *entry) {
    struct entry_watcher *watcher, *next;

    TAILQ_FOREACH_SAFE (watcher, &entry->watchers, link, next) {
        watcher->moved(watcher);
    }
}
