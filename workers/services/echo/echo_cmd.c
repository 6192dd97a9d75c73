/*
 * The plain client: messages go out one by one, what comes back is compared byte for byte and
 * printed, and the round trips are summed up.
 */
#include "workers/services/echo/echo_cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/escape.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "workers/services/echo/echo_client.h"

#define SAMPLES_MAX (1u << 20) /* of the latest messages, when there are more */
#define SIZE_MOST   (64u << 20)
#define PIECE       4096u

struct values {
    uint64_t count, size, timeout_ms, retries;
    const char *message;
    bool udp, json, quiet;
};

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(count), .type = SETTING_NUMBER, .operand = "N", .min = 1, .max = 1000000000,
        .fallback_words = "1; without it the lines of stdin are sent when it is no terminal",
        .help = "how many messages to send" },
    { OPTION(message), .type = SETTING_TEXT, .operand = "TEXT",
        .fallback_words = "a line with its number", .help = "what to send" },
    { OPTION(size), .type = SETTING_BYTES, .operand = "BYTES", .min = 1, .max = SIZE_MOST,
        .fallback_words = "that of the text", .help = "how long each message shall be" },
    { OPTION(udp), .type = SETTING_BOOL, .help = "send datagrams" },
    { .name = "timeout",
        .type = SETTING_DURATION,
        .offset = offsetof(struct values, timeout_ms),
        .operand = "TIME",
        .fallback = "2s",
        .min = 1,
        .max = 86400000,
        .help = "how long to wait for each answer" },
    { OPTION(retries), .type = SETTING_NUMBER, .operand = "N", .fallback = "2", .max = 1000,
        .help = "how often an unanswered datagram is sent again" },
    { OPTION(quiet), .type = SETTING_BOOL, .help = "print neither answers nor summary" },
    { OPTION(json), .type = SETTING_BOOL, .help = "answers and summary in JSON" },
    { .name = NULL },
};

struct run {
    const struct cmd *cmd;
    const struct values *values;
    struct echo_client client;
    char *message;
    size_t len, room;
    uint64_t sent, bytes, *rtt_ns;
    bool is_terminal;
};

/* ---- what to send ---- */

static bool reads_lines(const struct values *values) {
    return values->count == 0 && values->message == NULL && values->size == 0 &&
           !isatty(STDIN_FILENO);
}

