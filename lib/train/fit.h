/* The inside of a training run: what fit.c drives and checkpoint.c saves. */
#ifndef HL_FIT_H
#define HL_FIT_H

#include "eval/model.h"
#include "graph/plan.h"
#include "hilum/train.h"

/* How far training has come: what a checkpoint holds beside weights and moments. */
typedef struct hl_fit_state {
    int epoch;       /* finished epochs */
    int step;        /* finished steps of the epoch under way */
    double loss_sum; /* of those steps */
    int best_epoch;  /* from 1; 0: none yet */
    double best_dsc;
    bool done;
    char *log;       /* log.csv so far */
} hl_fit_state;

typedef struct hl_fit_run {
    hl_context *hl;
    hl_cohort *cohort;
    const hl_fit_rows *rows;
    const hl_fit_options *options;
    const char *folder;
    hl_graph *graph;
    hl_params *params;
    hl_adam *adam;
    hl_plan *plan;
    hl_model *model; /* over the same parameters, for validation */
    hl_sample *samples;
    int *order, *starts;
    int steps; /* an epoch */
    hl_fit_state state;
    double began, waited;
} hl_fit_run;

/* Slices that go forward once more at the end of each epoch of a run of so many epochs over so many slices. */
int hl_fit_settling(int epochs, int batch, int slices);
/* folder/last.safetensors, whole or not at all. */
hl_status hl_checkpoint_save(hl_fit_run *run);
/* Reads it back. Nothing there is fine: the state stays at the start, and the weights are those that the options name, if they do. */
hl_status hl_checkpoint_load(hl_fit_run *run);

#endif
