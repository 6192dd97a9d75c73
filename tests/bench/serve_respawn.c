/*
 * Kill a worker with SIGKILL and connect at once: how long until a byte is echoed, which only the
 * replacement can do, since the server has one worker. Two servers in turn, A B A B ...
 * Prints the median and the 99th percentile of each in ms, and the ratio of the medians:
 * A50 A99 B50 B99 RATIO
 *
 *     serve_respawn TIMES GAP_MS --a TARGET TITLE COMMAND ... --b TARGET TITLE COMMAND ...
 *
 * The worker is a process below the server whose command line holds TITLE; GAP_MS is the rest
 * before each kill.
 */
#include "tests/bench/serve.h"

#define TIMES_MOST 10000

static bool has_title(pid_t pid, const char *title) {
    char path[64], line[512];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < len; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    line[len < 0 ? 0 : len] = '\0';
    return strstr(line, title) != NULL;
}

static pid_t find_worker(struct serve_server *server, const char *title) {
    static struct serve_tree tree;

    serve_find_tree(server->pid, &tree);
    for (int i = 1; i < tree.count; i++)
        if (has_title(tree.pid[i], title))
            return tree.pid[i];
    serve_fail("no worker", title);
}

/*
 * Have a byte echoed. A worker that dies in accept may take the connection with it: then once more,
 * as a client would.
 */
static void ask(struct serve_server *server) {
    struct timeval most = { .tv_sec = 5 };
    char byte = 'x';

    for (int tries = 0; tries < 10; tries++) {
        int fd = serve_connect(server->target);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
        if (fd >= 0 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1) {
            close(fd);
            return;
        }
        close(fd);
    }
    serve_fail("no answer", server->argv[0]);
}

static double kill_worker(struct serve_server *server, const char *title, int gap_ms) {
    pid_t worker = find_worker(server, title);
    double killed_ms;

    usleep((useconds_t)gap_ms * 1000u);
    killed_ms = serve_now_ms();
    kill(worker, SIGKILL);
    ask(server);
    killed_ms = serve_now_ms() - killed_ms;
    if (find_worker(server, title) == worker)
        serve_fail("the worker lives", title);
    return killed_ms;
}

int main(int argc, char **argv) {
    static const char *const names[] = { "--a", "--b", NULL };
    static double took[2][TIMES_MOST];
    int times = argc > 8 ? atoi(argv[1]) : 0;
    struct serve_server server[2];
    char **section[2];

    serve_sections(argv, names, section);
    if (times < 1 || times > TIMES_MOST || section[0] == NULL || section[1] == NULL) {
        fprintf(stderr, "usage: serve_respawn TIMES GAP_MS --a TARGET TITLE ... --b ...\n");
        return 2;
    }
    for (int j = 0; j < 2; j++) {
        server[j] = (struct serve_server){ section[j][0], section[j] + 2, 0 };
        serve_start(&server[j]);
        ask(&server[j]);
    }
    for (int i = 0; i < times; i++)
        for (int j = 0; j < 2; j++)
            took[j][i] = kill_worker(&server[j], section[j][1], atoi(argv[2]));
    for (int j = 0; j < 2; j++) {
        serve_stop(&server[j], true);
        printf("%.3f %.3f ", serve_percentile(took[j], times, 0.5),
            serve_percentile(took[j], times, 0.99));
    }
    printf("%.3f\n", took[0][times / 2] / took[1][times / 2]);
    return 0;
}
