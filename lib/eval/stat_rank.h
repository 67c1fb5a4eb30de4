/* Ranks with ties. */
#ifndef HL_EVAL_STAT_RANK_H
#define HL_EVAL_STAT_RANK_H

typedef struct hl_ranked {
    double value;
    int index; /* the caller's */
    double rank;
} hl_ranked;

/* Sorts entries by rising value (of equals the lower index first) and ranks them from 1; neighbours no further apart than `tolerance` are
 * equal and share their mean rank. Returns the sum over groups of equals of (size^3 - size), which corrections for ties take. */
double hl_rank(hl_ranked *entries, int count, double tolerance);
/* 1e-12 of the largest absolute value, NaN aside: differences below it are rounding. */
double hl_rank_tolerance(const double *values, int count);

#endif
