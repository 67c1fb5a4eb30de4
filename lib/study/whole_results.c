/* What the results of a study's parts have in common, written and read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/whole.h"

void hl_result_skip(hl_json *result, const char *why) { hl_json_text(result, result->root, "skipped", why); }

void hl_result_tested(hl_json *json, cJSON *to, const char *run, const hl_score *scores, int count) {
    for (int first = 0, size; first < count; first += size) {
        size = hl_scores_of_model(scores, count, first);
        cJSON *one = hl_json_object(json, to, NULL);
        hl_json_text(json, one, "run", run);
        hl_json_number(json, one, "model", scores[first].model);
        cJSON *patients = hl_json_array(json, one, "patients");
        for (int i = first; i < first + size; i++) {
            if (i == first || strcmp(scores[i].patient, scores[i - 1].patient)) hl_json_text(json, patients, NULL, scores[i].patient);
        }
    }
}

hl_status hl_result_scores(hl_json *json, cJSON *to, const char *name, const char *run, const hl_score *scores, int count,
                           double threshold_val) {
    if (!count) return hl_json_text(json, to, name, NULL), HL_OK;
    hl_figures figures;
    hl_status status = hl_figures_compute(json->hl, scores, count, 0.5, threshold_val, &figures);
    if (status) return status;
    cJSON *one = hl_json_object(json, to, name);
    char *text = hl_figures_json(json->hl, &figures, NULL, 0);
    if (text) hl_json_put(json, one, "figures", cJSON_CreateRaw(text));
    else json->failed = true;
    free(text);
    hl_result_tested(json, hl_json_array(json, one, "tested"), run, scores, count);
    hl_figures_free(&figures);
    return HL_OK;
}

const cJSON *hl_result_get(const cJSON *object, const char *name) { return cJSON_GetObjectItemCaseSensitive(object, name); }

double hl_result_number(const cJSON *object, const char *name) {
    const cJSON *item = hl_result_get(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

const char *hl_result_text(const cJSON *object, const char *name) {
    const cJSON *item = hl_result_get(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}
