/* Plots of two panels, one over the other: reliability with its histogram, calibration with its odds of harm. */
#include <math.h>
#include <stdlib.h>

#include "hilum/plots.h"
#include "report/plot.h"

/* Places two frames whose axes stand under one another; the legend is the lower one's. */
static void stack(hl_frame *upper, hl_frame *lower) {
    upper->unnumbered = true;
    hl_frame_place(upper);
    lower->above = upper->bottom + 4;
    hl_frame_place(lower);
    double left = fmax(upper->left, lower->left);
    upper->left_least = lower->left_least = left;
    hl_frame_place(upper);
    lower->above = upper->bottom + 4;
    hl_frame_place(lower);
}

/* --- reliability --- */

enum { decades = 6 }; /* of the histogram: from a millionth of the pixels to all */

static void draw_curve(hl_text *text, const hl_frame *f, const hl_reliability *r, int colour) {
    hl_curve curve = {.x = r->predicted, .y = r->observed, .points = HL_RELIABILITY_BINS, .markers = true, .colour = colour};
    hl_plot_curve(text, f, &curve);
}

/* Bars side by side in each bin. */
static void draw_histogram(hl_text *text, const hl_frame *f, const hl_reliability *r, int colour, int count) {
    double all = 0, bin = (f->right - f->left) / HL_RELIABILITY_BINS, width = (bin - 6) / count;
    for (int b = 0; b < HL_RELIABILITY_BINS; b++) all += (double)r->pixels[b];
    for (int b = 0; b < HL_RELIABILITY_BINS; b++) {
        if (!r->pixels[b]) continue;
        double top = hl_frame_y(f, fmax(-decades, log10((double)r->pixels[b] / all)));
        hl_draw_shade(text, f->left + b * bin + 3 + colour * width, top, width, f->bottom - top, colour);
    }
}

/* Powers of ten at the left of the histogram. */
static void draw_powers(hl_text *text, const hl_frame *f) {
    for (int power = -decades; power <= 0; power += 2) {
        double y = hl_frame_y(f, power);
        hl_draw_line(text, f->left, y, f->right, y, "stroke=\"#e4e4e4\"");
        hl_draw_open_label(text, f->left - 7, y + 4, "end", HL_TICK_FONT, " fill=\"#444\"");
        if (power) hl_text_format(text, "10<tspan dy=\"-4\" font-size=\"8\">\xe2\x88\x92%d</tspan></text>\n", -power);
        else hl_text_put(text, "1</text>\n");
    }
}

static void lay_out(const hl_reliability_plot *plot, hl_frame *upper, hl_frame *lower) {
    int width = plot->width > 0 ? plot->width : 420;
    *upper = hl_frame_start(plot->title, NULL, "observed share of lesion", width, 0);
    *lower = hl_frame_start(NULL, "predicted probability", "share of pixels", width, 0);
    upper->x_max = upper->y_max = lower->x_max = 1;
    upper->height = width;
    lower->y_min = -decades, lower->y_max = 0;
    lower->names = 30, lower->inner = 84;
    upper->square = true;
    for (int i = 0; plot->labels && i < plot->count; i++) hl_frame_add_key(lower, plot->labels[i]);
    stack(upper, lower);
}

char *hl_reliability_svg(hl_context *hl, const hl_reliability_plot *plot) {
    hl_text text = {.hl = hl};
    hl_frame upper, lower;
    lay_out(plot, &upper, &lower);
    hl_draw_open(&text, plot->title, lower.width, lower.height, true);
    hl_frame_axes(&text, &upper);
    hl_frame_diagonal(&text, &upper);
    draw_powers(&text, &lower);
    hl_frame_axes(&text, &lower);
    hl_frame_open_inside(&text, &upper, HL_EDGE);
    for (int i = 0; i < plot->count; i++) draw_curve(&text, &upper, &plot->curves[i], i);
    hl_frame_close_inside(&text);
    for (int i = 0; i < plot->count; i++) draw_histogram(&text, &lower, &plot->curves[i], i, plot->count);
    hl_frame_title(&text, &upper);
    for (int i = 0, entry = 0; plot->labels && i < plot->count; i++) {
        hl_frame_key(&text, &lower, entry, &(hl_key){.label = plot->labels[i], .colour = i, .kind = HL_KEY_CURVE, .dot = true});
        entry += hl_present(plot->labels[i]);
    }
    hl_text_put(&text, "</svg>\n");
    return hl_draw_finish(&text);
}

