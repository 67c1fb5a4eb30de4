/* Comparisons of nets, agreement of measurements, reliability of probabilities, against the literature and R 4.2.2. */
#include <math.h>
#include <string.h>

#include "../harness.h"
#include "eval/edges.h"
#include "hilum/statistics.h"

static void assert_close(double found, double expected, double relative) {
    if (isnan(expected)) ck_assert_double_nan(found);
    else ck_assert_double_eq_tol(found, expected, relative * fabs(expected) + 1e-300);
}

/* --- nets --- */

START_TEST(holm_as_in_r) {
    hl_context *hl = hl_open(NULL);
    const double p[] = {0.01, 0.04, 0.03, 0.005, NAN, 0.04}, expected[] = {0.04, 0.09, 0.09, 0.025, NAN, 0.09};
    double adjusted[6], large[] = {0.5, 0.2, 0.9}, none[] = {NAN};
    ck_ok(hl, hl_holm(hl, p, 6, adjusted)); /* p.adjust(p, "holm") */
    for (int i = 0; i < 6; i++) assert_close(adjusted[i], expected[i], 1e-14);
    ck_ok(hl, hl_holm(hl, large, 3, large)); /* 1.0 0.6 1.0 */
    ck_assert(large[0] == 1 && fabs(large[1] - 0.6) < 1e-15 && large[2] == 1);
    ck_ok(hl, hl_holm(hl, none, 1, none));
    ck_assert_double_nan(none[0]);
    ck_ok(hl, hl_holm(hl, p, 0, NULL));
    hl_close(hl);
}
END_TEST

/* Times to round first base (Hollander and Wolfe 1973, p. 140), an example of R's friedman.test: chi-squared 11.143, p = 0.003805.
 * Runners are blocks; the ranks here are of -time, 1 the slowest. */
static const double bases[22][3] = {{5.40, 5.50, 5.55}, {5.85, 5.70, 5.75}, {5.20, 5.60, 5.50}, {5.55, 5.50, 5.40}, {5.90, 5.85, 5.70},
                                    {5.45, 5.55, 5.60}, {5.40, 5.40, 5.35}, {5.45, 5.50, 5.35}, {5.25, 5.15, 5.00}, {5.85, 5.80, 5.70},
                                    {5.25, 5.20, 5.10}, {5.65, 5.55, 5.45}, {5.60, 5.35, 5.45}, {5.05, 5.00, 4.95}, {5.50, 5.50, 5.40},
                                    {5.45, 5.55, 5.50}, {5.55, 5.55, 5.35}, {5.45, 5.50, 5.55}, {5.50, 5.45, 5.25}, {5.65, 5.60, 5.40},
                                    {5.70, 5.65, 5.55}, {6.30, 6.30, 6.25}};

START_TEST(friedman_as_in_r) {
    hl_context *hl = hl_open(NULL);
    double ranks[3];
    hl_friedman test;
    ck_ok(hl, hl_friedman_test(hl, &bases[0][0], 22, 3, ranks, &test));
    ck_assert_int_eq(test.blocks, 22);
    assert_close(test.statistic, 11.1428571428571, 1e-12);
    assert_close(test.p, 0.00380504077551136, 1e-12);
    const double means[] = {35 / 22.0, 41 / 22.0, 56 / 22.0};
    for (int i = 0; i < 3; i++) assert_close(ranks[i], means[i], 1e-12);
    assert_close(test.f, 7.12173913043478, 1e-12);      /* 21 chi / (44 - chi) */
    assert_close(test.f_p, 0.00217129838760752, 1e-11); /* pf(F, 2, 42, lower = FALSE) */
    assert_close(test.critical_difference, 3.314493155398122 * sqrt(12 / (12.0 * 22)),
                 1e-12); /* SciPy's studentized_range.ppf(.95, 3, np.inf) */
    hl_close(hl);
}
END_TEST

/* AUC of C4.5 and three variants on 14 data sets (Demsar 2006, table 6): mean ranks 3.143, 2.000, 2.893, 1.964, critical difference 1.25.
 * One data set is a tie of all four. friedman.test has 10.228, p = 0.01672 (the paper's 9.28 is without the correction for ties). */
