/* Find preforkd. The one beside this program goes first: what is built together runs together. */
#include "supervisor/cli/daemon_program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"

#define NAME "preforkd"

static bool is_program(const char *path) {
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool find_beside(char *dst, size_t size) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (len < 0)
        return false;
    self[len] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return (size_t)snprintf(dst, size, "%s/" NAME, self) < size && is_program(dst);
}

int daemon_program_find(char *dst, size_t size) {
    const char *path = getenv("PATH"), *end;

    if (find_beside(dst, size))
        return 0;
    for (; path != NULL && *path != '\0'; path = *end == ':' ? end + 1 : end) {
        end = strchrnul(path, ':');
        if (end > path &&
            (size_t)snprintf(dst, size, "%.*s/" NAME, (int)(end - path), path) < size &&
            is_program(dst))
            return 0;
    }
    errno = ENOENT;
    return -1;
}

int daemon_program_exec(const char *verb, const char **argv) {
    char path[PATH_MAX];

    if (daemon_program_find(path, sizeof(path)) < 0) {
        log_warnx("%s: " NAME " is neither beside prefork nor in $PATH", verb);
        return EXIT_CODE_UNAVAILABLE;
    }
    argv[0] = path;
    execv(path, (char *const *)argv);
    log_warn("%s: cannot run %s", verb, path);
    return EXIT_CODE_SYSTEM;
}