/* The next message. Returns false when there is none. */
static bool next_line(struct run *run) {
    ssize_t len = getline(&run->message, &run->room, stdin);

    run->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* The text, repeated up to the size when there is one. */
static bool next_generated(struct run *run) {
    const uint64_t count = run->values->count > 0 ? run->values->count : 1;
    char numbered[64];
    const char *text = run->values->message;
    size_t text_len, len;

    if (run->sent == count)
        return false;
    if (text == NULL) {
        snprintf(numbered, sizeof(numbered), "message %" PRIu64 " of %" PRIu64 "\n", run->sent + 1,
            count);
        text = numbered;
    }
    text_len = strlen(text);
    len = run->values->size > 0 ? (size_t)run->values->size : text_len;
    if (run->room < len) {
        free(run->message);
        run->message = malloc(len);
        if (run->message == NULL)
            log_fatal(EXIT_CODE_SYSTEM, "%s: a message of %zu bytes", run->cmd->name, len);
        run->room = len;
    }
    for (size_t at = 0; at < len; at += text_len)
        memcpy(run->message + at, text, len - at < text_len ? len - at : text_len);
    run->len = len;
    return true;
}

/* ---- what came back ---- */

static void print_json(const struct run *run, uint64_t rtt_ns) {
    const char *at = run->client.reply, *end = at + run->client.reply_len;
    char piece[PIECE * ESCAPE_JSON_GROWTH];
    size_t used, len;

    printf("{\"seq\":%" PRIu64 ",\"bytes\":%zu,\"rtt_us\":%" PRIu64 ",\"reply\":\"", run->sent,
        run->client.reply_len, rtt_ns / 1000);
    for (; at < end; at += used) {
        len = (size_t)(end - at) < PIECE ? (size_t)(end - at) : PIECE;
        len = escape_json(piece, at, len, at + len == end, &used);
        fwrite(piece, 1, len, stdout);
    }
    printf("\"}\n");
}

/* On a terminal nothing is shown that it would obey; else the bytes go out as they came. */
static void print_text(const struct run *run) {
    const char *reply = run->client.reply;
    size_t len = run->client.reply_len;
    char *shown;

    if (!run->is_terminal) {
        fwrite(reply, 1, len, stdout);
        if (len > 0 && reply[len - 1] != '\n')
            putchar('\n');
        return;
    }
    while (len > 0 && (reply[len - 1] == '\n' || reply[len - 1] == '\r'))
        len--;
    shown = malloc(len * ESCAPE_LINE_GROWTH + 1);
    if (shown != NULL) {
        escape_line(shown, len * ESCAPE_LINE_GROWTH + 1, reply, len);
        puts(shown);
    }
    free(shown);
}

static void take_reply(struct run *run, uint64_t rtt_ns) {
    run->rtt_ns[run->sent % SAMPLES_MAX] = rtt_ns;
    run->sent++;
    run->bytes += run->len;
    if (run->values->quiet)
        return;
    if (run->values->json)
        print_json(run, rtt_ns);
    else
        print_text(run);
}

/* ---- the summary ---- */

static int compare_u64(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void summarize(struct run *run) {
    const size_t n = run->sent < SAMPLES_MAX ? (size_t)run->sent : SAMPLES_MAX;
    uint64_t *rtt_ns = run->rtt_ns, least, median, p99;
    char low[NUMBER_TEXT_MAX], middle[NUMBER_TEXT_MAX], high[NUMBER_TEXT_MAX];
    char lost[64] = "", trip[4 * NUMBER_TEXT_MAX] = "";

    if (run->values->quiet)
        return;
    qsort(rtt_ns, n, sizeof(*rtt_ns), compare_u64);
    least = n > 0 ? rtt_ns[0] : 0;
    median = n > 0 ? rtt_ns[n / 2] : 0;
    p99 = n > 0 ? rtt_ns[(n * 99 + 99) / 100 - 1] : 0;
    if (run->values->json) {
        fprintf(stderr,
            "{\"answered\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"rtt_min_us\":%" PRIu64 ",\"rtt_median_us\":%" PRIu64 ",\"rtt_p99_us\":%" PRIu64
            "}\n",
            run->sent, run->bytes, run->client.lost, least / 1000, median / 1000, p99 / 1000);
        return;
    }
    if (run->client.is_datagram)
        snprintf(lost, sizeof(lost), ", %" PRIu64 " datagram%s lost", run->client.lost,
            run->client.lost == 1 ? "" : "s");
    if (n > 0)
        snprintf(trip, sizeof(trip), "; round trip min %s, median %s, p99 %s",
            number_format_span(low, least), number_format_span(middle, median),
            number_format_span(high, p99));
    log_info("%" PRIu64 " message%s, %" PRIu64 " bytes, came back as sent%s%s", run->sent,
        run->sent == 1 ? "" : "s", run->bytes, lost, trip);
}

/* ---- */

static int open_url(struct run *run, const char *url, struct complaint *complaint) {
    struct net_address address;
    enum net_proto proto;

    if (net_parse(url, &proto, &address, complaint) < 0)
        return EXIT_CODE_USAGE;
    if (run->values->udp && proto == NET_TCP)
        proto = NET_UDP;
    if (run->values->udp && proto == NET_UNIX) {
        complaint_set(complaint, "--udp does not go with a UNIX socket");
        return EXIT_CODE_USAGE;
    }
    return echo_client_open_address(&run->client, proto, &address, complaint);
}

static int open_host(
    struct run *run, const char *host, const char *port, struct complaint *complaint) {
    char name[256], digits[8];
    size_t len = strlen(host);
    uint64_t number;

    if (number_parse_u64(port, strlen(port), &number, complaint) < 0 || number < 1 ||
        number > 65535) {
        complaint_set(complaint, "\"%.40s\" is no port: 1 to 65535", port);
        return EXIT_CODE_USAGE;
    }
    snprintf(digits, sizeof(digits), "%u", (unsigned)number);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']')
        snprintf(name, sizeof(name), "%.*s", (int)len - 2, host + 1);
    else
        snprintf(name, sizeof(name), "%s", host);
    return echo_client_open(&run->client, name, digits, run->values->udp, complaint);
}

static int open_peer(
    struct run *run, const struct cmd_operands *operands, struct complaint *complaint) {
    const char *first = operands->text[0];
    const bool is_url = strstr(first, "://") != NULL;

    if (is_url == (operands->count == 2)) {
        complaint_set(complaint,
            is_url ? "\"%.40s\" is all: no port is taken behind it"
                   : "\"%.40s\" needs a port behind it",
            first);
        return EXIT_CODE_USAGE;
    }
    return is_url ? open_url(run, first, complaint)
                  : open_host(run, first, operands->text[1], complaint);
}

/* Send all there is. Returns an exit code. */
static int exchange_all(struct run *run, struct complaint *complaint) {
    bool (*next)(struct run * run) = reads_lines(run->values) ? next_line : next_generated;
    uint64_t rtt_ns;
    int exit_code = EXIT_CODE_OK;

    while (exit_code == EXIT_CODE_OK && next(run)) {
        /* The message is freed with the run. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        exit_code = echo_client_exchange(&run->client, run->message, run->len, &rtt_ns, complaint);
        if (exit_code == EXIT_CODE_OK)
            take_reply(run, rtt_ns);
    }
    if (exit_code == EXIT_CODE_OK)
        exit_code = echo_client_finish(&run->client, complaint);
    if (fflush(stdout) != 0 && exit_code == EXIT_CODE_OK) {
        complaint_set(complaint, "cannot write what came back");
        exit_code = EXIT_CODE_IO;
    }
    return exit_code;
}

static int run_echo(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .count = 0 };
    struct run run = { .cmd = cmd, .values = &values, .client.fd = -1 };
    struct cmd_operands operands;
    struct complaint complaint;
    bool was_open;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 1, 2, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    run.client.timeout_ms = values.timeout_ms;
    run.client.retries = (unsigned)values.retries;
    run.is_terminal = isatty(STDOUT_FILENO);
    run.rtt_ns = calloc(SAMPLES_MAX, sizeof(*run.rtt_ns)); /* pages as touched */
    if (run.rtt_ns == NULL)
        log_fatal(EXIT_CODE_SYSTEM, "%s", cmd->name);
    exit_code = open_peer(&run, &operands, &complaint);
    was_open = exit_code == EXIT_CODE_OK;
    if (was_open)
        exit_code = exchange_all(&run, &complaint);
    if (exit_code != EXIT_CODE_OK)
        log_warnx("%s: %s", cmd->name, complaint.text);
    if (was_open)
        summarize(&run);
    echo_client_close(&run.client);
    free(run.message);
    free(run.rtt_ns);
    return exit_code;
}

static const char *const examples[] = {
    "prefork echo 127.0.0.1 50007 --message 'hello there'",
    "one message, and what comes back",
    "prefork echo localhost 50007 --count 1000 --size 64 --quiet",
    "no words; the exit status says whether all came back as sent",
    "prefork echo unix:///run/preforkd/echo.sock < letter.txt",
    "line by line over a UNIX socket",
    NULL,
};

const struct cmd echo_cmd = {
    .name = "echo",
    .operands = "HOST PORT | URL",
    .summary = "send messages to an echo service and compare what comes back",
    .options = options_table,
    .examples = examples,
    .run = run_echo,
};
