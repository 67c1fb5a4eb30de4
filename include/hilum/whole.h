/* The whole study: every table and figure of the paper from one file, in parts that can be stopped and gone on with. */
#ifndef HILUM_WHOLE_H
#define HILUM_WHOLE_H

#include "hilum/study.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a STUDY.ini says. */
typedef struct hl_study hl_study;

/* Reads a study's file; no data are opened. data: the folder that its manifests are sought in; NULL: the file's own. A line that is none, a
 * key that means nothing, a value out of range: HL_BAD_INPUT with file and line. NULL: told by hl_error. Owner: the caller, hl_study_free.
 */
hl_study *hl_study_read(hl_context *hl, const char *path, const char *data);
void hl_study_free(hl_study *study);
const char *hl_study_title(const hl_study *study);

enum { HL_STUDY_PARTS = 12 };
/* A part: its name, what of the paper it makes, what it does; false beyond the last. */
typedef struct hl_study_part_info {
    const char *name;  /* comparison, mixed, ... */
    const char *shows; /* "Table 1, Table 2, Figure 3" */
    const char *about;
} hl_study_part_info;
bool hl_study_part_at(int index, hl_study_part_info *info);

/* What a part will cost, before anything is run. Models that an earlier part has trained already cost a later one nothing. */
typedef struct hl_study_step {
    hl_study_part_info part;
    int models;     /* trained in it */
    double flops;   /* of training and prediction */
    double seconds; /* at the speed measured */
    size_t bytes;   /* at most, of a training step: arena, weights, moments */
} hl_study_step;
typedef struct hl_study_plan {
    hl_study_step steps[HL_STUDY_PARTS];
    int count, models;
    double seconds;
    size_t bytes;
    int networks_measured; /* each by some training steps of its own; the others at their mean speed */
} hl_study_plan;
/* Costs by the sizes of cohorts that the file states, operations of the plans, and a second or so of measuring. No data, no files. */
hl_status hl_study_make_plan(const hl_study *study, hl_study_plan *plan);

typedef struct hl_study_progress {
    const char *part, *what;
    const hl_run_progress *run; /* NULL but while a run is carried */
    double fraction;            /* of what is being done; below 0: not known */
} hl_study_progress;

typedef struct hl_study_hooks {
    volatile const int *stop; /* may be NULL */
    void (*report)(void *user, const hl_study_progress *progress);
    void (*note)(void *user, const char *sentences); /* what hl_cohort_notes has to say of a run's cohort; may be NULL */
    void *user;
    const char *cache_folder; /* of decoded slices; NULL: in memory */
} hl_study_hooks;

/* Carries the study through in `folder`: data/, folds/, runs/, parts/NAME.json, then report.html, metrics.json, tables/ and figures/. What
 * is there already is kept: finished folds, finished parts. only: one part's name (the parts whose results it reads come first), or NULL. A
 * folder that another file began is HL_USAGE. The bytes of everything but timing.json do not depend on stops in between. */
hl_status hl_study_carry(const hl_study *study, const char *folder, const char *only, const hl_study_hooks *hooks);

#ifdef __cplusplus
}
#endif
#endif
