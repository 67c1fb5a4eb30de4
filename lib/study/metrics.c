/* Figures as JSON: what `hilum evaluate` and `hilum calibrate` print, and metrics.json. */
#include <math.h>
#include <stdlib.h>

#include "study/postprocess.h"

static void put_cases(hl_json *json, cJSON *to, const hl_figures *figures) {
    cJSON *cases = hl_json_array(json, to, "cases");
    for (int i = 0; i < figures->case_count; i++) {
        const hl_case_figure *figure = &figures->cases[i];
        cJSON *one = hl_json_object(json, cases, NULL);
        hl_json_text(json, one, "centre", figure->centre);
        hl_json_text(json, one, "patient", figure->patient);
        hl_json_text(json, one, "case", figure->case_name);
        hl_json_number(json, one, "dsc", figure->dsc);
        hl_json_number(json, one, "lesion_pixels", (double)figure->lesion_pixels);
        hl_json_number(json, one, "models", figure->models);
        if (figures->classes > 1) hl_json_numbers(json, one, "dsc_classes", figure->dsc_class + 1, figures->classes - 1);
    }
}

/* Each class's figures; nothing for one class. */
static void put_classes(hl_json *json, cJSON *to, const hl_figures *figures) {
    cJSON *classes = figures->classes > 1 ? hl_json_array(json, to, "classes") : NULL;
    for (int k = 0; k < figures->classes - 1; k++) {
        const hl_class_figure *figure = &figures->class_figures[k];
        cJSON *one = hl_json_object(json, classes, NULL);
        hl_json_number(json, one, "class", figure->index);
        if (figure->name) hl_json_text(json, one, "name", figure->name);
        hl_json_number(json, one, "dsc_case_mean", figure->dsc_case_mean);
        hl_json_number(json, one, "dsc_lesion_mean", figure->dsc_lesion_mean);
        hl_json_number(json, one, "dsc_lesion100_mean", figure->dsc_lesion100_mean);
        hl_json_number(json, one, "dsc_nonempty_mean", figure->dsc_nonempty_mean);
        hl_json_number(json, one, "dsc_case_sd", figure->dsc_case_sd);
        hl_json_number(json, one, "dsc_case_median", figure->dsc_case_median);
        hl_json_number(json, one, "sensitivity", figure->sensitivity);
        hl_json_number(json, one, "specificity", figure->specificity);
        hl_json_number(json, one, "precision", figure->precision);
        hl_json_number(json, one, "lesion_cases", figure->lesion_cases);
        hl_json_number(json, one, "lesion100_cases", figure->lesion100_cases);
        hl_json_number(json, one, "nonempty_cases", figure->nonempty_cases);
    }
}

static void put_counts(hl_json *json, cJSON *to, const hl_figures *figures) {
    cJSON *counts = hl_json_object(json, to, "counts");
    hl_json_number(json, counts, "cases", figures->case_count);
    hl_json_number(json, counts, "lesion_cases", figures->lesion_cases);
    hl_json_number(json, counts, "lesion100_cases", figures->lesion100_cases);
    hl_json_number(json, counts, "nonempty_cases", figures->nonempty_cases);
    hl_json_number(json, counts, "models", figures->models);
    hl_json_number(json, counts, "auc_folds_without", figures->auc_folds_without);
    hl_json_number(json, counts, "true_positive", (double)figures->pooled.true_positive);
    hl_json_number(json, counts, "false_positive", (double)figures->pooled.false_positive);
    hl_json_number(json, counts, "false_negative", (double)figures->pooled.false_negative);
    hl_json_number(json, counts, "true_negative", (double)figures->pooled.true_negative);
}

static void put_figures(hl_json *json, cJSON *to, const hl_figures *figures) {
    const struct {
        const char *name;
        double value;
    } means[] = {
        {"threshold", figures->threshold},
        {"dsc_case_mean", figures->dsc_case_mean},
        {"dsc_lesion_mean", figures->dsc_lesion_mean},
        {"dsc_lesion100_mean", figures->dsc_lesion100_mean},
        {"dsc_nonempty_mean", figures->dsc_nonempty_mean},
        {"dsc_case_sd", figures->dsc_case_sd},
        {"dsc_case_median", figures->dsc_case_median},
        {"dsc_fold_mean", figures->dsc_fold_mean},
        {"dsc_fold_sd", figures->dsc_fold_sd},
        {"dsc_fold_sd0", figures->dsc_fold_sd0},
        {"dsc_slice_mean", figures->dsc_slice_mean},
        {"auc", figures->auc},
        {"auc_fold_mean", figures->auc_fold_mean},
        {"auc_fold_sd", figures->auc_fold_sd},
        {"dsc_oracle", figures->dsc_oracle},
        {"threshold_oracle", figures->threshold_oracle},
        {"dsc_val_threshold", figures->dsc_val_threshold},
        {"threshold_val", figures->threshold_val},
        {"sensitivity", figures->sensitivity},
        {"specificity", figures->specificity},
        {"precision", figures->precision},
    };
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) hl_json_number(json, to, means[i].name, means[i].value);
    put_classes(json, to, figures);
    put_counts(json, to, figures);
    put_cases(json, to, figures);
}

static void put_both(hl_json *json, const hl_figures *training, const hl_figures *native, int left_out) {
    put_figures(json, json->root, training);
    hl_json_number(json, json->root, "left_out", left_out);
    if (native) put_figures(json, hl_json_object(json, json->root, "native"), native);
}

