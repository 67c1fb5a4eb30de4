/* Line plots as SVG: axes, grid, band, curves, legend under the axes. */
#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/axis.h"

/* Okabe and Ito's colours, which readers with any colour vision can tell apart; yellow, weak on white, comes last. */
static const char *const palette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"};
enum { colours = 8 };

static const double letter = 0.56; /* mean width of a letter in font sizes */
enum { tick_font = 11, label_font = 12, title_font = 13, legend_line = 18, swatch = 24 };

typedef struct layout {
    double width, height;
    double left, top, right, bottom; /* of the area the curves are in */
    hl_axis x, y;
    int legend_rows;
    double legend_column; /* the widest entry's width */
} layout;

static const char *colour_of(int index) { return palette[(index % colours + colours) % colours]; }

static double text_width(const char *string, int font) {
    int letters = 0;
    for (; *string; string++) letters += (*string & 0xC0) != 0x80; /* UTF-8's continuation bytes are no letters */
    return letters * letter * font;
}

static bool present(const char *string) { return string && *string; }

/* Writes name="value" with two decimals. */
static void attribute(hl_text *text, const char *name, double value) {
    hl_text_format(text, " %s=\"", name);
    hl_text_number(text, value, 2);
    hl_text_put(text, "\"");
}

static void line(hl_text *text, double x1, double y1, double x2, double y2, const char *style) {
    hl_text_put(text, "<line");
    attribute(text, "x1", x1), attribute(text, "y1", y1), attribute(text, "x2", x2), attribute(text, "y2", y2);
    hl_text_format(text, " %s/>\n", style);
}

static void open_label(hl_text *text, double x, double y, const char *anchor, int font, const char *more) {
    hl_text_put(text, "<text");
    attribute(text, "x", x), attribute(text, "y", y);
    hl_text_format(text, " text-anchor=\"%s\" font-size=\"%d\"%s>", anchor, font, more);
}

static void label(hl_text *text, double x, double y, const char *anchor, int font, const char *string) {
    open_label(text, x, y, anchor, font, "");
    hl_text_escape(text, string);
    hl_text_put(text, "</text>\n");
}

/* --- the layout --- */

static void widen(double value, double *low, double *high) {
    if (!isfinite(value)) return;
    *low = fmin(*low, value), *high = fmax(*high, value);
}

/* The legend is a table: as many columns as its widest entry allows. */
static int legend_columns(const layout *l) {
    const double gap = 16;
    int columns = (int)((l->width - 4 - l->left + gap) / l->legend_column);
    return columns > 1 ? columns : 1;
}

static void lay_out_legend(layout *l, const hl_plot *plot) {
    int entries = 0;
    for (int c = 0; c < plot->curve_count; c++) {
        const char *string = plot->curves[c].label;
        if (!present(string)) continue;
        l->legend_column = fmax(l->legend_column, swatch + 6 + text_width(string, tick_font) + 16);
        entries++;
    }
    if (entries) l->legend_rows = (entries + legend_columns(l) - 1) / legend_columns(l);
}

static double widest_tick(const hl_axis *axis) {
    int digits = axis->decimals ? axis->decimals + 2 : 1;
    double ends = fmax(fabs(axis->first * axis->step), fabs(axis->last * axis->step));
    for (; ends >= 10 && digits < 20; ends /= 10) digits++;
    if (axis->first < 0) digits++;
    return digits * letter * tick_font;
}

static layout lay_out(const hl_plot *plot) {
    layout l = {.width = plot->width > 0 ? plot->width : 520, .height = plot->height > 0 ? plot->height : 360};
    double x[2] = {INFINITY, -INFINITY}, y[2] = {INFINITY, -INFINITY};
    for (int c = 0; c < plot->curve_count; c++) {
        const hl_curve *curve = &plot->curves[c];
        for (int i = 0; i < curve->points; i++) widen(curve->x[i], &x[0], &x[1]), widen(curve->y[i], &y[0], &y[1]);
    }
    for (int i = 0; plot->band_x && i < plot->band_points; i++) {
        widen(plot->band_x[i], &x[0], &x[1]);
        widen(plot->band_low[i], &y[0], &y[1]), widen(plot->band_high[i], &y[0], &y[1]);
    }
    l.top = present(plot->title) ? 36 : 14;
    double under = 22 + (present(plot->x_label) ? 20 : 4);
    l.y = hl_axis_make(plot->y_min, plot->y_max, y[0], y[1], l.height - l.top - under, 44);
    l.left = (present(plot->y_label) ? 26 : 6) + widest_tick(&l.y) + 8;
    l.x = hl_axis_make(plot->x_min, plot->x_max, x[0], x[1], l.width - l.left - 18, 62);
    l.right = l.width - fmax(18, widest_tick(&l.x) / 2 + 4); /* room for the half of the last number that stands out */
    lay_out_legend(&l, plot);
    if (l.legend_rows) under += l.legend_rows * legend_line + 6;
    l.bottom = fmax(l.height - under, l.top + 120); /* a long legend makes the picture higher, not the curves flat */
    l.height = l.bottom + under;
    l.x.start = l.left, l.x.pixels = l.right - l.left;
    l.y.start = l.bottom, l.y.pixels = l.top - l.bottom;
    return l;
}

