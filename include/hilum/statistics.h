/* Statistics of a study: intervals over patients, tests between nets, agreement, calibration of probabilities, severity. All are pure
 * functions of numbers: nothing is read, written or kept. */
#ifndef HILUM_STATISTICS_H
#define HILUM_STATISTICS_H

#include "hilum/eval.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values are finite, or NaN for a figure that does not exist (the recall of a healthy patient): such a one is left out, together with what
 * it is paired with, and counted where a result has a field for it. What cannot be computed of what is left (a deviation of one value)
 * is NaN. */

/* --- intervals by resampling patients ---------------------------------------------------------------------------------- */

/* Rows of figures (cases, lungs of cases, ...) grouped by patient and centre. */
typedef struct hl_patients {
    int rows, count, centres;
    int *of_row;       /* rows: the patient of each row, 0 .. count-1 in order of centre, then name */
    int *centre_first; /* centres + 1: the patients of centre c are centre_first[c] .. centre_first[c+1]-1 */
} hl_patients;

/* Groups rows 0 .. rows-1 by the two names of each; the order of the rows changes an interval by rounding alone. One patient in two
 * centres: HL_BAD_INPUT. Owner: the caller, hl_patients_free, after a failure too. */
hl_status hl_patients_group(hl_context *hl, const char *const *centres, const char *const *patients, int rows, hl_patients *groups);
void hl_patients_free(hl_patients *groups);
/* means[0 .. groups->count-1]: of each patient the mean of its rows' values; NaN for a patient without any. */
void hl_patients_means(const hl_patients *groups, const double *values, double *means);

/* A statistic of a multiset of patients: row i counts times[i] times (0: its patient was not drawn), i = 0 .. rows-1. NaN: it has no value
 * there. It is called from several threads at once and has to be a function of its arguments alone. */
typedef double hl_statistic(const void *data, const int *times, int rows);

typedef struct hl_interval {
    double value;     /* of the patients as they are */
    double low, high; /* the 2.5th and 97.5th percentile over the draws in which it has a value; NaN where it has none in any */
    int draws;        /* made */
    int undefined;    /* of them, without a value */
} hl_interval;

/* A 95 % interval by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13), the patient being the unit: a draw takes, from each
 * centre, as many of its patients as it has, with replacement, and each time all of a patient's rows. Percentiles by R's type 7. Random
 * numbers are functions of (seed, draw, place in the draw): the same bits on any number of threads, and two statistics of the same
 * patients and seed see the same draws. draws < 1: HL_USAGE. No patients: HL_BAD_INPUT. With one patient in each centre there is nothing
 * to draw: low = high = value. */
hl_status hl_bootstrap(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, hl_statistic *statistic, const void *data,
                       hl_interval *interval);
/* Of the mean of the rows' values. */
hl_status hl_bootstrap_mean(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, const double *values,
                            hl_interval *interval);
/* Of the mean of a[i] - b[i]: rows that lack either are left out, so that both are of the same patients. */
hl_status hl_bootstrap_difference(hl_context *hl, const hl_patients *groups, int draws, uint64_t seed, const double *a, const double *b,
                                  hl_interval *interval);

/* --- tests between nets ------------------------------------------------------------------------------------------------- */

typedef struct hl_wilcoxon {
    int pairs;                 /* with both values */
    int zeros;                 /* of them without a difference */
    double positive, negative; /* sums of the ranks of positive and negative differences a - b */
    double p;                  /* two-sided, exact; 1 when all differences are 0; NaN without pairs */
    double p_least;            /* the smallest p that so many differences can reach: 2 / 2^(pairs - zeros), at most 1 */
    double effect; /* matched-pairs rank-biserial correlation (positive - negative) / (positive + negative); NaN without ranks */
} hl_wilcoxon;

