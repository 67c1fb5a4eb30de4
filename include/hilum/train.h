/* Training one model on a cohort's slices: schedule, checkpoints, early stopping, resuming. */
#ifndef HILUM_TRAIN_H
#define HILUM_TRAIN_H

#include "hilum/data.h"
#include "hilum/nets.h"
#include "hilum/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is told while training goes on; the library itself prints nothing. */
typedef struct hl_progress {
    int epoch, epochs;  /* epoch from 1 */
    int step, steps;    /* within the epoch, from 1; 0 with epoch_done */
    double loss;        /* mean over the epoch so far */
    bool epoch_done;    /* an epoch's end: the figures below are set */
    double dsc_val;     /* mean Dice over the validation cases at 0.5, or over the classes too; NaN without validation */
    bool best, stopping;
    double seconds;     /* since hl_fit began */
    double waited;      /* of those, for slices that were not loaded yet */
} hl_progress;

typedef struct hl_fit_options {
    const char *net;
    hl_net_options net_options;
    bool context;       /* the image's 3 channels are the slices -1, 0, +1; otherwise a slice is repeated on all channels */
    hl_init init;
    const char *weights; /* a file that training starts from instead of drawn weights, as hl_params_load takes it; NULL */
    int epochs, batch;
    double rate;        /* the first learning rate; decays as (1 + cos(pi k/K)) / 2 */
    int patience;       /* epochs without a better validation figure before training stops; 0: never */
    hl_augmentation augmentation; /* of the slices trained on; all zero: none */
    hl_precision precision; /* of training; validation is in fp32 */
    uint64_t seed;
    size_t memory_limit; /* most bytes of weights, Adam's moments and the plans of training and validation together, 0: any; the bits stay the same */
    volatile const int *stop; /* set from outside (a signal handler): finish the step, save, return HL_INTERRUPTED; may be NULL */
    void (*report)(void *user, const hl_progress *progress); /* may be NULL */
    void *user;
} hl_fit_options;

/* Rows of the cohort to train and to validate on. No validation rows: the last epoch is kept. */
typedef struct hl_fit_rows {
    const int *train, *val;
    int train_count, val_count;
} hl_fit_rows;

/* The net's classes are the cohort's, else HL_USAGE. Trains, or goes on with what folder/last.safetensors holds, until done: writes folder/log.csv, best.safetensors and
 * last.safetensors after every epoch. A run that is already done returns at once. The bits do not depend on stops in
 * between, nor on the number of threads. HL_INTERRUPTED: stopped, saved, can be gone on with. */
hl_status hl_fit(hl_context *hl, hl_cohort *cohort, const hl_fit_rows *rows, const hl_fit_options *options, const char *folder);
/* Whether folder/last.safetensors says that training there is finished. */
bool hl_fit_done(hl_context *hl, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
