/* Pictures of a study beside the line plots of report.h, in the same dress: each an SVG text of its own, for a file, for a page
 * (hl_page_svgs) or, through hl_svg_png, for a PNG. The texts are deterministic; owner: the caller, free. NULL: no memory.
 * Colours are Okabe and Ito's by index, and the form of a marker goes with its colour. A size of 0 is the kind's own. */
#ifndef HILUM_PLOTS_H
#define HILUM_PLOTS_H

#include "hilum/report.h"
#include "hilum/statistics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Points of one kind; one that is not finite is not drawn. */
typedef struct hl_points {
    const char *label; /* for the legend; NULL: not in it */
    const double *x, *y;
    int count;
    int colour;
} hl_points;

/* y against x with the line of identity; both axes have the same range, the picture is square between them. */
typedef struct hl_scatter {
    const char *title, *x_label, *y_label;
    const hl_points *groups;
    int group_count;
    double min, max;  /* of both axes; min = max: from the data */
    const char *note; /* lines (\n between them) in the upper left corner, such as r and Lin's coefficient; NULL: none */
    int width;        /* in CSS pixels; 0: 420; the height follows */
} hl_scatter;
char *hl_scatter_svg(hl_context *hl, const hl_scatter *scatter);

/* Bland and Altman's plot: x - y against (x + y) / 2, with the bias, the limits of agreement and their 95 % intervals as bands. */
typedef struct hl_differences {
    const char *title, *x_label, *y_label;
    const hl_points *groups; /* the two measurements, not mean and difference */
    int group_count;
    const hl_agreement *agreement; /* of all groups together */
    int decimals;                  /* of the numbers written beside the lines */
    int width, height;             /* 0: 560 x 360 */
} hl_differences;
char *hl_differences_svg(hl_context *hl, const hl_differences *differences);

/* Box plots lying on their side: a row for each name (net), in it a box for each series (cohort). Boxes reach from the first to the third
 * quartile, the line is the median, whiskers end at the last value within 1.5 box lengths; every value is a dot, the mean a diamond. */
typedef struct hl_boxes {
    const char *title, *value_label;
    const char *const *names; /* rows */
    int rows;
    const char *const *series; /* series_count, for the legend; NULL: no legend */
    int series_count;
    const double *const *values; /* of row r and series s: values[r * series_count + s], counts[...] of them; NaN are left out */
    const int *counts;
    double min, max; /* min = max: from the data */
    int width;       /* 0: 620; the height follows */
} hl_boxes;
char *hl_boxes_svg(hl_context *hl, const hl_boxes *boxes);

/* ROC curves (x: false, y: true positive rate) with the upper left corner, x up to corner, enlarged in an inset. */
typedef struct hl_roc {
    const char *title;
    const hl_curve *curves;
    int curve_count;
    double corner_x; /* 0: 0.1 */
    double corner_y; /* where the corner begins; 0: just below what the curves have reached at a quarter of corner_x */
    int width;       /* 0: 560; the height follows */
} hl_roc;
char *hl_roc_svg(hl_context *hl, const hl_roc *roc);

/* Demsar's critical-difference diagram: nets on an axis of mean ranks, the best at the right; bars join nets that do not differ. */
typedef struct hl_ranking {
    const char *title;
    const char *const *names;
    const double *ranks; /* mean ranks, 1 is best */
    int nets;
    double critical_difference; /* drawn as a scale; NaN: none */
    const hl_clique *cliques;   /* of hl_rank_cliques */
    int clique_count;
    const char *note; /* a line under the diagram: which test, how many patients; NULL: none */
    int width;        /* 0: 720; the height follows */
} hl_ranking;
char *hl_ranking_svg(hl_context *hl, const hl_ranking *ranking);

/* Reliability diagram: observed share of lesion pixels against predicted probability for each bin, the diagonal is perfect; under it how
 * many pixels each bin holds, as shares on a logarithmic axis. */
typedef struct hl_reliability_plot {
    const char *title;
    const hl_reliability *curves; /* at most 4 */
    const char *const *labels;    /* such as "cohort 1, ECE 0.012"; NULL: no legend */
    int count;
    int width; /* 0: 420; the height follows */
} hl_reliability_plot;
char *hl_reliability_svg(hl_context *hl, const hl_reliability_plot *plot);

/* How many cases are needed to choose a threshold: above, the Dice of the test half over draws (median, 5th to 95th percentile) against the
 * share of cases that chose it, with the Dice before; below, the share of draws that ended worse than before. */
char *hl_calibration_svg(hl_context *hl, const char *title, const hl_calibration *calibration, int width);

/* SVG texts side by side on a page, where there is room; `caption` may be NULL. NULL among them fails the page for want of memory. */
void hl_page_svgs(hl_page *page, const char *caption, const char *const *svgs, int count);

/* Draws an SVG text (with its namespace) as an RGB PNG on white, each CSS pixel as scale x scale (0.1 to 16): 3 prints well at a
 * column's width. The file appears whole or not at all. Letters are those of the machine's fonts, so the bytes are the same
 * where those are. Not an SVG: HL_BAD_INPUT. */
hl_status hl_svg_png(hl_context *hl, const char *svg, double scale, const char *path);

/* Tables of rows x columns texts, row by row, the first row their head, as hl_page_table takes them; NULL is an empty cell. Files appear
 * whole or not at all. */
/* RFC 4180. */
hl_status hl_table_csv(hl_context *hl, const char *path, const char *const *cells, int rows, int columns);
/* A table environment with booktabs' rules, every text escaped, columns of numbers aligned right; needs \usepackage{booktabs}. caption and
 * label may be NULL. Letters are UTF-8, which LaTeX reads since 2018; signs beyond them (±, ≥, en dash, ...) become commands. */
hl_status hl_table_latex(hl_context *hl, const char *path, const char *caption, const char *label, const char *const *cells, int rows,
                         int columns);

#ifdef __cplusplus
}
#endif
#endif
