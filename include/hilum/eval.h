/* Evaluation: probability histograms, Dice and friends, ROC, threshold calibration. */
#ifndef HILUM_EVAL_H
#define HILUM_EVAL_H

#include <stdbool.h>

#include "hilum/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- histograms of probability by label --------------------------------------------------------------------------- */

enum { HL_THRESHOLDS = 26 };
/* 0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05 to 0.95 by 0.05, 1; rising. */
extern const double hl_thresholds[HL_THRESHOLDS];
/* The index of a threshold of the list (to 1e-12), or -1. */
int hl_threshold_index(double threshold);

enum { HL_BINS = 1024 };

/* Pixels of a case (or slice, or cohort) counted by label and probability. Bin 0 holds p = 0 exactly; bin b > 0 holds
 * edge[b-1] < p <= edge[b], the edges evenly spaced in logit with every threshold above among them. Integers, so that the
 * parts of a cohort merge exactly, in any order. Besides the bins one threshold of the caller's choice is counted. */
typedef struct hl_histogram {
    uint64_t counts[2][HL_BINS]; /* [label][bin] */
    double threshold;            /* of `above`, set once by hl_histogram_clear */
    uint64_t above[2];           /* pixels with p > threshold, by label */
} hl_histogram;

void hl_histogram_clear(hl_histogram *histogram, double threshold);
/* Adds `count` pixels. A NaN counts as 0. Labels: non-zero is lesion. */
void hl_histogram_add(hl_histogram *histogram, const float *probabilities, const uint8_t *labels, size_t count);
void hl_histogram_merge(hl_histogram *into, const hl_histogram *from);

/* Pixels at a threshold: which must be of hl_thresholds or the histogram's own. Positive is p > threshold. */
typedef struct hl_confusion {
    uint64_t true_positive, false_positive, false_negative, true_negative;
} hl_confusion;
hl_confusion hl_histogram_confusion(const hl_histogram *histogram, double threshold);
/* 2 TP / (2 TP + FP + FN); both empty: 1. */
double hl_dice(const hl_confusion *confusion);
/* Area under the ROC curve by trapezoids over the bins (ties within a bin count half); NaN when one label is absent. */
double hl_histogram_auc(const hl_histogram *histogram);
/* The ROC curve: false and true positive rates from (0, 0) to (1, 1), HL_BINS + 1 points each. false when one label is absent. */
bool hl_histogram_roc(const hl_histogram *histogram, double *false_rate, double *true_rate);

/* --- more than one class ------------------------------------------------------------------------------------------------ */

/* With more than one class a pixel is predicted to be of the most probable one, and each class but the background (0) is counted as
 * if it were alone. Thresholds, and what comes out of them, have no meaning there. */

/* labels[i] = the class whose probability at pixel i is the highest, of equals the first. probabilities: classes x pixels. */
void hl_most_probable(const float *probabilities, int classes, size_t pixels, uint8_t *labels);
/* Adds pixels to counts[0 .. classes-1]. Labels are below `classes`, which is at most HL_CLASSES_MOST. */
void hl_classes_count(const uint8_t *predicted, const uint8_t *labels, size_t pixels, int classes, hl_confusion *counts);
/* The mean over the classes from 1 on of hl_dice. classes: at least 2. */
double hl_classes_dice(const hl_confusion *counts, int classes);

/* --- figures of a test ---------------------------------------------------------------------------------------------- */

/* One case scored by one model. */
typedef struct hl_score {
    const char *centre, *patient, *case_name; /* borrowed */
    int model;                                /* the fold whose model scored it */
    int64_t lesion_pixels;                    /* on the mask's own pixels */
    int slices;
    double slice_dice_sum;                    /* Dice of its slices at the histogram's own threshold, summed */
    hl_histogram histogram;                   /* of one class; empty with more */
    int classes;                              /* 0: 1 */
    int64_t class_pixels[HL_CLASSES_MOST];    /* by class, on the mask's own pixels; with more than one */
    hl_confusion counts[HL_CLASSES_MOST];     /* by class; with more than one */
} hl_score;

/* The Dice of the case: at the threshold, or with more than one class the mean over them. */
double hl_score_dice(const hl_score *score, double threshold);

/* One case after averaging over the models that scored it. */
typedef struct hl_case_figure {
    const char *centre, *patient, *case_name; /* borrowed from the scores */
    int64_t lesion_pixels;
    int models;
    double dsc;                       /* at the threshold; with more than one class the mean over them */
    double dsc_at[HL_THRESHOLDS];     /* of one class; NaN with more */
    double dsc_class[HL_CLASSES_MOST]; /* by class; with more than one */
    int64_t class_pixels[HL_CLASSES_MOST];
} hl_case_figure;

/* The figures of one class of several, each as hl_figures has it of the only one: a case's Dice is the class's, and its lesion the
 * class's pixels. */
