/* The clients. A message is padded, so that a part of it is not taken for another. */
#include "tests/system/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/daemon.h"

#define MESSAGE_BYTES 32

/* Connect, send the number, get it back, close; the close of the other side is awaited. */
static bool exchange(uint16_t port, unsigned client, unsigned number) {
    char message[MESSAGE_BYTES + 1], byte;
    int fd = daemon_connect_from(port, 2 + number % 249);
    bool ok;

    snprintf(message, sizeof(message), "load/%u/%08u/%16s", client, number, "");
    ok = daemon_echo(fd, message, MESSAGE_BYTES) && shutdown(fd, SHUT_WR) == 0 &&
         recv(fd, &byte, 1, 0) == 0;
    close(fd);
    return ok;
}

struct load *load_start(uint16_t port, unsigned pace_us) {
    struct load *load = mmap(
        NULL, sizeof(*load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    for (unsigned c = 0; c < LOAD_CLIENTS; c++) {
        pid = fork();
        if (pid != 0) {
            load->pid[c] = pid;
            continue;
        }
        while (!load->is_over) {
            if (exchange(port, c, load->done[c])) {
                load->done[c]++;
            } else {
                snprintf(load->why, sizeof(load->why), "client %u, exchange %u: %s", c,
                    load->done[c], strerror(errno));
                load->failed++;
                _exit(1);
            }
            harness_pause_us(pace_us);
        }
        _exit(0);
    }
    return load;
}

unsigned load_done(const struct load *load) {
    unsigned done = 0;

    for (unsigned c = 0; c < LOAD_CLIENTS; c++)
        done += load->done[c];
    return done;
}

void load_stop(struct load *load) {
    int status;

    load->is_over = true;
    for (unsigned c = 0; c < LOAD_CLIENTS; c++)
        CHECK(waitpid(load->pid[c], &status, 0) == load->pid[c] && status == 0, "client %u: %s", c,
            load->why);
    CHECK(load->failed == 0, "%s", load->why);
}

void load_exchange(uint16_t port, unsigned number) {
    CHECK(exchange(port, LOAD_CLIENTS, number), "exchange %u: %s", number, strerror(errno));
}

void load_see(struct load_seen *seen, const struct records *records, unsigned room) {
    unsigned client, number;
    const char *at;

    for (unsigned c = 0; c <= LOAD_CLIENTS && seen->room == 0; c++)
        seen->times[c] = calloc(room, sizeof(unsigned));
    seen->room = room;
    for (size_t i = 0; i < records->count; i++) {
        if (strcmp(records_get(&records->record[i], "event"), "message") != 0)
            continue;
        at = strstr(records_get(&records->record[i], "msg"), "load/");
        CHECK(at != NULL && sscanf(at, "load/%u/%u/", &client, &number) == 2 &&
                  client <= LOAD_CLIENTS && number < room && strlen(at) == MESSAGE_BYTES,
            "a message that nobody sent: %s", records_get(&records->record[i], "msg"));
        seen->times[client][number]++;
    }
}

void load_check_once(const struct load_seen *seen, const struct load *load) {
    for (unsigned c = 0; c < LOAD_CLIENTS; c++)
        for (unsigned i = 0; i < seen->room; i++)
            CHECK(seen->times[c][i] == (i < load->done[c] ? 1 : 0),
                "message %u of client %u, who sent %u, stands there %u times", i, c, load->done[c],
                seen->times[c][i]);
}
