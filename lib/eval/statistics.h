/* Statistics that the public header does not offer. */
#ifndef HL_EVAL_STATISTICS_H
#define HL_EVAL_STATISTICS_H

#include "hilum/eval.h"

void hl_sort_doubles(double *values, int count);
/* Quantile q in 0..1 of rising values, R's type 7; NaN for none. */
double hl_sorted_quantile(const double *sorted, int count, double q);

#endif
