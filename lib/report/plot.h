/* A plot written into a larger text, and the parts that other plots share. */
#ifndef HL_REPORT_PLOT_H
#define HL_REPORT_PLOT_H

#include "hilum/report.h"
#include "report/frame.h"

/* An <svg> element; `alone`: with the namespace that a file of its own needs. */
void hl_plot_draw(hl_text *text, const hl_plot *plot, bool alone);

/* In a frame's coordinates: a curve with its dots, a shaded band, the legend's entries of curves. */
void hl_plot_curve(hl_text *text, const hl_frame *frame, const hl_curve *curve);
void hl_plot_band(hl_text *text, const hl_frame *frame, const double *x, const double *low, const double *high, int points);
void hl_plot_keys(hl_text *text, const hl_frame *frame, const hl_curve *curves, int count);

#endif
