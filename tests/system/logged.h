#ifndef TESTS_SYSTEM_LOGGED_H
#define TESTS_SYSTEM_LOGGED_H

/* The files of a log, for the tests of it. */

#include <stdbool.h>
#include <sys/types.h>

#define LOG "preforkd.log"

/* preforkd.conf with these settings in its group "log", and more behind. */
void logged_write_config(const char *log, const char *more);

/* True when the file is there and these words stand in it. */
bool logged_holds(const char *path, const char *words);

/* -1: it is not there. */
off_t logged_size(const char *path);

#endif
