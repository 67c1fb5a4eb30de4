/* Scoring: the labelled slices of cases are predicted in batches and their pixels counted, on one grid or on both. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "eval/model.h"

/* What scoring works with; memory for one batch, whatever the cohort holds. */
typedef struct scoring {
    hl_model *model;
    hl_cohort *cohort;
    double threshold;
    hl_score *training, *native; /* NULL where not asked for */
    int cases;
    hl_slice_visitor *visit;
    void *user;
    int classes;
    size_t plane, slices;          /* height x width; slices that the model reads for one */
    float *images;                 /* batch x slices x plane */
    float *probabilities;          /* batch x classes x plane */
    uint8_t *masks;                /* batch x plane */
    uint8_t *predicted;            /* plane; NULL for one class */
    int *rows, *case_of;           /* of the slices in the batch */
    int held;
} scoring;

/* A slice of more than one class. `predicted` is scratch for a label a pixel. */
static void count_classes(hl_score *score, const float *probabilities, const uint8_t *mask, size_t pixels, uint8_t *predicted) {
    hl_confusion slice[HL_CLASSES_MOST] = {{0}};
    hl_most_probable(probabilities, score->classes, pixels, predicted);
    hl_classes_count(predicted, mask, pixels, score->classes, slice);
    hl_classes_count(predicted, mask, pixels, score->classes, score->counts);
    score->slice_dice_sum += hl_classes_dice(slice, score->classes);
    score->slices++;
}

static void count_slice(hl_score *score, const float *probabilities, const uint8_t *mask, size_t pixels, uint8_t *predicted) {
    if (score->classes > 1) {
        count_classes(score, probabilities, mask, pixels, predicted);
        return;
    }
    hl_histogram slice;
    hl_histogram_clear(&slice, score->histogram.threshold);
    hl_histogram_add(&slice, probabilities, mask, pixels);
    hl_confusion confusion = hl_histogram_confusion(&slice, score->histogram.threshold);
    score->slice_dice_sum += hl_dice(&confusion);
    score->slices++;
    hl_histogram_merge(&score->histogram, &slice);
}

static hl_status count_native(scoring *s, hl_score *score, int row, const float *probabilities) {
    hl_context *hl = hl_model_context(s->model);
    const hl_slice_info *info = hl_cohort_info(s->cohort, row);
    size_t pixels = (size_t)info->width * (size_t)info->height;
    uint8_t *mask = NULL, *predicted = NULL;
    hl_status status = hl_cohort_native_mask(s->cohort, row, &mask);
    if (status) return status;
    float *enlarged = hl_calloc(hl, pixels * (size_t)s->classes, sizeof *enlarged);
    if (s->classes > 1) predicted = hl_calloc(hl, pixels, 1);
    if (!enlarged || (s->classes > 1 && !predicted)) return free(mask), free(enlarged), free(predicted), HL_NO_MEMORY;
    const hl_model_options *grid = hl_model_options_of(s->model);
    hl_placement place = hl_cohort_placement(s->cohort, row);
    for (int c = 0; c < s->classes; c++)
        hl_grid_to_native(probabilities + (size_t)c * s->plane, grid->height, grid->width, &place, info->height, info->width,
                          enlarged + (size_t)c * pixels);
    count_slice(score, enlarged, mask, pixels, predicted);
    free(mask), free(enlarged), free(predicted);
    return HL_OK;
}

/* Predicts the slices held and counts each into its case. */
static hl_status flush(scoring *s) {
    size_t plane = s->plane;
    hl_status status = hl_model_predict(s->model, s->images, s->held, s->probabilities);
    for (int i = 0; i < s->held && !status; i++) {
        const float *probabilities = s->probabilities + (size_t)i * plane * (size_t)s->classes;
        const uint8_t *mask = s->masks + (size_t)i * plane;
        if (s->training) count_slice(&s->training[s->case_of[i]], probabilities, mask, plane, s->predicted);
        if (s->native) status = count_native(s, &s->native[s->case_of[i]], s->rows[i], probabilities);
        if (s->visit && !status) s->visit(s->user, s->rows[i], s->images + ((size_t)i * s->slices + s->slices / 2) * plane, mask, probabilities);
    }
    s->held = 0;
    return status;
}

static void start_case(const scoring *s, hl_score *scores, const hl_row *row, int model_number) {
    if (!scores) return;
    hl_score *score = &scores[s->cases];
    score->centre = row->centre, score->patient = row->patient, score->case_name = row->case_name;
    score->model = model_number, score->classes = s->classes;
    hl_histogram_clear(&score->histogram, s->threshold);
}

static void add_pixels(const scoring *s, hl_score *scores, const hl_slice_info *info) {
    if (!scores) return;
    hl_score *score = &scores[s->cases - 1];
    score->lesion_pixels += info->lesion_pixels;
    for (int c = 0; s->classes > 1 && c < s->classes; c++) score->class_pixels[c] += info->class_pixels[c];
}

