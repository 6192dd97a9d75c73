/*
 * Put the same load at two servers in turn, A B A B ..., and print one row of a Markdown table:
 * processor seconds of all the server's processes per million messages (start-up, connecting and
 * a warm-up are not counted), the median of the ratios A/B pair by pair and between which the
 * middle 80 % lie, the same of the 99th percentile of the answer time, and messages per second.
 * Both servers are started anew every RESTART pairs, since a process may be lucky with its pages.
 * The first pair after that is not counted. All pairs go to stderr.
 *
 *     serve_pair PAIRS LABEL --load COMMAND ... [--load-b COMMAND ...]
 *         --a TARGET COMMAND ... --b TARGET COMMAND ...
 */
#include "tests/bench/serve.h"

#define PAIRS_MOST 1000
#define RESTART    5

struct taken {
    double cpu_s, per_second, p99_us;
};

static struct taken measure(struct serve_server *server, char **load_options) {
    int cpu = getenv("SERVE_PIN") != NULL ? 1 : -1;
    struct serve_load load = serve_load_start(load_options, server->target, cpu, false);
    uint64_t before_ns = serve_cpu_ns(server->pid);
    struct serve_result result = serve_load_run(&load);
    struct taken taken = { .per_second = result.per_second, .p99_us = result.p99_us };

    taken.cpu_s = (double)(serve_cpu_ns(server->pid) - before_ns) / result.messages / 1e3;
    serve_load_end(&load);
    usleep(5000); /* what it does to close is not the other one's */
    return taken;
}

static void print_ratio(double *values, int pairs) {
    double middle = serve_percentile(values, pairs, 0.5);

    printf(" %.3f (%.3f-%.3f) |", middle, serve_percentile(values, pairs, 0.1),
        serve_percentile(values, pairs, 0.9));
}

/* Measure A, then B; new ones at first, which are warmed by a pair that is not counted. */
static void measure_pair(
    struct serve_server *server, char ***load_options, bool is_first, struct taken *out) {
    for (int round = is_first ? 0 : 1; round < 2; round++)
        for (int j = 0; j < 2; j++) {
            if (round == 0)
                serve_start(&server[j]);
            out[j] = measure(&server[j], load_options[j]);
        }
}

int main(int argc, char **argv) {
    static const char *const names[] = { "--load", "--load-b", "--a", "--b", NULL };
    static double cpu[2][PAIRS_MOST], rate[2][PAIRS_MOST], cpu_ratio[PAIRS_MOST],
        p99_ratio[PAIRS_MOST];
    int pairs = argc > 6 ? atoi(argv[1]) : 0;
    struct serve_server server[2];
    struct taken taken[2];
    char **section[4];

    serve_sections(argv, names, section);
    if (pairs < 1 || pairs > PAIRS_MOST || !section[0] || !section[2] || !section[3]) {
        fprintf(stderr, "usage: serve_pair PAIRS LABEL --load ... --a TARGET ... --b TARGET ...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (section[1] == NULL)
        section[1] = section[0];
    for (int j = 0; j < 2; j++)
        server[j] = (struct serve_server){ section[2 + j][0], section[2 + j] + 1, 0 };
    for (int i = 0; i < pairs; i++) {
        measure_pair(server, section, i % RESTART == 0, taken);
        for (int j = 0; j < 2; j++) {
            cpu[j][i] = taken[j].cpu_s;
            rate[j][i] = taken[j].per_second / 1e3;
            if (i % RESTART == RESTART - 1 || i == pairs - 1)
                serve_stop(&server[j], true);
        }
        cpu_ratio[i] = taken[0].cpu_s / taken[1].cpu_s;
        p99_ratio[i] = taken[0].p99_us / taken[1].p99_us;
        fprintf(stderr, "%s%.3f/%.3f", i > 0 ? " " : "", taken[0].cpu_s, taken[1].cpu_s);
    }
    fputc('\n', stderr);
    printf("| %s | %.3f | %.3f |", argv[2], serve_percentile(cpu[0], pairs, 0.5),
        serve_percentile(cpu[1], pairs, 0.5));
    print_ratio(cpu_ratio, pairs);
    print_ratio(p99_ratio, pairs);
    printf(" %.1f | %.1f | %d |\n", serve_percentile(rate[0], pairs, 0.5),
        serve_percentile(rate[1], pairs, 0.5), pairs);
    return 0;
}
