/* Friedman's test and Nemenyi's critical difference. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "eval/stat_distributions.h"
#include "eval/stat_rank.h"
#include "hilum/statistics.h"

static bool complete(const double *row, int nets) {
    for (int i = 0; i < nets; i++) {
        if (isnan(row[i])) return false;
    }
    return true;
}

/* Sums the ranks of complete blocks, 1 for the highest value; *ties: the sum of (size^3 - size) over groups of equals. Returns how
 * many blocks. */
static int sum_ranks(const double *values, int blocks, int nets, hl_ranked *sorted, double *ranks, double *ties) {
    double tolerance = hl_rank_tolerance(values, blocks * nets);
    int held = 0;
    *ties = 0;
    for (int i = 0; i < nets; i++) ranks[i] = 0;
    for (int block = 0; block < blocks; block++) {
        const double *row = values + (size_t)block * (size_t)nets;
        if (!complete(row, nets)) continue;
        for (int i = 0; i < nets; i++) sorted[i] = (hl_ranked){.value = -row[i], .index = i};
        *ties += hl_rank(sorted, nets, tolerance);
        for (int i = 0; i < nets; i++) ranks[sorted[i].index] += sorted[i].rank;
        held++;
    }
    return held;
}

/* ranks: the sums; they become means. */
static void finish(double *ranks, int nets, double ties, hl_friedman *test) {
    double n = test->blocks, k = nets, spread = 0;
    for (int i = 0; i < nets; i++) {
        spread += (ranks[i] - n * (k + 1) / 2) * (ranks[i] - n * (k + 1) / 2);
        ranks[i] /= n;
    }
    double scale = n * k * (k + 1) - ties / (k - 1);
    test->statistic = scale > 0 ? 12 * spread / scale : NAN;
    test->p = hl_chi_squared_tail(test->statistic, nets - 1);
    double left = n * (k - 1) - test->statistic;
    test->f = n < 2 ? NAN : left > 1e-9 ? (n - 1) * test->statistic / left : isnan(left) ? NAN : INFINITY;
    test->f_p = hl_fisher_tail(test->f, k - 1, (k - 1) * (n - 1));
    test->critical_difference = hl_studentised_range_95(nets) * sqrt(k * (k + 1) / (12 * n)); /* q over root 2 is in it */
}

hl_status hl_friedman_test(hl_context *hl, const double *values, int blocks, int nets, double *ranks, hl_friedman *test) {
    *test = (hl_friedman){.statistic = NAN, .p = NAN, .f = NAN, .f_p = NAN, .critical_difference = NAN};
    if (nets < 2) return hl_fail(hl, HL_USAGE, "Friedman's test compares nets: found %d, expected at least 2", nets);
    hl_ranked *sorted = hl_calloc(hl, (size_t)nets, sizeof *sorted);
    if (!sorted) return HL_NO_MEMORY;
    double ties;
    test->blocks = sum_ranks(values, blocks, nets, sorted, ranks, &ties);
    free(sorted);
    if (!test->blocks) return hl_fail(hl, HL_BAD_INPUT, "Friedman's test: no patient of %d has a value of all %d nets", blocks, nets);
    finish(ranks, nets, ties, test);
    return HL_OK;
}
