/* Scoring a run's models on a cohort: which case goes to which model, and the figures that follow. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/run.h"

/* A stretch of the manifest's rows that one model scores: a case. */
typedef struct job {
    int model, first, count;
} job;

/* Scoring on its way. */
typedef struct testing {
    hl_run *run;
    hl_cohort *cohort;
    const hl_evaluate_options *options;
    hl_evaluation *result;
    const hl_watcher *watcher; /* NULL: nobody */
    bool native;
    job *jobs;
    int job_count;
    size_t job_capacity, capacity, native_capacity;
    int64_t rows, done; /* for progress */
} testing;

static const hl_row *row_of(const testing *t, int row) { return hl_manifest_row(hl_cohort_manifest(t->cohort), row); }

/* The end of the case that starts at row `first`; *labelled: whether any slice of it is. */
static int case_end(const testing *t, int first, bool *labelled) {
    int count = hl_manifest_count(hl_cohort_manifest(t->cohort)), end = first;
    const hl_row *start = row_of(t, first);
    *labelled = false;
    for (; end < count; end++) {
        const hl_row *row = row_of(t, end);
        if (strcmp(row->case_name, start->case_name) || strcmp(row->patient, start->patient)) break;
        *labelled = *labelled || hl_cohort_info(t->cohort, end)->labelled;
    }
    return end;
}

/* This is where leakage would come in: a patient that the run names is tested by the model in whose test part he is, and by no other. */
bool hl_run_wants(const hl_run *run, const char *patient, int model, hl_part part) {
    hl_role role = hl_folds_role(run->folds, patient, model);
    if (part == HL_PART_VALIDATION) return role == HL_ROLE_VAL;
    return role == HL_ROLE_TEST || !hl_folds_names(run->folds, patient);
}

