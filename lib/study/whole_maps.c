/* Cases with what a model makes of them: predicted once, scored, and shown with all their maps to whoever computes with them. */
#include <stdlib.h>
#include <string.h>

#include "study/whole.h"

/* The maps of a case being filled, slice by slice as they are predicted. */
typedef struct filling {
    hl_session *s;
    hl_cohort *cohort;
    hl_maps maps;
    size_t plane, classes;
    int *rows;
    float *images, *probabilities;
    uint8_t *truth, *reader2, *lung;
    bool has_reader2, has_lung;
    hl_status status;
} filling;

static void take_slice(void *user, int row, const float *image, const uint8_t *mask, const float *probabilities) {
    filling *f = user;
    const hl_row *at = hl_manifest_row(hl_cohort_manifest(f->cohort), row);
    size_t slice = (size_t)f->maps.stack.depth++;
    f->rows[slice] = row;
    memcpy(f->images + slice * f->plane, image, f->plane * sizeof *image);
    memcpy(f->truth + slice * f->plane, mask, f->plane);
    memcpy(f->probabilities + slice * f->plane * f->classes, probabilities, f->plane * f->classes * sizeof *probabilities);
    f->has_reader2 = f->has_reader2 && *at->mask2;
    f->has_lung = f->has_lung && *at->lung;
    if (f->status) return;
    f->status = hl_cohort_slice(f->cohort, row, NULL, NULL, f->reader2 + slice * f->plane, f->lung + slice * f->plane);
}

static hl_status allocate(filling *f, int slices, int classes) {
    hl_context *hl = f->s->hl;
    f->plane = (size_t)hl_cohort_height(f->cohort) * (size_t)hl_cohort_width(f->cohort), f->classes = (size_t)classes;
    size_t pixels = f->plane * (size_t)slices;
    f->rows = hl_calloc(hl, (size_t)slices, sizeof *f->rows);
    f->images = hl_calloc(hl, pixels, sizeof *f->images), f->probabilities = hl_calloc(hl, pixels * f->classes, sizeof *f->probabilities);
    f->truth = hl_calloc(hl, pixels, 1), f->reader2 = hl_calloc(hl, pixels, 1), f->lung = hl_calloc(hl, pixels, 1);
    return f->rows && f->images && f->probabilities && f->truth && f->reader2 && f->lung ? HL_OK : HL_NO_MEMORY;
}

bool hl_patient_healthy(const hl_cohort *cohort, const char *patient) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    bool lesion = false;
    for (int i = 0; i < hl_manifest_count(manifest); i++) {
        const hl_row *row = hl_manifest_row(manifest, i);
        if (strcmp(row->patient, patient)) continue;
        if (row->healthy) return true;
        lesion = lesion || hl_cohort_info(cohort, i)->lesion_pixels > 0;
    }
    return !lesion;
}

static hl_status visit_case(filling *f, hl_model *model, int classes, hl_maps_visitor *visit, void *user) {
    hl_maps *m = &f->maps;
    int *rows = hl_calloc(f->s->hl, (size_t)m->count, sizeof *rows), count = 0;
    hl_score *score = NULL;
    hl_status status = rows ? allocate(f, m->count, classes) : HL_NO_MEMORY;
    for (int i = 0; i < m->count && !status; i++) rows[i] = m->first + i;
    f->has_reader2 = f->has_lung = true;
    if (!status) status = hl_score_cases(model, f->cohort, rows, m->count, m->model, 0.5, &score, NULL, &count, take_slice, f);
    status = status ? status : f->status;
    if (!status && count == 1) {
        m->rows = f->rows, m->images = f->images, m->probabilities = f->probabilities, m->truth = f->truth;
        m->reader2 = f->has_reader2 ? f->reader2 : NULL, m->lung = f->has_lung ? f->lung : NULL;
        m->score = score, m->healthy = hl_patient_healthy(f->cohort, m->row->patient);
        if (m->stack.depth > 1) hl_rows_spacing(f->cohort, f->rows, m->stack.depth, m->stack.spacing);
        status = visit(user, m);
    }
    free(rows), free(score), free(f->rows), free(f->images), free(f->probabilities), free(f->truth), free(f->reader2), free(f->lung);
    return status;
}

static int end_of_case(const hl_manifest *manifest, int first) {
    int end = first;
    const hl_row *start = hl_manifest_row(manifest, first);
    while (end < hl_manifest_count(manifest) && !strcmp(hl_manifest_row(manifest, end)->case_name, start->case_name)) end++;
    return end;
}

static hl_status visit_model(hl_session *s, hl_run *run, const char *name, hl_cohort *cohort, hl_part part, int number,
                             hl_maps_visitor *visit, void *user) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    const hl_run_options *o = hl_run_get_options(run);
    hl_model *model = NULL;
    hl_status status = HL_OK;
    for (int first = 0, end; first < hl_manifest_count(manifest) && !status; first = end) {
        const hl_row *row = hl_manifest_row(manifest, first);
        end = end_of_case(manifest, first);
        if (!hl_run_wants(run, row->patient, number, part)) continue;
        status = hl_session_stopped(s);
        if (!status && !model && !(model = hl_run_model(run, number, o->batch))) status = hl_error_status(s->hl);
        filling f = {.s = s, .cohort = cohort};
        f.maps = (hl_maps){.run = name, .row = row, .cohort = cohort, .model = number, .first = first, .count = end - first};
        f.maps.stack = (hl_stack){.height = hl_cohort_height(cohort), .width = hl_cohort_width(cohort)};
        double fraction = (number + (double)first / hl_manifest_count(manifest)) / o->folds;
        hl_session_tell(s, name, NULL, fraction);
        if (!status) status = visit_case(&f, model, o->net_options.classes, visit, user);
    }
    hl_model_free(model);
    return status;
}

hl_status hl_session_visit(hl_session *s, hl_run *run, const char *name, hl_cohort *cohort, hl_part part, hl_maps_visitor *visit,
                           void *user) {
    hl_status status = HL_OK;
    for (int model = 0; model < hl_run_get_options(run)->folds && !status; model++)
        status = visit_model(s, run, name, cohort, part, model, visit, user);
    return status;
}

int hl_scores_without_healthy(const hl_cohort *cohort, hl_score *scores, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (!hl_patient_healthy(cohort, scores[i].patient)) scores[kept++] = scores[i];
    }
    return kept;
}

static void tell_score(void *user, double fraction) { hl_session_tell(user, "testing", NULL, fraction); }

hl_status hl_session_score(hl_session *s, hl_run *run, hl_cohort *cohort, hl_part part, hl_score **scores, int *count) {
    hl_evaluate_options options = {.threshold = 0.5, .stop = s->hooks->stop, .report = tell_score, .user = s};
    hl_evaluation result = {0};
    double start = hl_seconds();
    hl_status status = hl_run_score(run, cohort, part, &options, &result, false, NULL);
    int64_t slices = 0;
    for (int i = 0; i < result.score_count; i++) slices += result.scores[i].slices;
    if (!status) hl_session_time(s, "testing", hl_run_get_options(run)->net, hl_seconds() - start, slices, result.score_count);
    *scores = status ? NULL : result.scores, *count = status ? 0 : result.score_count;
    if (status) free(result.scores);
    free(result.native_scores);
    return status;
}
