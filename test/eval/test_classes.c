/* Several classes: the most probable one, counts, and figures against sums done by hand. */
#include <math.h>
#include <string.h>

#include "../harness.h"
#include "hilum/eval.h"

static void assert_near(double found, double expected) {
    if (isnan(expected)) ck_assert_double_nan(found);
    else ck_assert_double_eq_tol(found, expected, 1e-12);
}

/* Planes of three classes on five pixels; of equals the first counts. */
START_TEST(the_most_probable_class) {
    const float planes[15] = {0.5f, 0.2f, 0.4f, 0.3f, 0.1f, /**/ 0.3f, 0.7f, 0.4f, 0.3f, 0.1f, /**/ 0.2f, 0.1f, 0.2f, 0.4f, 0.8f};
    uint8_t labels[5];
    hl_most_probable(planes, 3, 5, labels);
    ck_assert_mem_eq(labels, ((uint8_t[]){0, 1, 0, 2, 2}), 5);
    hl_most_probable(planes, 2, 5, labels);
    ck_assert_mem_eq(labels, ((uint8_t[]){0, 1, 0, 0, 0}), 5);
}
END_TEST

static void check_counts(const hl_confusion *c, uint64_t tp, uint64_t fp, uint64_t fn, uint64_t tn) {
    ck_assert_uint_eq(c->true_positive, tp);
    ck_assert_uint_eq(c->false_positive, fp);
    ck_assert_uint_eq(c->false_negative, fn);
    ck_assert_uint_eq(c->true_negative, tn);
}

START_TEST(pixels_are_counted_by_class) {
    const uint8_t predicted[8] = {0, 0, 1, 1, 2, 2, 0, 1}, labels[8] = {0, 1, 1, 2, 2, 2, 0, 0};
    hl_confusion counts[4] = {{0}};
    for (int twice = 1; twice <= 2; twice++) {
        hl_classes_count(predicted, labels, 8, 4, counts);
        check_counts(&counts[0], 2 * (unsigned)twice, (unsigned)twice, (unsigned)twice, 4 * (unsigned)twice);
        check_counts(&counts[1], (unsigned)twice, 2 * (unsigned)twice, (unsigned)twice, 4 * (unsigned)twice);
        check_counts(&counts[2], 2 * (unsigned)twice, 0, (unsigned)twice, 5 * (unsigned)twice);
        check_counts(&counts[3], 0, 0, 0, 8 * (unsigned)twice);
    }
    assert_near(hl_classes_dice(counts, 3), (2.0 / 5 + 4.0 / 5) / 2);
    assert_near(hl_classes_dice(counts, 4), (2.0 / 5 + 4.0 / 5 + 1) / 3);
}
END_TEST

/* A case of one slice; labels as text. */
static hl_score make_score(const char *patient, int model, const char *truth, const char *predicted) {
    hl_score score = {.centre = "A", .patient = patient, .case_name = "ct", .model = model, .slices = 1, .classes = 3};
    hl_histogram_clear(&score.histogram, 0.5);
    for (; *truth; truth++, predicted++) {
        uint8_t p = (uint8_t)(*predicted - '0'), t = (uint8_t)(*truth - '0');
        hl_classes_count(&p, &t, 1, 3, score.counts);
        score.class_pixels[t] += 60; /* of the mask's own grid, which is finer */
        score.lesion_pixels += t ? 60 : 0;
    }
    score.slice_dice_sum = hl_classes_dice(score.counts, 3);
    return score;
}

/* p1 by two models: class 1 at 4/5 and 2/3, class 2 at 1 and 2/3. p2: no class 2, none said by the first model; class 1 at 0.
 * p3 is empty, and the model says so. */
static int example(hl_score *scores) {
    scores[0] = make_score("p1", 0, "0112", "1112");
    scores[1] = make_score("p1", 1, "0112", "0122");
    scores[2] = make_score("p2", 0, "1000", "0100");
    scores[3] = make_score("p3", 0, "0000", "0000");
    return 4;
}

