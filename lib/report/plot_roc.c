/* ROC curves with their upper left corner enlarged. */
#include <math.h>

#include "hilum/plots.h"
#include "report/plot.h"

/* Where the corner begins unless it is given: the lowest rate that a curve has at a quarter of the corner's width, rounded down to a
 * tenth. */
static double corner_floor(const hl_roc *roc, double corner_x) {
    double lowest = 0.9;
    for (int c = 0; c < roc->curve_count; c++) {
        const hl_curve *curve = &roc->curves[c];
        double reached = 0;
        for (int i = 0; i < curve->points; i++) {
            if (curve->x[i] <= corner_x / 4) reached = fmax(reached, curve->y[i]);
        }
        if (!curve->faint && reached < lowest) lowest = reached;
    }
    return floor(lowest * 10 + 1e-9) / 10;
}

static hl_frame lay_out(const hl_roc *roc) {
    hl_frame f = hl_frame_start(roc->title, "false positive rate", "true positive rate", roc->width > 0 ? roc->width : 560, 0);
    f.square = true;
    f.x_max = f.y_max = 1;
    for (int c = 0; c < roc->curve_count; c++) hl_frame_add_key(&f, roc->curves[c].label);
    f.height = f.width;
    hl_frame_place(&f);
    return f;
}

/* The inset: where the main plot is empty, right of and below the curves. */
static hl_frame lay_out_inset(const hl_frame *f, double corner_x, double corner_y) {
    double side = f->right - f->left;
    hl_frame in = {
        .left = f->left + 0.36 * side, .right = f->right - 0.05 * side, .top = f->bottom - 0.68 * side, .bottom = f->bottom - 0.11 * side};
    in.x = hl_axis_make(0, corner_x, 0, 1, in.right - in.left, 62);
    in.y = hl_axis_make(corner_y, 1, 0, 1, in.bottom - in.top, 44);
    in.x.start = in.left, in.x.pixels = in.right - in.left;
    in.y.start = in.bottom, in.y.pixels = in.top - in.bottom;
    return in;
}

/* The corner's outline, and where it is enlarged. */
static void draw_corner(hl_text *text, const hl_frame *f, const hl_frame *in, double corner_x, double corner_y) {
    const char *style = "stroke=\"#aaa\" stroke-width=\"0.8\" fill=\"none\"";
    double right = hl_frame_x(f, corner_x), bottom = hl_frame_y(f, corner_y);
    hl_draw_box(text, f->left, f->top, right - f->left, bottom - f->top, style);
    hl_draw_line(text, right, f->top, in->right, in->top, style);
    hl_draw_line(text, f->left, bottom, in->left, in->bottom, style);
    hl_draw_box(text, in->left - 42, in->top - 10, in->right - in->left + 56, in->bottom - in->top + 34, "fill=\"#fff\"");
}

static void draw_curves(hl_text *text, const hl_roc *roc, const hl_frame *f, double edge) {
    hl_frame_open_inside(text, f, edge);
    for (int c = 0; c < roc->curve_count; c++) hl_plot_curve(text, f, &roc->curves[c]);
    hl_frame_close_inside(text);
}

char *hl_roc_svg(hl_context *hl, const hl_roc *roc) {
    hl_text text = {.hl = hl};
    double corner_x = roc->corner_x > 0 ? roc->corner_x : 0.1, corner_y = roc->corner_y > 0 ? roc->corner_y : corner_floor(roc, corner_x);
    hl_frame f = lay_out(roc), in = lay_out_inset(&f, corner_x, corner_y);
    hl_draw_open(&text, roc->title, f.width, f.height, true);
    hl_frame_axes(&text, &f);
    hl_frame_diagonal(&text, &f);
    draw_curves(&text, roc, &f, HL_EDGE);
    draw_corner(&text, &f, &in, corner_x, corner_y);
    hl_frame_axes(&text, &in);
    hl_draw_box(&text, in.left, in.top, in.right - in.left, in.bottom - in.top, "fill=\"none\" stroke=\"#888\" stroke-width=\"0.8\"");
    draw_curves(&text, roc, &in, 1);
    hl_frame_title(&text, &f);
    hl_plot_keys(&text, &f, roc->curves, roc->curve_count);
    hl_text_put(&text, "</svg>\n");
    return hl_draw_finish(&text);
}
