/* The frame of a plot: margins, two axes with ticks and grid, title, legend under them. */
#include "report/frame.h"

#include <math.h>

enum { legend_line = 18, swatch = 24 };

hl_frame hl_frame_start(const char *title, const char *x_label, const char *y_label, int width, int height) {
    return (hl_frame){.title = title,
                      .x_label = x_label,
                      .y_label = y_label,
                      .width = width > 0 ? width : 520,
                      .height = height > 0 ? height : 360,
                      .x_data = {INFINITY, -INFINITY},
                      .y_data = {INFINITY, -INFINITY}};
}

static void widen(double value, double *range) {
    if (!isfinite(value)) return;
    range[0] = fmin(range[0], value), range[1] = fmax(range[1], value);
}

void hl_frame_widen(hl_frame *frame, double x, double y) { widen(x, frame->x_data), widen(y, frame->y_data); }

/* --- the layout --- */

/* The legend is a table: as many columns as its widest entry allows. */
static int key_columns(const hl_frame *frame) {
    const double gap = 16;
    int columns = (int)((frame->width - 4 - frame->left + gap) / frame->key_width);
    return columns > 1 ? columns : 1;
}

void hl_frame_add_key(hl_frame *frame, const char *label) {
    if (!hl_present(label)) return;
    frame->key_width = fmax(frame->key_width, swatch + 6 + hl_text_width(label, HL_TICK_FONT) + 16);
    frame->keys++;
}

static double widest_tick(const hl_axis *axis) {
    int digits = axis->decimals ? axis->decimals + 2 : 1;
    double ends = fmax(fabs(axis->first * axis->step), fabs(axis->last * axis->step));
    for (; ends >= 10 && digits < 20; ends /= 10) digits++;
    if (axis->first < 0) digits++;
    return digits * hl_text_width("0", HL_TICK_FONT);
}

void hl_frame_place(hl_frame *f) {
    f->top = f->above + (hl_present(f->title) ? 36 : 14);
    double under = 22 + (hl_present(f->x_label) ? 20 : 4);
    f->y = hl_axis_make(f->y_min, f->y_max, f->y_data[0], f->y_data[1], f->inner > 0 ? f->inner : f->height - f->top - under, 44);
    f->left = (hl_present(f->y_label) ? 26 : 6) + (f->names > 0 ? f->names : widest_tick(&f->y)) + 8;
    f->left = fmax(f->left, f->left_least);
    f->x = hl_axis_make(f->x_min, f->x_max, f->x_data[0], f->x_data[1], f->width - f->left - 18 - f->beside, 62);
    f->right = f->width - fmax(fmax(18, f->beside), widest_tick(&f->x) / 2 + 4); /* room for the half of the last number that stands out */
    if (f->keys) f->key_rows = (f->keys + key_columns(f) - 1) / key_columns(f);
    if (f->key_rows) under += f->key_rows * legend_line + 6;
    f->bottom = fmax(f->height - under, f->top + 120); /* a long legend makes the picture higher, not the curves flat */
    if (f->square) f->inner = f->right - f->left;
    if (f->inner > 0) f->bottom = f->top + f->inner;
    f->height = f->bottom + under;
    f->x.start = f->left, f->x.pixels = f->right - f->left;
    f->y.start = f->bottom, f->y.pixels = f->top - f->bottom;
}

double hl_frame_x(const hl_frame *frame, double value) { return hl_axis_place(&frame->x, value); }
double hl_frame_y(const hl_frame *frame, double value) { return hl_axis_place(&frame->y, value); }

/* --- the parts --- */

static void x_ticks(hl_text *text, const hl_frame *f) {
    for (int tick = f->x.first; tick <= f->x.last; tick++) {
        double x = hl_axis_place(&f->x, tick * f->x.step);
        hl_draw_line(text, x, f->top, x, f->bottom, "stroke=\"#e4e4e4\"");
        if (f->unnumbered) continue;
        hl_draw_open_label(text, x, f->bottom + 16, "middle", HL_TICK_FONT, " fill=\"#444\"");
        hl_text_number(text, tick * f->x.step, f->x.decimals);
        hl_text_put(text, "</text>\n");
    }
}

