/* The verbs there are: one row each. */
#include "supervisor/cli/cmds.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/cli/cmd_compare_job.h"
#include "supervisor/cli/cmd_completion.h"
#include "supervisor/cli/cmd_config.h"
#include "supervisor/cli/cmd_doctor.h"
#include "supervisor/cli/cmd_events.h"
#include "supervisor/cli/cmd_explain.h"
#include "supervisor/cli/cmd_help.h"
#include "supervisor/cli/cmd_job_cancel.h"
#include "supervisor/cli/cmd_job_list.h"
#include "supervisor/cli/cmd_job_run.h"
#include "supervisor/cli/cmd_job_show.h"
#include "supervisor/cli/cmd_job_submit.h"
#include "supervisor/cli/cmd_job_wait.h"
#include "supervisor/cli/cmd_ports.h"
#include "supervisor/cli/cmd_reload.h"
#include "supervisor/cli/cmd_reopen.h"
#include "supervisor/cli/cmd_scale.h"
#include "supervisor/cli/cmd_serve.h"
#include "supervisor/cli/cmd_service.h"
#include "supervisor/cli/cmd_status.h"
#include "supervisor/cli/cmd_stop.h"
#include "workers/services/echo/echo_cmd.h"

const struct cmd *const cmds_table[] = {
    &cmd_job_run,
    &cmd_job_submit,
    &cmd_job_list,
    &cmd_job_show,
    &cmd_job_wait,
    &cmd_job_result,
    &cmd_job_cancel,
    &cmd_job_retry,
    &cmd_compare_job,
    &cmd_serve,
    &echo_cmd,
    &cmd_status,
    &cmd_explain,
    &cmd_start,
    &cmd_stop,
    &cmd_restart,
    &cmd_scale,
    &cmd_reload,
    &cmd_events,
    &cmd_ports,
    &cmd_config_show,
    &cmd_config_test,
    &cmd_config_diff,
    &cmd_doctor,
    &cmd_reopen,
    &cmd_completion,
    &cmd_help,
    NULL,
};

/* How many words of argv spell the name; 0 when they do not. */
static int matches(const char *name, int argc, char **argv) {
    int words = 0;
    size_t len;

    for (; words < argc; words++) {
        len = strlen(argv[words]);
        if (len == 0 || strncmp(name, argv[words], len) != 0)
            return 0;
        if (name[len] == '\0')
            return words + 1;
        if (name[len] != ' ')
            return 0;
        name += len + 1;
    }
    return 0;
}

const struct cmd *cmds_find(int argc, char **argv, int *out_words) {
    const struct cmd *best = NULL;
    int words;

    *out_words = 0;
    for (size_t i = 0; cmds_table[i] != NULL; i++) {
        words = matches(cmds_table[i]->name, argc, argv);
        if (words > *out_words) {
            *out_words = words;
            best = cmds_table[i];
        }
    }
    return best;
}

bool cmds_suggest(int argc, char **argv, char dst[SUGGEST_WORD_MAX]) {
    struct suggestion best = { .word = "" };
    char two[2 * SUGGEST_WORD_MAX] = "";

    if (argc > 1)
        snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
    for (size_t i = 0; cmds_table[i] != NULL; i++) {
        suggest_offer(&best, argv[0], cmds_table[i]->name);
        suggest_offer(&best, two, cmds_table[i]->name);
    }
    memcpy(dst, best.word, SUGGEST_WORD_MAX);
    return best.word[0] != '\0';
}

bool cmds_is_group(const char *word) {
    size_t len = strlen(word);

    for (size_t i = 0; cmds_table[i] != NULL; i++)
        if (strncmp(cmds_table[i]->name, word, len) == 0 && cmds_table[i]->name[len] == ' ')
            return true;
    return false;
}
