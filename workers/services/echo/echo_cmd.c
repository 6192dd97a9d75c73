/*
 * The plain client: messages go out one by one, what comes back is compared byte for byte and
 * printed, and the round trips are summed up.
 */
#include "workers/services/echo/echo_cmd.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/ask.h"
#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "workers/services/echo/echo_client.h"
#include "workers/services/echo/echo_trips.h"

#define SIZE_MOST (64u << 20)
#define PIECE     4096u

struct values {
    uint64_t count, size, interval_ms, timeout_ms, retries;
    const char *message;
    bool udp, json, quiet, no_input;
};

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(count), .type = SETTING_NUMBER, .operand = "N", .min = 1, .max = 1000000000,
        .fallback_words =
            "1, with --interval no end; without both the lines of stdin are sent when "
            "it is no terminal",
        .help = "how many messages to send" },
    { OPTION(message), .type = SETTING_TEXT, .operand = "TEXT",
        .fallback_words = "a line with its number", .help = "what to send" },
    { OPTION(size), .type = SETTING_BYTES, .operand = "BYTES", .min = 1, .max = SIZE_MOST,
        .fallback_words = "that of the text", .help = "how long each message shall be" },
    { .name = "interval",
        .type = SETTING_DURATION,
        .offset = offsetof(struct values, interval_ms),
        .operand = "TIME",
        .max = 86400000,
        .fallback_words = "none: one after the other",
        .help = "from the sending of one message to that of the next" },
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
    { OPTION(no_input), .type = SETTING_BOOL,
        .help = "ask nobody where to connect to: what is not given is 127.0.0.1 50007" },
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
    struct echo_trips trips;
    uint64_t sent, bytes;
    bool is_terminal;
};

static volatile sig_atomic_t was_interrupted;

/* ---- what to send ---- */

static bool reads_lines(const struct values *values) {
    return values->count == 0 && values->message == NULL && values->size == 0 &&
           values->interval_ms == 0 && !isatty(STDIN_FILENO);
}