static const double demsar[14][4] = {{0.763, 0.768, 0.771, 0.798},  {0.599, 0.591, 0.590, 0.569},
                                     {0.954, 0.971, 0.968, 0.967},  {0.628, 0.661, 0.654, 0.657},
                                     {0.882, 0.888, 0.886, 0.898},  {0.936, 0.931, 0.916, 0.931},
                                     {0.661, 0.668, 0.609, 0.685},  {0.583, 0.583, 0.563, 0.625},
                                     {0.775, 0.838, 0.866, 0.875},  {1, 1, 1, 1},
                                     {0.940, 0.962, 0.965, 0.962},  {0.619, 0.666, 0.614, 0.669},
                                     {0.972, 0.981, 0.9751, 0.975}, {0.957, 0.978, 0.946, 0.970}};

START_TEST(ranks_as_in_demsar) {
    hl_context *hl = hl_open(NULL);
    double ranks[4], holed[15][4];
    hl_friedman test, again;
    ck_ok(hl, hl_friedman_test(hl, &demsar[0][0], 14, 4, ranks, &test));
    const double means[] = {44 / 14.0, 2, 40.5 / 14, 27.5 / 14};
    for (int i = 0; i < 4; i++) assert_close(ranks[i], means[i], 1e-12);
    assert_close(test.statistic, 10.2283464566929, 1e-12);
    assert_close(test.p, 0.0167215803284414, 1e-11);
    assert_close(test.critical_difference, 3.6331595749026278 * sqrt(20 / (12.0 * 14)), 1e-12); /* 1.2536, from SciPy as above */
    int order[4];
    hl_clique cliques[4]; /* the paper finds no pair apart at 0.05 (1.179 between the outermost) */
    ck_assert_int_eq(hl_rank_cliques(ranks, 4, test.critical_difference, NULL, order, cliques), 1);
    ck_assert(cliques[0].first == 0 && cliques[0].last == 3);
    ck_assert(order[0] == 3 && order[1] == 1 && order[2] == 2 && order[3] == 0);
    memcpy(holed, demsar, sizeof demsar); /* a block with a hole is left out */
    for (int i = 0; i < 4; i++) holed[14][i] = i ? i : NAN;
    ck_ok(hl, hl_friedman_test(hl, &holed[0][0], 15, 4, ranks, &again));
    ck_assert(again.blocks == 14 && again.statistic == test.statistic);
    hl_close(hl);
}
END_TEST

START_TEST(friedman_of_little) {
    hl_context *hl = hl_open(NULL);
    const double equal[] = {0.1, 0.1, 0.1, 0.3, 0.3, 0.3}, clear[] = {1, 2, 3, 4, 5, 6}, hole[] = {NAN, 1};
    double ranks[3];
    hl_friedman test;
    ck_ok(hl, hl_friedman_test(hl, equal, 2, 3, ranks, &test));
    ck_assert(isnan(test.statistic) && isnan(test.p) && isnan(test.f) && ranks[0] == 2 && ranks[1] == 2 && ranks[2] == 2);
    ck_ok(hl, hl_friedman_test(hl, clear, 2, 3, ranks, &test));
    ck_assert(test.statistic == 4 && isinf(test.f) && test.f_p == 0 && ranks[2] == 1);
    ck_ok(hl, hl_friedman_test(hl, clear, 1, 3, ranks, &test));
    ck_assert(test.statistic == 2 && isnan(test.f) && isnan(test.f_p));
    ck_assert_int_eq(hl_friedman_test(hl, hole, 1, 2, ranks, &test), HL_BAD_INPUT);
    ck_assert_int_eq(hl_friedman_test(hl, clear, 6, 1, ranks, &test), HL_USAGE);
    hl_close(hl);
}
END_TEST

