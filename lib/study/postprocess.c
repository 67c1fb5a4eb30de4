/* Post-processing tuned on a run's validation cases and applied to its test cases. */
#include "study/postprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/clean.h"

/* The grid: sizes, and each of them with and without filling and clipping. */
enum { SIZES = 6, TRIALS = 4 * SIZES };
static const double sizes_ml[SIZES] = {0, 0.03, 0.1, 0.3, 1, 3}, sizes_voxels[SIZES] = {0, 4, 10, 30, 100, 300};

/* A validation case cleaned in every way. */
typedef struct tried {
    int model;
    double dsc[TRIALS];
    int64_t altered[TRIALS]; /* voxels that became, or ceased to be, lesion */
} tried;

struct hl_postprocessing {
    hl_run *run;
    hl_cohort *cohort;
    bool millilitres, lungs;
    hl_postprocess *chosen; /* for each fold, then for all */
    tried *cases;           /* of the validation part */
    size_t case_count, case_capacity;
    hl_score *scores; /* of the part reported */
    size_t score_count, score_capacity;
    /* the case being seen, slice by slice on the training grid */
    hl_stack stack;
    int *rows;
    uint8_t *truth, *mask, *lung, *cleaned;
    float *plane; /* room for one slice */
    hl_status status;
};

/* --- what the cohort has ---------------------------------------------------------------------------------------------- */

static bool same_case(const hl_row *a, const hl_row *b) { return !strcmp(a->case_name, b->case_name) && !strcmp(a->patient, b->patient); }

/* Goes through the cohort's cases, of which rows of labelled slices count. Returns the most slices of one. */
static int survey(hl_postprocessing *p, int *rows) {
    const hl_manifest *manifest = hl_cohort_manifest(p->cohort);
    int most = 0, count = hl_manifest_count(manifest);
    p->millilitres = true, p->lungs = p->run->options.target != HL_TARGET_LUNG;
    for (int first = 0, end; first < count; first = end) {
        int slices = 0;
        double spacing[3];
        const hl_row *start = hl_manifest_row(manifest, first), *row;
        for (end = first; end < count && same_case(start, row = hl_manifest_row(manifest, end)); end++) {
            if (!hl_cohort_info(p->cohort, end)->labelled) continue;
            rows[slices++] = end;
            p->lungs = p->lungs && *row->lung;
        }
        if (slices > most) most = slices;
        if (!slices || !p->millilitres) continue;
        hl_rows_spacing(p->cohort, rows, slices, spacing);
        p->millilitres = spacing[2] > 0;
    }
    return most;
}

static hl_status allocate(hl_postprocessing *p) {
    hl_context *hl = p->run->hl;
    p->rows = hl_calloc(hl, (size_t)hl_manifest_count(hl_cohort_manifest(p->cohort)), sizeof *p->rows);
    p->chosen = hl_calloc(hl, (size_t)p->run->options.folds + 1, sizeof *p->chosen);
    if (!p->rows || !p->chosen) return HL_NO_MEMORY;
    p->stack.height = hl_cohort_height(p->cohort), p->stack.width = hl_cohort_width(p->cohort);
    size_t plane = (size_t)p->stack.height * (size_t)p->stack.width, voxels = (size_t)survey(p, p->rows) * plane;
    p->truth = hl_calloc(hl, voxels, 1), p->mask = hl_calloc(hl, voxels, 1);
    p->lung = hl_calloc(hl, voxels, 1), p->cleaned = hl_calloc(hl, voxels, 1);
    p->plane = hl_calloc(hl, plane, sizeof *p->plane);
    return p->truth && p->mask && p->lung && p->cleaned && p->plane ? HL_OK : HL_NO_MEMORY;
}

hl_postprocessing *hl_postprocess_open(hl_run *run, hl_cohort *cohort) {
    hl_postprocessing *p = hl_calloc(run->hl, 1, sizeof *p);
    if (!p) return NULL;
    p->run = run, p->cohort = cohort;
    if (allocate(p)) return hl_postprocess_free(p), NULL;
    return p;
}

void hl_postprocess_free(hl_postprocessing *p) {
    if (!p) return;
    free(p->rows), free(p->chosen), free(p->cases), free(p->scores);
    free(p->truth), free(p->mask), free(p->lung), free(p->cleaned), free(p->plane);
    free(p);
}

/* --- seeing a case ------------------------------------------------------------------------------------------------------ */

static void take_slice(void *user, int row, const float *image, const uint8_t *mask, const float *probabilities) {
    hl_postprocessing *p = user;
    size_t plane = (size_t)p->stack.height * (size_t)p->stack.width, at = (size_t)p->stack.depth * plane;
    (void)image;
    p->rows[p->stack.depth++] = row;
    for (size_t i = 0; i < plane; i++) p->truth[at + i] = mask[i] != 0, p->mask[at + i] = probabilities[i] > 0.5f;
    if (p->lungs && !p->status) p->status = hl_cohort_slice(p->cohort, row, NULL, NULL, NULL, p->lung + at);
}

/* p->cleaned from p->mask. */
static hl_status clean(hl_postprocessing *p, const hl_postprocess *how) {
    int64_t least = how->millilitres ? hl_least_voxels(how->smallest, hl_stack_voxel_ml(&p->stack)) : (int64_t)how->smallest;
    memcpy(p->cleaned, p->mask, hl_stack_voxels(&p->stack));
    return hl_stack_clean(p->run->hl, &p->stack, p->cleaned, how->clip ? p->lung : NULL, least, how->fill);
}

