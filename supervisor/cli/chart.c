/* Horizontal bars, longest first to the right edge; plain SVG 1.1 without scripts or fonts. */
#include "supervisor/cli/chart.h"

#include <stdio.h>

#define WIDTH       720
#define LABEL_WIDTH 190
#define VALUE_WIDTH 110
#define ROW         34
#define TOP         54

/* Text as SVG content. */
static void put_text(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if ((unsigned char)*text >= 0x20)
            fputc(*text, out);
    }
}

static void put_bar(FILE *out, const struct chart_bar *bar, size_t row, double largest) {
    int y = TOP + (int)row * ROW, space = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
    double width = largest > 0 ? bar->value / largest * space : 0;

    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL_WIDTH - 10, y + 16);
    put_text(out, bar->label);
    fprintf(out, "</text>\n<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"22\" rx=\"3\"/>\n",
        LABEL_WIDTH, y, width < 1 ? 1 : width);
    fprintf(out, "<text x=\"%.1f\" y=\"%d\" class=\"v\">", LABEL_WIDTH + width + 8, y + 16);
    put_text(out, bar->value_text);
    fprintf(out, "</text>\n");
}

int chart_write(const char *path, const char *title, const struct chart_bar *bars, size_t count) {
    int height = TOP + (int)count * ROW + 16;
    double largest = 0;
    FILE *out = fopen(path, "we");

    if (out == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        largest = bars[i].value > largest ? bars[i].value : largest;
    fprintf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"14\">\n"
        "<style>rect{fill:#3b6ea5}text{fill:#222}.v{fill:#555}.t{font-size:16px}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" style=\"fill:#fff\"/>\n"
        "<text x=\"16\" y=\"30\" class=\"t\">",
        WIDTH, height, WIDTH, height);
    put_text(out, title);
    fprintf(out, "</text>\n");
    for (size_t i = 0; i < count; i++)
        put_bar(out, &bars[i], i, largest);
    fprintf(out, "</svg>\n");
    return fclose(out) == 0 ? 0 : -1;
}
