/* Severity: how much of each lung is lesion, from truth and from prediction. Figure 4. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/statistics.h"
#include "study/book.h"
#include "study/masked.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_part_lungs.needs(study, list); }

/* A fold's cohort masked to predicted lungs, whose rows are cohort 1's. */
typedef struct measuring {
    hl_session *s;
    hl_json *json;
    cJSON *lungs; /* a row a case and lung */
    cJSON *cases, *tested;
    hl_manifest *rows;
    hl_cohort *masked;
    int fold;
} measuring;

static hl_status open_masked(measuring *m, int fold) {
    if (m->masked && m->fold == fold) return HL_OK;
    if (m->masked) hl_cohort_free(m->masked);
    hl_manifest_free(m->rows);
    m->masked = NULL, m->rows = NULL, m->fold = fold;
    char *path = hl_masked_manifest(m->s, fold);
    hl_status status = path ? hl_session_open(m->s, path, HL_TARGET_MASK, 1, &m->rows, &m->masked) : HL_NO_MEMORY;
    free(path);
    return status;
}

static void put_lung(measuring *to, const hl_maps *m, const char *side, const hl_burden *truth, const hl_burden *given,
                     const hl_burden *predicted) {
    hl_json *json = to->json;
    cJSON *one = hl_json_object(json, to->lungs, NULL);
    hl_json_text(json, one, "centre", m->row->centre);
    hl_json_text(json, one, "patient", m->row->patient);
    hl_json_text(json, one, "case", m->row->case_name);
    hl_json_text(json, one, "lung", side);
    hl_json_bool(json, one, "healthy", m->healthy);
    hl_json_number(json, one, "lung_size", truth->lung);
    hl_json_number(json, one, "lesion_truth", truth->lesion);
    hl_json_number(json, one, "lesion_predicted", given->lesion);
    hl_json_number(json, one, "truth", truth->share);
    hl_json_number(json, one, "predicted", given->share);
    hl_json_number(json, one, "predicted_lungs", predicted->share);
}

static void put_case(measuring *to, const hl_maps *m, const hl_severity of[3]) {
    hl_json *json = to->json;
    put_lung(to, m, "left", &of[0].left, &of[1].left, &of[2].left);
    put_lung(to, m, "right", &of[0].right, &of[1].right, &of[2].right);
    cJSON *one = hl_json_object(json, to->cases, NULL);
    hl_json_text(json, one, "patient", m->row->patient);
    hl_json_text(json, one, "case", m->row->case_name);
    hl_json_bool(json, one, "healthy", m->healthy);
    hl_json_bool(json, one, "millilitres", of[0].millilitres);
    hl_json_number(json, one, "truth", of[0].both.share);
    hl_json_number(json, one, "predicted", of[1].both.share);
    hl_json_number(json, one, "outside_truth", of[0].outside);
    hl_json_number(json, one, "outside_predicted", of[1].outside);
    hl_result_tested(json, to->tested, m->run, m->score, 1);
}

/* Truth on given lungs, prediction on given lungs, prediction on predicted lungs. */
static hl_status measure(void *user, const hl_maps *m) {
    measuring *to = user;
    hl_context *hl = to->s->hl;
    size_t plane = (size_t)m->stack.height * (size_t)m->stack.width, voxels = hl_stack_voxels(&m->stack);
    uint8_t *lesion = hl_calloc(hl, voxels, 1), *lungs = hl_calloc(hl, voxels, 1);
    hl_severity of[3];
    hl_status status = lesion && lungs ? open_masked(to, m->model) : HL_NO_MEMORY;
    for (size_t i = 0; i < voxels && !status; i++) lesion[i] = (double)m->probabilities[i] > 0.5;
    for (int slice = 0; slice < m->stack.depth && !status; slice++)
        status = hl_cohort_slice(to->masked, m->rows[slice], NULL, NULL, NULL, lungs + (size_t)slice * plane);
    if (!status) status = hl_severity_measure(hl, &m->stack, m->truth, m->lung, &of[0]);
    if (!status) status = hl_severity_measure(hl, &m->stack, lesion, m->lung, &of[1]);
    if (!status) status = hl_severity_measure(hl, &m->stack, lesion, lungs, &of[2]);
    if (!status) put_case(to, m, of);
    free(lesion), free(lungs);
    return status;
}

