/* The study: runs (cross-validation, or one model), their folders, evaluation, calibration, the report. */
#ifndef HILUM_STUDY_H
#define HILUM_STUDY_H

#include "hilum/data.h"
#include "hilum/eval.h"
#include "hilum/predict.h"
#include "hilum/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which slices train (contract: --train-slices). */
typedef enum hl_train_slices {
    HL_SLICES_LESION_HEALTHY, /* lesion-free slices of patients who have lesions are left out, healthy people's stay */
    HL_SLICES_LESION,         /* only slices with a lesion */
    HL_SLICES_ALL,
} hl_train_slices;

/* Every option of a run that its bits depend on; config.json holds them. Strings are borrowed while a run is made. */
typedef struct hl_run_options {
    const char *net;            /* unet-vgg16 */
    hl_net_options net_options; /* width 1, 1 class (at most HL_CLASSES_MOST), 3 channels (1 is the other choice) */
    bool context;               /* false; true: the 3 channels are the slices -1, 0, +1 of the case, otherwise one slice repeated */
    hl_init init;               /* he */
    const char *weights;        /* a safetensors file from which each fold starts instead of drawn weights; NULL */
    hl_target target;           /* mask; lung goes with 1 class or 3 */
    int height, width_pixels;   /* 256 x 256 */
    hl_window window;           /* of volumes; -1250 to 250 */
    double mm;                  /* a pixel of the grid; 0: slices are scaled to fit it */
    int epochs, batch;          /* 50, 8 */
    double rate;                /* 3e-4 */
    int patience;               /* 20 */
    hl_augmentation augmentation; /* flip */
    hl_precision precision;     /* fp32; of training, all prediction is in fp32 */
    uint64_t seed;              /* 0 */
    int folds;                  /* 5; 1: one model (`train`) */
    const char *folds_file;     /* a folds.csv instead of `folds`; NULL */
    bool by_centre, by_burden;  /* true, true */
    double validation;          /* 0.25 */
    hl_train_slices slices;
    bool postprocess;           /* false; true: post-processing is tuned on each fold's validation patients; of one class */
    const char *manifest;
    const char *const *centres; /* NULL: all */
    int centre_count;
    bool allow_outside;
} hl_run_options;

hl_run_options hl_run_defaults(void);

/* Where a run stands, for whoever shows progress. */
typedef struct hl_run_progress {
    int fold, folds;             /* from 0 */
    const char *stage;           /* "loading", "training", "testing", "writing" */
    const hl_progress *training; /* NULL but while training */
    double fraction;             /* of the whole run, 0..1, by planned work */
    double seconds;              /* since this call began */
} hl_run_progress;

/* What a running study is given besides its options; none of it changes the bits. */
typedef struct hl_run_hooks {
    volatile const int *stop; /* may be NULL */
    void (*report)(void *user, const hl_run_progress *progress);
    void (*note)(void *user, const char *sentences); /* what hl_cohort_notes has to say; may be NULL */
    void *user;
    const char *cache_folder; /* of decoded slices; NULL: in memory */
    size_t memory_limit;      /* as in hl_fit_options */
} hl_run_hooks;

/* Makes the run folder (config.json, folds.csv) and carries the run through: each fold trained, its best model tested on the
 * fold's test part, metrics.json and report.html. A folder that already holds a run is HL_USAGE (it names --resume). */
hl_status hl_run_start(hl_context *hl, const hl_run_options *options, const char *folder, const hl_run_hooks *hooks);
/* Goes on with the run in `folder` under its own config.json; folds that are finished are kept. A manifest, or a file of weights that a
 * fold still has to start from, that is not the one the run was started with is HL_BAD_INPUT. A run that is complete
 * returns at once. */
hl_status hl_run_resume(hl_context *hl, const char *folder, const hl_run_hooks *hooks);

/* What a run is, read back from its folder. */
typedef struct hl_run hl_run;
hl_run *hl_run_open(hl_context *hl, const char *folder); /* NULL: no run there, or a broken one, in one sentence. Owner: hl_run_close. */
void hl_run_close(hl_run *run);
const hl_run_options *hl_run_get_options(const hl_run *run); /* manifest: its absolute path when the run was started */
const hl_folds *hl_run_folds(const hl_run *run);
int hl_run_models(const hl_run *run);            /* folds whose best.safetensors is there */
double hl_run_threshold_val(const hl_run *run);  /* chosen on the run's validation patients; NaN: none */
bool hl_run_tests(const hl_run *run);              /* whether its folds have test parts: a `train` run has none */
bool hl_run_finished(const hl_run *run);           /* metrics.json is there */
const char *hl_run_isa(const hl_run *run);         /* the kernels it was started with; going on with others deserves a warning */
/* The model of a fold, compiled for the run's size. Owner: the caller, hl_model_free. */
hl_model *hl_run_model(hl_run *run, int fold, int batch);

