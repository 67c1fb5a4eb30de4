/* Figures of a test, against sums done by hand. */
#include <math.h>
#include <string.h>

#include "../harness.h"
#include "hilum/eval.h"

/* A case of up to eight pixels; `truth` of 0 and 1, `p` in tenths, both as text. */
static hl_score make_score(const char *patient, const char *name, int model, int64_t lesion_pixels, const char *truth, const char *tenths) {
    hl_score score = {.centre = "A", .patient = patient, .case_name = name, .model = model, .lesion_pixels = lesion_pixels, .slices = 2};
    hl_histogram_clear(&score.histogram, 0.5);
    for (const char *t = truth, *p = tenths; *t; t++, p++) {
        float value = (float)(*p - '0') / 10.0f;
        uint8_t label = *t == '1';
        hl_histogram_add(&score.histogram, &value, &label, 1);
    }
    return score;
}

static void assert_near(double found, double expected) {
    if (isnan(expected)) ck_assert_double_nan(found);
    else ck_assert_double_eq_tol(found, expected, 1e-12);
}

/* Two models on two cases with a lesion and a healthy one, which comes first and which the second model gets wrong. */
static int example(hl_score *scores) {
    scores[0] = make_score("p2", "healthy", 0, 0, "0000", "0000");  /* Dice 1, both empty */
    scores[1] = make_score("p1", "large", 0, 400, "1100", "9800");  /* 1 */
    scores[2] = make_score("p1", "small", 0, 99, "1000", "4600");   /* 0 at 0.5, 2/3 at 0.35 */
    scores[3] = make_score("p1", "small", 1, 99, "1000", "9000");   /* 1 */
    scores[4] = make_score("p2", "healthy", 1, 0, "0000", "0007");  /* 0 */
    scores[5] = make_score("p1", "large", 1, 400, "1100", "9099");  /* 2 / (2 + 2 + 1) = 0.4 */
    scores[1].slice_dice_sum = 1.5, scores[5].slice_dice_sum = 0.5;
    return 6;
}

START_TEST(several_models_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[6];
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, scores, example(scores), 0.5, 0.35, &f));
    ck_assert_int_eq(f.case_count, 3);
    const char *names[] = {"healthy", "large", "small"};
    const double dsc[] = {0.5, 0.7, 0.5};
    for (int c = 0; c < 3; c++) {
        ck_assert_str_eq(f.cases[c].case_name, names[c]);
        ck_assert_int_eq(f.cases[c].models, 2);
        assert_near(f.cases[c].dsc, dsc[c]);
        assert_near(f.cases[c].dsc_at[hl_threshold_index(0.5)], dsc[c]);
    }
    assert_near(f.dsc_case_mean, 1.7 / 3);
    assert_near(f.dsc_case_median, 0.5);
    assert_near(f.dsc_case_sd, sqrt((2 * pow(0.5 - 1.7 / 3, 2) + pow(0.7 - 1.7 / 3, 2)) / 2));
    assert_near(f.dsc_lesion_mean, 0.6);
    assert_near(f.dsc_lesion100_mean, 0.7);
    assert_near(f.dsc_nonempty_mean, (0 + 0.7 + 0.5) / 3); /* of the healthy case the model that marked something in it */
    ck_assert_int_eq(f.lesion_cases, 2);
    ck_assert_int_eq(f.lesion100_cases, 1);
    ck_assert_int_eq(f.nonempty_cases, 3);
    const double a = 2.0 / 3, b = 1.4 / 3; /* the models' means */
    ck_assert_int_eq(f.models, 2);
    assert_near(f.dsc_fold_mean, (a + b) / 2);
    assert_near(f.dsc_fold_sd, (a - b) / sqrt(2));
    assert_near(f.dsc_fold_sd0, (a - b) / 2);
    assert_near(f.dsc_slice_mean, 2.0 / 12);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