static hl_status add_job(testing *t, int model, int first, int end) {
    job *wider = hl_grow(t->run->hl, t->jobs, &t->job_capacity, (size_t)t->job_count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    t->jobs = wider;
    wider[t->job_count++] = (job){.model = model, .first = first, .count = end - first};
    t->rows += end - first;
    return HL_OK;
}

/* Jobs in the order of models, then of the manifest; cases that no model tests are counted. */
static hl_status plan_jobs(testing *t, hl_part part) {
    int count = hl_manifest_count(hl_cohort_manifest(t->cohort)), folds = t->run->options.folds;
    for (int model = 0; model < folds; model++) {
        for (int first = 0, end; first < count; first = end) {
            bool labelled;
            end = case_end(t, first, &labelled);
            const char *patient = row_of(t, first)->patient;
            if (labelled && hl_run_wants(t->run, patient, model, part) && add_job(t, model, first, end)) return HL_NO_MEMORY;
        }
    }
    for (int first = 0, end; first < count; first = end) {
        bool labelled, tested = false;
        end = case_end(t, first, &labelled);
        for (int model = 0; model < folds; model++) tested = tested || hl_run_wants(t->run, row_of(t, first)->patient, model, part);
        t->result->left_out += labelled && !tested;
    }
    return HL_OK;
}

/* Moves `count` scores to the end of an array. */
static hl_status append(hl_context *hl, hl_score **scores, size_t *capacity, int held, const hl_score *more, int count) {
    hl_score *wider = hl_grow(hl, *scores, capacity, (size_t)held + (size_t)count, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    *scores = wider;
    memcpy(wider + held, more, (size_t)count * sizeof *more);
    return HL_OK;
}

static hl_status run_job(testing *t, hl_model *model, const job *work) {
    hl_context *hl = t->run->hl;
    hl_evaluation *result = t->result;
    int *rows = hl_calloc(hl, (size_t)work->count, sizeof *rows), count = 0;
    hl_score *training = NULL, *native = NULL;
    const hl_watcher *watcher = t->watcher;
    if (!rows) return HL_NO_MEMORY;
    for (int i = 0; i < work->count; i++) rows[i] = work->first + i;
    hl_status status = hl_score_cases(model, t->cohort, rows, work->count, work->model, t->options->threshold, &training,
                                      t->native ? &native : NULL, &count, watcher ? watcher->slice : NULL, watcher ? watcher->user : NULL);
    if (!status && watcher) status = watcher->end(watcher->user, work->model);
    if (!status) status = append(hl, &result->scores, &t->capacity, result->score_count, training, count);
    if (!status && t->native) status = append(hl, &result->native_scores, &t->native_capacity, result->score_count, native, count);
    if (!status) result->score_count += count;
    free(rows), free(training), free(native);
    return status;
}

/* A case at a time: what a slice is predicted with in one batch does not depend on who else is tested. */
static hl_status run_jobs(testing *t) {
    const hl_evaluate_options *options = t->options;
    hl_model *model = NULL;
    int open = -1;
    hl_status status = HL_OK;
    for (int i = 0; i < t->job_count && !status; i++) {
        const job *work = &t->jobs[i];
        if (options->stop && *options->stop) status = hl_fail(t->run->hl, HL_INTERRUPTED, "interrupted while testing");
        if (!status && work->model != open) {
            hl_model_free(model);
            model = hl_run_model(t->run, open = work->model, t->run->options.batch);
            if (!model) status = hl_error_status(t->run->hl);
        }
        if (!status) status = run_job(t, model, work);
        t->done += work->count;
        if (!status && options->report) options->report(options->user, (double)t->done / (double)t->rows);
    }
    hl_model_free(model);
    return status;
}

hl_status hl_run_score(hl_run *run, hl_cohort *cohort, hl_part part, const hl_evaluate_options *options, hl_evaluation *result,
                       bool native, const hl_watcher *watcher) {
    testing t = {.run = run, .cohort = cohort, .options = options, .result = result, .native = native, .watcher = watcher};
    hl_status status = plan_jobs(&t, part);
    if (!status) status = run_jobs(&t);
    free(t.jobs);
    return status;
}

hl_status hl_run_choose_threshold(hl_run *run, hl_cohort *cohort, const hl_evaluate_options *options, const hl_watcher *watcher) {
    hl_evaluation validation = {0};
    run->threshold_val = NAN;
    for (int t = 0; t < HL_THRESHOLDS; t++) run->validation_dsc[t] = NAN;
    if (run->options.net_options.classes > 1) return HL_OK;
    hl_status status = hl_run_score(run, cohort, HL_PART_VALIDATION, options, &validation, false, watcher);
    for (int t = 0; t < HL_THRESHOLDS && !status; t++) {
        double sum = 0;
        for (int i = 0; i < validation.score_count; i++) {
            hl_confusion confusion = hl_histogram_confusion(&validation.scores[i].histogram, hl_thresholds[t]);
            sum += hl_dice(&confusion);
        }
        run->validation_dsc[t] = validation.score_count ? sum / validation.score_count : NAN;
    }
    if (!status && validation.score_count) run->threshold_val = hl_thresholds[hl_best_threshold(run->validation_dsc)];
    hl_evaluation_free(&validation);
    return status;
}

static hl_status compute(hl_run *run, const hl_score *scores, int count, double threshold, hl_figures *figures) {
    hl_status status = hl_figures_compute(run->hl, scores, count, threshold, run->threshold_val, figures);
    for (int k = 0; !status && k < figures->classes - 1; k++)
        figures->class_figures[k].name = hl_class_name(&run->options, figures->class_figures[k].index);
    return status;
}

hl_status hl_run_compute(hl_run *run, double threshold, hl_evaluation *result) {
    hl_status status = compute(run, result->scores, result->score_count, threshold, &result->training);
    if (status || !result->native_scores) return status;
    return compute(run, result->native_scores, result->score_count, threshold, &result->native);
}

int hl_scores_of_model(const hl_score *scores, int count, int first) {
    int end = first;
    while (end < count && scores[end].model == scores[first].model) end++;
    return end - first;
}

static hl_status evaluate(hl_run *run, const hl_evaluate_options *options, hl_evaluation *result) {
    hl_manifest_options rows = {
        .allow_outside = options->allow_outside, .centres = options->centres, .centre_count = options->centre_count};
    if (!hl_run_finished(run))
        return hl_fail(run->hl, HL_BAD_INPUT, "%s: the run is not finished (no metrics.json): go on with it by --resume first",
                       run->folder);
    if (!(options->threshold >= 0 && options->threshold <= 1))
        return hl_fail(run->hl, HL_USAGE, "threshold %g: expected 0 to 1", options->threshold);
    result->manifest = hl_manifest_read(run->hl, options->manifest, &rows);
    if (!result->manifest) return hl_error_status(run->hl);
    hl_cohort_options grid = hl_run_cohort_options(&run->options, options->cache_folder);
    if (options->window) grid.window = *options->window;
    if (options->mm > 0) grid.mm = options->mm;
    result->cohort = hl_cohort_open(run->hl, result->manifest, &grid);
    if (!result->cohort) return hl_error_status(run->hl);
    hl_status status = hl_run_score(run, result->cohort, HL_PART_TEST, options, result, true, NULL);
    if (status) return status;
    if (!result->score_count && result->left_out)
        return hl_fail(run->hl, HL_BAD_INPUT,
                       "%s: none of the %d labelled cases is left to test: the run in %s trained or validated on all of them",
                       options->manifest, result->left_out, run->folder);
    if (!result->score_count) return hl_fail(run->hl, HL_BAD_INPUT, "%s: no slice is labelled, nothing can be scored", options->manifest);
    return hl_run_compute(run, options->threshold, result);
}

hl_status hl_evaluate(hl_run *run, const hl_evaluate_options *options, hl_evaluation *result) {
    *result = (hl_evaluation){0};
    hl_status status = evaluate(run, options, result);
    if (status) hl_evaluation_free(result);
    return status;
}

void hl_evaluation_free(hl_evaluation *result) {
    if (!result) return;
    hl_figures_free(&result->training);
    hl_figures_free(&result->native);
    free(result->scores), free(result->native_scores);
    if (result->cohort) hl_cohort_free(result->cohort);
    if (result->manifest) hl_manifest_free(result->manifest);
    *result = (hl_evaluation){0};
}

/* The patients of a manifest that the run names: the first three of them into `names`. */
static int own_patients(const hl_run *run, const hl_manifest *manifest, char *names, size_t size) {
    int found = 0;
    const char *last = NULL;
    names[0] = 0;
    for (int i = 0; i < hl_manifest_count(manifest); i++) {
        const char *patient = hl_manifest_row(manifest, i)->patient;
        if ((last && !strcmp(last, patient)) || !hl_folds_names(run->folds, patient)) continue;
        size_t used = strlen(names);
        if (found < 3) snprintf(names + used, size - used, "%s%s", found ? ", " : "", patient);
        last = patient;
        found++;
    }
    return found;
}

hl_status hl_run_calibrate(hl_run *run, const hl_evaluate_options *options, uint64_t seed, hl_calibration *result,
                           hl_evaluation *evaluation) {
    *evaluation = (hl_evaluation){0};
    if (run->options.net_options.classes > 1)
        return hl_fail(run->hl, HL_USAGE, "%s: the run has %d classes and takes the most probable one: there is no threshold to calibrate",
                       run->folder, run->options.net_options.classes);
    hl_manifest_options rows = {
        .allow_outside = options->allow_outside, .centres = options->centres, .centre_count = options->centre_count};
    hl_manifest *manifest = hl_manifest_read(run->hl, options->manifest, &rows);
    if (!manifest) return hl_error_status(run->hl);
    char names[256];
    int own = own_patients(run, manifest, names, sizeof names);
    hl_manifest_free(manifest);
    if (own)
        return hl_fail(run->hl, HL_BAD_INPUT, "%s: %d of the patients belong to the run in %s (%s%s), expected a centre it has never seen",
                       options->manifest, own, run->folder, names, own > 3 ? ", ..." : "");
    hl_status status = hl_evaluate(run, options, evaluation);
    if (!status) status = hl_calibrate(run->hl, evaluation->training.cases, evaluation->training.case_count, seed, result);
    if (status) hl_evaluation_free(evaluation);
    return status;
}