static hl_status score_rows(scoring *s, const int *rows, int row_count, int model_number) {
    const hl_manifest *manifest = hl_cohort_manifest(s->cohort);
    const hl_model_options *options = hl_model_options_of(s->model);
    const hl_row *last = NULL;
    hl_status status = HL_OK;
    for (int i = 0; i < row_count && !status; i++) {
        const hl_row *row = hl_manifest_row(manifest, rows[i]);
        const hl_slice_info *info = hl_cohort_info(s->cohort, rows[i]);
        if (!info->labelled) continue;
        if (!last || strcmp(last->case_name, row->case_name) || strcmp(last->patient, row->patient)) {
            start_case(s, s->training, row, model_number);
            start_case(s, s->native, row, model_number);
            s->cases++;
        }
        last = row;
        add_pixels(s, s->training, info);
        add_pixels(s, s->native, info);
        size_t at = (size_t)s->held * s->plane;
        status = hl_cohort_image(s->cohort, rows[i], options->context, s->images + at * s->slices);
        if (!status) status = hl_cohort_slice(s->cohort, rows[i], NULL, s->masks + at, NULL, NULL);
        s->rows[s->held] = rows[i], s->case_of[s->held++] = s->cases - 1;
        if (!status && s->held == options->batch) status = flush(s);
    }
    return status || !s->held ? status : flush(s);
}

/* An upper bound of the cases among `rows`: where names change, labelled or not. */
static int bound_cases(const hl_cohort *cohort, const int *rows, int row_count) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    int cases = 0;
    for (int i = 0; i < row_count; i++) {
        const hl_row *row = hl_manifest_row(manifest, rows[i]), *before = i ? hl_manifest_row(manifest, rows[i - 1]) : NULL;
        cases += !before || strcmp(before->case_name, row->case_name) || strcmp(before->patient, row->patient);
    }
    return cases;
}

static hl_status allocate(scoring *s, bool training, bool native, int cases) {
    hl_context *hl = hl_model_context(s->model);
    size_t batch = (size_t)hl_model_options_of(s->model)->batch;
    s->classes = hl_model_classes(s->model);
    s->plane = hl_model_plane(s->model), s->slices = (size_t)hl_model_slices(s->model);
    s->images = hl_calloc(hl, batch * s->slices * s->plane, sizeof(float));
    s->probabilities = hl_calloc(hl, batch * s->plane * (size_t)s->classes, sizeof(float));
    if (s->classes > 1) s->predicted = hl_calloc(hl, s->plane, 1);
    s->masks = hl_calloc(hl, batch * s->plane, 1);
    s->rows = hl_calloc(hl, batch, sizeof(int));
    s->case_of = hl_calloc(hl, batch, sizeof(int));
    if (training) s->training = hl_calloc(hl, (size_t)cases, sizeof(hl_score));
    if (native) s->native = hl_calloc(hl, (size_t)cases, sizeof(hl_score));
    bool all = s->images && s->probabilities && s->masks && s->rows && s->case_of && (s->predicted || s->classes == 1);
    return all && (s->training || !training) && (s->native || !native) ? HL_OK : HL_NO_MEMORY;
}

hl_status hl_score_cases(hl_model *model, hl_cohort *cohort, const int *rows, int row_count, int model_number, double threshold,
                         hl_score **training, hl_score **native, int *count, hl_slice_visitor *visit, void *user) {
    scoring s = {.model = model, .cohort = cohort, .threshold = threshold, .visit = visit, .user = user};
    if (training) *training = NULL;
    if (native) *native = NULL;
    *count = 0;
    const hl_model_options *grid = hl_model_options_of(model);
    if (hl_cohort_height(cohort) != grid->height || hl_cohort_width(cohort) != grid->width)
        return hl_fail(hl_model_context(model), HL_USAGE, "the model takes slices of %dx%d, the cohort has %dx%d", grid->height,
                       grid->width, hl_cohort_height(cohort), hl_cohort_width(cohort));
    if (hl_cohort_classes(cohort) != hl_model_classes(model))
        return hl_fail(hl_model_context(model), HL_USAGE, "the model has %d classes, the cohort %d", hl_model_classes(model), hl_cohort_classes(cohort));
    hl_status status = allocate(&s, training, native, bound_cases(cohort, rows, row_count));
    if (!status) status = score_rows(&s, rows, row_count, model_number);
    free(s.images), free(s.probabilities), free(s.masks), free(s.predicted), free(s.rows), free(s.case_of);
    if (status) return free(s.training), free(s.native), status;
    if (training) *training = s.training;
    if (native) *native = s.native;
    *count = s.cases;
    return HL_OK;
}