START_TEST(pixels_and_thresholds_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[6];
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, scores, example(scores), 0.5, 0.35, &f));
    /* Lesion pixels 9 8 4 9 9 0; of the 18 healthy ones 14 are 0, the others 6 7 9 9. */
    ck_assert_int_eq(f.pooled.true_positive, 4);
    ck_assert_int_eq(f.pooled.false_negative, 2);
    ck_assert_int_eq(f.pooled.false_positive, 4);
    ck_assert_int_eq(f.pooled.true_negative, 14);
    assert_near(f.sensitivity, 4.0 / 6);
    assert_near(f.specificity, 14.0 / 18);
    assert_near(f.precision, 0.5);
    assert_near(f.auc, (3 * (16 + 1) + 16 + 14 + 7) / (6.0 * 18));
    /* First model: lesion 9 8 4, healthy 6 and eight 0. Second: lesion 9 9 0, healthy 7 9 9 and six 0. */
    const double first = (9 + 9 + 8) / 27.0, second = (2 * (7 + 1) + 3) / 27.0;
    assert_near(f.auc_fold_mean, (first + second) / 2);
    assert_near(f.auc_fold_sd, (first - second) / sqrt(2));
    ck_assert_int_eq(f.auc_folds_without, 0);
    /* At 0.35 the small case's first model finds 4 and 6: Dice 2/3. At 0.7 it finds nothing, the healthy case is clean. */
    const double at35 = (0.5 + 0.7 + (2.0 / 3 + 1) / 2) / 3;
    assert_near(f.threshold_val, 0.35);
    assert_near(f.dsc_val_threshold, at35);
    assert_near(f.dsc_at[hl_threshold_index(0.75)], (1 + 0.7 + 0.5) / 3);
    assert_near(f.dsc_at[hl_threshold_index(1)], (1 + 0 + 0) / 3.0);
    assert_near(f.threshold_oracle, 0.70); /* 0.7f is not above 0.70; 0.75 and 0.80 tie with it */
    assert_near(f.dsc_oracle, 2.2 / 3);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

START_TEST(what_has_no_value_is_nan) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[2] = {make_score("p", "a", 3, 0, "000", "012"), make_score("p", "b", 3, 0, "000", "100")};
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, scores, 2, 0.5, NAN, &f));
    ck_assert_int_eq(f.models, 1);
    ck_assert_int_eq(f.auc_folds_without, 1);
    ck_assert_int_eq(f.nonempty_cases, 0);
    assert_near(f.dsc_case_mean, 1);
    assert_near(f.dsc_fold_sd0, 0);
    const double nothing[] = {f.dsc_lesion_mean, f.dsc_lesion100_mean, f.dsc_nonempty_mean, f.dsc_fold_sd, f.auc, f.auc_fold_mean,
                              f.auc_fold_sd, f.sensitivity, f.precision, f.threshold_val, f.dsc_val_threshold};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) assert_near(nothing[i], NAN);
    assert_near(f.specificity, 1);
    assert_near(f.threshold_oracle, 0.5);
    hl_figures_free(&f);
    ck_ok(hl, hl_figures_compute(hl, scores, 1, 0.5, NAN, &f));
    assert_near(f.dsc_case_sd, NAN);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

START_TEST(own_threshold_and_refusals) {
    hl_context *hl = hl_open(NULL);
    hl_score score = {.centre = "A", .patient = "p", .case_name = "c", .lesion_pixels = 2, .slices = 1, .slice_dice_sum = 0.8};
    const float p[] = {0.338f, 0.336f, 0.9f};
    const uint8_t labels[] = {1, 0, 1};
    hl_histogram_clear(&score.histogram, 0.337);
    hl_histogram_add(&score.histogram, p, labels, 3);
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, &score, 1, 0.337, NAN, &f));
    assert_near(f.cases[0].dsc, 1);
    assert_near(f.dsc_at[hl_threshold_index(0.5)], 2.0 / 3);
    assert_near(f.dsc_slice_mean, 0.8);
    hl_figures_free(&f);
    ck_ok(hl, hl_figures_compute(hl, &score, 1, 0.5, NAN, &f));
    assert_near(f.dsc_case_mean, 2.0 / 3);
    assert_near(f.dsc_slice_mean, NAN); /* the slices were scored at another threshold */
    hl_figures_free(&f);
    ck_assert_int_eq(hl_figures_compute(hl, &score, 1, 0.336, NAN, &f), HL_USAGE);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "0.336"));
    ck_assert_int_eq(hl_figures_compute(hl, &score, 1, 0.5, 0.51, &f), HL_USAGE);
    ck_assert_int_eq(hl_figures_compute(hl, &score, 0, 0.5, NAN, &f), HL_BAD_INPUT);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