START_TEST(pairs_and_cliques_by_hand) {
    hl_context *hl = hl_open(NULL);
    double values[8][3]; /* the first two alike, the third lower in all blocks */
    for (int b = 0; b < 8; b++)
        values[b][0] = 0.8 + 0.01 * b, values[b][1] = values[b][0] + (b % 2 ? 0.001 : -0.001), values[b][2] = 0.1 * b - 0.1;
    hl_pair pairs[3];
    ck_ok(hl, hl_compare_nets(hl, &values[0][0], 8, 3, pairs));
    const int firsts[] = {0, 0, 1}, seconds[] = {1, 2, 2};
    for (int i = 0; i < 3; i++) ck_assert(pairs[i].first == firsts[i] && pairs[i].second == seconds[i]);
    ck_assert(pairs[0].test.p == 1 && pairs[0].p_holm == 1 && !pairs[0].different);
    for (int i = 1; i < 3; i++) ck_assert(pairs[i].test.p == 2.0 / 256 && pairs[i].p_holm == 6.0 / 256 && pairs[i].different);
    int order[5];
    hl_clique cliques[5];
    ck_assert_int_eq(hl_rank_cliques((const double[]){1.6, 1.4, 3}, 3, 0, pairs, order, cliques), 1);
    ck_assert(order[0] == 1 && order[1] == 0 && order[2] == 2 && cliques[0].first == 0 && cliques[0].last == 1);
    hl_pair ten[10] = {{0}}; /* of five nets only 2 and 3 differ, which stand at places 2 and 1 */
    ten[7].different = true;
    ck_assert_int_eq(hl_rank_cliques((const double[]){5, 4, 3, 2, 1}, 5, 0, ten, order, cliques), 2);
    ck_assert(cliques[0].first == 0 && cliques[0].last == 1 && cliques[1].first == 2 && cliques[1].last == 4);
    const double ranks[] = {3.2, 1, 2.1, 4.4, 2}; /* overlapping runs at a difference of 1.5: 1-2-2.1, 2-2.1-3.2, 3.2-4.4 */
    ck_assert_int_eq(hl_rank_cliques(ranks, 5, 1.5, NULL, order, cliques), 3);
    const int runs[][2] = {{0, 2}, {1, 3}, {3, 4}};
    for (int i = 0; i < 3; i++) ck_assert(cliques[i].first == runs[i][0] && cliques[i].last == runs[i][1]);
    ck_assert_int_eq(hl_rank_cliques(ranks, 5, 0.05, NULL, order, cliques), 0);
    ck_assert_int_eq(hl_rank_cliques(ranks, 1, 1, NULL, order, cliques), 0);
    hl_close(hl);
}
END_TEST

/* --- agreement --- */

/* Peak expiratory flow by two meters (Bland and Altman 1986, table 1): r = 0.94, mean difference -2.1, SD 38.8, its interval -22.0 to 17.8
 * l/min; R has the other digits. */
static const double large[] = {494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427};
static const double mini[] = {512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451};

START_TEST(agreement_as_bland_and_altman) {
    hl_agreement a = hl_bland_altman(large, mini, 17);
    ck_assert_int_eq(a.pairs, 17);
    assert_close(a.bias, -2.11764705882353, 1e-13);
    assert_close(a.sd, 38.7651298736074, 1e-13);
    assert_close(a.bias_low, -22.0488376966452, 1e-10); /* t.test(large - mini)$conf.int */
    assert_close(a.bias_high, 17.8135435789981, 1e-10);
    assert_close(a.lower, -78.0959054671117, 1e-12); /* mean -+ qnorm(.975) sd, then -+ qt(.975, 16) sd sqrt(3 / 17) */
    assert_close(a.upper, 73.8606113494647, 1e-12);
    assert_close(a.lower_low, -112.61774030716, 1e-10);
    assert_close(a.lower_high, -43.5740706270635, 1e-10);
    assert_close(a.upper_low, 39.3387765094165, 1e-10);
    assert_close(a.upper_high, 108.382446189513, 1e-10);
    a = hl_bland_altman(large, mini, 1);
    ck_assert(a.bias == -18 && isnan(a.sd) && isnan(a.lower) && isnan(a.bias_low));
    a = hl_bland_altman(large, mini, 0);
    ck_assert(a.pairs == 0 && isnan(a.bias) && isnan(a.upper_high));
}
END_TEST

