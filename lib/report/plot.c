/* Line plots as SVG: axes, grid, band, curves, legend under the axes. */
#include "report/plot.h"

#include <math.h>

static hl_frame lay_out(const hl_plot *plot) {
    hl_frame f = hl_frame_start(plot->title, plot->x_label, plot->y_label, plot->width, plot->height);
    f.x_min = plot->x_min, f.x_max = plot->x_max, f.y_min = plot->y_min, f.y_max = plot->y_max;
    for (int c = 0; c < plot->curve_count; c++) {
        const hl_curve *curve = &plot->curves[c];
        for (int i = 0; i < curve->points; i++) hl_frame_widen(&f, curve->x[i], curve->y[i]);
        hl_frame_add_key(&f, curve->label);
    }
    for (int i = 0; plot->band_x && i < plot->band_points; i++) {
        hl_frame_widen(&f, plot->band_x[i], plot->band_low[i]);
        hl_frame_widen(&f, plot->band_x[i], plot->band_high[i]);
    }
    hl_frame_place(&f);
    return f;
}

/* --- the parts --- */

static void point(hl_text *text, char command, const hl_frame *f, double x, double y) {
    hl_text_format(text, "%c", command);
    hl_text_number(text, hl_frame_x(f, x), 2);
    hl_text_put(text, " ");
    hl_text_number(text, hl_frame_y(f, y), 2);
}

static bool drawable(const double *x, const double *y, int i) { return isfinite(x[i]) && isfinite(y[i]); }

/* One closed shape for every run of points that have both limits. */
void hl_plot_band(hl_text *text, const hl_frame *f, const double *x, const double *low, const double *high, int points) {
    if (!x || !low || !high) return;
    for (int first = 0, next; first < points; first = next) {
        for (next = first; next < points && drawable(x, low, next) && isfinite(high[next]);) next++;
        if (next == first) {
            next++;
            continue;
        }
        hl_text_format(text, "<path fill=\"%s\" fill-opacity=\"0.18\" d=\"", hl_colour(0));
        for (int i = first; i < next; i++) point(text, i == first ? 'M' : 'L', f, x[i], high[i]);
        for (int i = next - 1; i >= first; i--) point(text, 'L', f, x[i], low[i]);
        hl_text_put(text, "Z\"/>\n");
    }
}

void hl_plot_curve(hl_text *text, const hl_frame *f, const hl_curve *curve) {
    hl_text_put(text, "<path fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"");
    hl_draw_stroke(text, curve->colour, curve->dashed, curve->faint);
    hl_text_put(text, " d=\"M0 0"); /* a path must not be empty; a move alone draws nothing */
    bool down = false;
    double last_x = 0, last_y = 0;
    for (int i = 0; i < curve->points; i++) {
        if (!drawable(curve->x, curve->y, i)) {
            down = false;
            continue;
        }
        double x = hl_frame_x(f, curve->x[i]), y = hl_frame_y(f, curve->y[i]);
        if (down && i + 1 < curve->points && fabs(x - last_x) < 0.05 && fabs(y - last_y) < 0.05) continue; /* too near to be seen */
        point(text, down ? 'L' : 'M', f, curve->x[i], curve->y[i]);
        down = true, last_x = x, last_y = y;
    }
    hl_text_put(text, "\"/>\n");
    for (int i = 0; curve->markers && i < curve->points; i++) {
        if (drawable(curve->x, curve->y, i))
            hl_draw_dot(text, hl_frame_x(f, curve->x[i]), hl_frame_y(f, curve->y[i]), curve->colour, curve->faint);
    }
}

void hl_plot_keys(hl_text *text, const hl_frame *f, const hl_curve *curves, int count) {
    for (int c = 0, entry = 0; c < count; c++) {
        const hl_curve *curve = &curves[c];
        hl_key key = {curve->label, curve->colour, HL_KEY_CURVE, .dashed = curve->dashed, .faint = curve->faint, .dot = curve->markers};
        hl_frame_key(text, f, entry, &key);
        entry += hl_present(curve->label);
    }
}

static void draw_inside(hl_text *text, const hl_plot *plot, const hl_frame *f) {
    hl_frame_open_inside(text, f, HL_EDGE);
    hl_plot_band(text, f, plot->band_x, plot->band_low, plot->band_high, plot->band_points);
    if (plot->diagonal) hl_frame_diagonal(text, f);
    if (plot->marker_x >= f->x.low && plot->marker_x <= f->x.high) {
        double at = hl_frame_x(f, plot->marker_x);
        hl_draw_line(text, at, f->top, at, f->bottom, "stroke=\"#666\" stroke-dasharray=\"2 3\"");
    }
    for (int c = 0; c < plot->curve_count; c++) hl_plot_curve(text, f, &plot->curves[c]);
    hl_frame_close_inside(text);
}

void hl_plot_draw(hl_text *text, const hl_plot *plot, bool alone) {
    hl_frame f = lay_out(plot);
    hl_draw_open(text, plot->title, f.width, f.height, alone);
    hl_frame_axes(text, &f);
    draw_inside(text, plot, &f);
    hl_frame_title(text, &f);
    hl_plot_keys(text, &f, plot->curves, plot->curve_count);
    hl_text_put(text, "</svg>\n");
}

char *hl_plot_svg(hl_context *hl, const hl_plot *plot) {
    hl_text text = {.hl = hl};
    hl_plot_draw(&text, plot, true);
    return hl_draw_finish(&text);
}
