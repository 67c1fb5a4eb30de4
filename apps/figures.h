/* Figures on stdout: tables for readers, JSON for scripts. */
#ifndef HL_APPS_FIGURES_H
#define HL_APPS_FIGURES_H

#include <cJSON.h>
#include <stdbool.h>

#include "hilum/eval.h"

/* Reads a file that holds an object. NULL after telling why not. Owner: the caller, cJSON_Delete. */
cJSON *read_json(const char *path);
/* One line. */
void print_json(const cJSON *object);
/* The means on both grids side by side, the chosen grid first, then a line a case; the object is hl_figures_json's. */
void print_figures(const cJSON *figures, bool native_first);
void print_calibration(const hl_calibration *calibration);

#endif
