/* A run read back from its folder. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "study/run.h"

char *hl_run_path(const hl_run *run, const char *name) { return hl_format(run->hl, "%s/%s", run->folder, name); }

char *hl_run_fold_path(const hl_run *run, int fold, const char *name) {
    return hl_format(run->hl, "%s/fold-%d%s%s", run->folder, fold, name ? "/" : "", name ? name : "");
}

static hl_status read_json(const hl_run *run, const char *name, cJSON **root) {
    char *path = hl_run_path(run, name);
    hl_status status = path ? hl_json_read(run->hl, path, root) : HL_NO_MEMORY;
    free(path);
    return status;
}

static hl_status read_folds(hl_run *run) {
    char *path = hl_run_path(run, "folds.csv");
    if (!path) return HL_NO_MEMORY;
    run->folds = hl_folds_read(run->hl, path, NULL);
    hl_status status = run->folds ? HL_OK : hl_error_status(run->hl);
    if (!status && hl_folds_count(run->folds) != run->options.folds)
        status = hl_fail(run->hl, HL_BAD_INPUT, "%s: found %d folds, expected the %d of config.json", path, hl_folds_count(run->folds),
                         run->options.folds);
    free(path);
    return status;
}

/* What validation chose, of a finished run. */
static hl_status read_validation(hl_run *run) {
    const cJSON *chosen = cJSON_GetObjectItemCaseSensitive(run->metrics, "threshold_val");
    const cJSON *validation = cJSON_GetObjectItemCaseSensitive(run->metrics, "validation");
    const cJSON *curve = cJSON_GetObjectItemCaseSensitive(validation, "dsc_at");
    run->threshold_val = cJSON_IsNumber(chosen) ? chosen->valuedouble : NAN;
    for (int t = 0; t < HL_THRESHOLDS; t++) {
        const cJSON *value = cJSON_GetArrayItem(curve, t);
        run->validation_dsc[t] = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    }
    if (isnan(run->threshold_val) || hl_threshold_index(run->threshold_val) >= 0) return HL_OK;
    return hl_fail(run->hl, HL_BAD_INPUT, "%s/metrics.json: \"threshold_val\" is %g, expected one of the %d thresholds", run->folder,
                   run->threshold_val, HL_THRESHOLDS);
}

static hl_status read_metrics(hl_run *run) {
    run->threshold_val = NAN;
    for (int t = 0; t < HL_THRESHOLDS; t++) run->validation_dsc[t] = NAN;
    char *path = hl_run_path(run, "metrics.json");
    if (!path) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    if (hl_file_exists(path)) {
        status = hl_json_read(run->hl, path, &run->metrics);
        if (!status) status = read_validation(run);
    }
    free(path);
    return status;
}

hl_run *hl_run_open(hl_context *hl, const char *folder) {
    hl_run *run = hl_calloc(hl, 1, sizeof *run);
    if (!run) return NULL;
    run->hl = hl;
    run->folder = hl_strdup(hl, folder);
    hl_status status = run->folder ? read_json(run, "config.json", &run->config) : HL_NO_MEMORY;
    if (!status) status = read_json(run, "timing.json", &run->timing);
    if (!status) status = hl_config_read(run);
    if (!status) status = read_folds(run);
    if (!status) status = read_metrics(run);
    if (status) return hl_run_close(run), NULL;
    return run;
}

void hl_run_close(hl_run *run) {
    if (!run) return;
    cJSON_Delete(run->config);
    cJSON_Delete(run->timing);
    cJSON_Delete(run->metrics);
    hl_folds_free(run->folds);
    free(run->centres);
    free(run->folder);
    free(run);
}

const hl_run_options *hl_run_get_options(const hl_run *run) { return &run->options; }
const hl_folds *hl_run_folds(const hl_run *run) { return run->folds; }
double hl_run_threshold_val(const hl_run *run) { return run->threshold_val; }
bool hl_run_tests(const hl_run *run) { return hl_folds_have(run->folds, HL_ROLE_TEST); }
bool hl_run_finished(const hl_run *run) { return run->metrics != NULL; }

const char *hl_run_isa(const hl_run *run) {
    const cJSON *isa = cJSON_GetObjectItemCaseSensitive(run->config, "isa");
    return cJSON_IsString(isa) ? isa->valuestring : "";
}

int hl_run_models(const hl_run *run) {
    int models = 0;
    for (int fold = 0; fold < run->options.folds; fold++) {
        char *path = hl_run_fold_path(run, fold, "best.safetensors");
        models += path && hl_file_exists(path);
        free(path);
    }
    return models;
}

hl_model *hl_run_model(hl_run *run, int fold, int batch) {
    const hl_run_options *o = &run->options;
    if (fold < 0 || fold >= o->folds)
        return hl_fail(run->hl, HL_USAGE, "%s: fold %d: expected 0 to %d", run->folder, fold, o->folds - 1), NULL;
    char *path = hl_run_fold_path(run, fold, "best.safetensors");
    if (!path) return NULL;
    hl_model_options options = {.height = o->height, .width = o->width_pixels, .batch = batch, .context = o->context};
    hl_model *model = hl_model_open(run->hl, o->net, &o->net_options, path, &options);
    free(path);
    return model;
}