static void y_ticks(hl_text *text, const hl_frame *f) {
    for (int tick = f->y.first; tick <= f->y.last; tick++) {
        double y = hl_axis_place(&f->y, tick * f->y.step);
        hl_draw_line(text, f->left, y, f->right, y, "stroke=\"#e4e4e4\"");
        hl_draw_open_label(text, f->left - 7, y + 4, "end", HL_TICK_FONT, " fill=\"#444\"");
        hl_text_number(text, tick * f->y.step, f->y.decimals);
        hl_text_put(text, "</text>\n");
    }
}

void hl_frame_axes(hl_text *text, const hl_frame *f) {
    x_ticks(text, f);
    if (!(f->names > 0)) y_ticks(text, f);
    hl_draw_line(text, f->left, f->top, f->left, f->bottom, "stroke=\"#555\"");
    hl_draw_line(text, f->left, f->bottom, f->right, f->bottom, "stroke=\"#555\"");
    if (hl_present(f->x_label)) hl_draw_label(text, (f->left + f->right) / 2, f->bottom + 35, "middle", HL_LABEL_FONT, f->x_label);
    if (!hl_present(f->y_label)) return;
    hl_text_put(text, "<g transform=\"translate(16 ");
    hl_text_number(text, (f->top + f->bottom) / 2, 2);
    hl_text_put(text, ") rotate(-90)\">");
    hl_draw_label(text, 0, 0, "middle", HL_LABEL_FONT, f->y_label);
    hl_text_put(text, "</g>\n");
}

/* An inner <svg> cuts off what lies outside (and needs no id, as a clip path does, that would have to differ from every other on the
 * page). */
void hl_frame_open_inside(hl_text *text, const hl_frame *f, double edge) {
    double x = f->left - edge, y = f->top - edge, width = f->right - f->left + 2 * edge, height = f->bottom - f->top + 2 * edge;
    hl_text_put(text, "<svg overflow=\"hidden\"");
    hl_draw_attribute(text, "x", x), hl_draw_attribute(text, "y", y);
    hl_draw_attribute(text, "width", width), hl_draw_attribute(text, "height", height);
    hl_text_put(text, " viewBox=\"");
    const double box[] = {x, y, width, height};
    for (int i = 0; i < 4; i++) hl_text_number(text, box[i], 2), hl_text_put(text, i < 3 ? " " : "\">\n");
}

void hl_frame_close_inside(hl_text *text) { hl_text_put(text, "</svg>\n"); }

void hl_frame_diagonal(hl_text *text, const hl_frame *f) {
    double low = fmax(f->x.low, f->y.low), high = fmin(f->x.high, f->y.high);
    if (low >= high) return;
    hl_draw_line(text, hl_frame_x(f, low), hl_frame_y(f, low), hl_frame_x(f, high), hl_frame_y(f, high),
                 "stroke=\"#999\" stroke-dasharray=\"3 4\"");
}

void hl_frame_title(hl_text *text, const hl_frame *f) {
    if (!hl_present(f->title)) return;
    int font = HL_TITLE_FONT;
    while (font > 9 && hl_text_width(f->title, font) > f->width - f->left - 4) font--;
    hl_draw_open_label(text, f->left, 21, "start", font, " font-weight=\"600\"");
    hl_text_escape(text, f->title);
    hl_text_put(text, "</text>\n");
}

/* --- the legend --- */

void hl_frame_key(hl_text *text, const hl_frame *f, int index, const hl_key *key) {
    if (!hl_present(key->label)) return;
    int columns = key_columns(f);
    double x = f->left + index % columns * f->key_width, y = f->height - f->key_rows * legend_line + index / columns * legend_line + 6;
    if (key->kind == HL_KEY_MARKER) hl_draw_marker(text, x + swatch / 2.0, y, key->colour);
    if (key->kind == HL_KEY_BOX) hl_draw_shade(text, x + 6, y - 5, swatch - 12, 10, key->colour);
    if (key->kind == HL_KEY_CURVE) {
        hl_text_put(text, "<path");
        hl_draw_stroke(text, key->colour, key->dashed, key->faint);
        hl_text_put(text, " d=\"M");
        hl_text_number(text, x, 2), hl_text_put(text, " "), hl_text_number(text, y, 2);
        hl_text_format(text, "h%d\"/>\n", swatch);
    }
    if (key->dot) hl_draw_dot(text, x + swatch / 2.0, y, key->colour, key->faint);
    hl_draw_label(text, x + swatch + 6, y + 4, "start", HL_TICK_FONT, key->label);
}
