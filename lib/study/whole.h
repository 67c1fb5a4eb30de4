/* The inside of a whole study: what its file says, its runs, its parts, and what the parts share. */
#ifndef HL_STUDY_WHOLE_H
#define HL_STUDY_WHOLE_H

#include "hilum/geometry.h"
#include "hilum/study.h"
#include "hilum/whole.h"
#include "study/ini.h"
#include "study/json.h"
#include "study/run.h"

/* --- what the file says (whole.c) ---------------------------------------------------------------------------------- */

enum { HL_STUDY_NETS = 32, HL_STUDY_CENTRES = 16 };

typedef enum hl_cohort_id {
    HL_COHORT_ONE,    /* trained on, by cross-validation */
    HL_COHORT_TWO,    /* never seen by the models of cohort 1 */
    HL_COHORT_PUBLIC, /* of several centres: two-fold, and the benchmark's own protocol */
    HL_COHORTS,
    HL_COHORT_MIXED = HL_COHORTS, /* the first two together */
} hl_cohort_id;

typedef struct hl_net_list {
    const char *names[HL_STUDY_NETS];
    double rates[HL_STUDY_NETS]; /* learning rates of their own; 0: the study's */
    int count;
} hl_net_list;

typedef struct hl_study_cohort {
    bool there;
    const char *section, *name; /* "cohort 1"; as tables have it */
    char *manifest;             /* NULL: a phantom */
    hl_phantom_options phantom;
    const char *centres[HL_STUDY_CENTRES];
    int centre_count;
    int patients, cases, slices, training_slices; /* as expected, for the plan */
    bool hounsfield;                              /* values are Hounsfield units in a window; false: contrast was changed, or a phantom */
    bool papers;                                  /* the very data of the paper, prepared as there */
} hl_study_cohort;

struct hl_study {
    hl_context *hl;
    hl_ini ini;
    const char *title, *note;
    hl_study_cohort cohorts[HL_COHORTS];
    hl_net_list nets, mixed, halves, four;   /* all eight; on the mix; two-fold; the benchmark's protocol */
    const char *model;                       /* what parts after the comparison use */
    hl_run_options training;                 /* of every run, but for its manifest, net, folds and target */
    hl_cohort_id readers;                    /* whose second reader's masks */
    int draws;                               /* of the bootstrap */
    double lesion_tolerance, lung_tolerance; /* mm, of surface Dice */
};

/* The rate that a network starts training with. */
double hl_study_rate(const hl_study *study, const char *net);

/* --- runs (whole_runs.c) --------------------------------------------------------------------------------------------- */

typedef enum hl_run_kind {
    HL_RUN_OWN,        /* five-fold on cohort 1 */
    HL_RUN_MIXED,      /* five-fold on cohorts 1 and 2 together */
    HL_RUN_HALVES,     /* two-fold on the public cohort, 25 % of the training half validating */
    HL_RUN_OPTIMISTIC, /* the same halves, the test half itself validating */
    HL_RUN_FOUR,       /* a fifth of the public cohort's patients train, the rest is test; member: which fifth */
    HL_RUN_LUNG,       /* left and right lung, in the folds of HL_RUN_OWN */
    HL_RUN_MASKED,     /* slices masked to the lungs that HL_RUN_LUNG predicts; member: the fold */
    HL_RUN_GIVEN,      /* slices masked to the given lungs, in the folds of HL_RUN_OWN */
} hl_run_kind;

typedef struct hl_run_spec {
    hl_run_kind kind;
    const char *net;
    int member;
    hl_cohort_id cohort;
    int folds; /* models that are trained */
} hl_run_spec;

enum { HL_STUDY_RUNS = 256 };
typedef struct hl_run_list {
    hl_run_spec runs[HL_STUDY_RUNS];
    int count;
} hl_run_list;

/* "own-unet-vgg16", "masked-2-unet-vgg16": the run's folder in DIR/runs. */
void hl_run_spec_name(const hl_run_spec *spec, char name[96]);
/* A run of a study, or a run a fold where that is how it is carried. */
void hl_run_list_add(hl_run_list *list, const hl_study *study, hl_run_kind kind, const char *net);

/* --- a study being carried (whole_carry.c) ---------------------------------------------------------------------------- */

typedef struct hl_session {
    hl_context *hl;
    const hl_study *study;
    const char *folder;
    const hl_study_hooks *hooks;
    const char *part; /* on its way */
    cJSON *timing;
    double start;
} hl_session;

