/* Tails of the distributions that tests need. */
#ifndef HL_EVAL_STAT_DISTRIBUTIONS_H
#define HL_EVAL_STAT_DISTRIBUTIONS_H

/* The 0.975 quantile of the standard normal distribution. */
static const double hl_normal_975 = 1.959963984540054;

/* The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a and b above 0. */
double hl_beta_ratio(double a, double b, double x);
/* P(chi-squared >= x), degrees at least 1. */
double hl_chi_squared_tail(double x, int degrees);
/* P(F >= f); an infinite f: 0. */
double hl_fisher_tail(double f, double degrees, double degrees_below);
/* P(|t| >= |t|), Student's. */
double hl_student_tails(double t, double degrees);
/* The t whose two tails hold 0.05 together. */
double hl_student_975(double degrees);
/* The 0.95 quantile of the range of k standard normal values, k at least 2. */
double hl_studentised_range_95(int k);

#endif
