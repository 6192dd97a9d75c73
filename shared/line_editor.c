/*
 * The two ways stand behind one struct of functions. readline is used by its callback interface:
 * it is given a character when there is one, and never waits.
 */
#include "shared/line_editor.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/wire.h"

#ifdef HAVE_READLINE
#include <langinfo.h>
#include <locale.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <unistr.h>
#include <uniwidth.h>
#endif

#define LINE_MOST 65536u

struct editor {
    void (*open)(void);
    void (*close)(void);
    enum line_editor_found (*next)(const char **out, size_t *out_len);
    void (*before_print)(void);
    void (*after_print)(void);
};

static const struct editor *editor; /* NULL: closed */
static const char *prompt;

static bool is_ready(void) {
    struct pollfd watch = { .fd = STDIN_FILENO, .events = POLLIN };

    return poll(&watch, 1, 0) > 0;
}

/* ---- plain lines ---- */

static struct {
    struct wire_rules rules;
    struct wire wire;
    struct wire_input in;
    char data[4096];
    bool has_prompt; /* it stands on the screen, and nothing behind it */
} plain;

static void show_prompt(void) {
    if (prompt == NULL)
        return;
    fputs(prompt, stdout);
    fflush(stdout);
    plain.has_prompt = true;
}

/* There is no further line: nor shall there be a prompt. */
static void leave_prompt(void) {
    if (plain.has_prompt)
        putchar('\n');
    fflush(stdout);
    prompt = NULL;
}

static void plain_open(void) {
    plain.rules = wire_rules_default;
    plain.rules.mode = WIRE_LINE;
    plain.rules.line_max_bytes = LINE_MOST;
    plain.rules.partial_ms = 0;
    wire_init(&plain.wire, &plain.rules);
    plain.in = (struct wire_input){ .data = plain.data };
    show_prompt();
}

static void plain_close(void) {
    wire_fini(&plain.wire);
}

static void plain_fill(void) {
    ssize_t n = read(STDIN_FILENO, plain.data, sizeof(plain.data));

    plain.in = (struct wire_input){
        .data = plain.data, .len = n > 0 ? (size_t)n : 0, .is_end = n <= 0
    };
}

static enum line_editor_found plain_next(const char **out, size_t *out_len) {
    struct wire_message message;
    enum wire_event event;

    for (;;) {
        event = wire_next(&plain.wire, &plain.in, &message);
        if (event == WIRE_MESSAGE || event == WIRE_INCOMPLETE) {
            *out = message.data;
            *out_len = message.len;
            return LINE_EDITOR_LINE;
        }
        if (event == WIRE_ANSWER)
            continue; /* bytes that telnet would answer mean nothing here */
        if (event != WIRE_WANT || plain.in.is_end)
            return LINE_EDITOR_END;
        if (!is_ready())
            return LINE_EDITOR_NONE;
        plain_fill();
        if (plain.in.is_end)
            leave_prompt();
        plain.has_prompt = false;
        show_prompt();
    }
}

static void plain_before_print(void) {
    if (plain.has_prompt)
        putchar('\n');
}

static const struct editor plain_editor = {
    .open = plain_open,
    .close = plain_close,
    .next = plain_next,
    .before_print = plain_before_print,
    .after_print = show_prompt,
};

/* ---- readline ---- */

#ifdef HAVE_READLINE

static struct {
    char *line; /* the last one that was typed; NULL: none */
    bool has_line, has_ended;
    int columns; /* of the screen, as what stands there was written */
} edited;

static void take_line(char *line) {
    edited.has_line = line != NULL;
    edited.has_ended = line == NULL;
    edited.line = line;
    if (line == NULL)
        rl_callback_handler_remove(); /* no further prompt; the terminal is as it was */
    else if (line[0] != '\0')
        add_history(line);
}

/* Where the locale does not say how letters are written, readline would take bytes for keys. */
static void speak_utf8(void) {
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setenv("LC_ALL", "C.UTF-8", 1);
    rl_variable_bind("convert-meta", "off");
    rl_variable_bind("input-meta", "on");
    rl_variable_bind("output-meta", "on");
}

static void edited_open(void) {
    speak_utf8();
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_bind_key('\t', rl_insert); /* there is nothing to complete, files least of all */
    rl_callback_handler_install(prompt, take_line);
    rl_get_screen_size(NULL, &edited.columns);
}

/* What was typed stays on the screen; a prompt with nothing behind it does not. */
static void edited_close(void) {
    if (!edited.has_ended) {
        if (rl_end == 0)
            rl_clear_visible_line();
        else
            rl_crlf();
        rl_callback_handler_remove();
    }
    fflush(stdout);
    free(edited.line);
    edited.line = NULL;
}

