/* What the verbs make of the daemon's answers. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/cmd_events.h"
#include "supervisor/cli/cmd_ports.h"
#include "supervisor/cli/cmd_status.h"
#include "supervisor/cli/json_read.h"

static char *text;
static size_t len;
static FILE *out;
static json_t *answer;

static void begin(void) {
    out = open_memstream(&text, &len);
}

static void end(void) {
    free(text);
    json_decref(answer);
}

TestSuite(verbs, .init = begin, .fini = end);

static json_t *read_json(const char *json) {
    json_error_t why;

    answer = json_loads(json, 0, &why);
    cr_assert_not_null(answer, "%s", why.text);
    return answer;
}

static void expect(const char *wanted) {
    fclose(out);
    cr_assert_str_eq(text, wanted);
}

static const char status[] =
    "{\"version\":\"0.1\",\"pid\":42,\"uptime_s\":3725,\"is_stopping\":false,\"services\":["
    "{\"name\":\"ack\",\"type\":\"ack\",\"state\":\"STOPPED\",\"state_reason\":\"idle\","
    "\"state_for_s\":60,\"model\":\"thread\",\"listen\":[],\"ready\":0,\"wanted\":0,"
    "\"queue\":null,\"last_death\":{\"words\":\"was killed by \\u001b[2JSIGSEGV\",\"ago_s\":7},"
    "\"workers\":[]},"
    "{\"name\":\"echo\",\"type\":\"echo\",\"state\":\"RUNNING\",\"state_reason\":null,"
    "\"model\":\"event\",\"pm\":\"static\",\"state_for_s\":59,\"max_children\":2,"
    "\"listen\":[\"tcp://127.0.0.1:50007\",\"udp://127.0.0.1:50007\"],\"ready\":2,\"wanted\":2,"
    "\"restarts\":3,\"last_death\":null,\"connections\":5,\"connections_total\":1000,"
    "\"refused\":6,\"timed_out\":7,\"cut\":8,\"handed_over\":11,\"cut_unanswered\":12,\"dropped\":"
    "9,\"datagrams\":10,"
    "\"requests\":2000000,\"bytes_in\":2048,\"bytes_out\":1048576,"
    "\"queue\":{\"waiting\":4,\"limit\":511,\"waiting_bytes\":0,\"overrun\":0},"
    "\"workers\":[{\"slot\":1,\"pid\":43,\"state\":\"idle\",\"sessions\":0,\"requests\":1,"
    "\"uptime_s\":3,\"pss_bytes\":1024},"
    "{\"slot\":2,\"pid\":44,\"state\":\"full\",\"sessions\":5,\"requests\":2,\"uptime_s\":90061,"
    "\"pss_bytes\":1024}]}]}";

Test(verbs, status_is_a_line_for_each_service) {
    const struct cmd_status_place place = { .out = out };

    cmd_status_write(&place, read_json(status));
    expect("preforkd 0.1, pid 42, up 1 h 2 min: 1 of 2 services running, 2 workers, "
           "5 connections\n\n"
           "SERVICE  STATE    MODEL   WORKERS  CONN  TOTAL  REQUESTS       IN      OUT  QUEUE  "
           "RESTARTS      PSS  LISTEN\n"
           "ack      STOPPED  thread      0/0     0      0         0        -        -      -  "
           "       0        -\n"
           "echo     RUNNING  event       2/2     5   1000   2000000  2.0 KiB  1.0 MiB      4  "
           "       3  2.0 KiB  tcp://127.0.0.1:50007, udp://127.0.0.1:50007\n"
           "ack is STOPPED for 1 min 0 s: idle; a worker was killed by \\x1b[2JSIGSEGV, 7 s ago\n");
}

Test(verbs, status_fits_eighty_columns) {
    const struct cmd_status_place place = { .out = out, .width = 80 };
    size_t longest = 0;

    cmd_status_write(&place, read_json(status));
    fclose(out);
    for (const char *line = text, *next; *line != '\0'; line = next + 1) {
        next = strchr(line, '\n');
        if ((size_t)(next - line) > longest)
            longest = (size_t)(next - line);
    }
    cr_assert(longest <= 80 && longest > 60, "%zu:\n%s", longest, text);
}

Test(verbs, status_of_one_service_shows_its_workers) {
    const struct cmd_status_place place = { .out = out };

    cmd_status_write_service(
        &place, json_array_get(json_object_get(read_json(status), "services"), 1));
    expect("echo is RUNNING for 59 s\n"
           "  type         echo, model event, pm static\n"
           "  listen       tcp://127.0.0.1:50007, udp://127.0.0.1:50007\n"
           "  workers      2 ready of 2 wanted, at most 2\n"
           "  connections  5 now, 1000 in all, 6 refused, 7 timed out, 8 cut\n"
           "  handed over  11 sessions; 12 requests cut off unanswered\n"
           "  requests     2000000, 10 datagrams, 9 dropped\n"
           "  bytes        2.0 KiB in, 1.0 MiB out\n"
           "  queue        4 of 511 connections wait, 0 B of datagrams, 0 overrun\n"
           "  restarts     3\n\n"
           "SLOT  PID  STATE  SESSIONS  REQUESTS       UP      PSS\n"
           "   1   43  idle          0         1      3 s  1.0 KiB\n"
           "   2   44  full          5         2  1 d 1 h  1.0 KiB\n");
}

/* Of another version, or no daemon of ours at all. */
Test(verbs, answer_without_keys_is_no_mistake) {
    const struct cmd_status_place place = { .out = out };

    cmd_status_write(&place, read_json("{\"services\":[{},{\"workers\":7,\"listen\":{}}]}"));
    cmd_status_write_service(&place, json_array_get(json_object_get(answer, "services"), 0));
    cmd_status_write_service(&place, NULL);
    cmd_ports_write(out, json_object_get(answer, "services"), 0, false);
    cmd_events_write(out, json_object_get(answer, "services"), false);
    fclose(out);
}

