#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_FILE_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_FILE_H

/*
 * The file that all workers add records to, each with one write(2) behind its end, so that lines
 * stay whole. Who moves it away (logrotate) need not tell: within a second a new one is begun.
 * Any thread writes; one looks after the file.
 */

#include <stdbool.h>
#include <stddef.h>

struct message_log_file {
    int fd; /* -1: there is none; the number stays the same for good */
    const char *path;
};

/* Returns 0, or -1 with errno. */
int message_log_file_open(struct message_log_file *file, const char *path);

/* Is the file still the one of that name? If not, go on with a new one. Returns 0 or -1. */
int message_log_file_look(struct message_log_file *file);

/* One record, with its newline. Returns 0, or -1 with errno: it is not there, or not whole. */
int message_log_file_write(const struct message_log_file *file, const char *line, size_t len);

void message_log_file_close(struct message_log_file *file);

#endif
