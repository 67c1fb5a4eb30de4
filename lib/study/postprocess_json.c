/* Post-processing in metrics.json: what was chosen, by which it is read back, and the figures of the test parts after it. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/postprocess.h"

static void put_chosen(hl_json *json, cJSON *to, const hl_postprocess *chosen) {
    hl_json_number(json, to, "smallest", chosen->smallest);
    hl_json_bool(json, to, "fill_holes", chosen->fill);
    hl_json_bool(json, to, "clip_to_lungs", chosen->clip);
    hl_json_number(json, to, "val_cases", chosen->cases);
    hl_json_number(json, to, "dsc_val_before", chosen->dsc_before);
    hl_json_number(json, to, "dsc_val_after", chosen->dsc_after);
}

static void put_means(hl_json *json, cJSON *to, const hl_figures *figures) {
    hl_json_number(json, to, "dsc_case_mean", figures->dsc_case_mean);
    hl_json_number(json, to, "dsc_lesion_mean", figures->dsc_lesion_mean);
    hl_json_number(json, to, "sensitivity", figures->sensitivity);
    hl_json_number(json, to, "specificity", figures->specificity);
    hl_json_number(json, to, "precision", figures->precision);
}

static void put_cases(hl_json *json, cJSON *to, const hl_figures *figures) {
    cJSON *cases = hl_json_array(json, to, "cases");
    for (int i = 0; i < figures->case_count; i++) {
        cJSON *one = hl_json_object(json, cases, NULL);
        hl_json_text(json, one, "centre", figures->cases[i].centre);
        hl_json_text(json, one, "patient", figures->cases[i].patient);
        hl_json_text(json, one, "case", figures->cases[i].case_name);
        hl_json_number(json, one, "dsc", figures->cases[i].dsc);
    }
}

static hl_status put_tested(hl_json *json, cJSON *to, const hl_score *scores, int count) {
    hl_figures figures;
    hl_status status = hl_figures_compute(json->hl, scores, count, 0.5, NAN, &figures);
    if (status) return status;
    put_means(json, to, &figures);
    hl_json_number(json, to, "dsc_lesion100_mean", figures.dsc_lesion100_mean);
    hl_json_number(json, to, "dsc_nonempty_mean", figures.dsc_nonempty_mean);
    hl_json_number(json, to, "dsc_case_sd", figures.dsc_case_sd);
    hl_json_number(json, to, "dsc_case_median", figures.dsc_case_median);
    hl_json_number(json, to, "dsc_fold_mean", figures.dsc_fold_mean);
    hl_json_number(json, to, "dsc_fold_sd", figures.dsc_fold_sd);
    put_cases(json, to, &figures);
    hl_figures_free(&figures);
    return HL_OK;
}

/* A fold's choice, and its figures where it tested somebody. */
static hl_status put_fold(const hl_postprocessing *p, hl_json *json, cJSON *to, int fold) {
    int count, first = 0;
    const hl_score *scores = hl_postprocess_scores(p, &count);
    hl_json_number(json, to, "fold", fold);
    put_chosen(json, to, hl_postprocess_chosen(p, fold));
    while (first < count && scores[first].model != fold) first++;
    if (first == count) return HL_OK;
    hl_figures figures;
    hl_status status = hl_figures_compute(json->hl, scores + first, hl_scores_of_model(scores, count, first), 0.5, NAN, &figures);
    if (status) return status;
    hl_json_number(json, to, "cases", figures.case_count);
    put_means(json, to, &figures);
    hl_figures_free(&figures);
    return HL_OK;
}

hl_status hl_postprocess_put(const hl_postprocessing *p, hl_json *json, int folds) {
    cJSON *to = hl_json_object(json, json->root, "postprocess");
    int count;
    const hl_score *scores = hl_postprocess_scores(p, &count);
    hl_json_text(json, to, "unit", hl_postprocess_chosen(p, -1)->millilitres ? "mL" : "voxels");
    put_chosen(json, to, hl_postprocess_chosen(p, -1));
    hl_status status = count ? put_tested(json, to, scores, count) : HL_OK;
    cJSON *list = hl_json_array(json, to, "folds");
    for (int fold = 0; fold < folds && !status; fold++) status = put_fold(p, json, hl_json_object(json, list, NULL), fold);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

static hl_status read_chosen(hl_context *hl, const char *path, const cJSON *from, bool millilitres, hl_postprocess *chosen) {
    hl_json_reader reader = {.hl = hl, .path = path, .root = from};
    const cJSON *before = cJSON_GetObjectItemCaseSensitive(from, "dsc_val_before"),
                *after = cJSON_GetObjectItemCaseSensitive(from, "dsc_val_after");
    *chosen = (hl_postprocess){.millilitres = millilitres,
                               .smallest = hl_json_get_number(&reader, "smallest"),
                               .fill = hl_json_get_bool(&reader, "fill_holes"),
                               .clip = hl_json_get_bool(&reader, "clip_to_lungs"),
                               .cases = hl_json_get_integer(&reader, "val_cases", 0, INT_MAX),
                               .dsc_before = cJSON_IsNumber(before) ? before->valuedouble : NAN,
                               .dsc_after = cJSON_IsNumber(after) ? after->valuedouble : NAN};
    if (!reader.status && !(chosen->smallest >= 0))
        return hl_fail(hl, HL_BAD_INPUT, "%s: \"smallest\" is %g, expected 0 or more", path, chosen->smallest);
    return reader.status;
}

hl_status hl_run_postprocess(const hl_run *run, int fold, hl_postprocess *chosen) {
    *chosen = (hl_postprocess){.dsc_before = NAN, .dsc_after = NAN};
    if (fold < -1 || fold >= run->options.folds)
        return hl_fail(run->hl, HL_USAGE, "%s: fold %d: expected 0 to %d", run->folder, fold, run->options.folds - 1);
    if (!run->options.postprocess || !run->metrics) return HL_OK;
    char *path = hl_run_path(run, "metrics.json");
    if (!path) return HL_NO_MEMORY;
    const cJSON *of = cJSON_GetObjectItemCaseSensitive(run->metrics, "postprocess");
    const char *unit = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(of, "unit"));
    if (fold >= 0) of = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(of, "folds"), fold);
    hl_status status = unit && cJSON_IsObject(of)
                           ? read_chosen(run->hl, path, of, !strcmp(unit, "mL"), chosen)
                           : hl_fail(run->hl, HL_BAD_INPUT, "%s: what was chosen for \"postprocess\" is missing", path);
    free(path);
    return status;
}