typedef struct hl_class_figure {
    int index;        /* from 1 */
    const char *name; /* NULL where it has none; borrowed */
    double dsc_case_mean, dsc_case_sd, dsc_case_median, dsc_lesion_mean, dsc_lesion100_mean, dsc_nonempty_mean;
    int lesion_cases, lesion100_cases, nonempty_cases;
    hl_confusion pooled;
    double sensitivity, specificity, precision;
} hl_class_figure;

/* What `hilum evaluate` prints; NaN is what has no value. Means over cases unless said. With more than one class the Dice of a case, and
 * of a slice, is the mean over them; what is a mean over some of the cases (dsc_lesion_mean, dsc_lesion100_mean, dsc_nonempty_mean) and
 * what is a share of pixels is the mean over the classes of each one's own; pooled is summed over them; thresholds and AUC are NaN. */
typedef struct hl_figures {
    double threshold;
    int case_count;
    hl_case_figure *cases; /* owner: hl_figures_free; in order of first appearance */
    double dsc_case_mean, dsc_case_sd, dsc_case_median; /* sd: n - 1 */
    double dsc_lesion_mean;      /* cases with a lesion only */
    double dsc_lesion100_mean;   /* cases of at least 100 lesion pixels */
    double dsc_nonempty_mean;    /* leaving out cases whose truth and prediction are both empty (nnU-Net's) */
    int lesion_cases, lesion100_cases, nonempty_cases;
    int models;
    double dsc_fold_mean, dsc_fold_sd, dsc_fold_sd0; /* of each model's mean over its cases */
    double dsc_slice_mean;
    double auc;                         /* pooled pixels of all scores */
    double auc_fold_mean, auc_fold_sd;  /* over models that have both labels */
    int auc_folds_without;              /* models left out of it: one label only */
    double dsc_at[HL_THRESHOLDS];       /* mean over cases at each threshold */
    double dsc_oracle, threshold_oracle; /* best of these very cases: never a result */
    double dsc_val_threshold, threshold_val;
    hl_confusion pooled;                /* at the threshold */
    double sensitivity, specificity, precision; /* of pooled; NaN where undefined */
    int classes;                        /* 1, or more: */
    hl_class_figure *class_figures;     /* classes - 1 of them, the background has none; NULL for one class. Owner: hl_figures_free */
} hl_figures;

/* Computes all of it at `threshold` (of hl_thresholds or the histograms' own, else HL_USAGE; dsc_slice_mean is NaN unless it
 * is their own; with more than one class it is not read). Scores of different classes: HL_USAGE. threshold_val: of hl_thresholds, or NaN
 * where the run has none. No scores: HL_BAD_INPUT. */
hl_status hl_figures_compute(hl_context *hl, const hl_score *scores, int count, double threshold, double threshold_val, hl_figures *figures);
void hl_figures_free(hl_figures *figures);
/* The index of the best of values[HL_THRESHOLDS]: the highest; a tie goes to the threshold nearest 0.5, then to the lower. */
int hl_best_threshold(const double *values);

/* --- calibration for a new centre ------------------------------------------------------------------------------------- */

enum { HL_SHARES = 6 }; /* 0, 10, 20, 30, 40, 50 % */

typedef struct hl_share {
    int percent;
    double threshold;                         /* lower median over draws */
    double dsc_median, dsc_p5, dsc_p95;       /* over draws, all cases of the test half */
    double dsc_lesion_median;                 /* cases with a lesion only */
    double share_lost;                        /* of draws that end below 0.5's Dice */
    double split_threshold, split_dsc;        /* of one draw, itself drawn: what dividing once would have shown */
} hl_share;

typedef struct hl_calibration {
    int patients, cases, draws;
    bool exhaustive;           /* all divisions were tried */
    double dsc_before;         /* at 0.5, median over draws */
    double dsc_lesion_before;
    hl_share shares[HL_SHARES];
} hl_calibration;

/* Calibration as the contract has it: patients divided at random, the first floor(n/2) for calibration, the rest for test;
 * see the file. `cases` come from hl_figures. Fewer than two patients: HL_BAD_INPUT. Percentiles by linear interpolation
 * between order statistics (R's type 7). */
hl_status hl_calibrate(hl_context *hl, const hl_case_figure *cases, int count, uint64_t seed, hl_calibration *result);

/* --- small statistics --------------------------------------------------------------------------------------------------- */

double hl_mean(const double *values, int count);                      /* NaN for none */
double hl_deviation(const double *values, int count, int less);       /* divided by count - less; NaN where that is < 1 */
/* Quantile q in 0..1, R's type 7. Sorts a copy; NaN for none or without memory. */
double hl_quantile(hl_context *hl, const double *values, int count, double q);

#ifdef __cplusplus
}
#endif
#endif
