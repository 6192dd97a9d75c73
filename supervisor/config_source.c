/*
 * The text of a file in memory. libconfig never opens a file itself: it ends the process when it
 * is given a folder, and a pipe would hold the reader up for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/config_internal.h"

#define GROWTH 4096 /* by so much a file may grow while it is read */

static int check(struct config_reading *reading, struct config_where where, const char *path,
    const struct stat *st) {
    if (S_ISDIR(st->st_mode))
        config_complain(reading, where, "%s is a folder, a file is needed", path);
    else if (!S_ISREG(st->st_mode))
        config_complain(reading, where, "%s is not a regular file", path);
    else if (st->st_size > CONFIG_FILE_MAX)
        config_complain(reading, where, "%s has %lld bytes, at most %u are allowed", path,
            (long long)st->st_size, CONFIG_FILE_MAX);
    else
        return 0;
    return -1;
}

static void warn_of_rights(
    struct config_reading *reading, const char *path, const struct stat *st) {
    struct config_where file = { .file = path };

    if (st->st_mode & S_IWOTH)
        config_warn(reading, file, "everybody may write it: chmod o-w");
    else if (st->st_mode & S_IWGRP)
        config_warn(reading, file, "its group may write it: chmod g-w");
}

/* Read all there is. Returns the length, or -1 with errno; EFBIG when it grew. */
static ssize_t read_all(int fd, char *buf, size_t size) {
    size_t len = 0;
    ssize_t n;

    while (len < size) {
        n = read(fd, buf + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return (ssize_t)len;
        len += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

char *config_source_load(
    struct config_reading *reading, struct config_where where, const char *path, size_t *out_len) {
    char *buf = NULL;
    struct stat st;
    ssize_t len = -1;
    size_t room;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        config_complain(reading, where, "%s cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (check(reading, where, path, &st) < 0)
        goto out;
    room = (size_t)st.st_size + GROWTH;
    buf = malloc(room);
    if (buf == NULL)
        abort();
    len = read_all(fd, buf, room);
    if (len < 0)
        config_complain(reading, where, "%s cannot be read: %s", path, strerror(errno));
    else
        warn_of_rights(reading, config_keep_text(reading->memory, path, strlen(path)), &st);
out:
    if (fd >= 0)
        close(fd);
    if (len < 0) {
        free(buf);
        return NULL;
    }
    *out_len = (size_t)len;
    return buf;
}

static void note_line(struct config_source *source, struct config_where where) {
    if (source->line_count == source->line_room) {
        source->line_room = source->line_room * 2 + 64;
        source->line = reallocarray(source->line, source->line_room, sizeof(*source->line));
        if (source->line == NULL)
            abort();
    }
    source->line[source->line_count++] = where;
}

void config_source_put(
    struct config_source *source, struct config_where where, const char *bytes, size_t len) {
    while (source->len + len + 1 > source->room) {
        source->room = source->room * 2 + 4096;
        source->text = realloc(source->text, source->room);
        if (source->text == NULL)
            abort();
    }
    for (size_t i = 0; i < len; i++) {
        if (source->len == 0 || source->text[source->len - 1] == '\n')
            note_line(source, where);
        source->text[source->len++] = bytes[i];
    }
    source->text[source->len] = '\0';
}

struct config_where config_source_where(const struct config_source *source, unsigned line) {
    if (source->line_count == 0)
        return (struct config_where){ .file = NULL };
    if (line > source->line_count)
        line = (unsigned)source->line_count;
    return source->line[line > 0 ? line - 1 : 0];
}

void config_source_fini(struct config_source *source) {
    free(source->text);
    free(source->line);
    *source = (struct config_source){ .text = NULL };
}
