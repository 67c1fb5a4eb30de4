/* Wilcoxon's signed-rank test, exact, with Pratt's zeros and ties. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "eval/stat_rank.h"
#include "hilum/statistics.h"

/* P(sum of the ranks with a positive sign <= limit), each of the doubled ranks having either sign with probability 1/2. */
static hl_status lower_tail(hl_context *hl, const int64_t *doubled, int count, int64_t limit, double *tail) {
    double *chance = hl_calloc(hl, (size_t)limit + 1, sizeof *chance); /* of each sum of the ranks taken in so far */
    if (!chance) return HL_NO_MEMORY;
    chance[0] = 1;
    int64_t reached = 0;
    for (int i = 0; i < count; i++) {
        reached = reached + doubled[i] < limit ? reached + doubled[i] : limit;
        for (int64_t sum = reached; sum >= doubled[i]; sum--) chance[sum] = 0.5 * (chance[sum] + chance[sum - doubled[i]]);
        for (int64_t sum = doubled[i] - 1 < reached ? doubled[i] - 1 : reached; sum >= 0; sum--) chance[sum] *= 0.5;
    }
    *tail = 0;
    for (int64_t sum = 0; sum <= limit; sum++) *tail += chance[sum];
    free(chance);
    return HL_OK;
}

/* Fills all but p from ranked absolute differences; doubled gets the doubled ranks of those that are not 0. Returns how many. */
static int sum_ranks(const hl_ranked *ranked, const double *a, const double *b, double tolerance, int64_t *doubled, hl_wilcoxon *test) {
    int kept = 0;
    for (int i = 0; i < test->pairs; i++) {
        if (ranked[i].value <= tolerance) continue;
        bool positive = a[ranked[i].index] > b[ranked[i].index];
        *(positive ? &test->positive : &test->negative) += ranked[i].rank;
        doubled[kept++] = llround(2 * ranked[i].rank);
    }
    test->zeros = test->pairs - kept;
    test->p_least = kept ? ldexp(2, -kept) : 1;
    test->effect = kept ? (test->positive - test->negative) / (test->positive + test->negative) : NAN;
    return kept;
}

static hl_status test_pairs(hl_context *hl, const double *a, const double *b, int count, hl_ranked *ranked, int64_t *doubled,
                            hl_wilcoxon *test) {
    for (int i = 0; i < count; i++) {
        double difference = fabs(a[i] - b[i]);
        if (!isnan(difference)) ranked[test->pairs++] = (hl_ranked){.value = difference, .index = i};
    }
    double tolerance = fmax(hl_rank_tolerance(a, count), hl_rank_tolerance(b, count));
    hl_rank(ranked, test->pairs, tolerance);
    int kept = sum_ranks(ranked, a, b, tolerance, doubled, test);
    if (kept > HL_WILCOXON_MOST)
        return hl_fail(hl, HL_USAGE, "an exact signed-rank test of %d differences: expected at most %d", kept, HL_WILCOXON_MOST);
    if (!test->pairs) return HL_OK;
    double tail;
    hl_status status = lower_tail(hl, doubled, kept, llround(2 * fmin(test->positive, test->negative)), &tail);
    if (!status) test->p = fmin(1, 2 * tail);
    return status;
}

hl_status hl_wilcoxon_test(hl_context *hl, const double *a, const double *b, int count, hl_wilcoxon *test) {
    *test = (hl_wilcoxon){.p = NAN, .p_least = 1, .effect = NAN};
    if (count < 1) return HL_OK;
    hl_ranked *ranked = hl_calloc(hl, (size_t)count, sizeof *ranked);
    int64_t *doubled = hl_calloc(hl, (size_t)count, sizeof *doubled);
    hl_status status = ranked && doubled ? test_pairs(hl, a, b, count, ranked, doubled, test) : HL_NO_MEMORY;
    free(ranked), free(doubled);
    return status;
}
