/* Calibration, against enumerating the divisions with loops. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "../harness.h"
#include "hilum/eval.h"

/* `count` cases of `patients` patients, the case i of patient i mod patients; Dice by random curves. */
static hl_case_figure *make_cases(int patients, int count, uint64_t seed, char (*names)[16]) {
    hl_case_figure *cases = calloc((size_t)count, sizeof *cases);
    ck_assert_ptr_nonnull(cases);
    for (int p = 0; p < patients; p++) snprintf(names[p], sizeof names[p], "p%03d", p);
    for (int i = 0; i < count; i++) {
        cases[i] = (hl_case_figure){.centre = "B", .patient = names[i % patients], .case_name = "ct", .models = 1};
        cases[i].lesion_pixels = hl_random_uniform(seed, 100, 1, (uint64_t)i) < 0.7 ? 50 : 0;
        for (int t = 0; t < HL_THRESHOLDS; t++)
            cases[i].dsc_at[t] = hl_random_uniform(seed, 100, 2, (uint64_t)(i * HL_THRESHOLDS + t));
        cases[i].dsc = cases[i].dsc_at[hl_threshold_index(0.5)];
    }
    return cases;
}

/* Mean Dice at threshold t over the cases of the patients marked; lesion: those with a lesion only; NaN for none. */
static double mean_of(const hl_case_figure *cases, int count, int patients, const bool *marked, int t, bool lesion) {
    double sum = 0;
    int used = 0;
    for (int i = 0; i < count; i++) {
        if (marked[i % patients] && (!lesion || cases[i].lesion_pixels > 0)) sum += cases[i].dsc_at[t], used++;
    }
    return used ? sum / used : NAN;
}

typedef struct expectation {
    double before[1000], lesion_before[1000], threshold[1000], dsc[1000], lesion[1000];
    int draws, lesions, lost;
} expectation;

/* One division of four or five patients: a and b calibrate, in this order. */
static void divide(const hl_case_figure *cases, int count, int patients, int a, int b, int percent, expectation *e) {
    bool chosen[8] = {false}, test[8];
    int order[2] = {a, b}, held = 0;
    for (int p = 0; p < patients; p++) test[p] = p != a && p != b;
    for (int k = 0; k < 2 && held * 100 < percent * count; k++) {
        chosen[order[k]] = true;
        for (int i = 0; i < count; i++) held += i % patients == order[k];
    }
    double means[HL_THRESHOLDS];
    for (int t = 0; t < HL_THRESHOLDS; t++) means[t] = mean_of(cases, count, patients, chosen, t, false);
    int middle = hl_threshold_index(0.5), best = percent ? hl_best_threshold(means) : middle;
    e->before[e->draws] = mean_of(cases, count, patients, test, middle, false);
    e->threshold[e->draws] = hl_thresholds[best];
    e->dsc[e->draws] = mean_of(cases, count, patients, test, best, false);
    e->lost += best != middle && e->dsc[e->draws] < e->before[e->draws];
    e->draws++;
    double lesion = mean_of(cases, count, patients, test, best, true);
    if (isnan(lesion)) return;
    e->lesion_before[e->lesions] = mean_of(cases, count, patients, test, middle, true);
    e->lesion[e->lesions++] = lesion;
}

