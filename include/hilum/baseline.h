/* A baseline without learning: thresholds and morphology within the lungs, and what calling all of the lungs lesion scores. */
#ifndef HILUM_BASELINE_H
#define HILUM_BASELINE_H

#include "hilum/geometry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The steps, in this order, with their parameters. Thresholds within the lungs are what Khan et al. describe (Signal, Image and Video
 * Processing, 2022, 10.1007/s11760-022-02183-6), whom the study cites with a Dice of 46.28 %. The steps here are our own, and their
 * parameters are chosen on training patients. That figure is for Hounsfield units, in which air, aerated lung, ground glass and
 * consolidation have values of their own, and for other scans: it does not stand beside a figure for pictures whose contrast was changed.
 * Thresholds here count from the median of a case's lungs, which carries over from scanner to scanner. */
typedef struct hl_baseline {
    int erode;        /* 1. the lungs lose a margin of so many pixels, in which walls are blurred */
    int smooth;       /* 2. the image becomes the mean over the lung's pixels in the square of this radius around each; 0: as it is */
    double low, high; /* 3. a pixel more than low and at most high brighter than the median of the case's lungs is a candidate (of 0..1) */
    int open;         /* 4. opened by a disc of this radius in pixels: vessels and walls are thin; 0: not */
    int close;        /* 5. closed by a disc of this radius in pixels, and holes in a slice filled, within the lungs; 0: neither */
    int least;        /* 6. 4-connected components of a slice with fewer pixels go */
} hl_baseline;

/* A case as the baseline reads it, borrowed. */
typedef struct hl_baseline_case {
    hl_stack stack;        /* the slices of the case; spacing is not read */
    const float *image;    /* a voxel each, 0..1 */
    const uint8_t *lung;   /* not 0: lung, divided or not */
    const uint8_t *lesion; /* the truth; not read by hl_baseline_apply */
} hl_baseline_case;

/* mask = 1 where the baseline sees a lesion, never outside the lungs. */
hl_status hl_baseline_apply(hl_context *hl, const hl_baseline *baseline, const hl_baseline_case *of, uint8_t *mask);

typedef struct hl_baseline_tuning {
    hl_baseline best;
    double dsc;      /* mean Dice over the cases it was tuned on */
    double all_lung; /* of calling all of the lungs lesion, on the same cases */
    int tried;       /* combinations of parameters */
} hl_baseline_tuning;

/* Chooses the parameters by search over a grid: the highest mean Dice over the cases (a case's pixels together; both empty: 1), of equals
 * the one tried first. Margins, smoothing and thresholds come first, without morphology; then morphology, with low up to two steps to
 * either side. The cases must be those of training patients alone. None, or no lesion in any: HL_BAD_INPUT. */
hl_status hl_baseline_tune(hl_context *hl, const hl_baseline_case *cases, int count, hl_baseline_tuning *tuning);

/* Dice of a case: of the baseline, or with `baseline` NULL of calling all of the lungs lesion. */
hl_status hl_baseline_dice(hl_context *hl, const hl_baseline *baseline, const hl_baseline_case *of, double *dice);

/* The steps in words, one each. */
enum { HL_BASELINE_STEPS = 6 };
extern const char *const hl_baseline_steps[HL_BASELINE_STEPS];

#ifdef __cplusplus
}
#endif
#endif