static hl_status measure_all(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    char name[96], *path = hl_session_manifest(s, HL_COHORT_ONE);
    hl_run *run = NULL;
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_run_list_add(&list, s->study, HL_RUN_OWN, s->study->model);
    hl_run_spec_name(&list.runs[0], name);
    measuring m = {.s = s,
                   .json = result,
                   .lungs = hl_json_array(result, result->root, "lungs"),
                   .cases = hl_json_array(result, result->root, "cases")};
    m.tested = hl_json_array(result, result->root, "tested");
    hl_status status = path ? hl_session_run(s, &list.runs[0], &run) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort);
    if (!status) status = hl_session_visit(s, run, name, cohort, HL_PART_TEST, measure, &m);
    if (m.masked) hl_cohort_free(m.masked);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(m.rows), hl_manifest_free(rows);
    hl_run_close(run);
    free(path);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    cJSON *lungs;
    hl_status status = hl_session_result(s, "lungs", &lungs);
    const char *why = hl_result_text(lungs, "skipped");
    if (!status && *why) hl_result_skip(result, why);
    else if (!status) status = measure_all(s, result);
    cJSON_Delete(lungs);
    return status;
}

/* --- Figure 4 -------------------------------------------------------------------------------------------------------------- */

/* Shares in percent of lungs, healthy people's behind the others'. */
typedef struct shares {
    double *truth, *predicted, *predicted_lungs;
    int count, ill; /* the first `ill` are not healthy people's */
} shares;

static bool gather(hl_book *book, const cJSON *result, shares *s) {
    const cJSON *lungs = hl_result_get(result, "lungs"), *one;
    int all = cJSON_GetArraySize(lungs);
    *s = (shares){hl_book_doubles(book, all), hl_book_doubles(book, all), hl_book_doubles(book, all), 0, 0};
    if (!s->truth || !s->predicted || !s->predicted_lungs) return false;
    for (int healthy = 0; healthy < 2; healthy++) {
        cJSON_ArrayForEach(one, lungs) {
            if (cJSON_IsTrue(hl_result_get(one, "healthy")) != (healthy == 1)) continue;
            s->truth[s->count] = 100 * hl_result_number(one, "truth");
            s->predicted[s->count] = 100 * hl_result_number(one, "predicted");
            s->predicted_lungs[s->count++] = 100 * hl_result_number(one, "predicted_lungs");
        }
        if (!healthy) s->ill = s->count;
    }
    return true;
}

static void agreement_row(hl_sheet *sheet, const char *what, const double *truth, const double *predicted, int count) {
    hl_correlation r = hl_pearson(truth, predicted, count);
    hl_concordance c = hl_lin(truth, predicted, count);
    hl_agreement a = hl_bland_altman(predicted, truth, count);
    const char *few = "too few lungs, or all shares are alike";
    hl_sheet_text(sheet, "%s", what);
    hl_sheet_number(sheet, r.pairs, 0, "");
    hl_sheet_interval(sheet, r.r, r.low, r.high, 3, few);
    hl_sheet_interval(sheet, c.ccc, c.low, c.high, 3, few);
    hl_sheet_number(sheet, a.bias, 2, few);
    hl_sheet_number(sheet, a.lower, 2, few);
    hl_sheet_number(sheet, a.upper, 2, few);
}

