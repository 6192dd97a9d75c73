/* One object for a job, made of what memory holds, so that a list of them costs no disk. */
#include "supervisor/jobs/entry_json.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "shared/json_text.h"

#define USERS_KEPT 16u
#define NS_IN_MS   1000000ull
#define NAME_SIZE  33 /* as utmp(5) has it */

/* The last users that were asked for: a list asks for the same few again and again. */
static const char *find_user(uid_t uid) {
    static struct {
        uid_t uid;
        char name[NAME_SIZE];
    } users[USERS_KEPT];
    static unsigned count, next;
    const struct passwd *row;

    for (unsigned i = 0; i < count; i++)
        if (users[i].uid == uid)
            return users[i].name;
    row = getpwuid(uid);
    if (count < USERS_KEPT)
        count++;
    next = (next + 1) % count;
    users[next].uid = uid;
    if (row != NULL)
        snprintf(users[next].name, NAME_SIZE, "%s", row->pw_name);
    else
        snprintf(users[next].name, NAME_SIZE, "%u", (unsigned)uid);
    return users[next].name;
}

static json_t *text_or_null(const char *text) {
    return text != NULL && text[0] != '\0' ? json_text_new(text) : json_null();
}

/* What is more than JSON's readers take as a whole number is as much as they take. */
static json_t *number(uint64_t value) {
    return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static json_t *seconds_or_null(int64_t unix_ms) {
    return unix_ms != 0 ? json_integer(unix_ms / 1000) : json_null();
}

static json_t *write_wanted(const struct entry *entry) {
    return json_pack("{s:o,s:o,s:o,s:o,s:O,s:O,s:O,s:o}", "id", number(entry->id), "name",
        text_or_null(entry->name), "uid", number(entry->uid), "user",
        json_text_new(find_user(entry->uid)), "kernel", json_object_get(entry->what, "kernel"),
        "interval", json_object_get(entry->what, "interval"), "what", entry->what, "output",
        text_or_null(entry->output));
}

static json_t *write_life(const struct entry *entry) {
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "state", entry_state_name(entry->state),
        "cause", text_or_null(entry->cause), "exit",
        entry_has_ended(entry) ? number((uint64_t)entry->exit_code) : json_null(),
        "wanted_at_unix_s", seconds_or_null(entry->wanted_at_unix_ms), "started_at_unix_s",
        seconds_or_null(entry->started_at_unix_ms), "ended_at_unix_s",
        seconds_or_null(entry->ended_at_unix_ms), "runs", number(entry->runs));
}

static json_t *write_work(const struct entry *entry, unsigned workers) {
    char digest[40];

    snprintf(digest, sizeof(digest), "%" PRIu64 ":%08" PRIx32, entry->records, entry->digest);
    return json_pack("{s:o,s:o,s:o,s:s,s:o,s:o,s:i}", "chunks", number(entry->chunks),
        "chunks_done", number(entry->chunks_done), "records", number(entry->records), "digest",
        digest, "result_bytes", number(entry->result_bytes), "wall_ms",
        number(entry->wall_ns / NS_IN_MS), "workers", (int)workers);
}

json_t *entry_json_write(const struct entry *entry, unsigned workers) {
    json_t *object = write_wanted(entry), *life = write_life(entry),
           *work = write_work(entry, workers);

    if (object == NULL || json_object_update(object, life) < 0 ||
        json_object_update(object, work) < 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(life);
    json_decref(work);
    return object;
}

json_t *entry_json_write_progress(const struct entry *entry, unsigned workers) {
    return json_pack("{s:o,s:o,s:o,s:i,s:s}", "chunks", number(entry->chunks), "chunks_done",
        number(entry->chunks_done), "records", number(entry->records), "workers", (int)workers,
        "state", entry_state_name(entry->state));
}
