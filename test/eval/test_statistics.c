/* Statistics against worked examples of the literature and against R 4.2.2; the call that made a number stands beside it. */
#include <math.h>
#include <string.h>

#include "../harness.h"
#include "eval/stat_distributions.h"
#include "hilum/statistics.h"

static void assert_close(double found, double expected, double relative) {
    if (isnan(expected)) ck_assert_double_nan(found);
    else ck_assert_double_eq_tol(found, expected, relative * fabs(expected) + 1e-300);
}

/* --- distributions --- */

START_TEST(tails_as_in_r) {
    assert_close(hl_beta_ratio(2.5, 1.5, 0.3), 0.0889437231706656, 1e-12);   /* pbeta(.3, 2.5, 1.5) */
    assert_close(hl_beta_ratio(0.5, 8, 0.9), 0.999999997942537, 1e-13);      /* pbeta(.9, .5, 8) */
    assert_close(hl_beta_ratio(40, 3.5, 0.01), 3.30585803996572e-77, 1e-11); /* pbeta(.01, 40, 3.5) */
    ck_assert(hl_beta_ratio(2, 3, 0) == 0 && hl_beta_ratio(2, 3, 1) == 1 && isnan(hl_beta_ratio(2, 3, NAN)));
    assert_close(hl_chi_squared_tail(11.1429, 2), 0.00380495923979692, 1e-12); /* pchisq(11.1429, 2, lower = FALSE) */
    assert_close(hl_chi_squared_tail(3, 7), 0.885002231643151, 1e-12);         /* pchisq(3, 7, lower = FALSE) */
    assert_close(hl_chi_squared_tail(0.5, 1), 0.479500122186953, 1e-12);       /* pchisq(.5, 1, lower = FALSE) */
    ck_assert(hl_chi_squared_tail(0, 3) == 1 && isnan(hl_chi_squared_tail(NAN, 3)));
    assert_close(hl_fisher_tail(3.2, 3, 39), 0.0337206469010332, 1e-12); /* pf(3.2, 3, 39, lower = FALSE) */
    ck_assert(hl_fisher_tail(0, 3, 39) == 1 && hl_fisher_tail(INFINITY, 3, 39) == 0);
    assert_close(hl_student_tails(-2.1, 16), 0.0519405717775256, 1e-12); /* 2 * pt(-2.1, 16) */
    assert_close(hl_student_tails(40, 16), 1.8215761543773e-17, 1e-11);  /* 2 * pt(-40, 16) */
    const double degrees[] = {1, 2, 16, 30}, t[] = {12.7062047361747, 4.30265272974946, 2.11990529922125, 2.04227245630124};
    for (int i = 0; i < 4; i++) assert_close(hl_student_975(degrees[i]), t[i], 1e-12); /* qt(.975, c(1, 2, 16, 30)) */
    ck_assert_double_nan(hl_student_975(0));
}
END_TEST

/* ptukey(3.5, k, Inf, lower = FALSE), and q / sqrt 2 as Demsar's table 5(a) has it. */
START_TEST(studentised_range_as_in_r_and_demsar) {
    const int k[] = {2, 3, 5, 8, 10};
    const double tails[] = {0.0133283287808534, 0.0355570418634439, 0.0963384639792828, 0.206151404207431, 0.282016437632802};
    for (int i = 0; i < 5; i++) assert_close(hl_studentised_range_tail(3.5, k[i]), tails[i], 1e-8);
    const double demsar[] = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
    for (int i = 0; i < 9; i++) ck_assert_double_eq_tol(hl_studentised_range_95(i + 2) / sqrt(2), demsar[i], 0.0011);
    const int nets[] = {3, 4,
                        8}; /* SciPy 1.10.1: stats.studentized_range.ppf(.95, k, np.inf), finer than R's qtukey, which stops at 1e-4 */
    const double q[] = {3.314493155398122, 3.6331595749026278, 4.286309409349043};
    for (int i = 0; i < 3; i++) assert_close(hl_studentised_range_95(nets[i]), q[i], 1e-12);
    ck_assert(hl_studentised_range_tail(0, 4) == 1 && hl_studentised_range_tail(30, 4) < 1e-12);
    ck_assert(isnan(hl_studentised_range_tail(1, 1)) && isnan(hl_studentised_range_tail(NAN, 3)));
}
END_TEST

/* --- patients and the bootstrap --- */

