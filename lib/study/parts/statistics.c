/* Statistics beyond the paper: intervals, tests between nets, rates, surfaces, lesions, probabilities, burden. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/book.h"
#include "study/case_figures.h"

static void needs(const hl_study *study, hl_run_list *list) { hl_part_comparison.needs(study, list); }

/* --- nets against one another ------------------------------------------------------------------------------------------------ */

/* Cases of one net and test as columns. */
typedef struct columns {
    int count;
    const char **centres, **patients;
    double *dsc, *lesion_dsc; /* lesion_dsc: NaN for a case without */
} columns;

static hl_status read_columns(hl_context *hl, const cJSON *test, columns *c) {
    const cJSON *cases = hl_result_get(hl_result_get(test, "figures"), "cases"), *one;
    size_t n = (size_t)cJSON_GetArraySize(cases) + 1;
    *c = (columns){0};
    c->centres = hl_calloc(hl, 2 * n, sizeof *c->centres), c->dsc = hl_calloc(hl, 2 * n, sizeof *c->dsc);
    if (!c->centres || !c->dsc) return HL_NO_MEMORY;
    c->patients = c->centres + n, c->lesion_dsc = c->dsc + n;
    cJSON_ArrayForEach(one, cases) {
        int i = c->count++;
        c->centres[i] = hl_result_text(one, "centre"), c->patients[i] = hl_result_text(one, "patient");
        c->dsc[i] = hl_result_number(one, "dsc");
        c->lesion_dsc[i] = hl_result_number(one, "lesion_pixels") > 0 ? c->dsc[i] : NAN;
    }
    return HL_OK;
}

static void free_columns(columns *c) { free(c->centres), free(c->dsc); }

static hl_status put_intervals(hl_session *s, hl_json *json, cJSON *to, const cJSON *test, const char *name) {
    columns c;
    hl_patients groups = {0};
    hl_interval interval;
    hl_status status = read_columns(s->hl, test, &c);
    cJSON *one = hl_json_object(json, to, name);
    if (!status) status = hl_patients_group(s->hl, c.centres, c.patients, c.count, &groups);
    if (!status) status = hl_bootstrap_mean(s->hl, &groups, s->study->draws, s->study->training.seed, c.dsc, &interval);
    if (!status) hl_put_interval(json, one, "dsc", &interval);
    if (!status) status = hl_bootstrap_mean(s->hl, &groups, s->study->draws, s->study->training.seed, c.lesion_dsc, &interval);
    if (!status) hl_put_interval(json, one, "dsc_lesion", &interval);
    hl_json_number(json, one, "patients", groups.count);
    hl_patients_free(&groups);
    free_columns(&c);
    return status;
}

/* Mean DSC of each patient by each net: values, patients x nets. Owner: the caller, free. */
static hl_status patient_means(hl_session *s, const cJSON *nets, double **values, int *patients) {
    int count = cJSON_GetArraySize(nets), net = 0;
    hl_status status = HL_OK;
    const cJSON *one;
    *values = NULL, *patients = 0;
    cJSON_ArrayForEach(one, nets) {
        columns c;
        hl_patients groups = {0};
        status = read_columns(s->hl, hl_result_get(one, "own"), &c);
        if (!status) status = hl_patients_group(s->hl, c.centres, c.patients, c.count, &groups);
        if (!status && !*values) {
            *patients = groups.count;
            *values = hl_calloc(s->hl, (size_t)(groups.count * count) + 1, sizeof **values);
            if (!*values) status = HL_NO_MEMORY;
        }
        double *means = status ? NULL : hl_calloc(s->hl, (size_t)groups.count + 1, sizeof *means);
        if (!status && !means) status = HL_NO_MEMORY;
        if (!status) hl_patients_means(&groups, c.dsc, means);
        for (int p = 0; !status && p < groups.count; p++) (*values)[p * count + net] = means[p];
        net++;
        hl_patients_free(&groups);
        free_columns(&c), free(means);
        if (status) return status;
    }
    return status;
}

static void put_pairs(hl_json *json, const hl_pair *pairs, int count, const cJSON *nets) {
    cJSON *list = hl_json_array(json, json->root, "pairs");
    for (int i = 0; i < count; i++) {
        cJSON *one = hl_json_object(json, list, NULL);
        hl_json_text(json, one, "first", hl_result_text(cJSON_GetArrayItem(nets, pairs[i].first), "net"));
        hl_json_text(json, one, "second", hl_result_text(cJSON_GetArrayItem(nets, pairs[i].second), "net"));
        hl_json_number(json, one, "pairs", pairs[i].test.pairs), hl_json_number(json, one, "zeros", pairs[i].test.zeros);
        hl_json_number(json, one, "p", pairs[i].test.p), hl_json_number(json, one, "p_least", pairs[i].test.p_least);
        hl_json_number(json, one, "p_holm", pairs[i].p_holm), hl_json_number(json, one, "effect", pairs[i].test.effect);
        hl_json_bool(json, one, "different", pairs[i].different);
    }
}

