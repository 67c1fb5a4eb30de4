/* What is measured of each case beyond its Dice, by one net's models on one cohort. */
#ifndef HL_STUDY_CASE_FIGURES_H
#define HL_STUDY_CASE_FIGURES_H

#include "hilum/statistics.h"
#include "study/whole.h"

/* Measures every case that a run's models test and adds to the object `to`: cases, figures (each with its 95 % interval over patients),
 * detection, reliability (within the lungs), by_burden. */
hl_status hl_case_figures(hl_session *s, hl_json *json, cJSON *to, hl_run *run, const char *name, hl_cohort *cohort);
/* The names of the figures and what they are; NULL beyond the last. */
const char *hl_case_figure_key(int index);
const char *hl_case_figure_name(int index);
/* An interval as an object. */
void hl_put_interval(hl_json *json, cJSON *to, const char *name, const hl_interval *interval);

#endif
