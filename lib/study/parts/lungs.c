/* Lung masking: trained and tested on slices masked to lungs that a net of the same folds predicts, and to given ones. Table 3. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/book.h"
#include "study/masked.h"

static void needs(const hl_study *study, hl_run_list *list) {
    static const hl_run_kind kinds[] = {HL_RUN_OWN, HL_RUN_LUNG, HL_RUN_MASKED, HL_RUN_GIVEN};
    for (int i = 0; i < 4; i++) hl_run_list_add(list, study, kinds[i], study->model);
}

/* Scores of one way to mask, and how much of the true lesion lies outside the lungs. */
typedef struct way {
    hl_session *s;
    hl_score *scores;
    int count;
    size_t capacity;
    double lesion, outside; /* pixels */
} way;

static void count_outside(way *w, const hl_maps *m) {
    size_t voxels = hl_stack_voxels(&m->stack);
    for (size_t i = 0; i < voxels; i++) w->lesion += m->truth[i] != 0, w->outside += m->truth[i] && !m->lung[i];
}

/* Counts a case with nothing predicted outside the lungs: a lesion there is missed. */
static hl_status score_within(void *user, const hl_maps *m) {
    way *w = user;
    size_t plane = (size_t)m->stack.height * (size_t)m->stack.width;
    hl_score *wider = hl_grow(w->s->hl, w->scores, &w->capacity, (size_t)w->count + 1, sizeof *wider);
    float *within = hl_calloc(w->s->hl, plane, sizeof *within);
    if (wider) w->scores = wider;
    if (!wider || !within) return free(within), HL_NO_MEMORY;
    hl_score *score = &wider[w->count++];
    *score = *m->score;
    score->slice_dice_sum = 0;
    hl_histogram_clear(&score->histogram, 0.5);
    for (int slice = 0; slice < m->stack.depth; slice++) {
        hl_histogram one;
        const float *p = m->probabilities + (size_t)slice * plane;
        for (size_t i = 0; i < plane; i++) within[i] = m->lung[(size_t)slice * plane + i] ? p[i] : 0;
        hl_histogram_clear(&one, 0.5);
        hl_histogram_add(&one, within, m->truth + (size_t)slice * plane, plane);
        hl_confusion confusion = hl_histogram_confusion(&one, 0.5);
        score->slice_dice_sum += hl_dice(&confusion);
        hl_histogram_merge(&score->histogram, &one);
    }
    count_outside(w, m);
    free(within);
    return HL_OK;
}

/* The names in scores are a manifest's: it is kept until the figures are written. */
typedef struct opened {
    hl_manifest *rows;
    hl_cohort *cohort;
} opened;

static hl_status add_run(way *w, const hl_run_spec *spec, int fold, opened *open, hl_json *json, cJSON *tested) {
    char name[96], *manifest = hl_masked_manifest(w->s, fold);
    hl_run *run = NULL;
    int before = w->count;
    hl_run_spec_name(spec, name);
    hl_status status = manifest ? hl_session_run(w->s, spec, &run) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(w->s, manifest, HL_TARGET_MASK, 1, &open->rows, &open->cohort);
    if (!status) status = hl_session_visit(w->s, run, name, open->cohort, HL_PART_TEST, score_within, w);
    if (!status) hl_result_tested(json, tested, name, w->scores + before, w->count - before);
    for (int i = before; i < w->count && fold >= 0; i++) w->scores[i].model = fold; /* each fold's run has one model of its own */
    hl_run_close(run);
    free(manifest);
    return status;
}

static hl_status put_way(way *w, hl_json *json, cJSON *to, double threshold) {
    hl_figures figures;
    hl_status status = hl_figures_compute(json->hl, w->scores, w->count, 0.5, threshold, &figures);
    if (status) return status;
    char *text = hl_figures_json(json->hl, &figures, NULL, 0);
    if (text) hl_json_put(json, to, "figures", cJSON_CreateRaw(text));
    else json->failed = true;
    free(text);
    hl_figures_free(&figures);
    hl_json_number(json, to, "lesion_outside", w->lesion > 0 ? w->outside / w->lesion : NAN);
    return HL_OK;
}

