/* The threshold: DSC against it on validation patients, which choose one, and on cohort 2. Figure 5. */
#include <math.h>
#include <stdlib.h>

#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_run_list_add(list, study, HL_RUN_OWN, study->model); }

/* Mean DSC over the cases a run tests in a cohort, at every threshold. */
static hl_status put_curve(hl_session *s, hl_json *json, hl_run *run, const char *name, hl_cohort_id id, const char *key) {
    char *path = hl_session_manifest(s, id);
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_score *scores = NULL;
    hl_figures figures = {0};
    int count = 0;
    hl_status status = path ? hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    if (!status) status = hl_session_score(s, run, cohort, HL_PART_TEST, &scores, &count);
    if (!status) status = hl_figures_compute(s->hl, scores, count, 0.5, hl_run_threshold_val(run), &figures);
    cJSON *one = hl_json_object(json, json->root, key);
    if (!status) {
        hl_json_numbers(json, one, "dsc_at", figures.dsc_at, HL_THRESHOLDS);
        hl_json_number(json, one, "dsc_at_half", figures.dsc_at[hl_threshold_index(0.5)]);
        hl_json_number(json, one, "dsc_at_chosen", figures.dsc_val_threshold);
        hl_json_number(json, one, "threshold_oracle", figures.threshold_oracle);
        hl_json_number(json, one, "dsc_oracle", figures.dsc_oracle);
        hl_result_tested(json, hl_json_array(json, one, "tested"), name, scores, count);
    }
    hl_figures_free(&figures);
    free(scores), free(path);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    hl_run *run = NULL;
    char name[96];
    needs(s->study, &list);
    hl_run_spec_name(&list.runs[0], name);
    hl_status status = hl_session_run(s, &list.runs[0], &run);
    if (!status) {
        hl_json_text(result, result->root, "run", name);
        hl_json_number(result, result->root, "threshold", hl_run_threshold_val(run));
        hl_json_numbers(result, result->root, "thresholds", hl_thresholds, HL_THRESHOLDS);
        hl_json_numbers(result, result->root, "validation", run->validation_dsc, HL_THRESHOLDS);
        status = put_curve(s, result, run, name, HL_COHORT_ONE, "own");
    }
    if (!status && s->study->cohorts[HL_COHORT_TWO].there) status = put_curve(s, result, run, name, HL_COHORT_TWO, "second");
    hl_run_close(run);
    return status;
}

/* --- Figure 5 -------------------------------------------------------------------------------------------------------------- */

static const double *curve_of(hl_book *book, const cJSON *array) {
    double *values = hl_book_doubles(book, HL_THRESHOLDS);
    for (int t = 0; t < HL_THRESHOLDS && values; t++) {
        const cJSON *item = cJSON_GetArrayItem(array, t);
        values[t] = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    }
    return values;
}

static hl_status show(hl_book *book, const cJSON *result) {
    hl_book_heading(book, "Figure 5: threshold");
    if (hl_book_skipped(book, "figure5", result)) return HL_OK;
    const struct {
        const char *label;
        const cJSON *values;
    } wanted[] = {{"cohort 1, validation (chooses)", hl_result_get(result, "validation")},
                  {"cohort 1, test", hl_result_get(hl_result_get(result, "own"), "dsc_at")},
                  {"cohort 2", hl_result_get(hl_result_get(result, "second"), "dsc_at")}};
    hl_curve curves[3];
    int count = 0;
    for (int i = 0; i < 3; i++) {
        if (!wanted[i].values) continue;
        curves[count] =
            (hl_curve){.label = wanted[i].label, .x = hl_thresholds, .y = curve_of(book, wanted[i].values), .points = HL_THRESHOLDS};
        curves[count].colour = i, curves[count].markers = true, curves[count].dashed = i == 0;
        if (!curves[count++].y) return HL_NO_MEMORY;
    }
    double chosen = hl_result_number(result, "threshold");
    hl_plot plot = {.title = "Mean DSC of the cases against the threshold",
                    .x_label = "threshold",
                    .y_label = "DSC",
                    .x_max = 1,
                    .y_max = 1,
                    .curves = curves,
                    .curve_count = count,
                    .marker_x = chosen};
    char *svg = hl_book_plot(book, &plot);
    hl_book_figure(book, "figure5",
                   "Figure 5. DSC against the threshold; the thin line is the one that cohort 1's validation patients chose.", &svg, 1);
    hl_book_say(book, "%s, model %s: the validation patients choose %g.", "Cohort 1", book->s->study->model, chosen);
    return HL_OK;
}

const hl_study_part hl_part_threshold = {"threshold", "Figure 5", "DSC against the threshold", needs, compute, show};