/* Wilcoxon's signed-rank test of a[i] - b[i], i = 0 .. count-1. Zeros as Pratt (JASA 54, 1959) has them: they take part in the ranking and
 * are then left out. Equal absolute differences share their mean rank; differences count as equal (and as 0) when they are so to 1e-12 of
 * the largest value, so that rounding breaks no ties. The null distribution is the exact one of these very ranks, ties and gaps included:
 * each of the n = pairs - zeros differences has either sign with probability 1/2, so the distribution of the sum of positive ranks is that
 * of n independent terms, which are folded in one after the other over all sums of doubled ranks (whole numbers, since mean ranks are
 * halves). It is symmetric, and p is twice the smaller tail. Time grows with n^3; above HL_WILCOXON_MOST differences: HL_USAGE. */
enum { HL_WILCOXON_MOST = 1000 };
hl_status hl_wilcoxon_test(hl_context *hl, const double *a, const double *b, int count, hl_wilcoxon *test);

/* Holm's step-down correction (Scand. J. Stat. 6, 1979): adjusted[i] = the largest over p[j] <= p[i] of min(1, p[j] (m - rank of j + 1)), m
 * being the number of p that are not NaN; a NaN stays one. adjusted may be p. */
hl_status hl_holm(hl_context *hl, const double *p, int count, double *adjusted);

/* Two nets of several. */
typedef struct hl_pair {
    int first, second; /* first < second */
    hl_wilcoxon test;  /* of first - second */
    double p_holm;     /* over all pairs */
    bool different;    /* p_holm below 0.05 */
} hl_pair;

/* Every net with every other: Wilcoxon's test over blocks (patients), Holm's correction over all nets (nets - 1) / 2 pairs.
 * values: blocks x nets; pairs: nets (nets - 1) / 2, in the order (0, 1), (0, 2), ..., (1, 2), ... */
hl_status hl_compare_nets(hl_context *hl, const double *values, int blocks, int nets, hl_pair *pairs);

typedef struct hl_friedman {
    int blocks;          /* those that have a value of every net; others are left out */
    double statistic, p; /* Friedman's chi-squared on nets - 1 degrees, corrected for ties; NaN when all values of each block are equal */
    double f, f_p; /* Iman and Davenport's F = (N - 1) chi2 / (N (k - 1) - chi2) on k - 1 and (k - 1)(N - 1) degrees, less conservative; an
                    * infinite F has the p of 0 */
    double critical_difference; /* Nemenyi's, at 0.05, between mean ranks */
} hl_friedman;

/* Friedman's test over blocks (patients) of which each was scored by every net, and Nemenyi's critical difference q sqrt(k (k + 1) / (6 N))
 * (Demsar, JMLR 7, 2006, section 3.2.2), q the 0.95 quantile of the studentised range of k normal values over root 2, computed.
 * values: blocks x nets, higher is better. ranks[0 .. nets-1] gets the mean ranks, 1 the best, equal values sharing theirs.
 * Fewer than two nets: HL_USAGE. No complete block: HL_BAD_INPUT. */
hl_status hl_friedman_test(hl_context *hl, const double *values, int blocks, int nets, double *ranks, hl_friedman *test);
/* P of a range at least as large, of k standard normal values (the studentised range with infinite degrees of freedom). */
double hl_studentised_range_tail(double range, int k);

/* Nets, neighbours in rank, of which no two differ: a bar of the critical-difference diagram. */
typedef struct hl_clique {
    int first, last; /* places in the order of rising mean rank, first < last */
} hl_clique;

/* The longest runs of nets in rising order of mean rank in which no two differ; runs within others and single nets are left out.
 * order[0 .. nets-1] gets the nets by mean rank (of equals the first). pairs: hl_compare_nets', whose `different` decides, or NULL: two
 * nets differ when their ranks are `critical_difference` or more apart. cliques: room for nets. Returns how many. */
int hl_rank_cliques(const double *ranks, int nets, double critical_difference, const hl_pair *pairs, int *order, hl_clique *cliques);

/* --- agreement of two measurements --------------------------------------------------------------------------------------- */

/* x and y hold `count` values each; pairs that lack either are left out. */
typedef struct hl_correlation {
    int pairs;
    double r, low, high; /* 95 %, by Fisher's z = artanh r with standard error 1 / sqrt(n - 3); NaN below 4 pairs; r itself where |r| = 1 */
    double p;            /* two-sided, of r = 0, by Student's t on n - 2 degrees */
} hl_correlation;
/* Pearson's r. A constant series has none: NaN. */
hl_correlation hl_pearson(const double *x, const double *y, int count);