/* One row of Table 3: its runs, in one or one a fold. */
static hl_status add_way(hl_session *s, hl_json *json, cJSON *ways, hl_run_kind kind, const char *name, hl_run *lung, hl_cohort *cohort) {
    hl_run_list list = {0};
    way w = {.s = s};
    hl_run_list_add(&list, s->study, kind, s->study->model);
    opened *open = hl_calloc(s->hl, (size_t)list.count, sizeof *open);
    cJSON *one = hl_json_object(json, ways, NULL);
    hl_json_text(json, one, "way", name);
    hl_json_bool(json, one, "oracle", kind == HL_RUN_GIVEN);
    cJSON *tested = hl_json_array(json, one, "tested");
    hl_status status = open ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < list.count && !status; i++) {
        int fold = kind == HL_RUN_MASKED ? i : -1;
        status = hl_masked_write(s, lung, fold, cohort);
        if (!status) status = add_run(&w, &list.runs[i], fold, &open[i], json, tested);
    }
    if (!status) status = put_way(&w, json, one, NAN);
    for (int i = 0; i < list.count && open; i++) {
        if (open[i].cohort) hl_cohort_free(open[i].cohort);
        hl_manifest_free(open[i].rows);
    }
    free(open), free(w.scores);
    return status;
}

/* --- the lungs' own figures ------------------------------------------------------------------------------------------- */

/* A case's lungs against the given ones. */
typedef struct lung_figures {
    hl_session *s;
    hl_json *json;
    cJSON *cases;
} lung_figures;

static hl_status surface(hl_session *s, const hl_maps *m, const uint8_t *predicted, double *dice) {
    *dice = NAN;
    if (!hl_stack_has_spacing(&m->stack)) return HL_OK;
    hl_surface_figures figures;
    hl_status status = hl_surface_compare(s->hl, &m->stack, m->truth, predicted, HL_SURFACE_ELEMENTS, s->study->lung_tolerance, &figures);
    *dice = status ? NAN : figures.surface_dice;
    return status;
}

static hl_status measure_lungs(void *user, const hl_maps *m) {
    lung_figures *f = user;
    size_t plane = (size_t)m->stack.height * (size_t)m->stack.width;
    uint8_t *predicted = hl_calloc(f->s->hl, plane, (size_t)m->stack.depth);
    if (!predicted) return HL_NO_MEMORY;
    for (int slice = 0; slice < m->stack.depth; slice++)
        hl_most_probable(m->probabilities + (size_t)slice * plane * 3, 3, plane, predicted + (size_t)slice * plane);
    double dice;
    hl_status status = surface(f->s, m, predicted, &dice);
    cJSON *one = hl_json_object(f->json, f->cases, NULL);
    hl_json_text(f->json, one, "patient", m->row->patient);
    hl_json_text(f->json, one, "case", m->row->case_name);
    hl_json_number(f->json, one, "fold", m->model);
    hl_json_number(f->json, one, "row", m->rows[m->stack.depth / 2]);
    hl_json_number(f->json, one, "dsc", hl_score_dice(m->score, 0.5));
    hl_json_number(f->json, one, "dsc_left", hl_dice(&m->score->counts[HL_LUNG_LEFT]));
    hl_json_number(f->json, one, "dsc_right", hl_dice(&m->score->counts[HL_LUNG_RIGHT]));
    hl_json_number(f->json, one, "surface_dice", dice);
    free(predicted);
    return status;
}

static hl_status add_lungs(hl_session *s, hl_json *json, const hl_run_spec *spec, hl_run *run) {
    char name[96], *manifest = hl_session_manifest(s, HL_COHORT_ONE);
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_score *scores = NULL;
    int count = 0;
    hl_run_spec_name(spec, name);
    hl_status status = manifest ? hl_session_open(s, manifest, HL_TARGET_LUNG, 3, &rows, &cohort) : HL_NO_MEMORY;
    if (!status) status = hl_session_score(s, run, cohort, HL_PART_TEST, &scores, &count);
    if (!status) status = hl_result_scores(json, json->root, "lung", name, scores, count, NAN);
    lung_figures f = {.s = s, .json = json, .cases = hl_json_array(json, json->root, "lung_cases")};
    if (!status) status = hl_session_visit(s, run, name, cohort, HL_PART_TEST, measure_lungs, &f);
    free(scores), free(manifest);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    return status;
}

/* --- the part ------------------------------------------------------------------------------------------------------------ */

static bool all_have_lungs(const hl_manifest *rows) {
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        const hl_row *row = hl_manifest_row(rows, i);
        if (*row->mask && !*row->lung) return false;
    }
    return true;
}