/* folder/name. Owner: the caller, free. */
char *hl_session_path(const hl_session *s, const char *format, ...) HL_PRINTF(2, 3);
/* HL_INTERRUPTED once somebody asked to stop. */
hl_status hl_session_stopped(const hl_session *s);
void hl_session_tell(hl_session *s, const char *what, const hl_run_progress *run, double fraction);
/* Adds seconds to timing.json under a group and name, with how many slices and cases they were for. */
void hl_session_time(hl_session *s, const char *group, const char *name, double seconds, int64_t slices, int cases);

/* DIR/data/NAME.csv of a cohort (whole_data.c): every path in it can be opened, undivided lungs are divided. */
char *hl_session_manifest(const hl_session *s, hl_cohort_id id);
/* Writes the manifests and phantoms that are not there yet. */
hl_status hl_session_prepare(hl_session *s);
/* The rows of a cohort's manifest at the study's size. Owner: the caller, hl_cohort_free, then hl_manifest_free. */
hl_status hl_session_open(hl_session *s, const char *manifest, hl_target target, int classes, hl_manifest **rows, hl_cohort **cohort);

/* Trains what is missing of a run, or reads it back. Owner: the caller, hl_run_close. */
hl_status hl_session_run(hl_session *s, const hl_run_spec *spec, hl_run **run);

/* --- cases with their predictions (whole_maps.c) ----------------------------------------------------------------------- */

/* A case and what one model makes of it, on the training grid. Borrowed, while it is visited. */
typedef struct hl_maps {
    const char *run;   /* its folder's name */
    const hl_row *row; /* the first of the case */
    hl_cohort *cohort;
    int model, first, count; /* rows of the manifest: count from first on, labelled ones alone in the maps */
    hl_stack stack;          /* spacing 0 where it is not known, or where slices are missing between others */
    const int *rows;         /* depth: the row of each slice */
    const float *images, *probabilities;
    const uint8_t *truth, *reader2, *lung; /* reader2, lung: NULL where the case has none */
    const hl_score *score;
    bool healthy;
} hl_maps;

/* A patient is healthy by the manifest, or with no lesion in any labelled slice. */
bool hl_patient_healthy(const hl_cohort *cohort, const char *patient);
/* The scores of patients who are not healthy, moved to the front; returns how many. */
int hl_scores_without_healthy(const hl_cohort *cohort, hl_score *scores, int count);
/* Scores on the training grid of all that a run's models test in a cohort, timed. Owner of *scores: the caller, free. */
hl_status hl_session_score(hl_session *s, hl_run *run, hl_cohort *cohort, hl_part part, hl_score **scores, int *count);

typedef hl_status hl_maps_visitor(void *user, const hl_maps *maps);
/* Every case of the cohort that a run's models test (or that their folds validate on), model after model. */
hl_status hl_session_visit(hl_session *s, hl_run *run, const char *name, hl_cohort *cohort, hl_part part, hl_maps_visitor *visit,
                           void *user);

/* --- parts -------------------------------------------------------------------------------------------------------------- */

struct hl_book;
typedef struct hl_study_part {
    const char *name, *shows, *about;
    void (*needs)(const hl_study *study, hl_run_list *list);
    hl_status (*compute)(hl_session *s, hl_json *result);
    hl_status (*show)(struct hl_book *book, const cJSON *result); /* into the report */
} hl_study_part;

/* In the report's order; NULL beyond the last. */
const hl_study_part *hl_study_part_list(int index);
extern const hl_study_part hl_part_comparison, hl_part_mixed, hl_part_halves, hl_part_lungs, hl_part_severity, hl_part_readers,
    hl_part_baseline, hl_part_threshold, hl_part_calibration, hl_part_statistics, hl_part_conventions;

/* parts/NAME.json, computed first where it is not there. Owner of *result: the caller, cJSON_Delete. */
hl_status hl_session_result(hl_session *s, const char *name, cJSON **result);
/* The report and all it holds, from the parts that there are (whole_report.c). */
hl_status hl_session_report(hl_session *s);

/* What results have in common (whole_results.c). */

/* Says why a part has nothing to show: "skipped" with a sentence. */
void hl_result_skip(hl_json *result, const char *why);
/* The figures at 0.5 of some scores, with who was tested by which model of which run: figures, tested. No scores: null. */
hl_status hl_result_scores(hl_json *json, cJSON *to, const char *name, const char *run, const hl_score *scores, int count,
                           double threshold_val);
/* {"run", "model", "patients": [...]} for each model of the scores, into an array. */
void hl_result_tested(hl_json *json, cJSON *to, const char *run, const hl_score *scores, int count);
double hl_result_number(const cJSON *object, const char *name);    /* NaN where there is none */
const char *hl_result_text(const cJSON *object, const char *name); /* "" where there is none */
const cJSON *hl_result_get(const cJSON *object, const char *name);

#endif
