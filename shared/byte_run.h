#ifndef SHARED_BYTE_RUN_H
#define SHARED_BYTE_RUN_H

/*
 * How far bytes go on being of one kind, looked at eight or sixteen at a time: messages are read
 * through several times before anybody gets them. Pure; callable anywhere.
 */

#include <stddef.h>

/* How many bytes at the beginning are neither a, b nor c. */
size_t byte_run_without(const char *data, size_t len, char a, char b, char c);

/* How many bytes at the beginning are ASCII that shows: ' ' to '~'. */
size_t byte_run_shown(const char *data, size_t len);

#endif
