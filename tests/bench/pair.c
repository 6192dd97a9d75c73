/*
 * Time two commands in turn, A B A B ..., and print one row of a Markdown table: medians of wall
 * and processor time, the median of the ratios A/B pair by pair, and between which ratios the
 * middle 80 % lie. One more pair runs first and is not counted. Everything the commands print is
 * thrown away, but they write their own files. All pairs go to stderr, in milliseconds.
 *
 *     pair PAIRS LABEL A [ARG ...] --vs B [ARG ...]
 *
 * PAIR_FRESH names a file to remove before each run, so that both write a new one.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MOST 1000

extern char **environ;

struct run {
    double wall_ms, cpu_ms;
};

static double now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double ms_of(struct timeval time) {
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static struct run time_command(char **argv) {
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    struct run run;
    double started_ms;
    int status;
    pid_t pid;

    if (getenv("PAIR_FRESH") != NULL)
        unlink(getenv("PAIR_FRESH"));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    started_ms = now_ms();
    if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0) {
        perror(argv[0]);
        exit(1);
    }
    wait4(pid, &status, 0, &usage);
    run.wall_ms = now_ms() - started_ms;
    run.cpu_ms = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "pair: %s ended with status %d\n", argv[0], status);
        exit(1);
    }
    return run;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double percentile(double *values, int count, double share) {
    qsort(values, (size_t)count, sizeof(*values), by_size);
    return values[(int)(share * (count - 1) + 0.5)];
}

int main(int argc, char **argv) {
    static double a_wall[PAIRS_MOST], b_wall[PAIRS_MOST], ratio[PAIRS_MOST], a_cpu[PAIRS_MOST],
        b_cpu[PAIRS_MOST];
    int pairs = argc > 5 ? atoi(argv[1]) : 0, vs = 3;
    struct run a, b;

    while (vs < argc && strcmp(argv[vs], "--vs") != 0)
        vs++;
    if (pairs < 1 || pairs > PAIRS_MOST || vs >= argc - 1 || vs == 3) {
        fprintf(stderr, "usage: pair PAIRS LABEL A [ARG ...] --vs B [ARG ...]\n");
        return 2;
    }
    argv[vs] = NULL;
    for (int i = -1; i < pairs; i++) {
        a = time_command(argv + 3);
        b = time_command(argv + vs + 1);
        if (i < 0)
            continue;
        a_wall[i] = a.wall_ms;
        b_wall[i] = b.wall_ms;
        a_cpu[i] = a.cpu_ms;
        b_cpu[i] = b.cpu_ms;
        ratio[i] = a.wall_ms / b.wall_ms;
        fprintf(stderr, "%s%.3f/%.3f", i > 0 ? " " : "", a.wall_ms, b.wall_ms);
    }
    fputc('\n', stderr);
    printf("| %s | %.3f | %.3f | %.3f | %.3f | %.3f (%.3f-%.3f) | %d |\n", argv[2],
        percentile(a_wall, pairs, 0.5), percentile(b_wall, pairs, 0.5),
        percentile(a_cpu, pairs, 0.5), percentile(b_cpu, pairs, 0.5), percentile(ratio, pairs, 0.5),
        percentile(ratio, pairs, 0.1), percentile(ratio, pairs, 0.9), pairs);
    return 0;
}
