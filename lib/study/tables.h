/* Tables of texts, and the figures' rows in them. */
#ifndef HL_STUDY_TABLES_H
#define HL_STUDY_TABLES_H

#include "base/base.h"
#include "hilum/eval.h"

/* Cells row by row; the first failure to add one sticks. */
typedef struct hl_cells {
    hl_context *hl;
    char **texts;
    int count;
    size_t capacity;
    bool failed;
} hl_cells;

void hl_cells_add(hl_cells *cells, const char *format, ...) HL_PRINTF(2, 3);
/* A figure with so many decimals, "-" for what has no value. */
void hl_cells_number(hl_cells *cells, double value, int decimals);
void hl_cells_free(hl_cells *cells);

/* The means, a row each, three columns: what, training grid, native grid ("-" where native is NULL). */
void hl_cells_figures(hl_cells *cells, const hl_figures *training, const hl_figures *native);
/* A row a class, with a head: its name, then of each grid Dice over all cases with its deviation, over those that hold the class and how
 * many these are, sensitivity and precision; of more than one class. */
enum { HL_CLASS_COLUMNS = 13 };
void hl_cells_classes(hl_cells *cells, const hl_figures *training, const hl_figures *native);
/* A row a case, six columns: centre, patient, case, lesion pixels, DSC, DSC on the native grid; with a head. */
void hl_cells_cases(hl_cells *cells, const hl_figures *training, const hl_figures *native);

#endif
