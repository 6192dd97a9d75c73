/* The reference for the kernel command: start /bin/true so many times, one after the other. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    char *const command[] = { "/bin/true", NULL };
    int times = argc > 1 ? atoi(argv[1]) : 1, status;
    pid_t pid;

    for (int i = 0; i < times; i++)
        if (posix_spawn(&pid, command[0], NULL, NULL, command, environ) != 0 ||
            waitpid(pid, &status, 0) != pid || status != 0)
            return 1;
    return 0;
}
