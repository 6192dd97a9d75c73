#ifndef TESTS_UNIT_SUPERVISOR_CONFIG_FIXTURE_H
#define TESTS_UNIT_SUPERVISOR_CONFIG_FIXTURE_H

/*
 * What the tests of the configuration share: a folder of their own with a services.d, and what was
 * complained of with that folder left out.
 */

#include "supervisor/config.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MAX (1 << 20)

static char dir[64];
static char said[LINES_MAX]; /* the complaints, without the folder */

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline void setup(void) {
    snprintf(dir, sizeof(dir), "/tmp/config_test.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(chdir(dir), 0);
    umask(022);
    cr_assert_eq(mkdir("services.d", 0755), 0);
}

static inline void teardown(void) {
    if (chdir("/") == 0)
        nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void put_bytes(const char *name, const void *bytes, size_t len) {
    FILE *file = fopen(name, "w");

    cr_assert_not_null(file, "%s", name);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static inline void put(const char *name, const char *text) {
    put_bytes(name, text, strlen(text));
}

/* Leave out the folder wherever it stands. */
static inline void cut_folder(char *text) {
    size_t len = strlen(dir) + 1;

    for (char *at = text; (at = strstr(at, dir)) != NULL && at[len - 1] == '/';)
        memmove(at, at + len, strlen(at + len) + 1);
}

/* Read what is in the folder; the complaints are in said. */
static inline struct config *reread(void) {
    FILE *out = fmemopen(said, sizeof(said), "w");
    struct config *config;

    said[0] = '\0';
    config = config_read_plain("preforkd.conf", out);
    fclose(out);
    cut_folder(said);
    return config;
}

static inline struct config *read_with(const char *daemon, const char *service) {
    put("preforkd.conf", daemon);
    if (service != NULL)
        put("services.d/s.conf", service);
    return reread();
}

static inline struct config *read_good(const char *daemon, const char *service) {
    struct config *config = read_with(daemon, service);

    cr_assert_not_null(config, "%s", said);
    return config;
}

static inline void expect_said(const char *words, const char *text) {
    cr_assert_not_null(strstr(said, words), "%s\nsays:\n%s\nnot:\n%s", text, said, words);
}

static inline size_t count_lines(const char *text) {
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

#endif