static hl_status put_ranks(hl_session *s, hl_json *json, const double *values, int patients, int nets, const hl_pair *pairs) {
    double ranks[HL_STUDY_NETS];
    int order[HL_STUDY_NETS];
    hl_clique cliques[HL_STUDY_NETS];
    hl_friedman test;
    hl_status status = hl_friedman_test(s->hl, values, patients, nets, ranks, &test);
    if (status) return status;
    cJSON *one = hl_json_object(json, json->root, "friedman");
    hl_json_number(json, one, "patients", test.blocks);
    hl_json_number(json, one, "statistic", test.statistic), hl_json_number(json, one, "p", test.p);
    hl_json_number(json, one, "f", test.f), hl_json_number(json, one, "f_p", test.f_p);
    hl_json_number(json, one, "critical_difference", test.critical_difference);
    hl_json_numbers(json, one, "ranks", ranks, nets);
    int count = hl_rank_cliques(ranks, nets, test.critical_difference, pairs, order, cliques);
    cJSON *list = hl_json_array(json, one, "cliques");
    for (int i = 0; i < count; i++) hl_json_numbers(json, list, NULL, (double[]){cliques[i].first, cliques[i].last}, 2);
    return HL_OK;
}

static hl_status compare(hl_session *s, hl_json *json, const cJSON *nets) {
    int count = cJSON_GetArraySize(nets), patients;
    double *values;
    const cJSON *one;
    cJSON *list = hl_json_array(json, json->root, "nets");
    hl_status status = HL_OK;
    cJSON_ArrayForEach(one, nets) {
        cJSON *to = hl_json_object(json, list, NULL);
        hl_json_text(json, to, "net", hl_result_text(one, "net"));
        if (!status) status = put_intervals(s, json, to, hl_result_get(one, "own"), "own");
        if (!status && hl_result_get(one, "second")) status = put_intervals(s, json, to, hl_result_get(one, "second"), "second");
    }
    if (status || count < 2) return status;
    status = patient_means(s, nets, &values, &patients);
    hl_pair *pairs = status ? NULL : hl_calloc(s->hl, (size_t)(count * (count - 1) / 2), sizeof *pairs);
    if (!status && !pairs) status = HL_NO_MEMORY;
    if (!status) status = hl_compare_nets(s->hl, values, patients, count, pairs);
    if (!status) put_pairs(json, pairs, count * (count - 1) / 2, nets);
    if (!status) status = put_ranks(s, json, values, patients, count, pairs);
    free(values), free(pairs);
    return status;
}

/* --- the model's cases ------------------------------------------------------------------------------------------------------ */

static hl_status measure(hl_session *s, hl_json *json, hl_cohort_id id, hl_run *run, const char *name) {
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    char *path = hl_session_manifest(s, id);
    cJSON *to = hl_json_object(json, json->root, id == HL_COHORT_ONE ? "own" : "second");
    hl_status status = path ? hl_session_open(s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    if (!status) status = hl_case_figures(s, json, to, run, name, cohort);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(path);
    return status;
}

static hl_status compute(hl_session *s, hl_json *result) {
    cJSON *comparison = NULL;
    hl_run *run = NULL;
    hl_run_list list = {0};
    char name[96];
    hl_run_list_add(&list, s->study, HL_RUN_OWN, s->study->model);
    hl_run_spec_name(&list.runs[0], name);
    hl_status status = hl_session_result(s, "comparison", &comparison);
    if (!status) status = compare(s, result, hl_result_get(comparison, "nets"));
    if (!status) status = hl_session_run(s, &list.runs[0], &run);
    for (int id = 0; id < 2 && !status; id++) {
        if (s->study->cohorts[id].there) status = measure(s, result, (hl_cohort_id)id, run, name);
    }
    hl_run_close(run);
    cJSON_Delete(comparison);
    return status;
}

const hl_study_part hl_part_statistics = {
    "statistics",      "statistics beyond the paper", "intervals, tests between networks, surfaces, lesions, probabilities", needs, compute,
    hl_statistics_show};
