/* Agreement of two measurements: Pearson, Lin, Bland and Altman. */
#include <math.h>

#include "eval/stat_distributions.h"
#include "hilum/statistics.h"

/* Sums over the pairs that have both values. */
typedef struct moments {
    int n;
    double x, y;       /* means */
    double xx, yy, xy; /* sums of squares and products about them; 0 exactly for a constant series */
    double difference; /* the mean of x - y */
    double squares;    /* sum of squares of x - y about it */
} moments;

static bool paired(const double *x, const double *y, int i) { return !isnan(x[i]) && !isnan(y[i]); }

/* Is it the same value in all pairs? Then rounding of the mean must not make a spread of it. */
static bool constant(const double *series, const double *x, const double *y, int count) {
    double seen = NAN;
    for (int i = 0; i < count; i++) {
        if (!paired(x, y, i)) continue;
        if (!isnan(seen) && series[i] != seen) return false;
        seen = series[i];
    }
    return true;
}

static moments moments_of(const double *x, const double *y, int count) {
    moments m = {0};
    for (int i = 0; i < count; i++) {
        if (paired(x, y, i)) m.n++, m.x += x[i], m.y += y[i], m.difference += x[i] - y[i];
    }
    if (!m.n) return m;
    m.x /= m.n, m.y /= m.n, m.difference /= m.n;
    for (int i = 0; i < count; i++) {
        if (!paired(x, y, i)) continue;
        double dx = x[i] - m.x, dy = y[i] - m.y, d = x[i] - y[i] - m.difference;
        m.xx += dx * dx, m.yy += dy * dy, m.xy += dx * dy, m.squares += d * d;
    }
    bool still_x = constant(x, x, y, count), still_y = constant(y, x, y, count);
    if (still_x) m.xx = m.xy = 0;
    if (still_y) m.yy = m.xy = 0;
    return m;
}

static double clamp(double r) { return fmax(-1, fmin(1, r)); }

static double pearson_of(const moments *m) { return m->xx > 0 && m->yy > 0 ? clamp(m->xy / sqrt(m->xx * m->yy)) : NAN; }

/* The interval of a correlation whose artanh has the given standard error. */
static void transform(double r, double error, double *low, double *high) {
    bool certain = fabs(r) == 1;
    *low = certain ? r : tanh(atanh(r) - hl_normal_975 * error);
    *high = certain ? r : tanh(atanh(r) + hl_normal_975 * error);
}

hl_correlation hl_pearson(const double *x, const double *y, int count) {
    moments m = moments_of(x, y, count);
    hl_correlation c = {.pairs = m.n, .r = pearson_of(&m), .low = NAN, .high = NAN, .p = NAN};
    if (isnan(c.r)) return c;
    if (m.n >= 4) transform(c.r, 1 / sqrt(m.n - 3), &c.low, &c.high);
    if (m.n >= 3) c.p = fabs(c.r) == 1 ? 0 : hl_student_tails(c.r * sqrt((m.n - 2) / (1 - c.r * c.r)), m.n - 2);
    return c;
}

/* The standard error of artanh ccc: Lin's. u is the shift of location in geometric mean deviations. */
static double lin_error(const moments *m, double r, double c) {
    double u2 = (m->x - m->y) * (m->x - m->y) / (sqrt(m->xx * m->yy) / m->n), left = 1 - c * c;
    double variance = (1 - r * r) * c * c / (left * r * r) + 2 * c * c * c * (1 - c) * u2 / (r * left * left) -
                      c * c * c * c * u2 * u2 / (2 * r * r * left * left);
    return sqrt(fmax(0, variance) / (m->n - 2));
}

hl_concordance hl_lin(const double *x, const double *y, int count) {
    moments m = moments_of(x, y, count);
    hl_concordance c = {.pairs = m.n, .ccc = NAN, .low = NAN, .high = NAN, .bias_factor = NAN};
    if (!m.n) return c;
    double below = m.xx / m.n + m.yy / m.n + (m.x - m.y) * (m.x - m.y), r = pearson_of(&m);
    if (below > 0) c.ccc = clamp(2 * m.xy / m.n / below);
    if (isnan(r) || r == 0) return c;
    c.bias_factor = c.ccc / r;
    if (m.n >= 3) transform(c.ccc, fabs(c.ccc) == 1 ? 0 : lin_error(&m, r, c.ccc), &c.low, &c.high);
    return c;
}

hl_agreement hl_bland_altman(const double *x, const double *y, int count) {
    moments m = moments_of(x, y, count);
    hl_agreement a = {.pairs = m.n, .bias = m.n ? m.difference : NAN};
    a.sd = m.n > 1 ? sqrt(m.squares / (m.n - 1)) : NAN;
    a.lower = a.bias - hl_normal_975 * a.sd, a.upper = a.bias + hl_normal_975 * a.sd;
    double t = hl_student_975(m.n - 1), around_bias = t * a.sd / sqrt(m.n), around_limits = t * a.sd * sqrt(3.0 / m.n);
    a.bias_low = a.bias - around_bias, a.bias_high = a.bias + around_bias;
    a.lower_low = a.lower - around_limits, a.lower_high = a.lower + around_limits;
    a.upper_low = a.upper - around_limits, a.upper_high = a.upper + around_limits;
    return a;
}