/* A case is seen: its spacing is set, and the next one begins with nothing. */
static hl_status end_case(hl_postprocessing *p, hl_status (*then)(hl_postprocessing *p, int model), int model) {
    hl_status status = p->status;
    if (!status && p->stack.depth) {
        hl_rows_spacing(p->cohort, p->rows, p->stack.depth, p->stack.spacing);
        status = then(p, model);
    }
    p->stack.depth = 0, p->status = HL_OK;
    return status;
}

/* --- tuning --------------------------------------------------------------------------------------------------------------- */

/* A way of the grid; those that change less come first. */
static hl_postprocess way(const hl_postprocessing *p, int trial) {
    return (hl_postprocess){.millilitres = p->millilitres,
                            .smallest = p->millilitres ? sizes_ml[trial % SIZES] : sizes_voxels[trial % SIZES],
                            .fill = trial / SIZES % 2,
                            .clip = trial / SIZES / 2};
}

static int trials_of(const hl_postprocessing *p) { return p->lungs ? TRIALS : TRIALS / 2; }

static void compare(const hl_postprocessing *p, double *dsc, int64_t *altered) {
    hl_confusion c = {0};
    *altered = 0;
    for (size_t i = 0; i < hl_stack_voxels(&p->stack); i++) {
        c.true_positive += p->cleaned[i] && p->truth[i];
        c.false_positive += p->cleaned[i] && !p->truth[i];
        c.false_negative += !p->cleaned[i] && p->truth[i];
        *altered += p->cleaned[i] != p->mask[i];
    }
    *dsc = hl_dice(&c);
}

static hl_status try_all(hl_postprocessing *p, int model) {
    tried *wider = hl_grow(p->run->hl, p->cases, &p->case_capacity, p->case_count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    p->cases = wider;
    tried *one = &p->cases[p->case_count++];
    one->model = model;
    hl_status status = HL_OK;
    for (int t = 0; t < trials_of(p) && !status; t++) {
        hl_postprocess how = way(p, t);
        status = clean(p, &how);
        if (!status) compare(p, &one->dsc[t], &one->altered[t]);
    }
    return status;
}

static hl_status end_tuned(void *user, int model) { return end_case(user, try_all, model); }
hl_watcher hl_postprocess_tune(hl_postprocessing *p) { return (hl_watcher){.slice = take_slice, .end = end_tuned, .user = p}; }

/* By the cases of one model, or with -1 of all. */
static hl_postprocess choose(const hl_postprocessing *p, int model) {
    double dsc[TRIALS] = {0};
    int64_t altered[TRIALS] = {0};
    int cases = 0, best = 0;
    for (size_t i = 0; i < p->case_count; i++) {
        if (model >= 0 && p->cases[i].model != model) continue;
        for (int t = 0; t < trials_of(p); t++) dsc[t] += p->cases[i].dsc[t], altered[t] += p->cases[i].altered[t];
        cases++;
    }
    for (int t = 1; t < trials_of(p); t++)
        if (dsc[t] > dsc[best] || (dsc[t] == dsc[best] && altered[t] < altered[best])) best = t;
    hl_postprocess chosen = way(p, best);
    chosen.cases = cases;
    chosen.dsc_before = cases ? dsc[0] / cases : NAN, chosen.dsc_after = cases ? dsc[best] / cases : NAN;
    return chosen;
}

void hl_postprocess_choose(hl_postprocessing *p) {
    int folds = p->run->options.folds;
    for (int fold = 0; fold < folds; fold++) p->chosen[fold] = choose(p, fold);
    p->chosen[folds] = choose(p, -1);
}

const hl_postprocess *hl_postprocess_chosen(const hl_postprocessing *p, int fold) {
    return &p->chosen[fold < 0 ? p->run->options.folds : fold];
}

/* --- applying ------------------------------------------------------------------------------------------------------------- */

static void count_slice(const hl_postprocessing *p, int z, hl_score *score) {
    size_t plane = (size_t)p->stack.height * (size_t)p->stack.width;
    const uint8_t *cleaned = p->cleaned + (size_t)z * plane;
    for (size_t i = 0; i < plane; i++) p->plane[i] = cleaned[i];
    hl_histogram_add(&score->histogram, p->plane, p->truth + (size_t)z * plane, plane);
    score->lesion_pixels += hl_cohort_info(p->cohort, p->rows[z])->lesion_pixels;
    score->slices++;
}

static hl_status score_cleaned(hl_postprocessing *p, int model) {
    hl_score *wider = hl_grow(p->run->hl, p->scores, &p->score_capacity, p->score_count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    p->scores = wider;
    hl_score *score = &p->scores[p->score_count];
    const hl_row *row = hl_manifest_row(hl_cohort_manifest(p->cohort), p->rows[0]);
    *score = (hl_score){.centre = row->centre, .patient = row->patient, .case_name = row->case_name, .model = model, .classes = 1};
    hl_histogram_clear(&score->histogram, 0.5);
    hl_status status = clean(p, hl_postprocess_chosen(p, model));
    for (int z = 0; z < p->stack.depth && !status; z++) count_slice(p, z, score);
    p->score_count += !status;
    return status;
}

static hl_status end_applied(void *user, int model) { return end_case(user, score_cleaned, model); }
hl_watcher hl_postprocess_apply(hl_postprocessing *p) { return (hl_watcher){.slice = take_slice, .end = end_applied, .user = p}; }

const hl_score *hl_postprocess_scores(const hl_postprocessing *p, int *count) {
    *count = (int)p->score_count;
    return p->scores;
}