char *hl_figures_json(hl_context *hl, const hl_figures *training, const hl_figures *native, int left_out) {
    hl_json json = hl_json_start(hl);
    put_both(&json, training, native, left_out);
    return hl_json_print(&json, false);
}

char *hl_calibration_json(hl_context *hl, const hl_calibration *calibration) {
    hl_json json = hl_json_start(hl);
    hl_json_number(&json, json.root, "patients", calibration->patients);
    hl_json_number(&json, json.root, "cases", calibration->cases);
    hl_json_number(&json, json.root, "draws", calibration->draws);
    hl_json_bool(&json, json.root, "exhaustive", calibration->exhaustive);
    hl_json_number(&json, json.root, "dsc_before", calibration->dsc_before);
    hl_json_number(&json, json.root, "dsc_lesion_before", calibration->dsc_lesion_before);
    cJSON *shares = hl_json_array(&json, json.root, "shares");
    for (int s = 0; s < HL_SHARES; s++) {
        const hl_share *share = &calibration->shares[s];
        cJSON *one = hl_json_object(&json, shares, NULL);
        hl_json_number(&json, one, "percent", share->percent);
        hl_json_number(&json, one, "threshold", share->threshold);
        hl_json_number(&json, one, "dsc_median", share->dsc_median);
        hl_json_number(&json, one, "dsc_p5", share->dsc_p5);
        hl_json_number(&json, one, "dsc_p95", share->dsc_p95);
        hl_json_number(&json, one, "dsc_lesion_median", share->dsc_lesion_median);
        hl_json_number(&json, one, "share_lost", share->share_lost);
        hl_json_number(&json, one, "split_threshold", share->split_threshold);
        hl_json_number(&json, one, "split_dsc", share->split_dsc);
    }
    return hl_json_print(&json, false);
}

/* --- metrics.json ------------------------------------------------------------------------------------------------- */

static hl_status put_fold(hl_json *json, cJSON *to, const hl_score *scores, int count, double threshold_val) {
    hl_figures figures;
    hl_status status = hl_figures_compute(json->hl, scores, count, 0.5, threshold_val, &figures);
    if (status) return status;
    hl_json_number(json, to, "cases", figures.case_count);
    hl_json_number(json, to, "lesion_cases", figures.lesion_cases);
    hl_json_number(json, to, "dsc_case_mean", figures.dsc_case_mean);
    hl_json_number(json, to, "dsc_lesion_mean", figures.dsc_lesion_mean);
    hl_json_number(json, to, "dsc_slice_mean", figures.dsc_slice_mean);
    hl_json_number(json, to, "dsc_val_threshold", figures.dsc_val_threshold);
    hl_json_number(json, to, "auc", figures.auc);
    hl_json_number(json, to, "sensitivity", figures.sensitivity);
    hl_json_number(json, to, "specificity", figures.specificity);
    hl_figures_free(&figures);
    return HL_OK;
}

static hl_status put_folds(hl_json *json, const hl_run *run, const hl_evaluation *own) {
    cJSON *folds = hl_json_array(json, json->root, "folds");
    hl_status status = HL_OK;
    for (int first = 0, count; first < own->score_count && !status; first += count) {
        count = hl_scores_of_model(own->scores, own->score_count, first);
        cJSON *fold = hl_json_object(json, folds, NULL);
        hl_json_number(json, fold, "fold", own->scores[first].model);
        status = put_fold(json, fold, own->scores + first, count, run->threshold_val);
        cJSON *native = hl_json_object(json, fold, "native");
        if (!status) status = put_fold(json, native, own->native_scores + first, count, run->threshold_val);
    }
    return status;
}

/* Dice at every threshold, of the test and of the validation that chose one. */
static void put_thresholds(hl_json *json, const hl_run *run, const hl_evaluation *own) {
    hl_json_numbers(json, json->root, "thresholds", hl_thresholds, HL_THRESHOLDS);
    if (own->score_count > 0) hl_json_numbers(json, json->root, "dsc_at", own->training.dsc_at, HL_THRESHOLDS);
    cJSON *validation = hl_json_object(json, json->root, "validation");
    hl_json_number(json, validation, "threshold_val", run->threshold_val);
    hl_json_numbers(json, validation, "dsc_at", run->validation_dsc, HL_THRESHOLDS);
}

hl_status hl_metrics_write(const hl_run *run, const hl_evaluation *own, hl_part part, const hl_postprocessing *post) {
    hl_json json = hl_json_start(run->hl);
    bool scored = own->score_count > 0;
    hl_json_text(&json, json.root, "part", !scored ? "none" : part == HL_PART_TEST ? "test" : "validation");
    if (scored) put_both(&json, &own->training, &own->native, own->left_out);
    else hl_json_number(&json, json.root, "threshold_val", NAN);
    if (run->options.net_options.classes == 1) put_thresholds(&json, run, own);
    hl_run_options_put(&json, hl_json_object(&json, json.root, "options"), &run->options);
    hl_status status = put_folds(&json, run, own);
    if (!status && post) status = hl_postprocess_put(post, &json, run->options.folds);
    char *path = hl_run_path(run, "metrics.json");
    if (!status && !path) status = HL_NO_MEMORY;
    if (!status) status = hl_json_write(&json, path);
    else cJSON_Delete(json.root);
    free(path);
    return status;
}
