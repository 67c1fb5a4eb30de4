/* The conventions: one set of predictions scored as several libraries, and the paper, would. */
#include <math.h>
#include <stdlib.h>

#include "hilum/conventions.h"
#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_run_list_add(list, study, HL_RUN_OWN, study->model); }

typedef struct scoring {
    hl_session *s;
    hl_convention_case *cases;
    int count;
    size_t capacity;
    hl_json *json;
    cJSON *tested;
} scoring;

static hl_confusion count_slice(const float *p, const uint8_t *truth, uint8_t *predicted, size_t plane) {
    hl_confusion c = {0};
    for (size_t i = 0; i < plane; i++) {
        predicted[i] = (double)p[i] > 0.5;
        c.true_positive += truth[i] && predicted[i], c.false_positive += !truth[i] && predicted[i];
        c.false_negative += truth[i] && !predicted[i], c.true_negative += !truth[i] && !predicted[i];
    }
    return c;
}

static hl_status score_case(void *user, const hl_maps *m) {
    scoring *s = user;
    hl_context *hl = s->s->hl;
    size_t plane = (size_t)m->stack.height * (size_t)m->stack.width;
    hl_convention_case *wider = hl_grow(hl, s->cases, &s->capacity, (size_t)s->count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    s->cases = wider;
    hl_confusion *slices = hl_calloc(hl, (size_t)m->stack.depth, sizeof *slices);
    uint8_t *predicted = hl_calloc(hl, plane, (size_t)m->stack.depth);
    hl_convention_case one = {.slices = slices, .slice_count = m->stack.depth, .has_surfaces = hl_stack_has_spacing(&m->stack)};
    hl_status status = slices && predicted ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < m->stack.depth && !status; i++)
        slices[i] = count_slice(m->probabilities + (size_t)i * plane, m->truth + (size_t)i * plane, predicted + (size_t)i * plane, plane);
    double tolerance = s->s->study->lesion_tolerance;
    if (!status && one.has_surfaces)
        status = hl_surface_compare(hl, &m->stack, m->truth, predicted, HL_SURFACE_ELEMENTS, tolerance, &one.elements);
    if (!status && one.has_surfaces)
        status = hl_surface_compare(hl, &m->stack, m->truth, predicted, HL_SURFACE_VOXELS, tolerance, &one.voxels);
    free(predicted);
    if (status) return free(slices), status;
    wider[s->count++] = one;
    hl_result_tested(s->json, s->tested, m->run, m->score, 1);
    return HL_OK;
}

static hl_status put_rows(hl_session *s, hl_json *json, const scoring *of) {
    hl_convention rows[HL_CONVENTIONS];
    hl_status status = hl_conventions_score(s->hl, of->cases, of->count, rows);
    cJSON *list = hl_json_array(json, json->root, "conventions");
    for (int i = 0; i < HL_CONVENTIONS && !status; i++) {
        cJSON *one = hl_json_object(json, list, NULL);
        hl_json_text(json, one, "library", rows[i].library);
        hl_json_text(json, one, "figure", rows[i].figure);
        hl_json_text(json, one, "over", rows[i].over);
        hl_json_text(json, one, "rule", rows[i].rule);
        hl_json_number(json, one, "value", rows[i].value);
        if (isinf(rows[i].value)) hl_json_text(json, one, "reason", "infinite: one mask is empty where the other is not");
        else if (isnan(rows[i].value)) hl_json_text(json, one, "reason", "no case is left to average, or none is a volume with spacing");
        hl_json_number(json, one, "counted", rows[i].counted);
        hl_json_number(json, one, "left_out", rows[i].left_out);
        hl_json_number(json, one, "infinite", rows[i].infinite);
    }
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    hl_run_list list = {0};
    hl_run *run = NULL;
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    char name[96];
    scoring of = {.s = s, .json = result, .tested = hl_json_array(result, result->root, "tested")};
    needs(s->study, &list);
    hl_run_spec_name(&list.runs[0], name);
    char *path = hl_session_manifest(s, HL_COHORT_ONE);
    hl_status status = path ? hl_session_run(s, &list.runs[0], &run) : HL_NO_MEMORY;
    if (!status) status = hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort);
    if (!status) status = hl_session_visit(s, run, name, cohort, HL_PART_TEST, score_case, &of);
    if (!status) status = put_rows(s, result, &of);
    for (int i = 0; i < of.count; i++) free((void *)of.cases[i].slices);
    free(of.cases), free(path);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    hl_run_close(run);
    return status;
}

static hl_status show(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"as in", "figure", "value", "counted", "left out", "rule"};
    hl_book_heading(book, "One set of predictions, several conventions");
    if (hl_book_skipped(book, "conventions", result)) return HL_OK;
    hl_sheet sheet;
    hl_sheet_start(
        &sheet, book, "conventions",
        hl_book_text(book,
                     "The same masks of cohort 1 (%s, out of fold, 0.5), scored by different rules; distances in mm, surface Dice at %g mm",
                     book->s->study->model, book->s->study->lesion_tolerance),
        heads, 6);
    const cJSON *row;
    cJSON_ArrayForEach(row, hl_result_get(result, "conventions")) {
        hl_sheet_text(&sheet, "%s", hl_result_text(row, "library"));
        hl_sheet_text(&sheet, "%s, %s", hl_result_text(row, "figure"), hl_result_text(row, "over"));
        hl_sheet_number(&sheet, hl_result_number(row, "value"), 4, hl_result_text(row, "reason"));
        hl_sheet_number(&sheet, hl_result_number(row, "counted"), 0, "");
        hl_sheet_number(&sheet, hl_result_number(row, "left_out"), 0, "");
        hl_sheet_text(&sheet, "%s", hl_result_text(row, "rule"));
    }
    hl_sheet_end(&sheet);
    return HL_OK;
}

const hl_study_part hl_part_conventions = {
    "conventions", "convention table", "the same predictions scored as different libraries would", needs, compute, show};
