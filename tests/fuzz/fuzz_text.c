/* Text on its way out: escaped lines and JSON, arguments with holes, command lines. */
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"
#include "shared/options.h"
#include "shared/suggest.h"
#include "supervisor/job/job_spec.h"
#include "workers/kernels/command/command.h"

#define WORDS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text, size_t len) {
    char *line = malloc(ESCAPE_LINE_GROWTH * len + 1);
    size_t used = escape_line(line, ESCAPE_LINE_GROWTH * len + 1, text, len);

    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            abort();
    free(line);
}

static void check_json(const char *text, size_t len) {
    char *whole = malloc(ESCAPE_JSON_GROWTH * len + 1),
         *parts = malloc(ESCAPE_JSON_GROWTH * len + 1);
    size_t cut = len / 2, used, n = escape_json(whole, text, len, true, &used), m;

    if (used != len)
        abort();
    m = escape_json(parts, text, cut, false, &used);
    m += escape_json(parts + m, text + used, len - used, true, &used);
    if (n != m || memcmp(whole, parts, n) != 0)
        abort();
    free(whole);
    free(parts);
}

/* The text as a command line: words parted by newlines. */
static void check_options(char *text) {
    char *argv[WORDS + 1] = { NULL };
    struct job_options values = { .chunk = 0 };
    struct complaint complaint;
    struct options options;
    const char *operand;
    int count = 0;

    for (char *word = strtok(text, "\n"); word != NULL && count < WORDS; word = strtok(NULL, "\n"))
        argv[count++] = word;
    settings_set_defaults(job_spec_settings, &values);
    options_begin(&options, argv);
    options_add(&options, job_spec_settings, &values);
    while (options_next(&options, &operand, &complaint) == OPTIONS_OPERAND)
        suggest_distance(operand, "divisible");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct kernel_work work = { .id = 1, .lo = 2, .hi = UINT64_MAX, .attempt = 3 };
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    check_line(text, size);
    check_json(text, size);
    free(command_expand(text, &work));
    check_options(text);
    free(text);
    return 0;
}
