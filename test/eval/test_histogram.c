/* Histograms: edges, counts, merging, Dice, ROC and AUC, against counting pixel by pixel. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "eval/edges.h"
#include "../harness.h"

enum { pixels = 20000 };

typedef struct sample {
    float p[pixels];
    uint8_t labels[pixels];
} sample;

/* Probabilities of every size, with many that are exactly a threshold, next to one, 0, 1 or NaN. */
static sample *make_sample(uint64_t seed) {
    sample *s = malloc(sizeof *s);
    ck_assert_ptr_nonnull(s);
    for (int i = 0; i < pixels; i++) {
        uint64_t at = (uint64_t)i;
        double u = hl_random_uniform(seed, 100, 0, at), v = hl_random_uniform(seed, 100, 1, at);
        float t = (float)hl_thresholds[(int)(u * HL_THRESHOLDS)];
        float extremes[] = {0, 1, NAN, 1e-30f, 0x1p-149f, 1 - 0x1p-24f};
        float steep = (float)(1 / (1 + exp(-40 * (u - 0.5))));
        float choices[] = {(float)u, steep, t, nextafterf(t, 0), nextafterf(t, 1), extremes[(int)(u * 6)]};
        s->p[i] = choices[(int)(v * 6)];
        s->labels[i] = (uint8_t)(hl_random_uniform(seed, 100, 2, at) < 0.3 ? 1 + i % 255 : 0);
    }
    return s;
}

static hl_confusion count_by_hand(const sample *s, double threshold) {
    hl_confusion c = {0};
    for (int i = 0; i < pixels; i++) {
        bool positive = !isnan(s->p[i]) && (double)s->p[i] > threshold;
        if (s->labels[i]) positive ? c.true_positive++ : c.false_negative++;
        else positive ? c.false_positive++ : c.true_negative++;
    }
    return c;
}

static void assert_same(hl_confusion a, hl_confusion b) { ck_assert_mem_eq(&a, &b, sizeof a); }

START_TEST(thresholds_are_the_contracts) {
    const double small[] = {0, 0.001, 0.002, 0.005, 0.01, 0.02};
    for (int i = 0; i < 6; i++) ck_assert(hl_thresholds[i] == small[i]);
    for (int i = 1; i < 20; i++) ck_assert(hl_thresholds[5 + i] == (double)(5 * i) / 100);
    ck_assert(hl_thresholds[25] == 1);
    for (int i = 0; i < HL_THRESHOLDS; i++) ck_assert_int_eq(hl_threshold_index(hl_thresholds[i]), i);
    ck_assert_int_eq(hl_threshold_index(0.1 + 0.2), 11);
    ck_assert_int_eq(hl_threshold_index(0.501), -1);
    ck_assert_int_eq(hl_threshold_index(NAN), -1);
}
END_TEST

static double logit(double p) { return log(p / (1 - p)); }

/* The table, from the formula in its comment. */
START_TEST(edges_follow_their_formula) {
    ck_assert(hl_bin_edges[0] == 0 && hl_bin_edges[HL_BINS - 1] == 1);
    for (int i = 1; i < HL_BINS; i++) ck_assert(hl_bin_edges[i] > hl_bin_edges[i - 1]);
    int low = 1;
    double from = -16;
    for (int t = 1; t < HL_THRESHOLDS; t++) {
        double to = t < HL_THRESHOLDS - 1 ? logit(hl_thresholds[t]) : 16;
        int high = 1 + (int)lround((to + 16) / 32 * 1021);
        for (int e = low; e <= high; e++) {
            double x = from + (to - from) * (e - low) / (high - low), expected = 1 / (1 + exp(-x));
            ck_assert_double_eq_tol(hl_bin_edges[e], expected, 1e-13 * expected);
        }
        if (t < HL_THRESHOLDS - 1) ck_assert(hl_bin_edges[high] == hl_thresholds[t]);
        low = high, from = to;
    }
    ck_assert_int_eq(low, HL_BINS - 2);
}
END_TEST

START_TEST(bins_hold_what_lies_between_their_edges) {
    for (int e = 0; e < HL_BINS; e++) {
        ck_assert_int_eq(hl_bin(hl_bin_edges[e]), e);
        if (e + 1 < HL_BINS) ck_assert_int_eq(hl_bin(nextafter(hl_bin_edges[e], 2)), e + 1);
    }
    ck_assert_int_eq(hl_bin(-1), 0);
    ck_assert_int_eq(hl_bin(NAN), 0);
    ck_assert_int_eq(hl_bin(1.5), HL_BINS - 1);
}
END_TEST

START_TEST(confusion_equals_counting) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        sample *s = make_sample(seed);
        hl_histogram h;
        hl_histogram_clear(&h, 0.337);
        hl_histogram_add(&h, s->p, s->labels, pixels);
        for (int t = 0; t < HL_THRESHOLDS; t++) {
            assert_same(hl_histogram_confusion(&h, hl_thresholds[t]), count_by_hand(s, hl_thresholds[t]));
        }
        assert_same(hl_histogram_confusion(&h, 0.337), count_by_hand(s, 0.337));
        free(s);
    }
}
END_TEST