/* Two centres, ten patients, fourteen rows, in no order. */
static const char *const centres[] = {"A", "B", "A", "A", "B", "A", "A", "B", "A", "A", "B", "A", "A", "B"};
static const char *const names[] = {"a1", "b2", "a3", "a1", "b1", "a3", "a2", "b2", "a3", "a4", "b3", "a5", "a6", "b4"};
static const double values[] = {0.9, 0.1, 0.2, 0.8, 0.5, 0.3, 0.75, 0, 0.4, 0.6, 0.7, 0.55, 0.85, 0.65};
enum { ROWS = 14 };

START_TEST(rows_are_grouped_by_patient) {
    hl_context *hl = hl_open(NULL);
    hl_patients groups;
    ck_ok(hl, hl_patients_group(hl, centres, names, ROWS, &groups));
    ck_assert(groups.rows == ROWS && groups.count == 10 && groups.centres == 2);
    ck_assert(groups.centre_first[0] == 0 && groups.centre_first[1] == 6 && groups.centre_first[2] == 10);
    const int expected[] = {0, 7, 2, 0, 6, 2, 1, 7, 2, 3, 8, 4, 5, 9};
    for (int i = 0; i < ROWS; i++) ck_assert_int_eq(groups.of_row[i], expected[i]);
    double holes[ROWS], means[10];
    for (int i = 0; i < ROWS; i++) holes[i] = i == 5 || i == 9 ? NAN : values[i];
    hl_patients_means(&groups, holes, means);
    const double by_hand[] = {0.85, 0.75, 0.3, NAN, 0.55, 0.85, 0.5, 0.05, 0.7, 0.65};
    for (int i = 0; i < 10; i++) assert_close(means[i], by_hand[i], 1e-14);
    hl_patients_free(&groups);
    const char *other[] = {"A", "B"}, *same[] = {"p", "p"};
    ck_assert_int_eq(hl_patients_group(hl, other, same, 2, &groups), HL_BAD_INPUT);
    ck_assert_str_eq(hl_error(hl), "the patient p is of centre A and of centre B, expected one");
    hl_patients_free(&groups);
    ck_ok(hl, hl_patients_group(hl, NULL, NULL, 0, &groups));
    hl_interval interval;
    ck_assert_int_eq(hl_bootstrap_mean(hl, &groups, 10, 1, NULL, &interval), HL_BAD_INPUT);
    hl_patients_free(&groups), hl_close(hl);
}
END_TEST

/* 400,000 draws in R, the seed set to 1:
 * A = list(c(.9,.8), .75, c(.2,.3,.4), .6, .55, .85); B = list(.5, c(.1,0), .7, .65)
 * quantile(replicate(400000, mean(unlist(c(sample(A, replace = TRUE), sample(B, replace = TRUE))))), c(.025, .975)) */
START_TEST(bootstrap_as_in_r) {
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *three = hl_open(&(hl_options){.threads = 3});
    hl_patients groups;
    ck_ok(one, hl_patients_group(one, centres, names, ROWS, &groups));
    hl_interval a, b, other;
    ck_ok(one, hl_bootstrap_mean(one, &groups, 40001, 5, values, &a));
    ck_ok(three, hl_bootstrap_mean(three, &groups, 40001, 5, values, &b));
    ck_ok(one, hl_bootstrap_mean(one, &groups, 40001, 6, values, &other));
    ck_assert_double_eq_tol(a.value, 7.3 / 14, 1e-14);
    ck_assert_double_eq_tol(a.low, 0.35625, 0.003);
    ck_assert_double_eq_tol(a.high, 0.725, 0.003);
    ck_assert(a.draws == 40001 && a.undefined == 0);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert(a.low != other.low || a.high != other.high);
    hl_patients_free(&groups), hl_close(one), hl_close(three);
}
END_TEST

/* What a statistic was shown: patients p (two rows) and q (one) of centre A, r alone in B. */
typedef struct seen {
    int kinds[3], wrong;
} seen;

static double look(const void *data, const int *times, int rows) {
    seen *s = (seen *)(uintptr_t)data;
    bool whole = rows == 4 && times[0] == times[2] && times[0] + times[1] == 2 && times[3] == 1;
    if (whole) s->kinds[times[1]]++;
    else s->wrong++;
    return times[1] == 2 ? NAN : times[1];
}

