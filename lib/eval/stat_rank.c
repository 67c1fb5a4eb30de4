/* Ranks with ties. */
#include "eval/stat_rank.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *left, const void *right) {
    const hl_ranked *a = left, *b = right;
    if (a->value != b->value) return a->value < b->value ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

double hl_rank(hl_ranked *entries, int count, double tolerance) {
    if (count > 1) qsort(entries, (size_t)count, sizeof *entries, by_value);
    double ties = 0;
    for (int first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && entries[next].value - entries[next - 1].value <= tolerance;) next++;
        for (int i = first; i < next; i++) entries[i].rank = 0.5 * (first + 1 + next);
        double size = next - first;
        ties += size * size * size - size;
    }
    return ties;
}

double hl_rank_tolerance(const double *values, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++) largest = fmax(largest, fabs(values[i])); /* fmax passes over a NaN */
    return 1e-12 * largest;
}