static hl_status compute_ways(hl_session *s, hl_json *result, hl_cohort *cohort) {
    hl_run_list list = {0};
    hl_run *own = NULL, *lung = NULL;
    hl_score *scores = NULL;
    char name[96];
    int count = 0;
    hl_run_list_add(&list, s->study, HL_RUN_OWN, s->study->model);
    hl_run_list_add(&list, s->study, HL_RUN_LUNG, s->study->model);
    hl_run_spec_name(&list.runs[0], name);
    hl_status status = hl_session_run(s, &list.runs[0], &own);
    if (!status) status = hl_session_score(s, own, cohort, HL_PART_TEST, &scores, &count);
    if (!status) status = hl_result_scores(result, result->root, "whole", name, scores, count, hl_run_threshold_val(own));
    if (!status) status = hl_session_run(s, &list.runs[1], &lung);
    if (!status) status = add_lungs(s, result, &list.runs[1], lung);
    cJSON *ways = hl_json_array(result, result->root, "ways");
    if (!status) status = add_way(s, result, ways, HL_RUN_MASKED, "predicted lungs", lung, cohort);
    if (!status) status = add_way(s, result, ways, HL_RUN_GIVEN, "given lungs", NULL, cohort);
    free(scores);
    hl_run_close(own), hl_run_close(lung);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    char *path = hl_session_manifest(s, HL_COHORT_ONE);
    opened open = {0};
    hl_status status = path ? hl_session_open(s, path, HL_TARGET_MASK, 1, &open.rows, &open.cohort) : HL_NO_MEMORY;
    if (!status && !all_have_lungs(open.rows)) hl_result_skip(result, "not every labelled slice of cohort 1 has a lung mask");
    else if (!status) status = compute_ways(s, result, open.cohort);
    if (open.cohort) hl_cohort_free(open.cohort);
    hl_manifest_free(open.rows);
    free(path);
    return status;
}

/* --- Table 3 --------------------------------------------------------------------------------------------------------------- */

static void way_row(hl_sheet *sheet, const char *name, const cJSON *figures, double outside) {
    hl_sheet_text(sheet, "%s", name);
    hl_sheet_pair(sheet, hl_result_number(figures, "dsc_fold_mean"), hl_result_number(figures, "dsc_fold_sd"), 3, "nobody was tested");
    hl_sheet_number(sheet, hl_result_number(figures, "dsc_lesion_mean"), 3, "no case has a lesion");
    hl_sheet_pair(sheet, hl_result_number(figures, "auc_fold_mean"), hl_result_number(figures, "auc_fold_sd"), 4,
                  "pixels of one label only");
    hl_sheet_number(sheet, hl_result_number(figures, "sensitivity"), 3, "no case has a lesion");
    hl_sheet_number(sheet, hl_result_number(figures, "precision"), 3, "nothing is predicted");
    hl_sheet_number(sheet, 100 * outside, 1, "slices are not masked, or no case has a lesion");
}

static hl_status show(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"slices", "DSC", "lesion cases", "AUC", "sensitivity", "precision", "lesion outside, %"};
    hl_book_heading(book, "Table 3: masking to the lungs");
    if (hl_book_skipped(book, "table3", result)) return HL_OK;
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "table3",
                   hl_book_text(book,
                                "Table 3. %s trained and tested on whole slices and on slices masked to the lungs; mean ± SD over folds",
                                book->s->study->model),
                   heads, 7);
    way_row(&sheet, "whole", hl_result_get(hl_result_get(result, "whole"), "figures"), NAN);
    const cJSON *way;
    cJSON_ArrayForEach(way, hl_result_get(result, "ways")) {
        bool oracle = cJSON_IsTrue(hl_result_get(way, "oracle"));
        way_row(&sheet, oracle ? "masked to given lungs (oracle)" : "masked to predicted lungs", hl_result_get(way, "figures"),
                hl_result_number(way, "lesion_outside"));
    }
    hl_sheet_end(&sheet);
    hl_book_say(book,
                "The lungs come from the same network, trained in the same folds to tell left and right lung apart; the figures from given "
                "masks are an oracle's. Nothing counts as predicted outside the lungs, and a lesion there as missed.");
    return HL_OK;
}

const hl_study_part hl_part_lungs = {"lungs", "Table 3, appendix", "trained and tested on slices masked to the lungs", needs, compute,
                                     show};
