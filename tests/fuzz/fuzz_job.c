/*
 * A job as JSON, as a peer may send it: it is refused with one line, or it is a job whose own JSON
 * is read as the same job.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/job/job_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok) {
    if (!ok)
        abort();
}

/* What the object is read as, written; NULL when it is refused. */
static char *rewrite(const json_t *what) {
    struct job_spec spec;
    struct complaint complaint = { .text = "" };
    int code = 0;
    json_t *written;
    char *text;

    if (job_json_read(what, &spec, &complaint, &code) < 0) {
        check(complaint.text[0] != '\0' && code != 0);
        return NULL;
    }
    written = job_json_write(&spec);
    check(written != NULL);
    text = json_dumps(written, JSON_COMPACT);
    check(text != NULL);
    json_decref(written);
    job_json_fini(&spec);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *what = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL), *again;
    char *first = what != NULL ? rewrite(what) : NULL, *second;

    if (first != NULL) {
        again = json_loads(first, 0, NULL);
        second = rewrite(again);
        check(second != NULL && strcmp(first, second) == 0);
        free(second);
        json_decref(again);
    }
    free(first);
    json_decref(what);
    return 0;
}