START_TEST(a_draw_keeps_patients_whole_and_centres_full) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    const char *const where[] = {"A", "A", "A", "B"}, *const who[] = {"p", "q", "p", "r"};
    hl_patients groups;
    seen s = {{0}, 0};
    hl_interval interval;
    ck_ok(hl, hl_patients_group(hl, where, who, 4, &groups));
    ck_ok(hl, hl_bootstrap(hl, &groups, 4000, 3, look, &s, &interval));
    ck_assert_int_eq(s.wrong, 0);
    ck_assert_int_eq(s.kinds[0] + s.kinds[1] + s.kinds[2], 4001); /* the patients as they are, too */
    ck_assert(abs(s.kinds[0] - 1000) < 150 && abs(s.kinds[1] - 2000) < 150 && abs(s.kinds[2] - 1000) < 150);
    ck_assert(interval.value == 1 && interval.low == 0 && interval.high == 1 && interval.undefined == s.kinds[2]);
    ck_assert_int_eq(hl_bootstrap(hl, &groups, 0, 3, look, &s, &interval), HL_USAGE);
    hl_patients_free(&groups), hl_close(hl);
}
END_TEST

START_TEST(differences_are_of_the_same_patients) {
    hl_context *hl = hl_open(NULL);
    hl_patients groups;
    ck_ok(hl, hl_patients_group(hl, centres, names, ROWS, &groups));
    double shifted[ROWS], none[ROWS], constant[ROWS];
    for (int i = 0; i < ROWS; i++) shifted[i] = i == 3 ? NAN : values[i] - 0.125, none[i] = NAN, constant[i] = 0.5;
    hl_interval interval;
    ck_ok(hl, hl_bootstrap_difference(hl, &groups, 500, 1, values, shifted, &interval));
    ck_assert_double_eq_tol(interval.value, 0.125, 1e-15); /* patients vary, the difference does not */
    ck_assert_double_eq_tol(interval.low, 0.125, 1e-15);
    ck_assert_double_eq_tol(interval.high, 0.125, 1e-15);
    ck_ok(hl, hl_bootstrap_mean(hl, &groups, 500, 1, constant, &interval));
    ck_assert(interval.value == 0.5 && interval.low == 0.5 && interval.high == 0.5);
    ck_ok(hl, hl_bootstrap_mean(hl, &groups, 500, 1, none, &interval));
    ck_assert(isnan(interval.value) && isnan(interval.low) && isnan(interval.high) && interval.undefined == 500);
    hl_patients_free(&groups);
    ck_ok(hl, hl_patients_group(hl, centres, names, 1, &groups));
    ck_ok(hl, hl_bootstrap_mean(hl, &groups, 100, 1, values, &interval)); /* one patient */
    ck_assert(interval.value == 0.9 && interval.low == 0.9 && interval.high == 0.9);
    hl_patients_free(&groups), hl_close(hl);
}
END_TEST

/* --- Wilcoxon --- */

static hl_wilcoxon wilcoxon_of(hl_context *hl, const double *differences, int count) {
    double zeros[64] = {0};
    hl_wilcoxon test;
    ck_ok(hl, hl_wilcoxon_test(hl, differences, zeros, count, &test));
    return test;
}

/* The Hamilton depression scale of nine patients before and after (Hollander and Wolfe 1973, p. 29), an example of R's
 * wilcox.test: V = 40, p = 0.0390625. */
