/* One job as the daemon knows it. */
#include "supervisor/jobs/entry.h"

#include <stdlib.h>

const char *entry_state_name(enum entry_state state) {
    static const char *const names[ENTRY_STATES] = {
        [ENTRY_QUEUED] = "queued",
        [ENTRY_RUNNING] = "running",
        [ENTRY_PAUSED] = "paused",
        [ENTRY_DONE] = "done",
        [ENTRY_INCOMPLETE] = "incomplete",
        [ENTRY_FAILED] = "failed",
        [ENTRY_CANCELLED] = "cancelled",
    };

    return (unsigned)state < ENTRY_STATES ? names[state] : "unknown";
}

bool entry_has_ended(const struct entry *entry) {
    return entry->state >= ENTRY_DONE;
}

struct entry *entry_new(void) {
    struct entry *entry = calloc(1, sizeof(*entry)); /* ENTRY_QUEUED is 0 */

    if (entry != NULL)
        TAILQ_INIT(&entry->watchers);
    return entry;
}

void entry_free(struct entry *entry) {
    if (entry == NULL)
        return;
    json_decref(entry->what);
    free(entry->output);
    free(entry);
}
