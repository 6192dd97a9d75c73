/* The texts about definitions: SPOOL/plan/NAME. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/jobs/store_file.h"
#include "supervisor/jobs/store_private.h"

/* A name that is no path, and none of the spares. */
static bool is_name(const char *name) {
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
           strlen(name) < ENTRY_NAME_MAX;
}

json_t *store_read_plan(struct store *store, const char *name) {
    json_t *text = is_name(name) ? store_file_read(store->plan_fd, name) : NULL;

    if (is_name(name) && text == NULL && errno != ENOENT)
        store_tell_bad(store, "plan", name, errno == EBADMSG ? "it is torn" : strerror(errno));
    return text;
}

int store_write_plan(
    struct store *store, const char *name, const json_t *text, struct complaint *complaint) {
    char spare[ENTRY_NAME_MAX + 8];

    snprintf(spare, sizeof(spare), ".%s", name);
    if (is_name(name) && store_file_replace(store->plan_fd, name, spare, text) == 0)
        return 0;
    return complaint_set(complaint, "%s/plan/%s: %s", store->path, name,
        is_name(name) ? strerror(errno) : "no name of a definition");
}

void store_sweep_plans(
    struct store *store, bool (*is_wanted)(void *arg, const char *name), void *arg) {
    struct dirent **names;
    int count = scandirat(store->plan_fd, ".", &names, NULL, NULL);

    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            (!is_name(name) || !is_wanted(arg, name)) &&
            store_file_remove(store->plan_fd, name) < 0)
            store_tell_bad(store, "plan", name, strerror(errno));
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}
