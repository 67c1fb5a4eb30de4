/* The public cohort: half of each centre's patients train, the rest is test; and its benchmark's own protocol. Columns of Table 2. */
#include <math.h>
#include <stdlib.h>

#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) {
    if (!study->cohorts[HL_COHORT_PUBLIC].there) return;
    for (int i = 0; i < study->halves.count; i++) {
        hl_run_list_add(list, study, HL_RUN_HALVES, study->halves.names[i]);
        hl_run_list_add(list, study, HL_RUN_OPTIMISTIC, study->halves.names[i]);
    }
    for (int i = 0; i < study->four.count; i++) hl_run_list_add(list, study, HL_RUN_FOUR, study->four.names[i]);
}

/* Scores of several runs of one net, put together: each run is a model. */
typedef struct gathered {
    hl_score *scores;
    int count;
    size_t capacity;
} gathered;

static hl_status gather(hl_session *s, const hl_run_spec *spec, hl_cohort *cohort, gathered *all, hl_json *json, cJSON *tested) {
    char name[96];
    hl_run *run;
    hl_score *scores = NULL;
    int count = 0;
    hl_run_spec_name(spec, name);
    hl_part part = spec->kind == HL_RUN_OPTIMISTIC ? HL_PART_VALIDATION : HL_PART_TEST;
    hl_status status = hl_session_run(s, spec, &run);
    if (!status) status = hl_session_score(s, run, cohort, part, &scores, &count);
    hl_score *wider = status ? NULL : hl_grow(s->hl, all->scores, &all->capacity, (size_t)(all->count + count) + 1, sizeof *wider);
    if (!status && !wider) status = HL_NO_MEMORY;
    if (!status) hl_result_tested(json, tested, name, scores, count);
    for (int i = 0; i < count && wider; i++) {
        all->scores = wider;
        all->scores[all->count] = scores[i];
        if (spec->kind == HL_RUN_FOUR) all->scores[all->count].model = spec->member;
        all->count++;
    }
    free(scores);
    hl_run_close(run);
    return status;
}

static hl_status put_gathered(hl_json *json, cJSON *to, const gathered *all) {
    hl_figures figures;
    if (!all->count) return HL_OK;
    hl_status status = hl_figures_compute(json->hl, all->scores, all->count, 0.5, NAN, &figures);
    if (status) return status;
    char *text = hl_figures_json(json->hl, &figures, NULL, 0);
    if (text) hl_json_put(json, to, "figures", cJSON_CreateRaw(text));
    else json->failed = true;
    free(text);
    hl_figures_free(&figures);
    return HL_OK;
}

/* One net by one protocol. */
static hl_status add_protocol(hl_session *s, hl_json *json, hl_run_kind kind, const char *net, hl_cohort *cohort) {
    static const char *const protocols[] = {[HL_RUN_HALVES] = "halves", [HL_RUN_OPTIMISTIC] = "optimistic", [HL_RUN_FOUR] = "benchmark"};
    hl_run_list list = {0};
    gathered all = {0};
    hl_run_list_add(&list, s->study, kind, net);
    cJSON *one = hl_json_object(json, cJSON_GetObjectItem(json->root, "protocols"), NULL);
    hl_json_text(json, one, "net", net);
    hl_json_text(json, one, "protocol", protocols[kind]);
    /* The test half validated: the best epoch was chosen on the very cases that are tested. */
    hl_json_bool(json, one, "optimistic", kind == HL_RUN_OPTIMISTIC);
    cJSON *tested = hl_json_array(json, one, "tested");
    hl_status status = HL_OK;
    for (int i = 0; i < list.count && !status; i++) status = gather(s, &list.runs[i], cohort, &all, json, tested);
    if (!status) status = put_gathered(json, one, &all);
    free(all.scores);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    const hl_study *study = s->study;
    if (!study->cohorts[HL_COHORT_PUBLIC].there) return hl_result_skip(result, "the study has no section [public]"), HL_OK;
    char *path = hl_session_manifest(s, HL_COHORT_PUBLIC);
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_status status = path ? hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    hl_json_array(result, result->root, "protocols");
    for (int i = 0; i < study->halves.count && !status; i++) {
        status = add_protocol(s, result, HL_RUN_HALVES, study->halves.names[i], cohort);
        if (!status) status = add_protocol(s, result, HL_RUN_OPTIMISTIC, study->halves.names[i], cohort);
    }
    for (int i = 0; i < study->four.count && !status; i++) status = add_protocol(s, result, HL_RUN_FOUR, study->four.names[i], cohort);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(path);
    return status;
}

const hl_study_part hl_part_halves = {"halves", "Table 2", "the public cohort: two-fold by centre, and four cases that train",
                                      needs,    compute,   NULL};