START_TEST(parts_merge_into_the_whole) {
    sample *s = make_sample(7);
    hl_histogram whole, a, b, merged;
    hl_histogram_clear(&whole, 0.42), hl_histogram_clear(&a, 0.42), hl_histogram_clear(&b, 0.42), hl_histogram_clear(&merged, 0.42);
    hl_histogram_add(&whole, s->p, s->labels, pixels);
    hl_histogram_add(&a, s->p, s->labels, 777);
    hl_histogram_add(&b, s->p + 777, s->labels + 777, pixels - 777);
    hl_histogram_add(&b, s->p, s->labels, 0);
    hl_histogram_merge(&merged, &b);
    hl_histogram_merge(&merged, &a);
    ck_assert_mem_eq(&merged, &whole, sizeof whole);
    free(s);
}
END_TEST

START_TEST(dice_by_hand) {
    hl_confusion c = {.true_positive = 3, .false_positive = 1, .false_negative = 2, .true_negative = 100};
    ck_assert(hl_dice(&c) == 6.0 / 9.0);
    c = (hl_confusion){.true_negative = 100};
    ck_assert(hl_dice(&c) == 1);
    c = (hl_confusion){.false_positive = 1};
    ck_assert(hl_dice(&c) == 0);
}
END_TEST

static double area(const float *p, const uint8_t *labels, size_t count) {
    hl_histogram h;
    hl_histogram_clear(&h, 0.5);
    hl_histogram_add(&h, p, labels, count);
    return hl_histogram_auc(&h);
}

START_TEST(auc_by_hand) {
    const float p[] = {0.1f, 0.4f, 0.35f, 0.8f};
    const uint8_t labels[] = {0, 0, 1, 1}, none[] = {0, 0, 0, 0}, all[] = {1, 1, 1, 1};
    ck_assert(area(p, labels, 4) == 0.75); /* three of the four pairs are in order */
    const float same[] = {0.3f, 0.3f, 0.3f, 0.3f}, perfect[] = {0, 0, 1, 1}, reversed[] = {1, 1, 0, 0};
    ck_assert(area(same, labels, 4) == 0.5);
    ck_assert(area(perfect, labels, 4) == 1);
    ck_assert(area(reversed, labels, 4) == 0);
    ck_assert(isnan(area(p, none, 4)) && isnan(area(p, all, 4)) && isnan(area(p, labels, 0)));
}
END_TEST

/* Mann-Whitney over all pairs; pairs within a bin are what the histogram cannot order. */
START_TEST(auc_equals_mann_whitney_within_a_bin) {
    enum { few = 3000 };
    sample *s = make_sample(11);
    double exact = 0, together = 0, pairs = 0;
    for (int i = 0; i < few; i++) {
        for (int j = 0; s->labels[i] && j < few; j++) {
            if (s->labels[j]) continue;
            double lesion = isnan(s->p[i]) ? 0 : s->p[i], healthy = isnan(s->p[j]) ? 0 : s->p[j];
            exact += lesion > healthy ? 1 : lesion == healthy ? 0.5 : 0;
            together += lesion != healthy && hl_bin(lesion) == hl_bin(healthy);
            pairs++;
        }
    }
    double found = area(s->p, s->labels, few);
    ck_assert_double_eq_tol(found, exact / pairs, 0.5 * together / pairs + 1e-12);
    ck_assert_double_eq_tol(found, exact / pairs, 2e-3);
    free(s);
}
END_TEST

START_TEST(roc_rises_and_encloses_the_auc) {
    static double x[HL_BINS + 1], y[HL_BINS + 1];
    sample *s = make_sample(5);
    hl_histogram h;
    hl_histogram_clear(&h, 0.5);
    ck_assert(!hl_histogram_roc(&h, x, y));
    hl_histogram_add(&h, s->p, s->labels, pixels);
    ck_assert(hl_histogram_roc(&h, x, y));
    ck_assert(x[0] == 0 && y[0] == 0 && x[HL_BINS] == 1 && y[HL_BINS] == 1);
    double sum = 0;
    for (int i = 1; i <= HL_BINS; i++) {
        ck_assert(x[i] >= x[i - 1] && y[i] >= y[i - 1]);
        sum += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
    }
    ck_assert_double_eq_tol(sum, hl_histogram_auc(&h), 1e-12);
    hl_confusion half = hl_histogram_confusion(&h, 0.5);
    int point = HL_BINS - 1 - hl_bin(0.5); /* the bins above 0.5 */
    ck_assert_double_eq_tol(y[point], (double)half.true_positive / (double)(half.true_positive + half.false_negative), 1e-15);
    ck_assert_double_eq_tol(x[point], (double)half.false_positive / (double)(half.false_positive + half.true_negative), 1e-15);
    free(s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("histogram");
    TCase *tcase = slow_case(suite, "histogram");
    tcase_add_test(tcase, thresholds_are_the_contracts);
    tcase_add_test(tcase, edges_follow_their_formula);
    tcase_add_test(tcase, bins_hold_what_lies_between_their_edges);
    tcase_add_test(tcase, confusion_equals_counting);
    tcase_add_test(tcase, parts_merge_into_the_whole);
    tcase_add_test(tcase, dice_by_hand);
    tcase_add_test(tcase, auc_by_hand);
    tcase_add_test(tcase, auc_equals_mann_whitney_within_a_bin);
    tcase_add_test(tcase, roc_rises_and_encloses_the_auc);
    return run_suite(suite);
}