START_TEST(figures_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[4];
    hl_figures f;
    ck_ok(hl, hl_figures_compute(hl, scores, example(scores), 0.5, NAN, &f));
    double p1_1 = (0.8 + 2.0 / 3) / 2, p1_2 = (1 + 2.0 / 3) / 2, cases[3] = {(p1_1 + p1_2) / 2, (0 + 1) / 2.0, 1};
    ck_assert_int_eq(f.classes, 3);
    ck_assert_int_eq(f.case_count, 3);
    for (int c = 0; c < 3; c++) assert_near(f.cases[c].dsc, cases[c]);
    assert_near(f.cases[0].dsc_class[1], p1_1), assert_near(f.cases[0].dsc_class[2], p1_2);
    ck_assert_int_eq(f.cases[0].class_pixels[1], 120);
    assert_near(f.dsc_case_mean, (cases[0] + cases[1] + cases[2]) / 3);
    assert_near(f.dsc_case_mean, (f.class_figures[0].dsc_case_mean + f.class_figures[1].dsc_case_mean) / 2);
    assert_near(f.dsc_case_sd, hl_deviation(cases, 3, 1));
    assert_near(f.dsc_case_median, cases[0]);
    const hl_class_figure *one = &f.class_figures[0], *two = &f.class_figures[1];
    ck_assert_int_eq(one->index, 1);
    ck_assert_int_eq(two->index, 2);
    ck_assert_int_eq(one->lesion_cases, 2);
    ck_assert_int_eq(two->lesion_cases, 1);
    ck_assert_int_eq(one->lesion100_cases, 1);
    ck_assert_int_eq(two->lesion100_cases, 0); /* 120 pixels; 60 */
    ck_assert_int_eq(one->nonempty_cases, 2);
    ck_assert_int_eq(two->nonempty_cases, 1);
    ck_assert_int_eq(f.lesion_cases, 2);
    ck_assert_int_eq(f.lesion100_cases, 1);
    ck_assert_int_eq(f.nonempty_cases, 2);
    assert_near(one->dsc_lesion_mean, (p1_1 + 0) / 2), assert_near(two->dsc_lesion_mean, p1_2);
    assert_near(one->dsc_nonempty_mean, (p1_1 + 0) / 2), assert_near(two->dsc_nonempty_mean, p1_2);
    assert_near(one->dsc_lesion100_mean, p1_1), assert_near(two->dsc_lesion100_mean, NAN);
    assert_near(f.dsc_lesion_mean, (p1_1 / 2 + p1_2) / 2);
    assert_near(f.dsc_lesion100_mean, p1_1); /* of the one class that has it */
    check_counts(&one->pooled, 3, 2, 2, 9), check_counts(&two->pooled, 2, 1, 0, 13);
    check_counts(&f.pooled, 5, 3, 2, 22);
    assert_near(one->sensitivity, 3.0 / 5), assert_near(f.sensitivity, (3.0 / 5 + 1) / 2);
    assert_near(f.precision, (3.0 / 5 + 2.0 / 3) / 2), assert_near(f.specificity, (9.0 / 11 + 13.0 / 14) / 2);
    double models[2] = {((0.8 + 1) / 2 + cases[1] + cases[2]) / 3, 2.0 / 3};
    ck_assert_int_eq(f.models, 2);
    assert_near(f.dsc_fold_mean, hl_mean(models, 2)), assert_near(f.dsc_fold_sd, hl_deviation(models, 2, 1));
    assert_near(f.dsc_slice_mean, (0.9 + 2.0 / 3 + cases[1] + cases[2]) / 4);
    hl_figures_free(&f), hl_close(hl);
}
END_TEST

/* There is no threshold to speak of, whichever is asked for. */
START_TEST(thresholds_have_no_value) {
    hl_context *hl = hl_open(NULL);
    hl_score scores[4];
    hl_figures f, g;
    int count = example(scores);
    ck_ok(hl, hl_figures_compute(hl, scores, count, 0.5, NAN, &f));
    ck_ok(hl, hl_figures_compute(hl, scores, count, 0.337, 0.2, &g));
    ck_assert(f.dsc_case_mean == g.dsc_case_mean && f.dsc_slice_mean == g.dsc_slice_mean);
    const double none[] = {g.threshold, g.threshold_oracle, g.dsc_oracle, g.threshold_val, g.dsc_val_threshold, g.auc, g.auc_fold_mean, g.dsc_at[5],
                           g.cases[0].dsc_at[5]};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) ck_assert_double_nan(none[i]);
    ck_assert_int_eq(g.auc_folds_without, 0);
    scores[2].classes = 2;
    hl_figures_free(&f);
    ck_assert_int_eq(hl_figures_compute(hl, scores, count, 0.5, NAN, &f), HL_USAGE);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "scored in 2 classes, expected the 3"));
    scores[2].classes = 0;
    ck_assert_int_eq(hl_figures_compute(hl, scores, count, 0.5, NAN, &f), HL_USAGE);
    hl_figures_free(&g), hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("classes");
    TCase *tcase = slow_case(suite, "classes");
    tcase_add_test(tcase, the_most_probable_class);
    tcase_add_test(tcase, pixels_are_counted_by_class);
    tcase_add_test(tcase, figures_by_hand);
    tcase_add_test(tcase, thresholds_have_no_value);
    return run_suite(suite);
}