/* The next message. Returns false when there is none. */
static bool next_line(struct run *run) {
    ssize_t len = getline(&run->message, &run->room, stdin);

    run->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* The text, repeated up to the size when there is one. */
static bool next_generated(struct run *run) {
    const bool is_endless = run->values->count == 0 && run->values->interval_ms > 0;
    const uint64_t count = run->values->count > 0 ? run->values->count : 1;
    char numbered[64];
    const char *text = run->values->message;
    size_t text_len, len;

    if (run->sent == count && !is_endless)
        return false;
    if (text == NULL) {
        text = numbered;
        if (is_endless)
            snprintf(numbered, sizeof(numbered), "message %" PRIu64 "\n", run->sent + 1);
        else
            snprintf(numbered, sizeof(numbered), "message %" PRIu64 " of %" PRIu64 "\n",
                run->sent + 1, count);
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
    echo_trips_add(&run->trips, rtt_ns);
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

static void summarize_json(const struct run *run, const struct echo_trips_summary *rtt) {
    fprintf(stderr,
        "{\"answered\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
        ",\"rtt_min_us\":%" PRIu64 ",\"rtt_median_us\":%" PRIu64 ",\"rtt_p90_us\":%" PRIu64
        ",\"rtt_p99_us\":%" PRIu64 ",\"rtt_max_us\":%" PRIu64 "}\n",
        run->sent, run->bytes, run->client.lost, rtt->least / 1000, rtt->median / 1000,
        rtt->p90 / 1000, rtt->p99 / 1000, rtt->most / 1000);
}

static void summarize(struct run *run) {
    const struct echo_trips_summary rtt = echo_trips_summarize(&run->trips);
    char span[5][NUMBER_TEXT_MAX], lost[64] = "", trip[7 * NUMBER_TEXT_MAX] = "";

    if (run->values->quiet)
        return;
    if (run->values->json) {
        summarize_json(run, &rtt);
        return;
    }
    if (run->client.target.proto == NET_UDP)
        snprintf(lost, sizeof(lost), ", %" PRIu64 " datagram%s lost", run->client.lost,
            run->client.lost == 1 ? "" : "s");
    if (run->sent > 0)
        snprintf(trip, sizeof(trip), "; round trip min %s, median %s, p90 %s, p99 %s, max %s",
            number_format_span(span[0], rtt.least), number_format_span(span[1], rtt.median),
            number_format_span(span[2], rtt.p90), number_format_span(span[3], rtt.p99),
            number_format_span(span[4], rtt.most));
    log_info("%" PRIu64 " message%s, %" PRIu64 " bytes, came back as sent%s%s", run->sent,
        run->sent == 1 ? "" : "s", run->bytes, lost, trip);
}

/* ---- */

/* The second one ends it at once. */
static void interrupt(int signal_number) {
    (void)signal_number;
    was_interrupted = 1;
}

static void catch_interrupts(void) {
    const struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL);
}

/* Wait for the time of the next message; an interrupt ends that. */
static void keep_pace(const struct run *run) {
    const uint64_t due_ns = run->client.sent_at_ns + run->values->interval_ms * 1000000u;
    const uint64_t now_ns = clock_now_ns();
    struct timespec left;

    if (run->values->interval_ms == 0 || run->sent == 0 || now_ns >= due_ns)
        return;
    left = (struct timespec){ .tv_sec = (time_t)((due_ns - now_ns) / 1000000000u),
        .tv_nsec = (long)((due_ns - now_ns) % 1000000000u) };
    nanosleep(&left, NULL);
}

/* Send all there is. Returns an exit code. */
static int exchange_all(struct run *run, struct complaint *complaint) {
    bool (*next)(struct run * run) = reads_lines(run->values) ? next_line : next_generated;
    uint64_t rtt_ns;
    int exit_code = EXIT_CODE_OK;

    while (exit_code == EXIT_CODE_OK && !was_interrupted && next(run)) {
        keep_pace(run);
        if (was_interrupted)
            break;
        /* The message is freed with the run. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        exit_code = echo_client_exchange(&run->client, run->message, run->len, &rtt_ns, complaint);
        if (exit_code == EXIT_CODE_OK)
            take_reply(run, rtt_ns);
    }
    if (exit_code == EXIT_CODE_OK)
        exit_code = echo_client_finish(&run->client, complaint);
    if (exit_code == EXIT_CODE_OK && was_interrupted) {
        if (isatty(STDERR_FILENO))
            fputc('\n', stderr); /* behind the ^C that the terminal shows */
        complaint_set(complaint, "interrupted");
        exit_code = EXIT_CODE_INTERRUPTED;
    }
    if (fflush(stdout) != 0 && exit_code == EXIT_CODE_OK) {
        complaint_set(complaint, "cannot write what came back");
        exit_code = EXIT_CODE_IO;
    }
    return exit_code;
}

/* Ask, connect, exchange. Returns an exit code; 0, or with the complaint. */
static int run_to(struct run *run, const struct cmd_operands *operands, bool *out_was_open,
    struct complaint *complaint) {
    const struct ask_target ask = { .service = "echo",
        .host = "127.0.0.1",
        .port = "50007",
        .is_udp = run->values->udp,
        .is_silent = run->values->no_input,
        .is_russian = ask_is_russian() };
    struct dial_target target;
    int exit_code = ask_where(&ask, operands->text, operands->count, &target, complaint);

    catch_interrupts();
    if (exit_code == EXIT_CODE_OK)
        exit_code = echo_client_open(&run->client, &target, complaint);
    *out_was_open = exit_code == EXIT_CODE_OK;
    return *out_was_open ? exchange_all(run, complaint) : exit_code;
}

static int run_echo(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .count = 0 };
    struct run run = { .cmd = cmd, .values = &values, .client.fd = -1 };
    struct cmd_operands operands;
    struct complaint complaint;
    bool was_open;
    int exit_code;

    (void)argc;
    exit_code = cmd_read_args(cmd, argv, &values, 0, 2, &operands);
    if (exit_code != CMD_READ)
        return exit_code;
    run.client.timeout_ms = values.timeout_ms;
    run.client.retries = (unsigned)values.retries;
    run.is_terminal = isatty(STDOUT_FILENO);
    if (echo_trips_init(&run.trips) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "%s", cmd->name);
    exit_code = run_to(&run, &operands, &was_open, &complaint);
    if (exit_code != EXIT_CODE_OK)
        log_warnx("%s: %s", cmd->name, complaint.text);
    if (was_open)
        summarize(&run);
    echo_client_close(&run.client);
    free(run.message);
    echo_trips_fini(&run.trips);
    return exit_code;
}

static const char *const examples[] = {
    "prefork echo 127.0.0.1 50007 --message 'hello there'",
    "one message, and what comes back",
    "prefork echo localhost 50007 --count 1000 --size 64 --quiet",
    "no words; the exit status says whether all came back as sent",
    "prefork echo 127.0.0.1 --interval 1s",
    "once a second until Ctrl+C, and then the round trips",
    "prefork echo unix:///run/preforkd/echo.sock < letter.txt",
    "line by line over a UNIX socket",
    NULL,
};

const struct cmd echo_cmd = {
    .name = "echo",
    .operands = "[HOST [PORT] | URL]",
    .summary = "send messages to an echo service and compare what comes back",
    .options = options_table,
    .examples = examples,
    .run = run_echo,
};
