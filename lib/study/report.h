/* The inside of the report: what its parts share while the page is being written. */
#ifndef HL_STUDY_REPORT_H
#define HL_STUDY_REPORT_H

#include "hilum/report.h"
#include "study/run.h"
#include "study/tables.h"

typedef struct hl_report {
    hl_context *hl;
    hl_run *run;
    hl_page *page;
    const hl_evaluation *own, *second; /* either may be NULL */
    const hl_calibration *calibration;
    void **kept; /* memory that lives as long as the page is written */
    int kept_count;
    size_t kept_capacity;
    bool failed; /* no memory for something */
} hl_report;

/* Memory that is freed with the report; NULL (and report->failed) without memory. */
double *hl_report_doubles(hl_report *report, int count);
hl_curve *hl_report_curves(hl_report *report, int count);
char *hl_report_text(hl_report *report, const char *format, ...) HL_PRINTF(2, 3);
/* A table from cells, whose texts are freed. */
void hl_report_table(hl_report *report, const char *caption, hl_cells *cells, int columns);

/* The parts (report_plots.c, overlays.c). */
void hl_report_roc(hl_report *report);
void hl_report_thresholds(hl_report *report);
void hl_report_learning(hl_report *report);
void hl_report_calibration(hl_report *report);
hl_status hl_report_overlays(hl_report *report, const hl_evaluation *evaluation, const char *title);

#endif