/* Lin's concordance correlation coefficient 2 s_xy / (s_x^2 + s_y^2 + (mean x - mean y)^2), moments over n (Lin, Biometrics 45, 1989), its
 * 95 % interval by the z transform with the variance of that paper as corrected in Biometrics 56, 2000, p. 324. Two constant series that
 * are equal agree without having a coefficient: NaN. */
typedef struct hl_concordance {
    int pairs;
    double ccc, low, high; /* the interval is NaN below 3 pairs and where r is 0 or has no value; ccc itself where |ccc| = 1 */
    double bias_factor;    /* C_b = ccc / r: how far the best line is from the identity */
} hl_concordance;
hl_concordance hl_lin(const double *x, const double *y, int count);

/* Limits of agreement of x - y (Bland and Altman, Lancet 1986): bias and bias -+ 1.96 SD (n - 1), each with its 95 % interval by Student's
 * t on n - 1 degrees, the standard errors being SD / sqrt n and SD sqrt(3 / n). */
typedef struct hl_agreement {
    int pairs;
    double bias, sd, lower, upper;
    double bias_low, bias_high, lower_low, lower_high, upper_low, upper_high;
} hl_agreement;
hl_agreement hl_bland_altman(const double *x, const double *y, int count);

/* --- probabilities ------------------------------------------------------------------------------------------------------ */

enum { HL_RELIABILITY_BINS = 10 };

/* How often pixels of a probability are lesion. Bin b holds b/10 < p <= (b + 1)/10, the first p = 0 too. */
typedef struct hl_reliability {
    uint64_t pixels[HL_RELIABILITY_BINS];
    double predicted[HL_RELIABILITY_BINS]; /* mean probability; NaN in an empty bin */
    double observed[HL_RELIABILITY_BINS];  /* share of lesion pixels; NaN in an empty bin */
    double ece; /* sum over bins of pixels |observed - predicted| / all pixels (Naeini et al., AAAI 2015); NaN without pixels */
    double mce; /* the largest |observed - predicted| */
} hl_reliability;

/* From a histogram, of the pixels within a mask when only those were added to it. The edges of the bins are among the histogram's, so
 * that pixels are counted exactly; the mean probability takes each pixel at the middle of its histogram bin, whose half width is at most
 * 0.0043. */
void hl_reliability_curve(const hl_histogram *histogram, hl_reliability *reliability);

/* Average precision: sum over falling thresholds of (R_n - R_{n-1}) P_n at every edge of the histogram's bins, without interpolation; NaN
 * without lesion pixels. */
double hl_histogram_average_precision(const hl_histogram *histogram);

/* --- rates of a case ---------------------------------------------------------------------------------------------------- */

/* NaN where the denominator is 0: of two empty masks only specificity and Dice (1, by convention) have values. */
typedef struct hl_rates {
    double sensitivity; /* TP / (TP + FN), recall */
    double specificity; /* TN / (TN + FP) */
    double precision;   /* TP / (TP + FP) */
    double iou;         /* TP / (TP + FP + FN), Jaccard's index */
    double dice;        /* hl_dice */
} hl_rates;
hl_rates hl_confusion_rates(const hl_confusion *confusion);

/* --- severity ----------------------------------------------------------------------------------------------------------- */

/* By the share of the lungs that is lesion, after the grades of MosMedData (Morozov et al., arXiv:2005.06465, 2020): CT-1, up to 25 %;
 * CT-2, over 25 up to 50 %; CT-3 and CT-4 (which begins at 75 %), over 50 %. CT-0 is a lung without lesion. */
typedef enum hl_grade { HL_GRADE_NONE, HL_GRADE_MILD, HL_GRADE_MODERATE, HL_GRADE_SEVERE, HL_GRADES } hl_grade;
/* share: 0..1, of the lungs. A NaN (no lung): HL_GRADES, which is none of them. */
hl_grade hl_grade_of(double share);
const char *hl_grade_name(hl_grade grade); /* "none", "mild", "moderate", "severe"; "unknown" for HL_GRADES */

#ifdef __cplusplus
}
#endif
#endif
