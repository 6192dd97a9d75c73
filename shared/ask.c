#include "shared/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"

#define TRIES 3

bool ask_is_russian(void) {
    static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    const char *value;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strncmp(value, "ru", 2) == 0;
    }
    return false;
}

static char *trim(char *line) {
    size_t len = strcspn(line, "\r\n");

    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    line[len] = '\0';
    return line + strspn(line, " \t");
}

static void show(const struct ask_question *question) {
    if (question->fallback[0] != '\0')
        fprintf(stderr, "%s [%s]: ", question->words, question->fallback);
    else
        fprintf(stderr, "%s: ", question->words);
    fflush(stderr);
}

int ask_person(const struct ask_question *question, struct complaint *complaint) {
    int exit_code = EXIT_CODE_USAGE;
    char *line = NULL, *text;
    size_t size = 0;

    for (int i = 0; i < TRIES && exit_code == EXIT_CODE_USAGE; i++) {
        if (i > 0)
            log_warnx("%s", complaint->text);
        show(question);
        if (getline(&line, &size, stdin) < 0) {
            fputc('\n', stderr);
            complaint_set(complaint, "the input ended before \"%s\" was answered", question->words);
            exit_code = EXIT_CODE_FAILED;
            break;
        }
        text = trim(line);
        if (question->check(
                question->owner, text[0] != '\0' ? text : question->fallback, complaint) == 0)
            exit_code = EXIT_CODE_OK;
    }
    free(line);
    return exit_code;
}

/* ---- where to ---- */

static int check_host(void *owner, const char *text, struct complaint *complaint) {
    return dial_read_host(owner, text, complaint);
}

static int check_port(void *owner, const char *text, struct complaint *complaint) {
    return dial_read_port(owner, text, complaint);
}

/* Take what was given, or ask, or take the default. */
static int take(const struct ask_question *question, const char *given, bool is_silent,
    struct complaint *complaint) {
    if (given == NULL && !is_silent)
        return ask_person(question, complaint);
    return question->check(
               question->owner, given != NULL ? given : question->fallback, complaint) == 0
               ? EXIT_CODE_OK
               : EXIT_CODE_USAGE;
}

int ask_where(const struct ask_target *ask, const char *const *operands, int count,
    struct dial_target *out, struct complaint *complaint) {
    const bool is_silent = ask->is_silent || !isatty(STDIN_FILENO);
    const struct ask_question host = { .words = ask->is_russian ? "Хост" : "Host",
        .fallback = ask->host,
        .check = check_host,
        .owner = out };
    const struct ask_question port = { .words = ask->is_russian ? "Порт" : "Port",
        .fallback = ask->port,
        .check = check_port,
        .owner = out };
    int exit_code;

    *out = (struct dial_target){ .proto = ask->is_udp ? NET_UDP : NET_TCP,
        .service = ask->service };
    if (count > 0 && strstr(operands[0], "://") != NULL) {
        if (count > 1)
            complaint_set(complaint, "\"%.40s\" is all: no port is taken behind it", operands[0]);
        else if (dial_read_url(out, operands[0], ask->is_udp, complaint) == 0)
            return EXIT_CODE_OK;
        return EXIT_CODE_USAGE;
    }
    exit_code = take(&host, count > 0 ? operands[0] : NULL, is_silent, complaint);
    if (exit_code == EXIT_CODE_OK)
        exit_code = take(&port, count > 1 ? operands[1] : NULL, is_silent, complaint);
    return exit_code;
}
