#ifndef SHARED_EXIT_WORDS_H
#define SHARED_EXIT_WORDS_H

/* How a process ended, in words. Pure; callable anywhere. */

#define EXIT_WORDS_MAX 64

/*
 * "exited with 3" or "was killed by SIGSEGV", from si_code and si_status of waitid(2).
 * Terminated. Returns dst.
 */
char *exit_words_describe(char dst[EXIT_WORDS_MAX], int code, int status);

/* "SIGSEGV" for 11; "signal 40" where there is no name. Returns dst. */
char *exit_words_signal(char dst[EXIT_WORDS_MAX], int signal_number);

#endif