/* --- the parts --- */

static void tick_label(hl_text *text, const hl_axis *axis, int tick) { hl_text_number(text, tick * axis->step, axis->decimals); }

static void draw_axes(hl_text *text, const hl_plot *plot, const layout *l) {
    for (int tick = l->x.first; tick <= l->x.last; tick++) {
        double x = hl_axis_place(&l->x, tick * l->x.step);
        line(text, x, l->top, x, l->bottom, "stroke=\"#e4e4e4\"");
        open_label(text, x, l->bottom + 16, "middle", tick_font, " fill=\"#444\"");
        tick_label(text, &l->x, tick);
        hl_text_put(text, "</text>\n");
    }
    for (int tick = l->y.first; tick <= l->y.last; tick++) {
        double y = hl_axis_place(&l->y, tick * l->y.step);
        line(text, l->left, y, l->right, y, "stroke=\"#e4e4e4\"");
        open_label(text, l->left - 7, y + 4, "end", tick_font, " fill=\"#444\"");
        tick_label(text, &l->y, tick);
        hl_text_put(text, "</text>\n");
    }
    line(text, l->left, l->top, l->left, l->bottom, "stroke=\"#555\"");
    line(text, l->left, l->bottom, l->right, l->bottom, "stroke=\"#555\"");
    if (present(plot->x_label)) label(text, (l->left + l->right) / 2, l->bottom + 35, "middle", label_font, plot->x_label);
    if (!present(plot->y_label)) return;
    double middle = (l->top + l->bottom) / 2;
    hl_text_put(text, "<g transform=\"translate(16 ");
    hl_text_number(text, middle, 2);
    hl_text_put(text, ") rotate(-90)\">");
    label(text, 0, 0, "middle", label_font, plot->y_label);
    hl_text_put(text, "</g>\n");
}

static void draw_title(hl_text *text, const hl_plot *plot, const layout *l) {
    if (!present(plot->title)) return;
    int font = title_font;
    while (font > 9 && text_width(plot->title, font) > l->width - l->left - 4) font--;
    open_label(text, l->left, 21, "start", font, " font-weight=\"600\"");
    hl_text_escape(text, plot->title);
    hl_text_put(text, "</text>\n");
}

static void point(hl_text *text, char command, const layout *l, double x, double y) {
    hl_text_format(text, "%c", command);
    hl_text_number(text, hl_axis_place(&l->x, x), 2);
    hl_text_put(text, " ");
    hl_text_number(text, hl_axis_place(&l->y, y), 2);
}

static bool drawable(const double *x, const double *y, int i) { return isfinite(x[i]) && isfinite(y[i]); }

/* One closed shape for every run of points that have both limits. */
static void draw_band(hl_text *text, const hl_plot *plot, const layout *l) {
    const double *x = plot->band_x, *low = plot->band_low, *high = plot->band_high;
    if (!x || !low || !high) return;
    for (int first = 0, next; first < plot->band_points; first = next) {
        for (next = first; next < plot->band_points && drawable(x, low, next) && isfinite(high[next]);) next++;
        if (next == first) {
            next++;
            continue;
        }
        hl_text_format(text, "<path fill=\"%s\" fill-opacity=\"0.18\" d=\"", palette[0]);
        for (int i = first; i < next; i++) point(text, i == first ? 'M' : 'L', l, x[i], high[i]);
        for (int i = next - 1; i >= first; i--) point(text, 'L', l, x[i], low[i]);
        hl_text_put(text, "Z\"/>\n");
    }
}

static void stroke(hl_text *text, const hl_curve *curve) {
    hl_text_format(text, " stroke=\"%s\" stroke-width=\"%s\"", colour_of(curve->colour), curve->faint ? "1.2" : "2");
    if (curve->dashed) hl_text_put(text, " stroke-dasharray=\"6 4\"");
    if (curve->faint) hl_text_put(text, " opacity=\"0.45\"");
}

static void dot(hl_text *text, const hl_curve *curve, double x, double y) {
    hl_text_put(text, "<circle");
    attribute(text, "cx", x), attribute(text, "cy", y);
    hl_text_format(text, " r=\"3\" fill=\"%s\"%s/>\n", colour_of(curve->colour), curve->faint ? " opacity=\"0.45\"" : "");
}

