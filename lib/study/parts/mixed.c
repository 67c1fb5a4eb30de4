/* Cross-validation on the mix of the two cohorts: a column of Table 2. */
#include <stdlib.h>
#include <string.h>

#include "study/book.h"

static void needs(const hl_study *study, hl_run_list *list) {
    for (int i = 0; i < study->mixed.count && study->cohorts[HL_COHORT_TWO].there; i++)
        hl_run_list_add(list, study, HL_RUN_MIXED, study->mixed.names[i]);
}

static bool has_patient(const hl_manifest *rows, const char *patient) {
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        if (!strcmp(hl_manifest_row(rows, i)->patient, patient)) return true;
    }
    return false;
}

/* Figures of all, then of each cohort's patients alone. */
static hl_status put_net(hl_session *s, hl_json *json, cJSON *to, hl_run *run, const char *name, hl_cohort *cohort,
                         const hl_manifest *first) {
    hl_score *scores;
    int count;
    hl_status status = hl_session_score(s, run, cohort, HL_PART_TEST, &scores, &count);
    hl_score *some = status ? NULL : hl_calloc(s->hl, (size_t)count + 1, sizeof *some);
    if (!status && !some) status = HL_NO_MEMORY;
    if (!status) status = hl_result_scores(json, to, "all", name, scores, count, hl_run_threshold_val(run));
    for (int which = 0; which < 2 && !status; which++) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (has_patient(first, scores[i].patient) == (which == 0)) some[kept++] = scores[i];
        }
        status = hl_result_scores(json, to, which ? "second" : "first", name, some, kept, hl_run_threshold_val(run));
    }
    free(scores), free(some);
    return status;
}

static hl_status add_nets(hl_session *s, hl_json *json, hl_cohort *cohort, const hl_manifest *first) {
    hl_run_list list = {0};
    needs(s->study, &list);
    cJSON *nets = hl_json_array(json, json->root, "nets");
    hl_status status = HL_OK;
    for (int i = 0; i < list.count && !status; i++) {
        char name[96];
        hl_run *run;
        hl_run_spec_name(&list.runs[i], name);
        status = hl_session_run(s, &list.runs[i], &run);
        cJSON *one = hl_json_object(json, nets, NULL);
        hl_json_text(json, one, "net", list.runs[i].net);
        if (!status) status = put_net(s, json, one, run, name, cohort, first);
        hl_run_close(run);
    }
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    if (!s->study->cohorts[HL_COHORT_TWO].there) return hl_result_skip(result, "the study has no second cohort"), HL_OK;
    if (!s->study->mixed.count) return hl_result_skip(result, "no network is named under mixed in [nets]"), HL_OK;
    char *path = hl_session_manifest(s, HL_COHORT_MIXED), *own = hl_session_manifest(s, HL_COHORT_ONE);
    hl_manifest *rows = NULL, *first = NULL;
    hl_cohort *cohort = NULL;
    hl_status status = path && own ? hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    if (!status && !(first = hl_manifest_read(s->hl, own, &(hl_manifest_options){.allow_outside = true}))) status = hl_error_status(s->hl);
    if (!status) status = add_nets(s, result, cohort, first);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows), hl_manifest_free(first);
    free(path), free(own);
    return status;
}

const hl_study_part hl_part_mixed = {"mixed", "Table 2", "the networks, cross-validated on the mix of the two cohorts",
                                     needs,   compute,   NULL};
