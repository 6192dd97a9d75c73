/*
 * What a reload costs, and what a supervisor weighs: ten services, one of them changed again and
 * again, while clients speak to it and to one that does not change.
 *
 *     serve_reload times PREFORKD PREFORK FOLDER PORT    medians and tails, ms
 *     serve_reload weight PREFORKD FOLDER PORT LIVES     the supervisor's PSS, KB
 *
 * times prints: median and longest time from the call of "prefork reload" to its end, the median
 * of the daemon's own figure; the longest exchange of the changed service, on a connection that
 * stays and on new ones; p99 of the other service without and with reloads (medians of ROUNDS
 * pairs) and their ratio.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tests/bench/serve.h"

#define SERVICES     10
#define ROUNDS       20
#define RELOADS      2 /* in a round */
#define ROUND_MS     1000.0
#define SAMPLES_MOST 8000000

/* ---- the daemon ---- */

static void write_service(const char *folder, int i, int port, int value, int children) {
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/services.d/s%d.conf", folder, i);
    file = fopen(path, "w");
    if (file == NULL)
        serve_fail("cannot be written", path);
    fprintf(file,
        "type = \"echo\"; listen = \"tcp://127.0.0.1:%d\"; model = \"event\"; pm = \"static\";\n"
        "max_children = %d; max_requests = %d; max_spawn_rate = 1000;\n",
        port + i, children, value);
    fclose(file);
}

static void write_all(const char *folder, int port, int children) {
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/services.d", folder);
    mkdir(folder, 0700);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/preforkd.conf", folder);
    file = fopen(path, "w");
    if (file == NULL)
        serve_fail("cannot be written", path);
    fprintf(file,
        "control : { socket = \"%s/control.sock\"; };\n"
        "log : { file = \"%s/preforkd.log\"; level = \"warn\"; };\n",
        folder, folder);
    fclose(file);
    for (int i = 0; i < SERVICES; i++)
        write_service(folder, i, port, 0, children);
}

/* ---- clients ---- */

struct client {
    pthread_t thread;
    char target[16];
    bool is_short; /* a connection for each exchange */
    atomic_bool *is_over;
    double *ms;
    atomic_int count;
    int failed;
};

static void *run_client(void *argument) {
    struct client *client = argument;
    char message[64] = "64 bytes";
    int fd = -1;

    while (!*client->is_over && client->count < SAMPLES_MOST) {
        const double began_ms = serve_now_ms();

        if (fd < 0)
            fd = serve_connect(client->target);
        if (fd < 0 || send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message) ||
            recv(fd, message, sizeof(message), MSG_WAITALL) != sizeof(message)) {
            client->failed++;
            fprintf(stderr, "serve: an exchange of port %s failed: %s\n", client->target,
                strerror(errno));
            close(fd);
            fd = -1;
            continue;
        }
        client->ms[client->count] = serve_now_ms() - began_ms;
        client->count++;
        if (client->is_short) {
            close(fd);
            fd = -1;
        }
    }
    return NULL;
}

static void start_client(struct client *client, int port, bool is_short, atomic_bool *is_over) {
    *client = (struct client){ .is_short = is_short, .is_over = is_over };
    snprintf(client->target, sizeof(client->target), "%d", port);
    client->ms = calloc(SAMPLES_MOST, sizeof(double));
    pthread_create(&client->thread, NULL, run_client, client);
}

static double longest(const struct client *client) {
    double most = 0;

    for (int i = 0; i < client->count; i++)
        most = client->ms[i] > most ? client->ms[i] : most;
    return most;
}

/* p99 of what came since sample number `from`. */
static double tail(struct client *client, int from) {
    const int count = client->count - from;
    double *copy = calloc((size_t)count + 1, sizeof(double)), p99;

    memcpy(copy, client->ms + from, (size_t)count * sizeof(double));
    p99 = serve_percentile(copy, count, 0.99);
    free(copy);
    return p99;
}

/* ---- times ---- */