/* The same case name of two patients, or of two centres, is two cases. */
START_TEST(a_case_is_named_by_centre_patient_and_case) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[4];
    for (int i = 0; i < 4; i++) scores[i] = make_score(i & 1 ? "p" : "q", "ct", 0, 1, "1", "9");
    scores[2].centre = scores[3].centre = "B";
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, scores, 4, 0.5, NAN, &f));
    ck_assert_int_eq(f.case_count, 4);
    for (int i = 0; i < 4; i++) ck_assert_str_eq(f.cases[i].patient, scores[i].patient);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

static double best(double base, double a, double a_value, double b, double b_value) {
    double values[HL_THRESHOLDS];
    for (int i = 0; i < HL_THRESHOLDS; i++) values[i] = base;
    values[hl_threshold_index(a)] = a_value;
    values[hl_threshold_index(b)] = b_value;
    return hl_thresholds[hl_best_threshold(values)];
}

START_TEST(ties_go_to_the_middle_then_down) {
    ck_assert(best(0.3, 0.2, 0.9, 0.7, 0.8) == 0.2);
    ck_assert(best(0.3, 0.2, 0.9, 0.7, 0.9) == 0.7);
    ck_assert(best(0.3, 0.35, 0.9, 0.65, 0.9) == 0.35);
    ck_assert(best(0.3, 0.45, 0.9, 0.55, 0.9) == 0.45);
    ck_assert(best(0.3, 0, 0.9, 1, 0.9) == 0);
    ck_assert(best(0.3, 0.2, 0.1, 0.7, 0.2) == 0.5);
    ck_assert(best(0.3, 0.1, (0.1 + 0.2) + 0.3, 0.45, 0.1 + (0.2 + 0.3)) == 0.45); /* equal but for rounding */
    ck_assert(best(NAN, 0.1, 0.4, 0.9, NAN) == 0.1);
    ck_assert(best(NAN, 0.1, NAN, 0.9, NAN) == 0.5);
}
END_TEST

START_TEST(small_statistics) {
    hl_context *hl = hl_open(NULL);
    const double values[] = {4, 1, 3, 2};
    assert_near(hl_mean(values, 4), 2.5);
    assert_near(hl_mean(values, 0), NAN);
    assert_near(hl_deviation(values, 4, 1), sqrt(5.0 / 3));
    assert_near(hl_deviation(values, 4, 0), sqrt(5.0 / 4));
    assert_near(hl_deviation(values, 1, 1), NAN);
    assert_near(hl_deviation(values, 0, 0), NAN);
    assert_near(hl_quantile(hl, values, 4, 0), 1);
    assert_near(hl_quantile(hl, values, 4, 0.05), 1.15);
    assert_near(hl_quantile(hl, values, 4, 0.5), 2.5);
    assert_near(hl_quantile(hl, values, 4, 1), 4);
    assert_near(hl_quantile(hl, values, 1, 0.95), 4);
    assert_near(hl_quantile(hl, values, 0, 0.5), NAN);
    ck_assert(values[0] == 4);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("figures");
    TCase *tcase = slow_case(suite, "figures");
    tcase_add_test(tcase, several_models_by_hand);
    tcase_add_test(tcase, pixels_and_thresholds_by_hand);
    tcase_add_test(tcase, what_has_no_value_is_nan);
    tcase_add_test(tcase, own_threshold_and_refusals);
    tcase_add_test(tcase, a_case_is_named_by_centre_patient_and_case);
    tcase_add_test(tcase, ties_go_to_the_middle_then_down);
    tcase_add_test(tcase, small_statistics);
    return run_suite(suite);
}