static void draw_curve(hl_text *text, const hl_curve *curve, const layout *l) {
    hl_text_put(text, "<path fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"");
    stroke(text, curve);
    hl_text_put(text, " d=\"M0 0"); /* a path must not be empty; a move alone draws nothing */
    bool down = false;
    double last_x = 0, last_y = 0;
    for (int i = 0; i < curve->points; i++) {
        if (!drawable(curve->x, curve->y, i)) {
            down = false;
            continue;
        }
        double x = hl_axis_place(&l->x, curve->x[i]), y = hl_axis_place(&l->y, curve->y[i]);
        if (down && i + 1 < curve->points && fabs(x - last_x) < 0.05 && fabs(y - last_y) < 0.05) continue; /* too near to be seen */
        point(text, down ? 'L' : 'M', l, curve->x[i], curve->y[i]);
        down = true, last_x = x, last_y = y;
    }
    hl_text_put(text, "\"/>\n");
    for (int i = 0; curve->markers && i < curve->points; i++) {
        if (drawable(curve->x, curve->y, i)) dot(text, curve, hl_axis_place(&l->x, curve->x[i]), hl_axis_place(&l->y, curve->y[i]));
    }
}

/* Band, lines and curves, in an inner <svg> that cuts off what lies outside the axes (and needs no id, as a clip path does,
 * that would have to differ from every other on the page). */
static void draw_inside(hl_text *text, const hl_plot *plot, const layout *l) {
    const double edge = 4; /* so that lines and dots on the frame are not cut in half */
    double x = l->left - edge, y = l->top - edge, width = l->right - l->left + 2 * edge, height = l->bottom - l->top + 2 * edge;
    hl_text_put(text, "<svg overflow=\"hidden\"");
    attribute(text, "x", x), attribute(text, "y", y), attribute(text, "width", width), attribute(text, "height", height);
    hl_text_put(text, " viewBox=\"");
    const double box[] = {x, y, width, height};
    for (int i = 0; i < 4; i++) hl_text_number(text, box[i], 2), hl_text_put(text, i < 3 ? " " : "\">\n");
    draw_band(text, plot, l);
    double low = fmax(l->x.low, l->y.low), high = fmin(l->x.high, l->y.high);
    if (plot->diagonal && low < high) {
        line(text, hl_axis_place(&l->x, low), hl_axis_place(&l->y, low), hl_axis_place(&l->x, high), hl_axis_place(&l->y, high),
             "stroke=\"#999\" stroke-dasharray=\"3 4\"");
    }
    if (plot->marker_x >= l->x.low && plot->marker_x <= l->x.high) {
        double at = hl_axis_place(&l->x, plot->marker_x);
        line(text, at, l->top, at, l->bottom, "stroke=\"#666\" stroke-dasharray=\"2 3\"");
    }
    for (int c = 0; c < plot->curve_count; c++) draw_curve(text, &plot->curves[c], l);
    hl_text_put(text, "</svg>\n");
}

static void draw_legend(hl_text *text, const hl_plot *plot, const layout *l) {
    double top = l->height - l->legend_rows * legend_line;
    int entry = 0;
    for (int c = 0; c < plot->curve_count; c++) {
        const hl_curve *curve = &plot->curves[c];
        if (!present(curve->label)) continue;
        double x = l->left + entry % legend_columns(l) * l->legend_column, y = top + entry / legend_columns(l) * legend_line + 6;
        entry++;
        hl_text_put(text, "<path");
        stroke(text, curve);
        hl_text_put(text, " d=\"M");
        hl_text_number(text, x, 2), hl_text_put(text, " "), hl_text_number(text, y, 2);
        hl_text_format(text, "h%d\"/>\n", swatch);
        if (curve->markers) dot(text, curve, x + swatch / 2.0, y);
        label(text, x + swatch + 6, y + 4, "start", tick_font, curve->label);
    }
}

void hl_plot_draw(hl_text *text, const hl_plot *plot, bool alone) {
    layout l = lay_out(plot);
    int width = (int)l.width, height = (int)ceil(l.height);
    hl_text_format(text, "<svg%s width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                   alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", width, height, width, height);
    hl_text_escape(text, present(plot->title) ? plot->title : "plot");
    hl_text_put(text, "\" fill=\"#1a1a1a\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif\">\n");
    hl_text_format(text, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
    draw_axes(text, plot, &l);
    draw_inside(text, plot, &l);
    draw_title(text, plot, &l);
    draw_legend(text, plot, &l);
    hl_text_put(text, "</svg>\n");
}

char *hl_plot_svg(hl_context *hl, const hl_plot *plot) {
    hl_text text = {.hl = hl};
    hl_plot_draw(&text, plot, true);
    if (text.failed) return free(text.data), NULL;
    return text.data;
}
