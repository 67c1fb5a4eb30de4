/* Means, deviations and quantiles. */
#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

double hl_mean(const double *values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    return count > 0 ? sum / count : NAN;
}

double hl_deviation(const double *values, int count, int less) {
    if (count < 1 || count - less < 1) return NAN;
    double mean = hl_mean(values, count), sum = 0;
    for (int i = 0; i < count; i++) sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (count - less));
}

static int rising(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void hl_sort_doubles(double *values, int count) {
    if (count > 1) qsort(values, (size_t)count, sizeof *values, rising);
}

/* h = (n - 1) q; between the order statistics around h in proportion (Hyndman and Fan 1996, definition 7). */
double hl_sorted_quantile(const double *sorted, int count, double q) {
    if (count < 1) return NAN;
    double h = (count - 1) * (q < 0 ? 0 : q > 1 ? 1 : q);
    int low = (int)h;
    if (low >= count - 1) return sorted[count - 1];
    return sorted[low] + (h - low) * (sorted[low + 1] - sorted[low]);
}

double hl_quantile(hl_context *hl, const double *values, int count, double q) {
    if (count < 1) return NAN;
    double *sorted = hl_calloc(hl, (size_t)count, sizeof *sorted);
    if (!sorted) return NAN;
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    hl_sort_doubles(sorted, count);
    double quantile = hl_sorted_quantile(sorted, count, q);
    free(sorted);
    return quantile;
}
