/* The texts of a job. A number that no job has makes a text a torn one, as a word that is none. */
#include "supervisor/jobs/entry_text.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json_text.h"

/* JSON's integers are signed here. */
static json_int_t number(uint64_t value) {
    return value < INT64_MAX ? (json_int_t)value : INT64_MAX;
}

json_t *entry_text_of_what(const struct entry *entry) {
    return json_pack("{s:s, s:I, s:s, s:O, s:s?, s:I}", "name", entry->name, "uid",
        (json_int_t)entry->uid, "token", entry->token, "what", entry->what, "output", entry->output,
        "wanted_at_unix_ms", (json_int_t)entry->wanted_at_unix_ms);
}

json_t *entry_text_of_run(const struct entry *entry) {
    return json_pack("{s:I, s:I, s:I}", "started_at_unix_ms", (json_int_t)entry->started_at_unix_ms,
        "runs", (json_int_t)entry->runs, "wall_ns", number(entry->wall_ns));
}

json_t *entry_text_of_end(const struct entry *entry) {
    return json_pack("{s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
        entry_state_name(entry->state), "cause", json_text_new(entry->cause), "exit_code",
        entry->exit_code, "started_at_unix_ms", (json_int_t)entry->started_at_unix_ms,
        "ended_at_unix_ms", (json_int_t)entry->ended_at_unix_ms, "runs", (json_int_t)entry->runs,
        "wall_ns", number(entry->wall_ns), "chunks", number(entry->chunks), "chunks_done",
        number(entry->chunks_done), "records", number(entry->records), "digest",
        (json_int_t)entry->digest, "result_bytes", number(entry->result_bytes));
}

static int torn(void) {
    errno = EBADMSG;
    return -1;
}

int entry_text_read_what(const json_t *text, struct entry *entry) {
    const char *name, *token;
    json_int_t uid, wanted_at;
    json_t *what, *output;
    char *kept = NULL;

    if (json_unpack((json_t *)text, "{s:s, s:I, s:s, s:o, s:o, s:I}", "name", &name, "uid", &uid,
            "token", &token, "what", &what, "output", &output, "wanted_at_unix_ms",
            &wanted_at) < 0 ||
        strlen(name) >= sizeof(entry->name) || strlen(token) >= sizeof(entry->token) ||
        !json_is_object(what) || !(json_is_string(output) || json_is_null(output)) || uid < 0 ||
        uid >= (uid_t)-1 || wanted_at < 0)
        return torn();
    if (json_is_string(output) && (kept = strdup(json_string_value(output))) == NULL)
        return -1;
    strlcpy(entry->name, name, sizeof(entry->name));
    strlcpy(entry->token, token, sizeof(entry->token));
    entry->uid = (uid_t)uid;
    entry->what = json_incref(what);
    entry->output = kept;
    entry->wanted_at_unix_ms = wanted_at;
    return 0;
}

int entry_text_read_run(const json_t *text, struct entry *entry) {
    json_int_t started_at, runs, wall_ns;

    if (json_unpack((json_t *)text, "{s:I, s:I, s:I}", "started_at_unix_ms", &started_at, "runs",
            &runs, "wall_ns", &wall_ns) < 0 ||
        started_at < 0 || runs < 0 || runs > UINT32_MAX || wall_ns < 0)
        return torn();
    entry->started_at_unix_ms = started_at;
    entry->runs = (uint32_t)runs;
    entry->wall_ns = (uint64_t)wall_ns;
    return 0;
}

static int find_ended_state(const char *name) {
    for (int state = ENTRY_DONE; state < ENTRY_STATES; state++)
        if (strcmp(name, entry_state_name((enum entry_state)state)) == 0)
            return state;
    return -1;
}

int entry_text_read_end(const json_t *text, struct entry *entry) {
    json_int_t ended_at, chunks, chunks_done, records, digest, result_bytes;
    const char *name, *cause;
    int state, exit_code;

    if (json_unpack((json_t *)text, "{s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "state", &name,
            "cause", &cause, "exit_code", &exit_code, "ended_at_unix_ms", &ended_at, "chunks",
            &chunks, "chunks_done", &chunks_done, "records", &records, "digest", &digest,
            "result_bytes", &result_bytes) < 0 ||
        (state = find_ended_state(name)) < 0 || exit_code < 0 || exit_code > 255 || ended_at < 0 ||
        chunks < 0 || chunks_done < 0 || records < 0 || digest < 0 || digest > UINT32_MAX ||
        result_bytes < 0 || entry_text_read_run(text, entry) < 0)
        return torn();
    entry->state = (enum entry_state)state;
    strlcpy(entry->cause, cause, sizeof(entry->cause));
    entry->exit_code = exit_code;
    entry->ended_at_unix_ms = ended_at;
    entry->chunks = (uint64_t)chunks;
    entry->chunks_done = (uint64_t)chunks_done;
    entry->records = (uint64_t)records;
    entry->digest = (uint32_t)digest;
    entry->result_bytes = (uint64_t)result_bytes;
    return 0;
}
