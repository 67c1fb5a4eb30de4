/* The inside of a run, shared by the files of this room. */
#ifndef HL_STUDY_RUN_H
#define HL_STUDY_RUN_H

#include "hilum/study.h"
#include "study/json.h"

struct hl_run {
    hl_context *hl;
    char *folder;
    hl_run_options options; /* texts borrowed from the trees below */
    const char **centres;
    cJSON *config, *timing, *metrics; /* metrics: NULL while the run is not finished */
    hl_folds *folds;
    double threshold_val;
    double validation_dsc[HL_THRESHOLDS]; /* mean over the validation cases of all folds; NaN without */
};

/* folder/name. Owner: the caller, free. */
char *hl_run_path(const hl_run *run, const char *name);
/* folder/fold-K or, with a name, folder/fold-K/name. Owner: the caller, free. */
char *hl_run_fold_path(const hl_run *run, int fold, const char *name);

/* --- config.json and timing.json (config.c) --- */

hl_status hl_run_options_check(hl_context *hl, const hl_run_options *options);
const char *hl_train_slices_name(hl_train_slices slices);
/* How a cohort is opened for a run. */
hl_cohort_options hl_run_cohort_options(const hl_run_options *options, const char *cache_folder);
/* The name of a class of the run's target; NULL: it has none. */
const char *hl_class_name(const hl_run_options *options, int index);
/* Every option that config.json holds, into an object. */
void hl_run_options_put(hl_json *json, cJSON *to, const hl_run_options *options);
/* The hash of a file's bytes, in hexadecimal. */
hl_status hl_hash_file(hl_context *hl, const char *path, char text[33]);
/* Whether the weights that the options name, if they do, fit the net. */
hl_status hl_weights_check(hl_context *hl, const hl_run_options *options);
/* Writes folder/config.json; compiles the net once to tell its parameters and kernels. */
hl_status hl_config_write(hl_context *hl, const char *folder, const hl_run_options *options);
/* Fills run->options from run->config and run->timing. */
hl_status hl_config_read(hl_run *run);

/* Seconds spent, over all calls that carried the run. */
typedef struct hl_timing {
    double total, testing;
    double waited;    /* by training, for slices that were not loaded yet */
    double *training; /* one a fold */
} hl_timing;
hl_status hl_timing_start(hl_context *hl, const char *folder, const hl_run_options *options, const char *cache_folder);
hl_status hl_timing_read(const hl_run *run, hl_timing *timing); /* owner of timing->training: the caller, free */
hl_status hl_timing_write(const hl_run *run, const hl_timing *timing, const char *cache_folder);

/* --- which rows (rows.c) --- */

/* Rows a fold trains on, by role and --train-slices, or validates on: all labelled. Owner: the caller, free. NULL: no memory. */
int *hl_rows_train(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, int fold, hl_train_slices slices, int *count);
int *hl_rows_val(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, int fold, int *count);
/* Whether every fold has something to train on. */
hl_status hl_rows_check(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, hl_train_slices slices);

/* The spacing of one case's slices on the training grid, x, y, z in mm; 0 where slices are missing between others or spacing is not known
 * or differs. rows: of the slices in order, at least one. */
void hl_rows_spacing(const hl_cohort *cohort, const int *rows, int count, double spacing[3]);

/* --- scoring a run's models (evaluate.c) --- */

typedef enum hl_part {
    HL_PART_TEST,       /* test patients by their model, patients the run does not name by every model */
    HL_PART_VALIDATION, /* each fold's validation patients by its model */
} hl_part;

/* Who looks on: at each slice as it is predicted, and at the end of each case of a model. */
typedef struct hl_watcher {
    hl_slice_visitor *slice;
    hl_status (*end)(void *user, int model);
    void *user;
} hl_watcher;

/* Whether a model scores a patient. */
bool hl_run_wants(const hl_run *run, const char *patient, int model, hl_part part);
/* What scoring is told; options->manifest is not read. watcher: NULL: nobody. */
hl_status hl_run_score(hl_run *run, hl_cohort *cohort, hl_part part, const hl_evaluate_options *options, hl_evaluation *result,
                       bool native, const hl_watcher *watcher);
/* Scores the validation part and sets run->threshold_val and validation_dsc; with more than one class both stay without a value. */
hl_status hl_run_choose_threshold(hl_run *run, hl_cohort *cohort, const hl_evaluate_options *options, const hl_watcher *watcher);
/* Figures from the scores there are, with the classes' names. */
hl_status hl_run_compute(hl_run *run, double threshold, hl_evaluation *result);
/* The next stretch of scores of one model, from `first`: how many. */
int hl_scores_of_model(const hl_score *scores, int count, int first);

/* --- metrics.json (metrics.c) --- */

struct hl_postprocessing;
/* post: NULL without post-processing. */
hl_status hl_metrics_write(const hl_run *run, const hl_evaluation *own, hl_part part, const struct hl_postprocessing *post);

#endif