static void figure4(hl_book *book, const shares *s) {
    hl_correlation r = hl_pearson(s->truth, s->predicted, s->count);
    hl_concordance c = hl_lin(s->truth, s->predicted, s->count);
    hl_agreement a = hl_bland_altman(s->predicted, s->truth, s->count);
    hl_points groups[] = {{"with lesions", s->truth, s->predicted, s->ill, 0},
                          {"healthy", s->truth + s->ill, s->predicted + s->ill, s->count - s->ill, 2}};
    hl_points differences[] = {{"with lesions", s->predicted, s->truth, s->ill, 0},
                               {"healthy", s->predicted + s->ill, s->truth + s->ill, s->count - s->ill, 2}};
    char *svgs[] = {hl_scatter_svg(book->hl, &(hl_scatter){.title = "Share of each lung that is lesion",
                                                           .x_label = "truth, %",
                                                           .y_label = "prediction, %",
                                                           .groups = groups,
                                                           .group_count = s->ill < s->count ? 2 : 1,
                                                           .note = hl_book_text(book, "r = %.3f\nLin's coefficient = %.3f", r.r, c.ccc)}),
                    hl_differences_svg(book->hl, &(hl_differences){.title = "Prediction less truth",
                                                                   .x_label = "mean of both, %",
                                                                   .y_label = "difference, points",
                                                                   .groups = differences,
                                                                   .group_count = s->ill < s->count ? 2 : 1,
                                                                   .agreement = &a,
                                                                   .decimals = 2})};
    hl_book_figure(
        book, "figure4",
        "Figure 4. Severity of each lung, out of fold: lesion within the lung over the lung (Bland and Altman's plot at the right).", svgs,
        2);
}

static double mean_of(hl_book *book, const cJSON *list, const char *key) {
    double *values = hl_book_doubles(book, cJSON_GetArraySize(list));
    const cJSON *one;
    int count = 0;
    if (!values) return NAN;
    cJSON_ArrayForEach(one, list) {
        double value = hl_result_number(one, key);
        if (!isnan(value)) values[count++] = value;
    }
    return hl_mean(values, count);
}

static hl_status show(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"lungs", "pairs",       "Pearson's r (95 %)", "Lin's coefficient (95 %)",
                                        "bias",  "lower limit", "upper limit"};
    shares s;
    hl_sheet sheet;
    hl_book_heading(book, "Figure 4: severity");
    if (hl_book_skipped(book, "severity", result)) return HL_OK;
    if (!gather(book, result, &s)) return HL_NO_MEMORY;
    figure4(book, &s);
    hl_sheet_start(&sheet, book, "severity",
                   "Agreement of predicted and true shares; bias and limits of agreement in points of a percentage", heads, 7);
    agreement_row(&sheet, "all, given lungs", s.truth, s.predicted, s.count);
    agreement_row(&sheet, "without healthy, given lungs", s.truth, s.predicted, s.ill);
    agreement_row(&sheet, "all, predicted lungs", s.truth, s.predicted_lungs, s.count);
    agreement_row(&sheet, "without healthy, predicted lungs", s.truth, s.predicted_lungs, s.ill);
    hl_sheet_end(&sheet);
    const cJSON *cases = hl_result_get(result, "cases");
    bool millilitres = cases && cases->child && cJSON_IsTrue(hl_result_get(cases->child, "millilitres"));
    double truth = mean_of(book, cases, "outside_truth"), predicted = mean_of(book, cases, "outside_predicted");
    hl_book_say(book, "Sizes in parts/severity.json are %s.", millilitres ? "in mL" : "in pixels over the given slices");
    if (!isnan(truth))
        hl_book_say(book, "Of the true lesion %.1f %% lies outside the given lungs, in the mean over cases with any.", 100 * truth);
    if (!isnan(predicted)) hl_book_say(book, "Of the predicted lesion %.1f %%.", 100 * predicted);
    return HL_OK;
}

const hl_study_part hl_part_severity = {"severity", "Figure 4", "the share of each lung that is lesion, from truth and prediction",
                                        needs,      compute,    show};