static enum line_editor_found edited_next(const char **out, size_t *out_len) {
    free(edited.line);
    edited.line = NULL;
    edited.has_line = false;
    while (!edited.has_line && !edited.has_ended && is_ready())
        rl_callback_read_char();
    if (edited.has_ended)
        return LINE_EDITOR_END;
    if (!edited.has_line)
        return LINE_EDITOR_NONE;
    *out = edited.line;
    *out_len = strlen(edited.line);
    return LINE_EDITOR_LINE;
}

static void edited_before_print(void) {
    if (!edited.has_ended)
        rl_clear_visible_line();
}

static void edited_after_print(void) {
    if (edited.has_ended)
        return;
    rl_on_new_line();
    rl_redisplay();
}

static const struct editor readline_editor = {
    .open = edited_open,
    .close = edited_close,
    .next = edited_next,
    .before_print = edited_before_print,
    .after_print = edited_after_print,
};

static bool is_editing(void) {
    return editor == &readline_editor && !edited.has_ended;
}

/* Where text ends on a screen of so many columns: *row and *column go on from there. */
static void walk(const char *text, size_t len, int columns, int *row, int *column) {
    ucs4_t letter;
    int used, width;

    for (size_t at = 0; at < len; at += (size_t)used) {
        used = u8_mbtouc(&letter, (const uint8_t *)text + at, len - at);
        width = letter == '\t' ? 8 - *column % 8 : letter < ' ' ? 2 : uc_width(letter, "UTF-8");
        if (letter == '\n' || *column + width > columns) {
            (*row)++;
            *column = 0;
        }
        if (letter != '\n' && width > 0)
            *column += width;
    }
    if (*column >= columns) {
        (*row)++;
        *column = 0;
    }
}

/* How many lines of the screen stand above the cursor, from the prompt on. */
static int count_above(int columns) {
    int row = 0, column = 0;

    walk(prompt, strlen(prompt), columns, &row, &column);
    walk(rl_line_buffer, (size_t)rl_point, columns, &row, &column);
    return row;
}

/*
 * Some terminals break what stands there anew, and some cut it off. So no more lines are taken away
 * than were written and would be now: a line too many may stay, but what others said does.
 */
void line_editor_resize(void) {
    const char *up = rl_get_termcap("up");
    int above, columns;

    if (!is_editing())
        return;
    if (up == NULL || up[0] != '\033' || edited.columns <= 0) {
        rl_resize_terminal();
        return;
    }
    above = count_above(edited.columns);
    rl_reset_screen_size();
    rl_get_screen_size(NULL, &columns);
    edited.columns = columns;
    if (columns > 0 && count_above(columns) < above)
        above = count_above(columns);
    putchar('\r');
    while (above-- > 0)
        fputs(up, stdout);
    fputs("\033[J", stdout);
    rl_on_new_line();
    rl_redisplay();
    fflush(stdout);
}

void line_editor_suspend(void) {
    if (is_editing() && rl_deprep_term_function != NULL)
        rl_deprep_term_function();
}

void line_editor_resume(void) {
    if (!is_editing())
        return;
    if (rl_prep_term_function != NULL)
        rl_prep_term_function(1);
    rl_on_new_line();
    rl_forced_update_display();
}

/* Both ends are a terminal that can move its cursor. */
static const struct editor *choose(bool is_plain) {
    const char *term = getenv("TERM");

    return !is_plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL &&
                   term[0] != '\0' && strcmp(term, "dumb") != 0
               ? &readline_editor
               : &plain_editor;
}

#else

void line_editor_resize(void) {
}

void line_editor_suspend(void) {
}

void line_editor_resume(void) {
}

static const struct editor *choose(bool is_plain) {
    (void)is_plain;
    return &plain_editor;
}

#endif

/* ---- either ---- */

void line_editor_open(const char *shown, bool is_plain) {
    prompt = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? shown : NULL;
    editor = choose(is_plain);
    editor->open();
}

void line_editor_close(void) {
    if (editor != NULL)
        editor->close();
    editor = NULL;
}

enum line_editor_found line_editor_next(const char **out, size_t *out_len) {
    return editor != NULL ? editor->next(out, out_len) : LINE_EDITOR_END;
}

static void print_to(FILE *out, const char *line) {
    if (editor != NULL)
        editor->before_print();
    fflush(stdout);
    fprintf(out, "%s\n", line);
    fflush(out);
    if (editor != NULL)
        editor->after_print();
}

void line_editor_print(const char *line) {
    print_to(stdout, line);
}

void line_editor_say(const char *line) {
    print_to(stderr, line);
}
