/* What all pictures are drawn with: colours, lines, labels, markers. */
#include "report/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Yellow, weak on white, comes last. */
static const char *const palette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"};
enum { colours = 8 };

static const double letter = 0.56; /* mean width of a letter in font sizes */

const char *hl_colour(int index) { return palette[(index % colours + colours) % colours]; }

bool hl_present(const char *string) { return string && *string; }

double hl_text_width(const char *string, int font) {
    int letters = 0;
    for (; *string; string++) letters += (*string & 0xC0) != 0x80; /* UTF-8's continuation bytes are no letters */
    return letters * letter * font;
}

void hl_draw_attribute(hl_text *text, const char *name, double value) {
    hl_text_format(text, " %s=\"", name);
    hl_text_number(text, value, 2);
    hl_text_put(text, "\"");
}

void hl_draw_line(hl_text *text, double x1, double y1, double x2, double y2, const char *style) {
    hl_text_put(text, "<line");
    hl_draw_attribute(text, "x1", x1), hl_draw_attribute(text, "y1", y1);
    hl_draw_attribute(text, "x2", x2), hl_draw_attribute(text, "y2", y2);
    hl_text_format(text, " %s/>\n", style);
}

void hl_draw_box(hl_text *text, double x, double y, double width, double height, const char *style) {
    hl_text_put(text, "<rect");
    hl_draw_attribute(text, "x", x), hl_draw_attribute(text, "y", y);
    hl_draw_attribute(text, "width", fmax(0, width)), hl_draw_attribute(text, "height", fmax(0, height));
    hl_text_format(text, " %s/>\n", style);
}

void hl_draw_open_label(hl_text *text, double x, double y, const char *anchor, int font, const char *more) {
    hl_text_put(text, "<text");
    hl_draw_attribute(text, "x", x), hl_draw_attribute(text, "y", y);
    hl_text_format(text, " text-anchor=\"%s\" font-size=\"%d\"%s>", anchor, font, more);
}

void hl_draw_label(hl_text *text, double x, double y, const char *anchor, int font, const char *string) {
    hl_draw_open_label(text, x, y, anchor, font, "");
    hl_text_escape(text, string);
    hl_text_put(text, "</text>\n");
}

void hl_draw_note(hl_text *text, double x, double y, const char *anchor, const char *lines) {
    for (const char *at = lines; at && *at; y += HL_TICK_FONT + 4) {
        size_t length = strcspn(at, "\n");
        char *line = hl_format(text->hl, "%.*s", (int)length, at);
        if (line) hl_draw_label(text, x, y, anchor, HL_TICK_FONT, line);
        else text->failed = true;
        free(line);
        at += length + (at[length] == '\n');
    }
}

/* A closed path through corners around x, y. */
static void polygon(hl_text *text, double x, double y, const double *corners, int count) {
    hl_text_put(text, "<path d=\"");
    for (int i = 0; i < count; i++) {
        hl_text_put(text, i ? "L" : "M");
        hl_text_number(text, x + corners[2 * i], 2), hl_text_put(text, " "), hl_text_number(text, y + corners[2 * i + 1], 2);
    }
    hl_text_put(text, "Z\"");
}

void hl_draw_marker(hl_text *text, double x, double y, int index) {
    static const double square[] = {-3, -3, 3, -3, 3, 3, -3, 3}, triangle[] = {0, -4.1, 3.8, 2.9, -3.8, 2.9},
                        diamond[] = {0, -4.4, 4.4, 0, 0, 4.4, -4.4, 0};
    switch ((index % 4 + 4) % 4) {
    case 0:
        hl_text_put(text, "<circle");
        hl_draw_attribute(text, "cx", x), hl_draw_attribute(text, "cy", y);
        hl_text_put(text, " r=\"3.4\"");
        break;
    case 1:
        polygon(text, x, y, square, 4);
        break;
    case 2:
        polygon(text, x, y, triangle, 3);
        break;
    default:
        polygon(text, x, y, diamond, 4);
        break;
    }
    hl_text_format(text, " fill=\"%s\" fill-opacity=\"0.75\" stroke=\"#fff\" stroke-width=\"0.6\"/>\n", hl_colour(index));
}

void hl_draw_stroke(hl_text *text, int colour, bool dashed, bool faint) {
    hl_text_format(text, " stroke=\"%s\" stroke-width=\"%s\"", hl_colour(colour), faint ? "1.2" : "2");
    if (dashed) hl_text_put(text, " stroke-dasharray=\"6 4\"");
    if (faint) hl_text_put(text, " opacity=\"0.45\"");
}

void hl_draw_dot(hl_text *text, double x, double y, int colour, bool faint) {
    hl_text_put(text, "<circle");
    hl_draw_attribute(text, "cx", x), hl_draw_attribute(text, "cy", y);
    hl_text_format(text, " r=\"3\" fill=\"%s\"%s/>\n", hl_colour(colour), faint ? " opacity=\"0.45\"" : "");
}

void hl_draw_shade(hl_text *text, double x, double y, double width, double height, int colour) {
    hl_text_format(text, "<g fill=\"%s\" stroke=\"%s\">", hl_colour(colour), hl_colour(colour));
    hl_draw_box(text, x, y, width, height, "fill-opacity=\"0.25\"");
    hl_text_put(text, "</g>\n");
}

void hl_draw_open(hl_text *text, const char *title, double width, double height, bool alone) {
    int w = (int)width, h = (int)ceil(height);
    hl_text_format(text, "<svg%s width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                   alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", w, h, w, h);
    hl_text_escape(text, hl_present(title) ? title : "plot");
    hl_text_put(text, "\" fill=\"#1a1a1a\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif\">\n");
    hl_text_format(text, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", w, h);
}

char *hl_draw_finish(hl_text *text) {
    if (text->failed) return free(text->data), NULL;
    return text->data;
}
