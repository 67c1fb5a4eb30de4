/* Scatter plots of two measurements: with the identity, and Bland and Altman's. */
#include <math.h>
#include <stdlib.h>

#include "hilum/plots.h"
#include "report/frame.h"

static void add_keys(hl_frame *f, const hl_points *groups, int count) {
    for (int g = 0; g < count; g++) hl_frame_add_key(f, groups[g].label);
}

static void draw_keys(hl_text *text, const hl_frame *f, const hl_points *groups, int count) {
    for (int g = 0, entry = 0; g < count; g++) {
        hl_frame_key(text, f, entry, &(hl_key){.label = groups[g].label, .colour = groups[g].colour});
        entry += hl_present(groups[g].label);
    }
}

static void marker_at(hl_text *text, const hl_frame *f, double x, double y, int colour) {
    if (isfinite(x) && isfinite(y)) hl_draw_marker(text, hl_frame_x(f, x), hl_frame_y(f, y), colour);
}

/* --- y against x --- */

static hl_frame lay_out(const hl_scatter *s) {
    hl_frame f = hl_frame_start(s->title, s->x_label, s->y_label, s->width > 0 ? s->width : 420, 0);
    f.square = true;
    f.x_min = f.y_min = s->min, f.x_max = f.y_max = s->max;
    for (int g = 0; g < s->group_count; g++) {
        const hl_points *p = &s->groups[g];
        for (int i = 0; i < p->count; i++) {
            if (!isfinite(p->x[i]) || !isfinite(p->y[i])) continue;
            hl_frame_widen(&f, p->x[i], p->x[i]), hl_frame_widen(&f, p->y[i], p->y[i]); /* both axes have the range of both */
        }
    }
    add_keys(&f, s->groups, s->group_count);
    f.height = f.width; /* as many ticks upwards as to the right */
    hl_frame_place(&f);
    f.y = (hl_axis){f.x.low, f.x.high, f.bottom, f.top - f.bottom, f.x.step, f.x.first, f.x.last, f.x.decimals};
    return f;
}

char *hl_scatter_svg(hl_context *hl, const hl_scatter *scatter) {
    hl_text text = {.hl = hl};
    hl_frame f = lay_out(scatter);
    hl_draw_open(&text, scatter->title, f.width, f.height, true);
    hl_frame_axes(&text, &f);
    hl_frame_open_inside(&text, &f, HL_EDGE);
    hl_frame_diagonal(&text, &f);
    for (int g = 0; g < scatter->group_count; g++) {
        const hl_points *p = &scatter->groups[g];
        for (int i = 0; i < p->count; i++) marker_at(&text, &f, p->x[i], p->y[i], p->colour);
    }
    hl_frame_close_inside(&text);
    hl_draw_note(&text, f.left + 10, f.top + 16, "start", scatter->note);
    hl_frame_title(&text, &f);
    draw_keys(&text, &f, scatter->groups, scatter->group_count);
    hl_text_put(&text, "</svg>\n");
    return hl_draw_finish(&text);
}

/* --- differences against means --- */

enum { beside = 92 }; /* room at the right for the lines' names */

static hl_frame lay_out_differences(const hl_differences *d) {
    const hl_agreement *a = d->agreement;
    hl_frame f = hl_frame_start(d->title, d->x_label, d->y_label, d->width > 0 ? d->width : 560, d->height);
    for (int g = 0; g < d->group_count; g++) {
        const hl_points *p = &d->groups[g];
        for (int i = 0; i < p->count; i++) {
            double difference = p->x[i] - p->y[i];
            if (isfinite(difference)) hl_frame_widen(&f, (p->x[i] + p->y[i]) / 2, difference);
        }
    }
    const double lines[] = {0, a->lower, a->upper, a->lower_low, a->upper_high};
    for (int i = 0; i < 5; i++) hl_frame_widen(&f, NAN, lines[i]);
    add_keys(&f, d->groups, d->group_count);
    f.beside = beside;
    hl_frame_place(&f);
    return f;
}

/* A line across with its interval behind it; nothing where the value is none. */
static void level(hl_text *text, const hl_frame *f, double value, double low, double high, bool dashed) {
    if (!isfinite(value)) return;
    if (isfinite(low) && isfinite(high)) {
        hl_draw_box(text, f->left, hl_frame_y(f, high), f->right - f->left, hl_frame_y(f, low) - hl_frame_y(f, high),
                    dashed ? "fill=\"#777\" fill-opacity=\"0.12\"" : "fill=\"#0072B2\" fill-opacity=\"0.14\"");
    }
    hl_draw_line(text, f->left, hl_frame_y(f, value), f->right, hl_frame_y(f, value),
                 dashed ? "stroke=\"#555\" stroke-dasharray=\"6 4\"" : "stroke=\"#0072B2\" stroke-width=\"1.6\"");
}

/* Name above, value under the line, moved up or down by `shift`. */
static void level_name(hl_text *text, const hl_frame *f, double value, double shift, const char *name, int decimals) {
    if (!isfinite(value)) return;
    double y = hl_frame_y(f, value) + shift;
    hl_draw_label(text, f->right + 8, y - 2, "start", HL_TICK_FONT, name);
    hl_draw_open_label(text, f->right + 8, y + 11, "start", HL_TICK_FONT, " fill=\"#444\"");
    hl_text_number(text, value, decimals);
    hl_text_put(text, "</text>\n");
}

/* Names of lines that lie close are pushed apart. */
static void level_names(hl_text *text, const hl_frame *f, const hl_agreement *a, int decimals) {
    const double need = 30;
    double apart = isfinite(a->sd) ? hl_frame_y(f, a->lower) - hl_frame_y(f, a->bias) : need, push = fmax(0, need - apart);
    level_name(text, f, a->upper, -push, "+1.96 SD", decimals);
    level_name(text, f, a->bias, 0, "bias", decimals);
    level_name(text, f, a->lower, push, "−1.96 SD", decimals);
}

char *hl_differences_svg(hl_context *hl, const hl_differences *differences) {
    hl_text text = {.hl = hl};
    const hl_agreement *a = differences->agreement;
    hl_frame f = lay_out_differences(differences);
    hl_draw_open(&text, differences->title, f.width, f.height, true);
    hl_frame_axes(&text, &f);
    hl_frame_open_inside(&text, &f, HL_EDGE);
    hl_draw_line(&text, f.left, hl_frame_y(&f, 0), f.right, hl_frame_y(&f, 0), "stroke=\"#999\"");
    level(&text, &f, a->upper, a->upper_low, a->upper_high, true);
    level(&text, &f, a->lower, a->lower_low, a->lower_high, true);
    level(&text, &f, a->bias, a->bias_low, a->bias_high, false);
    for (int g = 0; g < differences->group_count; g++) {
        const hl_points *p = &differences->groups[g];
        for (int i = 0; i < p->count; i++) marker_at(&text, &f, (p->x[i] + p->y[i]) / 2, p->x[i] - p->y[i], p->colour);
    }
    hl_frame_close_inside(&text);
    level_names(&text, &f, a, differences->decimals);
    hl_frame_title(&text, &f);
    draw_keys(&text, &f, differences->groups, differences->group_count);
    hl_text_put(&text, "</svg>\n");
    return hl_draw_finish(&text);
}
