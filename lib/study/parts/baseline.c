/* A baseline without learning: thresholds and morphology within the lungs, tuned on each fold's training patients alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/baseline.h"
#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_run_list_add(list, study, HL_RUN_OWN, study->model); }

/* Cohort 1 as the baseline reads it: a case each, its maps in memory of its own. */
typedef struct casebook {
    hl_session *s;
    hl_cohort *cohort;
    hl_baseline_case *cases;
    const hl_row **rows; /* the first of each case */
    int count;
} casebook;

static hl_status fill_case(casebook *b, hl_baseline_case *to, int first, int end) {
    size_t plane = (size_t)hl_cohort_height(b->cohort) * (size_t)hl_cohort_width(b->cohort), depth = (size_t)(end - first);
    float *image = hl_calloc(b->s->hl, plane * depth, sizeof *image);
    uint8_t *lung = hl_calloc(b->s->hl, plane * depth, 1), *lesion = hl_calloc(b->s->hl, plane * depth, 1);
    *to = (hl_baseline_case){.stack = {.height = hl_cohort_height(b->cohort), .width = hl_cohort_width(b->cohort)}};
    to->image = image, to->lung = lung, to->lesion = lesion;
    hl_status status = image && lung && lesion ? HL_OK : HL_NO_MEMORY;
    for (int row = first; row < end && !status; row++) {
        size_t at = (size_t)to->stack.depth * plane;
        if (!hl_cohort_info(b->cohort, row)->labelled) continue;
        status = hl_cohort_slice(b->cohort, row, image + at, lesion + at, NULL, lung + at);
        to->stack.depth++;
    }
    return status;
}

static hl_status fill(casebook *b) {
    const hl_manifest *rows = hl_cohort_manifest(b->cohort);
    int all = hl_manifest_count(rows);
    b->cases = hl_calloc(b->s->hl, (size_t)all, sizeof *b->cases);
    b->rows = hl_calloc(b->s->hl, (size_t)all, sizeof *b->rows);
    hl_status status = b->cases && b->rows ? HL_OK : HL_NO_MEMORY;
    for (int first = 0, end; first < all && !status; first = end) {
        const hl_row *row = hl_manifest_row(rows, first);
        for (end = first; end < all && !strcmp(hl_manifest_row(rows, end)->case_name, row->case_name);) end++;
        status = fill_case(b, &b->cases[b->count], first, end);
        b->rows[b->count++] = row;
    }
    return status;
}

static void free_casebook(casebook *b) {
    for (int i = 0; i < b->count; i++) free((void *)b->cases[i].image), free((void *)b->cases[i].lung), free((void *)b->cases[i].lesion);
    free(b->cases), free(b->rows);
}

/* The cases of a role in a fold. */
static int choose(const casebook *b, const hl_folds *folds, int fold, hl_role role, hl_baseline_case *cases, int *which) {
    int count = 0;
    for (int i = 0; i < b->count; i++) {
        if (hl_folds_role(folds, b->rows[i]->patient, fold) != role || !b->cases[i].stack.depth) continue;
        cases[count] = b->cases[i], which[count++] = i;
    }
    return count;
}

static void put_parameters(hl_json *json, cJSON *to, const hl_baseline_tuning *t) {
    hl_json_number(json, to, "erode", t->best.erode), hl_json_number(json, to, "smooth", t->best.smooth);
    hl_json_number(json, to, "low", t->best.low), hl_json_number(json, to, "high", t->best.high);
    hl_json_number(json, to, "open", t->best.open), hl_json_number(json, to, "close", t->best.close);
    hl_json_number(json, to, "least", t->best.least);
    hl_json_number(json, to, "dsc_tuned", t->dsc), hl_json_number(json, to, "dsc_all_lung_tuned", t->all_lung);
    hl_json_number(json, to, "tried", t->tried);
}

static void put_names(hl_json *json, cJSON *to, const char *name, const casebook *b, const int *which, int count) {
    cJSON *names = hl_json_array(json, to, name);
    for (int i = 0; i < count; i++) hl_json_text(json, names, NULL, b->rows[which[i]]->patient);
}

static hl_status test_fold(casebook *b, hl_json *json, cJSON *to, const hl_baseline *tuned, const hl_baseline_case *cases, const int *which,
                           int count) {
    cJSON *list = cJSON_GetObjectItem(json->root, "cases");
    double sum = 0;
    hl_status status = HL_OK;
    put_names(json, to, "tested", b, which, count);
    for (int i = 0; i < count && !status; i++) {
        double dsc = NAN, all = NAN;
        bool lesion = false;
        for (size_t v = 0; v < hl_stack_voxels(&cases[i].stack) && !lesion; v++) lesion = cases[i].lesion[v] != 0;
        status = hl_baseline_dice(b->s->hl, tuned, &cases[i], &dsc);
        if (!status) status = hl_baseline_dice(b->s->hl, NULL, &cases[i], &all);
        cJSON *one = hl_json_object(json, list, NULL);
        hl_json_text(json, one, "patient", b->rows[which[i]]->patient);
        hl_json_text(json, one, "case", b->rows[which[i]]->case_name);
        hl_json_bool(json, one, "lesion", lesion);
        hl_json_number(json, one, "dsc", dsc);
        hl_json_number(json, one, "dsc_all_lung", all);
        sum += dsc;
    }
    hl_json_number(json, to, "dsc", count ? sum / count : NAN);
    return status;
}