START_TEST(correlations_as_in_r) {
    hl_correlation c = hl_pearson(large, mini, 17); /* cor.test(large, mini) */
    assert_close(c.r, 0.943279446890946, 1e-13);
    assert_close(c.low, 0.846358808792465, 1e-12);
    assert_close(c.high, 0.979731337351924, 1e-12);
    assert_close(c.p, 1.39950133988701e-08, 1e-9);
    /* Lin's formulas written out in R with moments over n; their standard error agrees with 20,000 simulations (n = 200, shifted by one
     * deviation): 0.0472 against 0.0470. */
    hl_concordance l = hl_lin(large, mini, 17);
    assert_close(l.ccc, 0.942742431427484, 1e-13);
    assert_close(l.low, 0.85049187316856, 1e-12);
    assert_close(l.high, 0.978726279170122, 1e-12);
    assert_close(l.bias_factor, 0.999430693136343, 1e-12);
    double x[18], y[18];
    for (int i = 0; i < 17; i++) x[i] = large[i], y[i] = mini[i];
    x[17] = 1, y[17] = NAN; /* a pair that lacks one */
    ck_assert(hl_pearson(x, y, 18).r == c.r && hl_lin(y, x, 18).ccc == l.ccc && hl_bland_altman(x, y, 18).pairs == 17);
}
END_TEST

START_TEST(agreement_of_little) {
    const double x[] = {1, 2, 3, 4, 5}, up[] = {3, 5, 7, 9, 11}, down[] = {5, 4, 3, 2, 1}, still[] = {0.1, 0.1, 0.1, 0.1, 0.1},
                 cross[] = {1, 0, 1, 0, 1};
    hl_correlation c = hl_pearson(x, up, 5);
    ck_assert(c.r == 1 && c.low == 1 && c.high == 1 && c.p == 0);
    ck_assert(hl_pearson(x, down, 5).r == -1);
    c = hl_pearson(x, up, 3);
    ck_assert(c.r == 1 && isnan(c.low) && c.p == 0);
    ck_assert(isnan(hl_pearson(x, up, 2).p) && isnan(hl_pearson(x, up, 1).r) && isnan(hl_pearson(x, up, 0).r));
    ck_assert(isnan(hl_pearson(x, still, 5).r) && isnan(hl_pearson(still, x, 5).p));
    ck_assert(isnan(hl_pearson(x, still, 3).r) && isnan(hl_pearson(still, x, 3).r)); /* the mean of three 0.1 is not 0.1 */
    ck_assert(fabs(hl_pearson(x, cross, 5).p - 1) < 1e-12);
    hl_concordance l = hl_lin(x, x, 5);
    ck_assert(l.ccc == 1 && l.low == 1 && l.high == 1 && l.bias_factor == 1);
    assert_close(hl_lin(x, up, 5).ccc, 8 / 26.0, 1e-14); /* 2 * 4 / (2 + 8 + 16) */
    ck_assert(hl_lin(x, down, 5).ccc == -1);
    l = hl_lin(x, still, 5);
    ck_assert(l.ccc == 0 && isnan(l.low) && isnan(l.bias_factor));
    ck_assert(isnan(hl_lin(still, still, 5).ccc) && isnan(hl_lin(x, x, 0).ccc));
    l = hl_lin(x, up, 2);
    ck_assert(!isnan(l.ccc) && isnan(l.low));
}
END_TEST

/* --- probabilities --- */

static void put(hl_histogram *h, float p, int healthy, int lesion) {
    const uint8_t no = 0, yes = 1;
    for (int i = 0; i < healthy; i++) hl_histogram_add(h, &p, &no, 1);
    for (int i = 0; i < lesion; i++) hl_histogram_add(h, &p, &yes, 1);
}

START_TEST(reliability_by_hand) {
    hl_histogram h;
    hl_reliability r;
    hl_histogram_clear(&h, 0.5);
    hl_reliability_curve(&h, &r);
    ck_assert(isnan(r.ece) && isnan(r.mce) && isnan(r.observed[0]) && r.pixels[0] == 0);
    put(&h, 0, 60, 0), put(&h, 0.1f - 1e-7f, 0, 1), put(&h, 0.25f, 10, 0), put(&h, 0.85f, 2, 8), put(&h, 1, 0, 19);
    hl_reliability_curve(&h, &r);
    const uint64_t pixels[] = {61, 0, 10, 0, 0, 0, 0, 0, 10, 19};
    const double observed[] = {1 / 61.0, NAN, 0, NAN, NAN, NAN, NAN, NAN, 0.8, 1},
                 predicted[] = {0.1 / 61, NAN, 0.25, NAN, NAN, NAN, NAN, NAN, 0.85, 1};
    for (int b = 0; b < HL_RELIABILITY_BINS; b++) {
        ck_assert_uint_eq(r.pixels[b], pixels[b]);
        assert_close(r.observed[b], observed[b], 1e-14);
        if (isnan(predicted[b])) ck_assert_double_nan(r.predicted[b]);
        else ck_assert_double_eq_tol(r.predicted[b], predicted[b], 0.0043);
    }
    ck_assert_double_eq_tol(r.ece, (0.9 + 2.5 + 0.5) / 100, 0.0043);
    ck_assert_double_eq_tol(r.mce, 0.25, 0.0043);
}
END_TEST

