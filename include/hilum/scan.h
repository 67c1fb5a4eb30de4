/* Scans: whole volumes predicted, and how much of each lung is lesion. */
#ifndef HILUM_SCAN_H
#define HILUM_SCAN_H

#include "hilum/study.h"
#include "hilum/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_scan_options {
    hl_model *const *models; /* the run's, compiled for one batch size: their mean */
    int model_count;
    bool flip;                                   /* each model's mean with what it says of the mirrored slice */
    double threshold;                            /* of one class */
    const hl_window *window;                     /* NULL: the run's */
    double mm;                                   /* 0: as the run has it */
    volatile const int *stop;                    /* may be NULL */
    void (*report)(void *user, double fraction); /* may be NULL */
    void *user;
} hl_scan_options;

/* A volume and what a run says of it. */
typedef struct hl_scan {
    hl_volume image;
    hl_range range;
    hl_volume mask; /* in the image's geometry: 1 where p > threshold, or with more than one class the most probable one's index */
    float *grid;    /* probabilities on the run's grid: slices x classes x height x width */
    int height, width, classes; /* of the grid */
    hl_placement place;         /* of a slice on it */
} hl_scan;

/* Predicts a volume slice by slice, in batches; with context a slice's neighbours are those of the volume, at its ends the slice
 * itself. A scan that cannot be read is HL_BAD_INPUT, a stop HL_INTERRUPTED. Owner of *scan: the caller, hl_scan_free, which may be
 * called after a failure too. */
hl_status hl_run_predict_scan(hl_run *run, const char *path, hl_units units, const hl_scan_options *options, hl_scan *scan);
void hl_scan_free(hl_scan *scan);
/* The probability of a class (of one class: 0) in the image's geometry; beyond the grid 0. Owner: the caller, hl_volume_free. */
hl_status hl_scan_probability(hl_context *hl, const hl_scan *scan, int index, hl_volume *volume);

/* Which slices hold a prediction: the next from z on, or -1. */
int hl_scan_next(const hl_scan *scan, int z);
/* An axial slice through its window with the prediction outlined, or with more than one class each of them tinted. PNG. */
hl_status hl_scan_overlay(hl_context *hl, const hl_scan *scan, int z, const char *path);
/* A sheet of at most 24 slices in rows of 6, evenly from the lowest to the highest, with the prediction as above. PNG. */
hl_status hl_scan_sheet(hl_context *hl, const hl_scan *scan, const char *path);

/* What is done to a predicted mask of one class; all 0: nothing. */
typedef struct hl_cleaning {
    double smallest; /* in ml: lesions, voxels that touch by sides, edges or corners, are removed where they are smaller */
    bool fill;       /* holes: of an axial slice what no path by sides joins to its border */
    bool clip;       /* what is not in the lungs is removed, before all else */
} hl_cleaning;

/* Cleans a mask of 0 and 1. Clipping without lungs of the mask's size is HL_BAD_INPUT. */
hl_status hl_mask_clean(hl_context *hl, hl_volume *mask, const hl_volume *lungs, const hl_cleaning *cleaning);

enum { HL_LEFT_LUNG, HL_RIGHT_LUNG, HL_BOTH_LUNGS };

/* How much of the lungs is lesion, in ml by the volume's spacing. */
typedef struct hl_scan_severity {
    double lesion;             /* anywhere, in lungs or not */
    bool divided;              /* left and right are told apart */
    double lung[3], inside[3]; /* by HL_LEFT_LUNG to HL_BOTH_LUNGS: of the lung, of lesion inside it; left and right 0 where not divided */
    double share[3];           /* inside / lung; NaN where there is no lung to divide by */
} hl_scan_severity;

/* Counts a mask's voxels that are not 0, and how they lie in lungs: 1 left and 2 right where both occur and 255 does not, otherwise any
 * value but 0 is lung. `lungs` NULL: only lesion has a value. `name` of the lungs stands in error texts. Lungs of another size than the
 * mask, or with other values than 0, 1, 2 and 255, are HL_BAD_INPUT. */
hl_status hl_scan_severity_measure(hl_context *hl, const hl_volume *mask, const hl_volume *lungs, const char *name, hl_scan_severity *severity);

/* A row of a table of severities. */
typedef struct hl_scan_severity_row {
    const char *scan;
    hl_scan_severity severity;
    const char *reason; /* why shares have no value; "" where they have */
} hl_scan_severity_row;

/* Writes a table as CSV: scan, severity, severity_left, severity_right (shares), lesion_ml, lung_ml, left_lung_ml, right_lung_ml,
 * lesion_in_lung_ml, reason. What has no value is an empty cell. */
hl_status hl_scan_severity_write(hl_context *hl, const char *path, const hl_scan_severity_row *rows, int count);

#ifdef __cplusplus
}
#endif
#endif