static hl_status run_folds(casebook *b, hl_json *json, const hl_folds *folds) {
    hl_baseline_case *cases = hl_calloc(b->s->hl, (size_t)b->count, sizeof *cases);
    int *which = hl_calloc(b->s->hl, (size_t)b->count, sizeof *which);
    hl_status status = cases && which ? HL_OK : HL_NO_MEMORY;
    cJSON *list = hl_json_array(json, json->root, "folds");
    hl_json_array(json, json->root, "cases");
    for (int fold = 0; fold < hl_folds_count(folds) && !status; fold++) {
        hl_baseline_tuning tuning;
        cJSON *one = hl_json_object(json, list, NULL);
        hl_session_tell(b->s, "tuning", NULL, (double)fold / hl_folds_count(folds));
        int count = choose(b, folds, fold, HL_ROLE_TRAIN, cases, which);
        hl_json_number(json, one, "fold", fold);
        status = hl_session_stopped(b->s);
        put_names(json, one, "tuned_on", b, which, count);
        if (!status) status = hl_baseline_tune(b->s->hl, cases, count, &tuning);
        if (!status) put_parameters(json, one, &tuning);
        count = choose(b, folds, fold, HL_ROLE_TEST, cases, which);
        if (!status) status = test_fold(b, json, one, &tuning.best, cases, which, count);
    }
    free(cases), free(which);
    return status;
}

static bool all_have_lungs(const hl_manifest *rows) {
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        if (*hl_manifest_row(rows, i)->mask && !*hl_manifest_row(rows, i)->lung) return false;
    }
    return true;
}

static hl_status compute(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    hl_run *run = NULL;
    hl_manifest *rows = NULL;
    casebook b = {.s = s};
    needs(s->study, &list);
    char *path = hl_session_manifest(s, HL_COHORT_ONE);
    hl_status status = path ? hl_session_run(s, &list.runs[0], &run) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &b.cohort);
    if (!status && !all_have_lungs(rows)) hl_result_skip(result, "not every labelled slice of cohort 1 has a lung mask");
    else if (!status) {
        status = fill(&b);
        if (!status) status = run_folds(&b, result, hl_run_folds(run));
    }
    free_casebook(&b);
    if (b.cohort) hl_cohort_free(b.cohort);
    hl_manifest_free(rows);
    hl_run_close(run);
    free(path);
    return status;
}

/* --- what is shown --------------------------------------------------------------------------------------------------------- */

/* Mean over the cases, or those with a lesion; and the deviation over folds of their means. */
static double mean_of(hl_book *book, const cJSON *cases, const char *key, bool lesion) {
    double *values = hl_book_doubles(book, cJSON_GetArraySize(cases));
    int count = 0;
    const cJSON *one;
    if (!values) return NAN;
    cJSON_ArrayForEach(one, cases) {
        if (!lesion || cJSON_IsTrue(hl_result_get(one, "lesion"))) values[count++] = hl_result_number(one, key);
    }
    return hl_mean(values, count);
}

static hl_status show(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"rule", "DSC", "DSC, lesion cases"};
    hl_book_heading(book, "A baseline without learning");
    if (hl_book_skipped(book, "baseline", result)) return HL_OK;
    const cJSON *cases = hl_result_get(result, "cases");
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "baseline", "Thresholds and morphology within the given lungs, cohort 1, out of fold", heads, 3);
    hl_sheet_text(&sheet, "threshold and morphology");
    hl_sheet_number(&sheet, mean_of(book, cases, "dsc", false), 4, "nobody was tested");
    hl_sheet_number(&sheet, mean_of(book, cases, "dsc", true), 4, "no case has a lesion");
    hl_sheet_text(&sheet, "all lung");
    hl_sheet_number(&sheet, mean_of(book, cases, "dsc_all_lung", false), 4, "nobody was tested");
    hl_sheet_number(&sheet, mean_of(book, cases, "dsc_all_lung", true), 4, "no case has a lesion");
    hl_sheet_end(&sheet);
    hl_book_say(
        book, "The steps, after Khan et al. (Signal, Image and Video Processing 16, 2022), their parameters tuned on each fold's training "
              "patients alone:");
    for (int i = 0; i < HL_BASELINE_STEPS; i++) hl_book_say(book, "%d. %s", i + 1, hl_baseline_steps[i]);
    if (book->s->study->cohorts[HL_COHORT_ONE].hounsfield)
        hl_book_say(book, "The study cites 46.28 %% for such a rule, on Hounsfield units of another set of scans.");
    else
        hl_book_say(book, "The figure that the study cites for such a rule is for Hounsfield units, which these slices do not hold; it "
                          "does not stand beside these.");
    return HL_OK;
}

const hl_study_part hl_part_baseline = {
    "baseline", "a baseline without learning", "thresholds and morphology, tuned on training patients", needs, compute, show};
