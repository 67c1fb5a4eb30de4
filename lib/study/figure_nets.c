/* Figure 2: how an encoder and a decoder make a network, U-Net's way and LinkNet's. */
#include <stdio.h>
#include <stdlib.h>

#include "report/text.h"
#include "study/book.h"

enum { LEVELS = 5, WIDTH = 510, HEIGHT = 400, TOP = 46, STEP = 58, BOX = 30, LEFT = 132, RIGHT = 378 };

static void box(hl_text *text, int x, int y, int width, const char *colour, const char *label) {
    hl_text_format(text, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\" fill-opacity=\"0.22\" stroke=\"%s\"/>\n",
                   x - width / 2, y, width, BOX, colour, colour);
    hl_text_format(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\">%s</text>\n", x, y + BOX / 2 + 4, label);
}

static void arrow(hl_text *text, int x1, int y1, int x2, int y2, bool dashed) {
    hl_text_format(text, "<path d=\"M%d %dL%d %d\" stroke=\"#555\"%s fill=\"none\"/>\n", x1, y1, x2, y2,
                   dashed ? " stroke-dasharray=\"5 3\"" : "");
    int dx = x2 == x1 ? 0 : 7, dy = y2 > y1 ? 7 : -7;
    if (dx) hl_text_format(text, "<path d=\"M%d %dl-7 -4v8z\" fill=\"#555\"/>\n", x2, y2);
    else hl_text_format(text, "<path d=\"M%d %dl-4 %dh8z\" fill=\"#555\"/>\n", x2, y2, -dy);
}

static void label(hl_text *text, int x, int y, const char *what) {
    hl_text_format(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"11\" fill=\"#444\">%s</text>\n", x, y, what);
}

/* A level: the encoder's map at 1/2^level of the slice, the decoder's, and the skip between them. */
static void level(hl_text *text, int at, bool unet) {
    char scale[24];
    int y = TOP + at * STEP, width = 150 - 20 * at;
    bool deepest = at == LEVELS;
    snprintf(scale, sizeof scale, at ? "1/%d" : "slice", 1 << at);
    if (deepest) {
        box(text, (LEFT + RIGHT) / 2, y, 120, "#0072B2", "encoder's end, 1/32");
        return;
    }
    box(text, LEFT, y, width, "#0072B2", scale);
    box(text, RIGHT, y, width, "#D55E00", at ? scale : "probability");
    if (at) {
        arrow(text, LEFT + width / 2 + 3, y + BOX / 2, RIGHT - width / 2 - 3, y + BOX / 2, true);
        label(text, (LEFT + RIGHT) / 2, y + BOX / 2 - 6, unet ? "joined" : "added");
    }
    if (at + 1 < LEVELS) {
        arrow(text, LEFT, y + BOX + 3, LEFT, y + STEP - 3, false);
        arrow(text, RIGHT, y + STEP - 3, RIGHT, y + BOX + 3, false);
    }
}

char *hl_figure_net(hl_context *hl, bool unet) {
    hl_text text = {.hl = hl};
    hl_text_format(&text,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
                   "aria-label=\"%s\" fill=\"#1a1a1a\" "
                   "font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif\">\n",
                   WIDTH, HEIGHT, WIDTH, HEIGHT, unet ? "U-Net" : "LinkNet");
    hl_text_format(&text, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, HEIGHT);
    hl_text_format(&text, "<text x=\"20\" y=\"24\" font-size=\"13\" font-weight=\"600\">%s</text>\n",
                   unet ? "U-Net: skips are joined" : "LinkNet: skips are added");
    for (int at = 0; at <= LEVELS; at++) level(&text, at, unet);
    int bottom = TOP + (LEVELS - 1) * STEP + BOX, end = TOP + LEVELS * STEP;
    arrow(&text, LEFT + 30, bottom + 3, LEFT + 95, end - 1, false);
    arrow(&text, RIGHT - 95, end - 1, RIGHT - 30, bottom + 5, false);
    hl_text_put(&text, "</svg>\n");
    if (!text.failed) return text.data;
    free(text.data);
    return NULL;
}
