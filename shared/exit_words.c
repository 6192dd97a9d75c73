/* Exits in words, once, so that every report of a death reads the same. */
#include "shared/exit_words.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

char *exit_words_signal(char dst[EXIT_WORDS_MAX], int signal_number) {
    const char *name = sigabbrev_np(signal_number);

    if (name != NULL)
        snprintf(dst, EXIT_WORDS_MAX, "SIG%s", name);
    else
        snprintf(dst, EXIT_WORDS_MAX, "signal %d", signal_number);
    return dst;
}

char *exit_words_describe(char dst[EXIT_WORDS_MAX], int code, int status) {
    char name[EXIT_WORDS_MAX];

    if (code == CLD_EXITED)
        snprintf(dst, EXIT_WORDS_MAX, "exited with %d", status);
    else
        snprintf(dst, EXIT_WORDS_MAX, "was killed by %.40s", exit_words_signal(name, status));
    return dst;
}
