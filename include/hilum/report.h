/* Pictures and pages: line plots as SVG, overlays as PNG, one self-contained HTML page. */
#ifndef HILUM_REPORT_H
#define HILUM_REPORT_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_curve {
    const char *label;   /* for the legend; NULL: not in it */
    const double *x, *y; /* points; a NaN breaks the line */
    int points;
    bool dashed, faint, markers;
    int colour; /* index into the palette; curves that belong together share it */
} hl_curve;

typedef struct hl_plot {
    const char *title, *x_label, *y_label;
    double x_min, x_max, y_min, y_max; /* min = max: from the data */
    const hl_curve *curves;
    int curve_count;
    const double *band_x, *band_low, *band_high; /* a shaded band behind the curves; NULL: none */
    int band_points;
    double marker_x;         /* a thin vertical line; NaN: none */
    bool diagonal;           /* the line of no discrimination */
    int width, height;       /* in CSS pixels; 0: 520 x 360 */
} hl_plot;

/* The plot as an <svg> element of its own. Deterministic text. Owner: the caller, free. NULL: no memory. */
char *hl_plot_svg(hl_context *hl, const hl_plot *plot);

/* An RGB picture: the slice in grey with the truth outlined (green), the prediction outlined (magenta) and, when `fill`, where
 * they differ tinted: missed (blue), false alarm (orange). image 0..1, masks 0 or 1, probabilities 0..1 (predicted: p > threshold),
 * each height x width. Either of truth and probabilities may be NULL. Each pixel becomes scale x scale.
 * rgb: (height * scale) x (width * scale) x 3; owner: the caller, free. */
unsigned char *hl_overlay(hl_context *hl, int height, int width, const float *image, const uint8_t *truth, const float *probabilities, double threshold, bool fill, int scale);

/* The same of labels: the slice in grey, every class but 0 tinted and outlined in a colour of its own. labels may be NULL. */
unsigned char *hl_overlay_classes(hl_context *hl, int height, int width, const float *image, const uint8_t *labels, int scale);
/* The name of a class's colour there; the colours of classes 8 apart are the same. */
const char *hl_overlay_colour(int index);

/* A page being written. Calls after a failure do nothing; the failure is told by hl_page_write. */
typedef struct hl_page hl_page;

hl_page *hl_page_start(hl_context *hl, const char *title, const char *subtitle);
void hl_page_heading(hl_page *page, const char *text);
void hl_page_paragraph(hl_page *page, const char *text); /* plain text, escaped */
/* A table of rows x columns texts, row by row, the first row its head; numbers are aligned right. `caption` may be NULL. */
void hl_page_table(hl_page *page, const char *caption, const char *const *cells, int rows, int columns);
/* Plots placed side by side where there is room; `caption` may be NULL. */
void hl_page_plots(hl_page *page, const char *caption, const hl_plot *plots, int count);
/* Pictures (RGB, 3 bytes a pixel) side by side, each with a caption under it. */
typedef struct hl_page_picture {
    const unsigned char *rgb;
    int width, height;
    const char *caption;
} hl_page_picture;
void hl_page_pictures(hl_page *page, const char *caption, const hl_page_picture *pictures, int count);
/* Writes the page whole, with no reference to anything outside it, and frees it. */
hl_status hl_page_write(hl_page *page, const char *path);
void hl_page_free(hl_page *page);

#ifdef __cplusplus
}
#endif
#endif