Test(verbs, ports_show_what_was_wanted) {
    cmd_ports_write(out,
        read_json("[{\"service\":\"echo\",\"proto\":\"tcp\",\"address\":\"127.0.0.1\","
                  "\"port\":50008,\"wanted\":50007},"
                  "{\"service\":\"echo\",\"proto\":\"unix\",\"address\":\"/run/e\","
                  "\"port\":null,\"wanted\":null}]"),
        0, true);
    expect("\033[2mSERVICE\033[0m  \033[2mPROTO\033[0m  \033[2mADDRESS\033[0m     "
           "\033[2mPORT\033[0m  \033[2mWANTED\033[0m\n"
           "echo     tcp    127.0.0.1  \033[33m50008\033[0m   50007\n"
           "echo     unix   /run/e         -       -\n");
}

Test(verbs, event_is_one_harmless_line) {
    cmd_events_write(out,
        read_json("{\"ts\":\"2026-11-21T13:17:38.123Z\",\"level\":\"warn\",\"service\":\"echo\","
                  "\"slot\":3,\"event\":\"worker_exit\",\"msg\":\"worker killed\\n\\u001b[2J\"}"),
        true);
    json_object_clear(answer);
    cmd_events_write(out, answer, false);
    expect("\033[33m13:17:38 echo/3: worker killed\\n\\x1b[2J\033[0m\n \n");
}

Test(verbs, spans_have_two_units) {
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = { { 0, "0 s" }, { 59, "59 s" }, { 60, "1 min 0 s" }, { 3599, "59 min 59 s" },
        { 3600, "1 h 0 min" }, { 86399, "23 h 59 min" }, { 90000, "1 d 1 h" } };
    char span[NUMBER_TEXT_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_str_eq(json_read_span(span, cases[i].seconds), cases[i].text);
    fclose(out);
}
