/*
 * What an earlier owner left. A job without a whole `what` is no job; with it, all else can be
 * made again: a torn `run` is one that was not noted, a torn `end` one that did not come.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "supervisor/jobs/entry_text.h"
#include "supervisor/jobs/store_file.h"
#include "supervisor/jobs/store_private.h"

#define BAD_TRIES 100

struct ids {
    uint64_t *id;
    size_t count, room;
};

/* ---- setting aside ---- */

/* Move job/NAME to bad/NAME, or bad/NAME.N. */
static int move_to_bad(struct store *store, const char *name) {
    int bad_fd = store_file_open_folder(store->dir_fd, "bad"), rc = -1;
    char target[NAME_MAX + 1];

    if (bad_fd < 0)
        return -1;
    for (int n = 0; rc < 0 && n < BAD_TRIES; n++) {
        if (snprintf(target, sizeof(target), n > 0 ? "%.200s.%d" : "%.200s", name, n) < 0 ||
            faccessat(bad_fd, target, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        rc = renameat(store->job_fd, name, bad_fd, target);
        if (rc < 0)
            break;
    }
    close(bad_fd);
    return rc;
}

static void set_aside(struct store *store, const char *name, const char *cause) {
    char words[256];

    if (move_to_bad(store, name) == 0)
        snprintf(words, sizeof(words), "%s: it is in %s/bad now", cause, store->path);
    else
        snprintf(words, sizeof(words), "%s: it stays there: %s", cause, strerror(errno));
    store_tell_bad(store, "job", name, words);
}

/* ---- one job ---- */

/* Bytes that no kill can leave: what is there is somebody's doing, or the disk's. */
static bool is_torn(int error) {
    return error == EBADMSG || error == ENOENT;
}

/* What does not come from the job's text but from the machine; it ends the load. */
static bool is_shortage(int error) {
    return error == ENOMEM || error == EMFILE || error == ENFILE;
}

/* Read ID/name into the entry. 1: read; 0: there is none, or it is torn and told; -1 with errno. */
static int take(struct store *store, struct entry *entry, const char *name,
    int (*read)(const json_t *, struct entry *)) {
    char path[STORE_NAME_MAX];
    json_t *text = store_file_read(store->job_fd, store_name(path, entry->id, name));
    int rc = text == NULL ? -1 : read(text, entry);

    json_decref(text);
    if (rc == 0)
        return 1;
    if (is_shortage(errno))
        return -1;
    if (text != NULL || errno != ENOENT)
        store_tell_bad(store, "job", path, "it is torn, and not used");
    return 0;
}

static int take_rest(struct store *store, struct entry *entry) {
    char path[STORE_NAME_MAX];
    int rc = take(store, entry, "end", entry_text_read_end);

    if (rc < 0)
        return -1;
    if (rc == 0 && take(store, entry, "run", entry_text_read_run) < 0)
        return -1;
    if (entry->state == ENTRY_DONE) {
        store_file_remove(store->job_fd, store_name(path, entry->id, "result.journal"));
        store_file_remove(store->job_fd, store_name(path, entry->id, "result.spool"));
    }
    store_measure(store, entry);
    return 0;
}

/* Returns 0, out NULL when there is no such job; or -1 with errno: it cannot be known now. */
static int load_one(struct store *store, uint64_t id, struct entry **out) {
    char path[STORE_NAME_MAX], name[STORE_NAME_MAX];
    struct entry *entry = entry_new();
    json_t *text = store_file_read(store->job_fd, store_name(path, id, "what"));

    *out = NULL;
    if (entry == NULL)
        errno = ENOMEM;
    else if (text != NULL && entry_text_read_what(text, entry) == 0) {
        entry->id = id;
        if (take_rest(store, entry) == 0)
            *out = entry;
    }
    json_decref(text);
    if (*out != NULL)
        return 0;
    entry_free(entry);
    if (is_shortage(errno))
        return -1;
    snprintf(name, sizeof(name), "%" PRIu64, id);
    if (!is_torn(errno))
        store_tell_bad(store, "job", path, strerror(errno));
    else if (store_keep_id(store, id) == 0)
        set_aside(store, name, "it holds no whole job");
    return 0;
}

/* ---- the folder ---- */

/* "17", as store_add() makes it. 0 for other names. */
static uint64_t id_of(const char *name) {
    uint64_t id = 0;

    for (const char *at = name; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || (id == 0 && *at == '0') || id > STORE_ID_MAX / 10)
            return 0;
        id = 10 * id + (unsigned)(*at - '0');
    }
    return id <= STORE_ID_MAX ? id : 0;
}

static int add_id(struct ids *ids, uint64_t id) {
    uint64_t *more;

    if (ids->count == ids->room) {
        ids->room = ids->room > 0 ? 2 * ids->room : 256;
        more = reallocarray(ids->id, ids->room, sizeof(*ids->id));
        if (more == NULL)
            return -1;
        ids->id = more;
    }
    ids->id[ids->count++] = id;
    return 0;
}

/* One that was never answered, or was already forgotten: the rest of a killed owner's work. */
static bool is_unfinished(const char *name) {
    return strncmp(name, ".new-", 5) == 0 || strncmp(name, ".gone-", 6) == 0;
}

/* Look at one name of job/. Returns 0, or -1 with errno. */
static int sort_name(struct store *store, const struct dirent *entry, struct ids *ids) {
    const char *name = entry->d_name;
    uint64_t id = id_of(name);

    if (id > 0 && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
        return add_id(ids, id);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (!is_unfinished(name))
        set_aside(store, name, "it is not of this program");
    else if (store_file_remove(store->job_fd, name) < 0)
        store_tell_bad(store, "job", name, strerror(errno));
    return 0;
}

/* Names are moved and removed while they are listed; so they are read first. */
static int list_ids(struct store *store, struct ids *ids) {
    struct dirent **names;
    int count = scandirat(store->job_fd, ".", &names, NULL, NULL), rc = 0;

    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = sort_name(store, names[i], ids);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return count < 0 ? -1 : rc;
}

static int compare_ids(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

int store_load(struct store *store, struct entry_list *list, struct complaint *complaint) {
    struct ids ids = { .id = NULL };
    struct entry *entry;
    int rc = list_ids(store, &ids);

    if (ids.count > 0)
        qsort(ids.id, ids.count, sizeof(*ids.id), compare_ids);
    for (size_t i = 0; rc == 0 && i < ids.count; i++) {
        if (store->next_id <= ids.id[i])
            store->next_id = ids.id[i] + 1;
        rc = load_one(store, ids.id[i], &entry);
        if (rc == 0 && entry != NULL)
            TAILQ_INSERT_TAIL(list, entry, link);
    }
    free(ids.id);
    return rc < 0 ? complaint_set(complaint, "%s/job: %s", store->path, strerror(errno)) : 0;
}