static const double before[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
static const double after[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};

START_TEST(signed_ranks_of_the_literature) {
    hl_context *hl = hl_open(NULL);
    hl_wilcoxon test;
    ck_ok(hl, hl_wilcoxon_test(hl, before, after, 9, &test));
    ck_assert(test.pairs == 9 && test.zeros == 0 && test.positive == 40 && test.negative == 5 && test.p == 0.0390625);
    assert_close(test.p_least, 2.0 / 512, 1e-15);
    assert_close(test.effect, 35.0 / 45, 1e-15);
    ck_ok(hl, hl_wilcoxon_test(hl, after, before, 9, &test));
    ck_assert(test.positive == 5 && test.negative == 40 && test.p == 0.0390625);
    /* Darwin's maize (Fisher, The Design of Experiments, 1935): wilcox.test(d)$p.value, no ties */
    const double maize[] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    test = wilcoxon_of(hl, maize, 15);
    ck_assert(test.positive == 96 && test.negative == 24 && test.p == 0.041259765625);
    hl_close(hl);
}
END_TEST

/* All 2^n signs tried in R: r = rank(abs(d)); r = r[d != 0]; all = as.matrix(expand.grid(rep(list(0:1), length(r)))) %*% r;
 * mean(abs(all - sum(r) / 2) >= abs(W - sum(r) / 2)) */
START_TEST(ties_and_zeros_by_enumeration) {
    hl_context *hl = hl_open(NULL);
    const double mixed[] = {0, 0, 1, -2, 3, 3, -3, 5, 6, 7, 7, 0, 8}, equal[] = {4, -4, 4, 4, 4, -4, 4};
    hl_wilcoxon test = wilcoxon_of(hl, mixed, 13);
    ck_assert(test.pairs == 13 && test.zeros == 3 && test.positive == 73 && test.negative == 12 && test.p == 0.033203125);
    assert_close(test.p_least, 2.0 / 1024, 1e-15);
    test = wilcoxon_of(hl, equal, 7); /* a sign test: 2 (1 + 7 + 21) / 128 */
    ck_assert(test.positive == 20 && test.negative == 8 && test.p == 0.453125);
    const double a[] = {0.7, 0.8, 0.9}, b[] = {0.6, 0.7, 0.9 - 1e-15}; /* equal but for rounding */
    ck_ok(hl, hl_wilcoxon_test(hl, a, b, 3, &test));
    ck_assert(test.zeros == 1 && test.positive == 5 && test.negative == 0 && test.p == 0.5);
    hl_close(hl);
}
END_TEST

START_TEST(few_and_many_differences) {
    hl_context *hl = hl_open(NULL);
    const double one[] = {3}, holes[] = {NAN, NAN}, still[] = {0, 0, 0};
    hl_wilcoxon test = wilcoxon_of(hl, one, 1);
    ck_assert(test.pairs == 1 && test.p == 1 && test.p_least == 1 && test.effect == 1);
    test = wilcoxon_of(hl, still, 3);
    ck_assert(test.pairs == 3 && test.zeros == 3 && test.p == 1 && test.p_least == 1 && isnan(test.effect));
    test = wilcoxon_of(hl, holes, 2);
    ck_assert(test.pairs == 0 && isnan(test.p));
    test = wilcoxon_of(hl, NULL, 0);
    ck_assert(test.pairs == 0 && isnan(test.p));
    double many[1001], zeros[1001] = {0};
    for (int i = 0; i < 1001; i++) many[i] = i + 1;
    for (int i = 0, left = 200; left > 0; i++) /* of ranks 1 .. 40 some that sum to 200 are negative */
        if (40 - i <= left) left -= 40 - i, many[39 - i] *= -1;
    ck_ok(hl, hl_wilcoxon_test(hl, many, zeros, 40, &test));
    ck_assert(test.negative == 200 && test.positive == 620);
    assert_close(test.p, 0.00405210977442039, 1e-11); /* 2 * psignrank(200, 40) */
    for (int i = 0; i < 1001; i++) many[i] = i + 1;
    for (int i = 0, left = 17000; left > 0; i++)
        if (300 - i <= left) left -= 300 - i, many[299 - i] *= -1;
    ck_ok(hl, hl_wilcoxon_test(hl, many, zeros, 300, &test));
    ck_assert(test.negative == 17000);
    assert_close(test.p, 0.000193406252266676, 1e-10); /* 2 * psignrank(17000, 300) */
    ck_ok(hl, hl_wilcoxon_test(hl, zeros, many, 1000, &test));
    ck_assert(test.p < 1e-3);
    ck_assert_int_eq(hl_wilcoxon_test(hl, many, zeros, 1001, &test), HL_USAGE);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("statistics");
    TCase *tcase = slow_case(suite, "statistics");
    tcase_add_test(tcase, tails_as_in_r);
    tcase_add_test(tcase, studentised_range_as_in_r_and_demsar);
    tcase_add_test(tcase, rows_are_grouped_by_patient);
    tcase_add_test(tcase, bootstrap_as_in_r);
    tcase_add_test(tcase, a_draw_keeps_patients_whole_and_centres_full);
    tcase_add_test(tcase, differences_are_of_the_same_patients);
    tcase_add_test(tcase, signed_ranks_of_the_literature);
    tcase_add_test(tcase, ties_and_zeros_by_enumeration);
    tcase_add_test(tcase, few_and_many_differences);
    return run_suite(suite);
}
