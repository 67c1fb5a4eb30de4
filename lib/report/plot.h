/* A plot written into a larger text. */
#ifndef HL_REPORT_PLOT_H
#define HL_REPORT_PLOT_H

#include "hilum/report.h"
#include "report/text.h"

/* An <svg> element; `alone`: with the namespace that a file of its own needs. */
void hl_plot_draw(hl_text *text, const hl_plot *plot, bool alone);

#endif
