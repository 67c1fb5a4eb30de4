/* Calibration for cohort 2: what a threshold chosen on some of its cases is worth. Table 5. */
#include <math.h>
#include <stdlib.h>

#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_run_list_add(list, study, HL_RUN_OWN, study->model); }

static hl_status put_calibration(hl_session *s, hl_json *json, const char *name, hl_run *run, hl_cohort *cohort) {
    hl_score *scores = NULL;
    hl_figures figures = {0};
    hl_calibration calibration;
    int count = 0;
    hl_status status = hl_session_score(s, run, cohort, HL_PART_TEST, &scores, &count);
    if (!status) status = hl_figures_compute(s->hl, scores, count, 0.5, hl_run_threshold_val(run), &figures);
    if (!status) status = hl_calibrate(s->hl, figures.cases, figures.case_count, s->study->training.seed, &calibration);
    if (!status) {
        char *text = hl_calibration_json(s->hl, &calibration);
        if (text) hl_json_put(json, json->root, "calibration", cJSON_CreateRaw(text));
        else json->failed = true;
        free(text);
        hl_result_tested(json, hl_json_array(json, json->root, "tested"), name, scores, count);
    }
    hl_figures_free(&figures);
    free(scores);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    hl_run *run = NULL;
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    char name[96];
    if (!s->study->cohorts[HL_COHORT_TWO].there) return hl_result_skip(result, "the study has no second cohort"), HL_OK;
    needs(s->study, &list);
    hl_run_spec_name(&list.runs[0], name);
    char *path = hl_session_manifest(s, HL_COHORT_TWO);
    hl_status status = path ? hl_session_run(s, &list.runs[0], &run) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort);
    if (!status) status = put_calibration(s, result, name, run, cohort);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    hl_run_close(run);
    free(path);
    return status;
}

/* --- Table 5 --------------------------------------------------------------------------------------------------------------- */

static void read_calibration(const cJSON *from, hl_calibration *c) {
    *c = (hl_calibration){.patients = (int)hl_result_number(from, "patients"),
                          .cases = (int)hl_result_number(from, "cases"),
                          .draws = (int)hl_result_number(from, "draws"),
                          .exhaustive = cJSON_IsTrue(hl_result_get(from, "exhaustive")),
                          .dsc_before = hl_result_number(from, "dsc_before"),
                          .dsc_lesion_before = hl_result_number(from, "dsc_lesion_before")};
    for (int i = 0; i < HL_SHARES; i++) {
        const cJSON *share = cJSON_GetArrayItem(hl_result_get(from, "shares"), i);
        c->shares[i] = (hl_share){.percent = (int)hl_result_number(share, "percent"),
                                  .threshold = hl_result_number(share, "threshold"),
                                  .dsc_median = hl_result_number(share, "dsc_median"),
                                  .dsc_p5 = hl_result_number(share, "dsc_p5"),
                                  .dsc_p95 = hl_result_number(share, "dsc_p95"),
                                  .dsc_lesion_median = hl_result_number(share, "dsc_lesion_median"),
                                  .share_lost = hl_result_number(share, "share_lost"),
                                  .split_threshold = hl_result_number(share, "split_threshold"),
                                  .split_dsc = hl_result_number(share, "split_dsc")};
    }
}

static void table5(hl_book *book, const hl_calibration *c) {
    static const char *const heads[] = {"labelled", "one split: at", "DSC",          "all splits: at", "DSC, median",
                                        "5 %",      "95 %",          "lesion cases", "that lose, %"};
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "table5",
                   hl_book_text(book, "Table 5. Calibration of %s for cohort 2: %d patients, %d cases, %d %s", book->s->study->model,
                                c->patients, c->cases, c->draws, c->exhaustive ? "splits (all there are)" : "random splits"),
                   heads, 9);
    for (int i = 0; i < HL_SHARES; i++) {
        const hl_share *share = &c->shares[i];
        hl_sheet_text(&sheet, "%d %%", share->percent);
        hl_sheet_number(&sheet, share->split_threshold, 3, "");
        hl_sheet_number(&sheet, share->split_dsc, 4, "");
        hl_sheet_number(&sheet, share->threshold, 3, "");
        hl_sheet_number(&sheet, share->dsc_median, 4, "");
        hl_sheet_number(&sheet, share->dsc_p5, 4, "");
        hl_sheet_number(&sheet, share->dsc_p95, 4, "");
        hl_sheet_number(&sheet, share->dsc_lesion_median, 4, "no case of a test half has a lesion");
        hl_sheet_number(&sheet, 100 * share->share_lost, 1, "");
    }
    hl_sheet_end(&sheet);
}

static hl_status show(hl_book *book, const cJSON *result) {
    hl_calibration c;
    hl_book_heading(book, "Table 5: calibration, and how many cases it takes");
    if (hl_book_skipped(book, "table5", result)) return HL_OK;
    read_calibration(hl_result_get(result, "calibration"), &c);
    table5(book, &c);
    char *svg = hl_calibration_svg(book->hl, "How many cases does a new centre need?", &c, 0);
    hl_book_figure(book, "calibration",
                   "DSC of the test half by the share of cases that chose the threshold (median and 5th to 95th percentile of splits), and "
                   "the odds of harm.",
                   &svg, 1);
    hl_book_say(book,
                "The one split is a draw picked at random, as the paper divides once; the percentiles show how little one split tells.");
    return HL_OK;
}

const hl_study_part hl_part_calibration = {"calibration", "Table 5", "a threshold for cohort 2 from some of its cases",
                                           needs,         compute,   show};
