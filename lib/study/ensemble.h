/* The mean of several models, and of slices with their mirror images. */
#ifndef HL_STUDY_ENSEMBLE_H
#define HL_STUDY_ENSEMBLE_H

#include "study/run.h"

typedef struct hl_ensemble {
    hl_model *const *models; /* the run's */
    int count;
    bool flip;
} hl_ensemble;

/* Probabilities of `count` slices on the run's grid, as hl_model_predict takes and gives them. */
hl_status hl_ensemble_predict(hl_run *run, const hl_ensemble *models, const float *images, int count, float *mean);

#endif