/* Writes what prediction and evaluation need of a finished run into a new folder: config.json, folds.csv, metrics.json and each
 * fold's best weights in half precision; no path of this machine. HL_BAD_INPUT: not finished; HL_USAGE: `folder` holds a run. */
hl_status hl_run_pack(const hl_run *run, const char *folder);

/* A test of a run on a manifest (its own or another's). */
typedef struct hl_evaluation {
    hl_figures training, native;          /* figures on the training grid and on the mask's own pixels */
    hl_score *scores, *native_scores;     /* one a case and model; labels borrowed from `cohort` */
    int score_count;
    int left_out;                         /* cases of patients that the run names but that no model tests */
    hl_manifest *manifest;
    hl_cohort *cohort;
} hl_evaluation;

typedef struct hl_evaluate_options {
    const char *manifest;
    const char *const *centres;
    int centre_count;
    bool allow_outside;
    double threshold;         /* 0.5 by default; with more than one class it is not read */
    const hl_window *window;  /* of volumes; NULL: the run's */
    double mm;                /* a pixel of the grid; 0: as the run has it */
    const char *cache_folder;
    volatile const int *stop;
    void (*report)(void *user, double fraction); /* may be NULL */
    void *user;
} hl_evaluate_options;

/* Patients named in the run's folds.csv are scored only by the model in whose test part they are (where there is none they
 * are left out and counted; nobody left is HL_BAD_INPUT), others by every model. Owner: hl_evaluation_free. */
hl_status hl_evaluate(hl_run *run, const hl_evaluate_options *options, hl_evaluation *result);
void hl_evaluation_free(hl_evaluation *result);
/* Calibration on a manifest none of whose patients the run trained or validated on (else HL_BAD_INPUT, naming them). A run of more than
 * one class has no threshold: HL_USAGE. */
hl_status hl_run_calibrate(hl_run *run, const hl_evaluate_options *options, uint64_t seed, hl_calibration *result, hl_evaluation *evaluation);

/* What is done to a run's masks after the threshold, in this order: clipping to the lungs, small lesions removed, holes filled. */
typedef struct hl_postprocess {
    bool millilitres; /* the unit of `smallest`; otherwise voxels of the training grid, in which a slice is scaled or cropped */
    double smallest;  /* lesions, voxels that touch by sides, edges or corners, are removed where they are smaller; 0: none */
    bool fill;        /* holes: of a slice what no path by sides joins to its border */
    bool clip;        /* what is not in the lungs is removed */
    int cases;        /* validation cases that chose it; 0: nothing is chosen */
    double dsc_before, dsc_after; /* their mean Dice at 0.5 without and with it; NaN without cases */
} hl_postprocess;

/* What a finished run with `postprocess` chose by the validation patients of a fold, for that fold's model, or with -1 by those of all folds
 * together, for the mean of the models. Nothing (cases 0) of a run without it, and of one that is not finished. */
hl_status hl_run_postprocess(const hl_run *run, int fold, hl_postprocess *chosen);

/* The figures as a JSON object with the contract's keys (and nothing but figures in it); with more than one class `classes` holds each
 * one's. Owner: the caller, free. */
char *hl_figures_json(hl_context *hl, const hl_figures *training, const hl_figures *native, int left_out);
char *hl_calibration_json(hl_context *hl, const hl_calibration *calibration);

/* A picture to be predicted and what becomes of it: paths of PNG files. */
typedef struct hl_prediction {
    const char *image;
    const char *before, *after; /* the slices -1 and +1 of its case, the picture itself where there is none; read by runs with context */
    const char *mask;           /* 255 where p > threshold, in the picture's own size; with more classes the most probable one's index. NULL: not wanted */
    const char *const *probabilities; /* p times 65535, 16 bits: one path, or with more classes one for each from 1 on; NULL: not wanted */
    double threshold;                 /* of one class */
    bool flip;                        /* each model's mean with what it says of the mirrored picture */
    double mm;                        /* a pixel of the grid; 0: as the run has it */
    double spacing[2];                /* of the picture, x, y in mm; read where mm is in force */
} hl_prediction;

/* Predicts one picture by the mean of the models, which are the run's. A run with context and no neighbours: HL_USAGE. */
hl_status hl_run_predict(hl_run *run, hl_model *const *models, int model_count, const hl_prediction *what);

/* Writes folder/report.html from the run and, when given, a second centre's evaluation and calibration. */
hl_status hl_run_report(hl_run *run, const hl_evaluation *own, const hl_evaluation *second, const hl_calibration *calibration, const char *path);

#ifdef __cplusplus
}
#endif
#endif
