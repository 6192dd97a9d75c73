#include "supervisor/config_jobs_text.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"

char *config_jobs_text_make(const struct config *config) {
    char *text;

    if (!config->jobs.enabled || asprintf(&text, "{\"workers\":%d}", (int)config->jobs.workers) < 0)
        return NULL;
    return text;
}
