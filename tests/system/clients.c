/* A process each. Sources are spread, so that no pair of ports is used up. */
#include "tests/system/clients.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"

struct clients *clients_start(uint16_t port, const char *path) {
    struct clients *clients = mmap(
        NULL, sizeof(*clients), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    for (unsigned c = 0; c < CLIENTS; c++) {
        pid = fork();
        if (pid != 0) {
            clients->pid[c] = pid;
            continue;
        }
        for (unsigned i = c; !clients->is_over; i++) {
            const char *why = path != NULL && i % 2 == 0 ? daemon_exchange_unix(path)
                                                         : daemon_exchange(port, 2 + i % 249);
            clients->done++;
            if (why == NULL)
                continue;
            if (clients->failed++ == 0)
                snprintf(clients->why, sizeof(clients->why), "%s", why);
            clients->late += strncmp(why, "refused", strlen("refused")) != 0;
        }
        _exit(0);
    }
    return clients;
}

void clients_stop(struct clients *clients) {
    clients->is_over = true;
    for (unsigned c = 0; c < CLIENTS; c++)
        waitpid(clients->pid[c], NULL, 0);
}