/* --- calibration --- */

typedef struct shares {
    double x[HL_SHARES], median[HL_SHARES], low[HL_SHARES], high[HL_SHARES], before[HL_SHARES];
} shares;

static shares take_shares(const hl_calibration *c) {
    shares s;
    for (int i = 0; i < HL_SHARES; i++) {
        const hl_share *share = &c->shares[i];
        s.x[i] = share->percent, s.median[i] = share->dsc_median, s.before[i] = c->dsc_before;
        s.low[i] = share->dsc_p5, s.high[i] = share->dsc_p95;
    }
    return s;
}

/* How many draws lost, a bar a share, each with its number. */
static void draw_harm(hl_text *text, const hl_frame *f, const hl_calibration *c) {
    for (int i = 0; i < HL_SHARES; i++) {
        double lost = 100 * c->shares[i].share_lost, x = hl_frame_x(f, c->shares[i].percent), y = hl_frame_y(f, lost);
        hl_draw_shade(text, x - 12, y, 24, f->bottom - y, 1);
        hl_draw_open_label(text, x, y - 4, "middle", HL_TICK_FONT - 1, "");
        hl_text_number(text, lost, 0);
        hl_text_put(text, " %</text>\n");
    }
}

static void draw_dice(hl_text *text, const hl_frame *f, const shares *s, const hl_curve *curves) {
    hl_frame_open_inside(text, f, HL_EDGE);
    hl_plot_band(text, f, s->x, s->low, s->high, HL_SHARES);
    for (int i = 0; i < 2; i++) hl_plot_curve(text, f, &curves[i]);
    hl_frame_close_inside(text);
}

char *hl_calibration_svg(hl_context *hl, const char *title, const hl_calibration *calibration, int width) {
    hl_text text = {.hl = hl};
    shares s = take_shares(calibration);
    char *label = hl_format(hl, "share of the centre's %d cases that chose the threshold (%%)", calibration->cases);
    if (!label) return NULL;
    hl_frame upper = hl_frame_start(title, NULL, "DSC of the test half", width, 0),
             lower = hl_frame_start(NULL, label, "draws lost (%)", width, 0);
    const hl_curve curves[] = {
        {.label = "calibrated: median, 5th to 95th percentile", .x = s.x, .y = s.median, .points = HL_SHARES, .markers = true},
        {.label = "before, at 0.5", .x = s.x, .y = s.before, .points = HL_SHARES, .dashed = true, .colour = 1}};
    upper.inner = 210, lower.inner = 84;
    upper.x_min = lower.x_min = -5, upper.x_max = lower.x_max = 55, lower.y_max = 100;
    for (int i = 0; i < HL_SHARES; i++)
        hl_frame_widen(&upper, s.x[i], s.low[i]), hl_frame_widen(&upper, s.x[i], fmax(s.high[i], s.before[i]));
    for (int i = 0; i < 2; i++) hl_frame_add_key(&lower, curves[i].label);
    stack(&upper, &lower);
    hl_draw_open(&text, title, lower.width, lower.height, true);
    hl_frame_axes(&text, &upper), hl_frame_axes(&text, &lower);
    draw_dice(&text, &upper, &s, curves);
    draw_harm(&text, &lower, calibration);
    hl_frame_title(&text, &upper);
    hl_plot_keys(&text, &lower, curves, 2);
    hl_text_put(&text, "</svg>\n");
    free(label);
    return hl_draw_finish(&text);
}