/* The half width of the header, and that every tenth is an edge. */
START_TEST(bins_are_fine_enough) {
    double widest = 0;
    int tenths = 0;
    for (int b = 1; b < HL_BINS; b++) {
        widest = fmax(widest, (hl_bin_edges[b] - hl_bin_edges[b - 1]) / 2);
        for (int t = 1; t < 10; t++) tenths += hl_bin_edges[b] == t / 10.0;
    }
    ck_assert(widest < 0.0043 && tenths == 9);
}
END_TEST

/* y = (0, 0, 1, 1), p = (0.1, 0.4, 0.35, 0.8), the example of scikit-learn's average_precision_score: 1/2 * 1 + 1/2 * 2/3 = 0.83. */
START_TEST(average_precision_by_hand) {
    hl_histogram h;
    hl_histogram_clear(&h, 0.5);
    ck_assert_double_nan(hl_histogram_average_precision(&h));
    put(&h, 0.1f, 1, 0), put(&h, 0.4f, 1, 0);
    ck_assert_double_nan(hl_histogram_average_precision(&h));
    put(&h, 0.35f, 0, 1), put(&h, 0.8f, 0, 1);
    assert_close(hl_histogram_average_precision(&h), 0.5 + 1 / 3.0, 1e-14);
    hl_histogram_clear(&h, 0.5);
    put(&h, 0, 3, 1);
    assert_close(hl_histogram_average_precision(&h), 0.25, 1e-14);
}
END_TEST

/* --- cases --- */

START_TEST(rates_and_strata_by_hand) {
    hl_rates r = hl_confusion_rates(&(hl_confusion){.true_positive = 6, .false_positive = 2, .false_negative = 4, .true_negative = 88});
    ck_assert(r.sensitivity == 0.6 && r.precision == 0.75 && r.iou == 0.5);
    assert_close(r.specificity, 88 / 90.0, 1e-15);
    assert_close(r.dice, 12 / 18.0, 1e-15);
    r = hl_confusion_rates(&(hl_confusion){.true_negative = 9});
    ck_assert(isnan(r.sensitivity) && isnan(r.precision) && isnan(r.iou) && r.specificity == 1 && r.dice == 1);
    r = hl_confusion_rates(&(hl_confusion){.false_negative = 3});
    ck_assert(r.sensitivity == 0 && isnan(r.precision) && isnan(r.specificity) && r.iou == 0 && r.dice == 0);
    const double burden[] = {0, 1e-9, 0.25, 0.2501, 0.5, 0.51, 1, NAN};
    const char *const severity[] = {"none", "mild", "mild", "moderate", "moderate", "severe", "severe", "unknown"};
    for (int i = 0; i < 8; i++) ck_assert_str_eq(hl_grade_name(hl_grade_of(burden[i])), severity[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("agreement");
    TCase *tcase = slow_case(suite, "agreement");
    tcase_add_test(tcase, holm_as_in_r);
    tcase_add_test(tcase, friedman_as_in_r);
    tcase_add_test(tcase, ranks_as_in_demsar);
    tcase_add_test(tcase, friedman_of_little);
    tcase_add_test(tcase, pairs_and_cliques_by_hand);
    tcase_add_test(tcase, agreement_as_bland_and_altman);
    tcase_add_test(tcase, correlations_as_in_r);
    tcase_add_test(tcase, agreement_of_little);
    tcase_add_test(tcase, reliability_by_hand);
    tcase_add_test(tcase, bins_are_fine_enough);
    tcase_add_test(tcase, average_precision_by_hand);
    tcase_add_test(tcase, rates_and_strata_by_hand);
    return run_suite(suite);
}
