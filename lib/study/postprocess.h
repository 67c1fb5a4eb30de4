/* Post-processing of a run's masks: tuned on its validation patients, applied to its test parts. */
#ifndef HL_STUDY_POSTPROCESS_H
#define HL_STUDY_POSTPROCESS_H

#include "study/run.h"

typedef struct hl_postprocessing hl_postprocessing;

/* A run and its cohort. Sizes are in mL where the spacing of every labelled case is known, else in voxels of the training grid; clipping is
 * tried where every labelled slice has lungs and the lung is not itself what is looked for. Owner: the caller, hl_postprocess_free. */
hl_postprocessing *hl_postprocess_open(hl_run *run, hl_cohort *cohort);
void hl_postprocess_free(hl_postprocessing *p);
/* Watches the validation part: each case is cleaned in every way of the grid. */
hl_watcher hl_postprocess_tune(hl_postprocessing *p);
/* Chooses for each fold by its own validation cases, and for all by the cases of all: the highest mean Dice, of equals that which alters
 * the fewest voxels, of those the smallest size, no filling, no clipping. Without validation cases nothing is done. */
void hl_postprocess_choose(hl_postprocessing *p);
/* What was chosen for a fold, or with -1 for all. */
const hl_postprocess *hl_postprocess_chosen(const hl_postprocessing *p, int fold);
/* Watches the part that is reported, after hl_postprocess_choose: each case is cleaned as its model's fold says and scored. */
hl_watcher hl_postprocess_apply(hl_postprocessing *p);
/* The scores of what hl_postprocess_apply cleaned, in the order of cases; owned by `p`. Probabilities are 0 and 1. */
const hl_score *hl_postprocess_scores(const hl_postprocessing *p, int *count);

/* Adds the object "postprocess" (postprocess_json.c). */
hl_status hl_postprocess_put(const hl_postprocessing *p, hl_json *json, int folds);

#endif
