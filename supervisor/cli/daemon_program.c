/* Find preforkd. The one beside this program goes first: what is built together runs together. */
#include "supervisor/cli/daemon_program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
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

/* ---- what it writes, as lines ---- */

static json_t *read_lines(int fd) {
    json_t *lines = json_array();
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    FILE *file;

    if (lseek(fd, 0, SEEK_SET) != 0 || (file = fdopen(fd, "r")) == NULL) {
        close(fd);
        return lines;
    }
    while ((len = getline(&line, &size, file)) > 0) {
        line[len - (line[len - 1] == '\n')] = '\0';
        json_array_append_new(lines, json_text_new(line));
    }
    free(line);
    fclose(file);
    return lines;
}

/* Run it with stdout and stderr in these files. */
static int run_into(const char *verb, const char **argv, int out_fd, int err_fd) {
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0)
            _exit(EXIT_CODE_SYSTEM);
        _exit(daemon_program_exec(verb, argv));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        log_warn("%s: cannot run " NAME, verb);
        return EXIT_CODE_SYSTEM;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int daemon_program_capture(
    const char *verb, const char **argv, json_t **out_lines, json_t **err_lines) {
    int out_fd = memfd_create("stdout", MFD_CLOEXEC), err_fd = memfd_create("stderr", MFD_CLOEXEC);
    int exit_code;

    if (out_fd < 0 || err_fd < 0)
        log_fatal(EXIT_CODE_SYSTEM, "%s: cannot make a file in memory", verb);
    exit_code = run_into(verb, argv, out_fd, err_fd);
    *out_lines = read_lines(out_fd);
    *err_lines = read_lines(err_fd);
    return exit_code;
}