/* Returns the time of the call in ms; *own_ms is the daemon's figure. */
static double reload(char *prefork, const char *folder, double *own_ms) {
    char command[1024], line[4096], *at;
    double began_ms;
    ssize_t n = 0;
    size_t len = 0;
    int ends[2], status;
    pid_t pid;

    snprintf(command, sizeof(command), "%s/control.sock", folder);
    if (pipe(ends) < 0)
        serve_fail("pipe", prefork);
    began_ms = serve_now_ms();
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(prefork, prefork, "--control", command, "reload", "--wait", "--json", NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((n = read(ends[0], line + len, sizeof(line) - 1 - len)) > 0)
        len += (size_t)n;
    line[len] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    began_ms = serve_now_ms() - began_ms;
    at = strstr(line, "\"took_us\":");
    if (status != 0 || at == NULL)
        serve_fail("reload failed", line);
    *own_ms = strtod(at + strlen("\"took_us\":"), NULL) / 1000;
    return began_ms;
}

static void pause_ms(double ms) {
    usleep((useconds_t)(ms * 1000));
}

/* The first one answers; the others follow. */
static void await_all(int port) {
    char target[16];
    int fd;

    for (int i = 0; i < SERVICES; i++) {
        snprintf(target, sizeof(target), "%d", port + i);
        while ((fd = serve_connect(target)) < 0)
            pause_ms(1);
        close(fd);
    }
}

static void times(struct serve_server *server, char *prefork, const char *folder, int port) {
    static double call_ms[ROUNDS * RELOADS], own_ms[ROUNDS * RELOADS], quiet[ROUNDS], busy[ROUNDS];
    struct client stays, comes, other;
    atomic_bool is_over = false;
    double ratio[ROUNDS];
    int from, n = 0;

    write_all(folder, port, 4);
    serve_start(server);
    await_all(port);
    start_client(&stays, port, false, &is_over);
    start_client(&comes, port, true, &is_over);
    start_client(&other, port + 1, false, &is_over);
    pause_ms(ROUND_MS);
    for (int i = 0; i < ROUNDS; i++) {
        from = other.count;
        pause_ms(ROUND_MS);
        quiet[i] = tail(&other, from);
        from = other.count;
        for (int k = 0; k < RELOADS; k++, n++) {
            write_service(folder, 0, port, 1000000 + n, 4);
            call_ms[n] = reload(prefork, folder, &own_ms[n]);
            pause_ms(ROUND_MS / RELOADS - call_ms[n] > 0 ? ROUND_MS / RELOADS - call_ms[n] : 0);
        }
        busy[i] = tail(&other, from);
        ratio[i] = busy[i] / quiet[i];
    }
    is_over = true;
    pthread_join(stays.thread, NULL);
    pthread_join(comes.thread, NULL);
    pthread_join(other.thread, NULL);
    serve_stop(server, true);
    if (stays.failed + comes.failed + other.failed > 0)
        serve_fail("exchanges failed", "see above");
    printf("%.2f %.2f %.2f %.2f %.2f %.3f %.3f %.3f\n", serve_percentile(call_ms, n, 0.5),
        serve_percentile(call_ms, n, 1), serve_percentile(own_ms, n, 0.5), longest(&stays),
        longest(&comes), serve_percentile(quiet, ROUNDS, 0.5), serve_percentile(busy, ROUNDS, 0.5),
        serve_percentile(ratio, ROUNDS, 0.5));
}

/* ---- weight ---- */

static int read_children(pid_t parent, pid_t *out, int most) {
    char path[64];
    FILE *file;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    file = fopen(path, "r");
    while (file != NULL && n < most && fscanf(file, "%d", &out[n]) == 1)
        n++;
    if (file != NULL)
        fclose(file);
    return n;
}

static long pss_kb(pid_t pid) {
    char path[64], line[256];
    long kb = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Pss: %ld", &kb) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kb;
}

/* Until there are 100 workers and the log writer. */
static int settle(pid_t supervisor, pid_t *child) {
    int count;

    while ((count = read_children(supervisor, child, 512)) < 10 * SERVICES + 1)
        pause_ms(5);
    return count;
}

static void weight(struct serve_server *server, const char *folder, int port, int lives) {
    pid_t child[512];
    long before_kb;
    int killed = 0, count;

    write_all(folder, port, 10);
    serve_start(server);
    settle(server->pid, child);
    pause_ms(500);
    before_kb = pss_kb(server->pid);
    while (killed < lives) {
        count = settle(server->pid, child);
        pause_ms(20); /* READY before they die: else the services back off */
        /* The first child is the log writer. */
        for (int i = 1; i < count && killed < lives; i++)
            killed += kill(child[i], SIGKILL) == 0;
    }
    settle(server->pid, child);
    pause_ms(500);
    printf("%ld %ld %d\n", before_kb, pss_kb(server->pid), killed);
    serve_stop(server, true);
}

int main(int argc, char **argv) {
    char file[512], *const words[] = { argv[2], (char *)"-F", (char *)"-f", file, NULL };
    struct serve_server server = { .argv = (char **)words };

    if (argc != 6) {
        fprintf(stderr, "usage: serve_reload times PREFORKD PREFORK FOLDER PORT\n"
                        "       serve_reload weight PREFORKD FOLDER PORT LIVES\n");
        return 2;
    }
    if (strcmp(argv[1], "times") == 0) {
        server.target = argv[5];
        snprintf(file, sizeof(file), "%s/preforkd.conf", argv[4]);
        times(&server, argv[3], argv[4], atoi(argv[5]));
    } else {
        server.target = argv[4];
        snprintf(file, sizeof(file), "%s/preforkd.conf", argv[3]);
        weight(&server, argv[3], atoi(argv[4]), atoi(argv[5]));
    }
    return 0;
}
