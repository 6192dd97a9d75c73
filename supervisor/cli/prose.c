/* Words and where they break: at blanks alone. */
#include "supervisor/cli/prose.h"

#include <stdarg.h>
#include <string.h>

#include "shared/escape.h"

void prose_add(struct prose *prose, const char *format, ...) {
    char raw[PROSE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    prose->len += escape_line(
        prose->text + prose->len, sizeof(prose->text) - prose->len, raw, strlen(raw));
}

/* In characters: the text is UTF-8. */
static unsigned width_of(const char *text, size_t len) {
    unsigned width = 0;

    for (size_t i = 0; i < len; i++)
        width += (text[i] & 0xc0) != 0x80;
    return width;
}

void prose_write(
    const struct prose *prose, FILE *out, const char *label, unsigned indent, unsigned width) {
    const char *text = prose->text;
    unsigned at = indent, wide;
    size_t len;

    if (prose->len == 0)
        return;
    fprintf(out, "%-*s", (int)indent, label);
    for (; *text != '\0'; text += len + (text[len] == ' ')) {
        len = strcspn(text, " ");
        wide = width_of(text, len);
        if (text != prose->text && width > 0 && at + 1 + wide > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (text != prose->text) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, len, out);
        at += wide;
    }
    fputc('\n', out);
}
