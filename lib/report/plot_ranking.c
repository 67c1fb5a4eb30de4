/* The critical-difference diagram (Demsar 2006, figure 1). */
#include <math.h>
#include <stdlib.h>

#include "hilum/plots.h"
#include "report/frame.h"

enum { bar_step = 9, name_step = 22, out = 34 }; /* a net's line ends so far outside the axis: its rank stands there */

typedef struct layout {
    double width, height, left, right; /* of the picture; the ends of the axis */
    double axis_y, names_y;            /* of the axis; of the first names */
    int half;                          /* so many of the best stand at the right */
    int *order;                        /* nets by rising mean rank */
} layout;

/* Rank 1 is at the right. */
static double place(const hl_ranking *r, const layout *l, double rank) {
    return l->right - (rank - 1) / (r->nets > 1 ? r->nets - 1 : 1) * (l->right - l->left);
}

static layout lay_out(const hl_ranking *r, int *order) {
    layout l = {.width = r->width > 0 ? r->width : 720, .half = (r->nets + 1) / 2, .order = order};
    double names = 0;
    for (int i = 0; i < r->nets; i++) names = fmax(names, hl_text_width(r->names[i], HL_LABEL_FONT));
    hl_rank_cliques(r->ranks, r->nets, INFINITY, NULL, order, &(hl_clique){0});
    double beside = names + out + 10;
    l.left = beside, l.right = l.width - beside;
    if (l.right < l.left + 120) l.right = l.left + 120, l.width = l.right + beside;
    l.axis_y = (hl_present(r->title) ? 36 : 14) + (isfinite(r->critical_difference) ? 58 : 28);
    l.names_y = l.axis_y + 22 + r->clique_count * bar_step;
    l.height = l.names_y + (l.half > 1 ? l.half - 1 : 0) * name_step + 16 + (hl_present(r->note) ? 24 : 0);
    return l;
}

static void draw_axis(hl_text *text, const hl_ranking *r, const layout *l) {
    hl_draw_line(text, l->left, l->axis_y, l->right, l->axis_y, "stroke=\"#1a1a1a\" stroke-width=\"1.2\"");
    for (int half = 2; half <= 2 * r->nets; half++) {
        double x = place(r, l, half / 2.0);
        hl_draw_line(text, x, l->axis_y, x, l->axis_y - (half % 2 ? 4 : 7), "stroke=\"#1a1a1a\"");
        if (half % 2) continue;
        hl_draw_open_label(text, x, l->axis_y - 12, "middle", HL_TICK_FONT, " fill=\"#444\"");
        hl_text_format(text, "%d</text>\n", half / 2);
    }
}

/* The critical difference as a scale over the axis's left end, unless it is longer than the axis. */
static void draw_scale(hl_text *text, const hl_ranking *r, const layout *l) {
    if (!isfinite(r->critical_difference)) return;
    double y = l->axis_y - 36, length = r->critical_difference / (r->nets > 1 ? r->nets - 1 : 1) * (l->right - l->left);
    bool fits = length <= l->right - l->left;
    if (fits) {
        hl_draw_line(text, l->left, y, l->left + length, y, "stroke=\"#1a1a1a\" stroke-width=\"1.6\"");
        hl_draw_line(text, l->left, y - 4, l->left, y + 4, "stroke=\"#1a1a1a\" stroke-width=\"1.6\"");
        hl_draw_line(text, l->left + length, y - 4, l->left + length, y + 4, "stroke=\"#1a1a1a\" stroke-width=\"1.6\"");
    }
    hl_draw_open_label(text, fits ? l->left + length + 8 : l->left, y + 4, "start", HL_TICK_FONT, "");
    hl_text_put(text, "critical difference ");
    hl_text_number(text, r->critical_difference, 2);
    hl_text_put(text, fits ? "</text>\n" : ", more than all ranks</text>\n");
}

/* A net's line from the axis down and out to its name; the outermost names stand highest, so that lines do not cross. */
static void draw_net(hl_text *text, const hl_ranking *r, const layout *l, int at) {
    bool best = at < l->half;
    int net = l->order[at], level = best ? at : r->nets - 1 - at;
    double x = place(r, l, r->ranks[net]), y = l->names_y + level * name_step, end = best ? l->right + out : l->left - out;
    hl_text_format(text, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.2\" d=\"M", "#555");
    hl_text_number(text, x, 2), hl_text_put(text, " "), hl_text_number(text, l->axis_y, 2), hl_text_put(text, "V");
    hl_text_number(text, y, 2), hl_text_put(text, "H"), hl_text_number(text, end, 2), hl_text_put(text, "\"/>\n");
    hl_draw_label(text, end + (best ? 4 : -4), y + 4, best ? "start" : "end", HL_LABEL_FONT, r->names[net]);
    hl_draw_open_label(text, end + (best ? -2 : 2), y - 3, best ? "end" : "start", HL_TICK_FONT - 1, " fill=\"#444\"");
    hl_text_number(text, r->ranks[net], 2);
    hl_text_put(text, "</text>\n");
}

static void draw_cliques(hl_text *text, const hl_ranking *r, const layout *l) {
    for (int i = 0; i < r->clique_count; i++) {
        double y = l->axis_y + 10 + i * bar_step, from = place(r, l, r->ranks[l->order[r->cliques[i].last]]),
               to = place(r, l, r->ranks[l->order[r->cliques[i].first]]);
        hl_draw_line(text, from - 4, y, to + 4, y, "stroke=\"#0072B2\" stroke-width=\"4\" stroke-linecap=\"round\"");
    }
}

char *hl_ranking_svg(hl_context *hl, const hl_ranking *ranking) {
    hl_text text = {.hl = hl};
    int *order = hl_calloc(hl, (size_t)ranking->nets + 1, sizeof *order);
    if (!order) return NULL;
    layout l = lay_out(ranking, order);
    hl_draw_open(&text, ranking->title, l.width, l.height, true);
    hl_frame_title(&text, &(hl_frame){.title = ranking->title, .left = 16, .width = l.width});
    draw_axis(&text, ranking, &l);
    draw_scale(&text, ranking, &l);
    for (int i = 0; i < ranking->nets; i++) draw_net(&text, ranking, &l, i);
    draw_cliques(&text, ranking, &l);
    hl_draw_note(&text, l.width / 2, l.height - 10, "middle", ranking->note);
    hl_text_put(&text, "</svg>\n");
    free(order);
    return hl_draw_finish(&text);
}