static int rising(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void check_share(hl_context *hl, const hl_calibration *found, int s, expectation *e) {
    const hl_share *share = &found->shares[s];
    qsort(e->threshold, (size_t)e->draws, sizeof(double), rising);
    ck_assert_int_eq(share->percent, 10 * s);
    ck_assert(share->threshold == e->threshold[(e->draws - 1) / 2]);
    ck_assert_double_eq_tol(share->dsc_median, hl_quantile(hl, e->dsc, e->draws, 0.5), 1e-12);
    ck_assert_double_eq_tol(share->dsc_p5, hl_quantile(hl, e->dsc, e->draws, 0.05), 1e-12);
    ck_assert_double_eq_tol(share->dsc_p95, hl_quantile(hl, e->dsc, e->draws, 0.95), 1e-12);
    ck_assert_double_eq_tol(share->share_lost, (double)e->lost / e->draws, 1e-12);
    ck_assert_double_eq_tol(found->dsc_before, hl_quantile(hl, e->before, e->draws, 0.5), 1e-12);
    if (e->lesions == 0) {
        ck_assert_double_nan(share->dsc_lesion_median);
        ck_assert_double_nan(found->dsc_lesion_before);
        return;
    }
    ck_assert_double_eq_tol(share->dsc_lesion_median, hl_quantile(hl, e->lesion, e->lesions, 0.5), 1e-12);
    ck_assert_double_eq_tol(found->dsc_lesion_before, hl_quantile(hl, e->lesion_before, e->lesions, 0.5), 1e-12);
}

/* Four or five patients with 4 to 12 cases: every pair calibrates once. */
START_TEST(small_cohorts_are_enumerated) {
    hl_context *hl = hl_open(NULL);
    for (uint64_t seed = 0; seed < 40; seed++) {
        char names[8][16];
        int patients = 4 + (int)(seed % 2), count = patients + (int)(seed % 8);
        hl_case_figure *cases = make_cases(patients, count, seed, names);
        if (seed == 39) for (int i = 0; i < count; i++) cases[i].lesion_pixels = 0;
        hl_calibration found;
        ck_ok(hl, hl_calibrate(hl, cases, count, seed, &found));
        ck_assert(found.exhaustive);
        ck_assert_int_eq(found.patients, patients);
        ck_assert_int_eq(found.cases, count);
        ck_assert_int_eq(found.draws, patients == 4 ? 6 : 10);
        for (int s = 0; s < HL_SHARES; s++) {
            expectation e = {.draws = 0};
            for (int a = 0; a < patients; a++) {
                for (int b = a + 1; b < patients; b++) {
                    int order[2];
                    hl_random_order(seed, HL_RANDOM_CALIBRATE, (uint64_t)e.draws, 2, order);
                    divide(cases, count, patients, order[0] ? b : a, order[0] ? a : b, 10 * s, &e);
                }
            }
            check_share(hl, &found, s, &e);
        }
        free(cases);
    }
    hl_close(hl);
}
END_TEST

/* Two patients, by hand: each chooses the other's threshold. */
START_TEST(two_patients_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_case_figure cases[2] = {{.centre = "B", .patient = "x", .case_name = "1", .lesion_pixels = 9},
                               {.centre = "B", .patient = "y", .case_name = "1", .lesion_pixels = 0}};
    for (int t = 0; t < HL_THRESHOLDS; t++) cases[0].dsc_at[t] = 0.4, cases[1].dsc_at[t] = 0.5;
    cases[0].dsc_at[hl_threshold_index(0.1)] = 0.8; /* x chooses 0.1, where y has 0.3 */
    cases[1].dsc_at[hl_threshold_index(0.1)] = 0.3;
    cases[1].dsc_at[hl_threshold_index(0.2)] = 0.9; /* y chooses 0.2, where x has 0.6 */
    cases[0].dsc_at[hl_threshold_index(0.2)] = 0.6;
    hl_calibration found;
    ck_ok(hl, hl_calibrate(hl, cases, 2, 1, &found));
    ck_assert_int_eq(found.draws, 2);
    ck_assert_double_eq_tol(found.dsc_before, 0.45, 1e-12);
    ck_assert_double_eq_tol(found.dsc_lesion_before, 0.4, 1e-12); /* only where x is tested */
    const hl_share *share = &found.shares[1];
    ck_assert(share->threshold == 0.1);
    ck_assert_double_eq_tol(share->dsc_median, 0.45, 1e-12);
    ck_assert_double_eq_tol(share->dsc_p5, 0.3 + 0.05 * 0.3, 1e-12);
    ck_assert_double_eq_tol(share->dsc_lesion_median, 0.6, 1e-12);
    ck_assert_double_eq_tol(share->share_lost, 0.5, 1e-12);
    hl_close(hl);
}
END_TEST

START_TEST(divisions_are_all_tried_below_a_thousand) {
    const int patients[] = {2, 3, 11, 12, 13, 40}, draws[] = {2, 3, 462, 924, 1000, 1000};
    hl_context *hl = hl_open(NULL);
    for (int i = 0; i < 6; i++) {
        char names[40][16];
        hl_case_figure *cases = make_cases(patients[i], patients[i] + 1, 3, names);
        hl_calibration found;
        ck_ok(hl, hl_calibrate(hl, cases, patients[i] + 1, 3, &found));
        ck_assert_int_eq(found.draws, draws[i]);
        ck_assert(found.exhaustive == (draws[i] < 1000));
        free(cases);
    }
    hl_close(hl);
}
END_TEST

/* Random divisions: draw d's order is the one of HL_RANDOM_CALIBRATE, its first half calibrates. */
START_TEST(random_draws_divide_by_their_order) {
    enum { patients = 14 };
    hl_context *hl = hl_open(NULL);
    char names[patients][16];
    hl_case_figure *cases = make_cases(patients, patients, 5, names);
    hl_calibration found;
    ck_ok(hl, hl_calibrate(hl, cases, patients, 5, &found));
    static double dsc[1000], threshold[1000];
    for (int d = 0; d < 1000; d++) {
        int order[patients];
        bool chosen[patients] = {false}, test[patients] = {false};
        hl_random_order(5, HL_RANDOM_CALIBRATE, (uint64_t)d, patients, order);
        for (int i = 0; i < 3; i++) chosen[order[i]] = true; /* 20 % of 14 cases are 2.8 */
        for (int i = patients / 2; i < patients; i++) test[order[i]] = true;
        double means[HL_THRESHOLDS];
        for (int t = 0; t < HL_THRESHOLDS; t++) means[t] = mean_of(cases, patients, patients, chosen, t, false);
        int best = hl_best_threshold(means);
        threshold[d] = hl_thresholds[best];
        dsc[d] = mean_of(cases, patients, patients, test, best, false);
    }
    qsort(threshold, 1000, sizeof *threshold, rising);
    ck_assert(found.shares[2].threshold == threshold[499]);
    ck_assert_double_eq_tol(found.shares[2].dsc_median, hl_quantile(hl, dsc, 1000, 0.5), 1e-12);
    ck_assert_double_eq_tol(found.shares[2].dsc_p5, hl_quantile(hl, dsc, 1000, 0.05), 1e-12);
    free(cases), hl_close(hl);
}
END_TEST

START_TEST(nobody_calibrates_nothing_changes) {
    hl_context *hl = hl_open(NULL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        char names[20][16];
        hl_case_figure *cases = make_cases(20, 33, seed, names);
        hl_calibration a, b, other;
        ck_ok(hl, hl_calibrate(hl, cases, 33, seed, &a));
        ck_ok(hl, hl_calibrate(hl, cases, 33, seed, &b));
        ck_ok(hl, hl_calibrate(hl, cases, 33, seed + 1, &other));
        ck_assert(a.shares[0].dsc_median == a.dsc_before && a.shares[0].dsc_lesion_median == a.dsc_lesion_before);
        ck_assert(a.shares[0].threshold == 0.5 && a.shares[0].share_lost == 0);
        ck_assert_mem_eq(&a, &b, sizeof a);
        ck_assert_mem_ne(&a, &other, sizeof a);
        free(cases);
    }
    hl_close(hl);
}
END_TEST

START_TEST(fewer_than_two_patients_are_refused) {
    hl_context *hl = hl_open(NULL);
    char names[8][16];
    hl_case_figure *cases = make_cases(1, 3, 1, names);
    hl_calibration found;
    ck_assert_int_eq(hl_calibrate(hl, cases, 3, 1, &found), HL_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "found 1, expected at least 2"));
    ck_assert_int_eq(hl_calibrate(hl, cases, 0, 1, &found), HL_BAD_INPUT);
    free(cases), hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("calibrate");
    TCase *tcase = slow_case(suite, "calibrate");
    tcase_add_test(tcase, small_cohorts_are_enumerated);
    tcase_add_test(tcase, two_patients_by_hand);
    tcase_add_test(tcase, divisions_are_all_tried_below_a_thousand);
    tcase_add_test(tcase, random_draws_divide_by_their_order);
    tcase_add_test(tcase, nobody_calibrates_nothing_changes);
    tcase_add_test(tcase, fewer_than_two_patients_are_refused);
    return run_suite(suite);
}
