/* Tails of the distributions that tests need: chi-squared, F, Student's t, the studentised range. */
#include "eval/stat_distributions.h"

#include <math.h>

#include "hilum/statistics.h"

/* lgamma of the C library also writes a global, which others may be writing too. */
static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

static double away_from_zero(double x) { return fabs(x) < 1e-300 ? 1e-300 : x; }

/* The continued fraction of DLMF 8.17.22, whose terms are d_{2m} = m (b - m) x / ((a + 2m - 1)(a + 2m)) and
 * d_{2m+1} = -(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1)), by Lentz's method; it converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + even * d), c = away_from_zero(1 + even / c), value *= c * d;
        d = 1 / away_from_zero(1 + odd * d), c = away_from_zero(1 + odd / c), value *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return value;
}

double hl_beta_ratio(double a, double b, double x) {
    if (isnan(x)) return NAN;
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* Of whole degrees the incomplete gamma function is a finite sum (DLMF 8.4.10 and 8.4.14 with 8.8.2): with h = x / 2 an even number gives
 * e^-h sum h^i / i!, i = 0 .. degrees / 2 - 1, an odd one
 * erfc(sqrt h) + e^-h sum h^(i - 1/2) / Gamma(i + 1/2), i = 1 .. (degrees - 1) / 2. */
double hl_chi_squared_tail(double x, int degrees) {
    if (isnan(x)) return NAN;
    if (x <= 0) return 1;
    double h = x / 2, sum = degrees % 2 ? erfc(sqrt(h)) : 0;
    for (double power = degrees % 2 ? 0.5 : 0; power < degrees / 2.0 - 0.25; power++) sum += exp(power * log(h) - h - log_gamma(power + 1));
    return sum;
}

double hl_fisher_tail(double f, double degrees, double degrees_below) {
    if (isnan(f) || f <= 0) return isnan(f) ? NAN : 1;
    return hl_beta_ratio(degrees_below / 2, degrees / 2, degrees_below / (degrees_below + degrees * f));
}

double hl_student_tails(double t, double degrees) { return hl_beta_ratio(degrees / 2, 0.5, degrees / (degrees + t * t)); }

/* The x between low and high at which a falling function reaches 0.05. */
static double where_5_percent(double (*tail)(double x, double parameter), double parameter, double low, double high) {
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (middle <= low || middle >= high) break;
        if (tail(middle, parameter) > 0.05) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}

double hl_student_975(double degrees) { return degrees >= 1 ? where_5_percent(hl_student_tails, degrees, 0, 16) : NAN; }

/* --- the studentised range ---------------------------------------------------------------------------------------------- */

static double normal_tail(double z) { return 0.5 * erfc(z * 0.70710678118654752); }

/* 1 - k times the integral over z of phi(z) (Phi(z) - Phi(z - range))^(k - 1): the largest of the k is at z and the others are within the
 * range under it. All derivatives vanish at both ends, where the rule of trapezoids converges faster than any power of the step. */
double hl_studentised_range_tail(double range, int k) {
    if (k < 2 || isnan(range)) return NAN;
    if (range <= 0) return 1;
    const double step = 1 / 32.0, density = 0.3989422804014327;
    double sum = 0;
    for (int i = -320; i <= 320; i++) {
        double z = i * step;
        sum += exp(-0.5 * z * z) * pow(normal_tail(z - range) - normal_tail(z), k - 1);
    }
    return fmax(0, 1 - k * density * step * sum);
}

static double range_tail(double range, double k) { return hl_studentised_range_tail(range, (int)k); }

double hl_studentised_range_95(int k) { return where_5_percent(range_tail, k, 0, 20); }
