/* The report of a run: one page with its options, cohort, figures, curves and pictures. */
#include "study/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *keep(hl_report *report, void *memory) {
    size_t need = (size_t)report->kept_count + 1;
    void **wider = memory ? hl_grow(report->hl, report->kept, &report->kept_capacity, need, sizeof *wider) : NULL;
    if (!wider) return free(memory), report->failed = true, NULL;
    report->kept = wider;
    return wider[report->kept_count++] = memory;
}

double *hl_report_doubles(hl_report *report, int count) { return keep(report, hl_calloc(report->hl, (size_t)count, sizeof(double))); }
hl_curve *hl_report_curves(hl_report *report, int count) { return keep(report, hl_calloc(report->hl, (size_t)count, sizeof(hl_curve))); }

char *hl_report_text(hl_report *report, const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char *kept = keep(report, hl_strdup(report->hl, text));
    return kept ? kept : "";
}

void hl_report_table(hl_report *report, const char *caption, hl_cells *cells, int columns) {
    report->failed = report->failed || cells->failed;
    if (!cells->failed) hl_page_table(report->page, caption, (const char *const *)cells->texts, cells->count / columns, columns);
    hl_cells_free(cells);
}

static void options_table(hl_report *report) {
    hl_cells cells = {.hl = report->hl};
    hl_cells_add(&cells, "option"), hl_cells_add(&cells, "value");
    const cJSON *item;
    cJSON_ArrayForEach(item, report->run->config) {
        if (!strcmp(item->string, "kernels")) continue; /* a line a layer: config.json tells */
        char *text = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
        hl_cells_add(&cells, "%s", item->string);
        hl_cells_add(&cells, "%s", text ? text : cJSON_IsString(item) ? item->valuestring : "");
        free(text);
    }
    hl_page_heading(report->page, "Options");
    hl_report_table(report, NULL, &cells, 2);
}

/* --- the cohort --------------------------------------------------------------------------------------------------- */

typedef struct centre_counts {
    int patients, cases, slices, labelled, lesion;
} centre_counts;

static void add_centre(hl_cells *cells, const char *name, const centre_counts *c) {
    hl_cells_add(cells, "%s", name);
    const int numbers[] = {c->patients, c->cases, c->slices, c->labelled, c->lesion};
    for (int i = 0; i < 5; i++) hl_cells_add(cells, "%d", numbers[i]);
}

static void cohort_table(hl_report *report, const hl_evaluation *evaluation, const char *caption) {
    static const char *const head[] = {"centre", "patients", "cases", "slices", "labelled slices", "lesion slices"};
    if (!evaluation || !evaluation->cohort) return;
    const hl_manifest *manifest = hl_cohort_manifest(evaluation->cohort);
    hl_cells cells = {.hl = report->hl};
    centre_counts counts = {0};
    for (int i = 0; i < 6; i++) hl_cells_add(&cells, "%s", head[i]);
    const hl_row *last = NULL;
    for (int i = 0; i < hl_manifest_count(manifest); i++) {
        const hl_row *row = hl_manifest_row(manifest, i);
        const hl_slice_info *info = hl_cohort_info(evaluation->cohort, i);
        if (last && strcmp(last->centre, row->centre)) add_centre(&cells, last->centre, &counts), counts = (centre_counts){0};
        counts.patients += !last || strcmp(last->patient, row->patient);
        counts.cases += !last || strcmp(last->patient, row->patient) || strcmp(last->case_name, row->case_name);
        counts.slices++, counts.labelled += info->labelled, counts.lesion += info->lesion_pixels > 0;
        last = row;
    }
    if (last) add_centre(&cells, last->centre, &counts);
    hl_report_table(report, caption, &cells, 6);
}

/* --- figures ------------------------------------------------------------------------------------------------------ */

enum { MODEL_FIGURES = 4 };
static const char *const model_heads[MODEL_FIGURES] = {"DSC", "sens.", "spec.", "AUC"};

/* With more than one class there is no AUC. */
static int model_figures(const hl_evaluation *e) { return e->training.classes > 1 ? MODEL_FIGURES - 1 : MODEL_FIGURES; }

static hl_status figures_of(hl_context *hl, const hl_score *scores, int count, double values[MODEL_FIGURES], int *cases) {
    hl_figures figures;
    hl_status status = hl_figures_compute(hl, scores, count, 0.5, NAN, &figures);
    if (status) return status;
    values[0] = figures.dsc_case_mean, values[1] = figures.sensitivity, values[2] = figures.specificity, values[3] = figures.auc;
    *cases = figures.case_count;
    hl_figures_free(&figures);
    return HL_OK;
}

/* Mean or deviation of column `column` over the models that have a value. */
static double over_models(hl_report *report, const double *values, int models, int column, bool deviation) {
    double *present = hl_report_doubles(report, models);
    int count = 0;
    for (int m = 0; m < models && present; m++) {
        double value = values[m * 2 * MODEL_FIGURES + column];
        if (!isnan(value)) present[count++] = value;
    }
    return deviation ? hl_deviation(present, count, 1) : hl_mean(present, count);
}

/* A row a model, then mean and deviation; both grids. */
static hl_status models_table(hl_report *report, const hl_evaluation *e, const char *caption) {
    int shown = model_figures(e), models = 0;
    hl_cells cells = {.hl = report->hl};
    double *values = hl_report_doubles(report, e->score_count * 2 * MODEL_FIGURES);
    hl_cells_add(&cells, "model"), hl_cells_add(&cells, "cases");
    for (int i = 0; i < 2 * shown; i++) hl_cells_add(&cells, "%s%s", model_heads[i % shown], i < shown ? "" : " native");
    hl_status status = values ? HL_OK : HL_NO_MEMORY;
    for (int first = 0, count; first < e->score_count && !status; first += count) {
        double *row = values + (size_t)models++ * 2 * MODEL_FIGURES;
        int cases = 0;
        count = hl_scores_of_model(e->scores, e->score_count, first);
        for (int i = 0; i < 2 * MODEL_FIGURES; i++) row[i] = NAN;
        status = figures_of(report->hl, e->scores + first, count, row, &cases);
        if (!status && e->native_scores) status = figures_of(report->hl, e->native_scores + first, count, row + MODEL_FIGURES, &cases);
        hl_cells_add(&cells, "fold %d", e->scores[first].model), hl_cells_add(&cells, "%d", cases);
        for (int i = 0; i < 2 * shown; i++) hl_cells_number(&cells, row[i / shown * MODEL_FIGURES + i % shown], 4);
    }
    for (int deviation = 0; deviation < 2 && !status; deviation++) {
        hl_cells_add(&cells, deviation ? "SD" : "mean"), hl_cells_add(&cells, "%s", "");
        for (int i = 0; i < 2 * shown; i++)
            hl_cells_number(&cells, over_models(report, values, models, i / shown * MODEL_FIGURES + i % shown, deviation), 4);
    }
    if (status) return hl_cells_free(&cells), status;
    hl_report_table(report, caption, &cells, 2 + 2 * shown);
    return HL_OK;
}

static hl_status figures_part(hl_report *report, const hl_evaluation *evaluation, const char *title) {
    if (!evaluation || !evaluation->score_count) return HL_OK;
    const hl_figures *native = evaluation->native_scores ? &evaluation->native : NULL;
    bool several = evaluation->training.classes > 1;
    hl_cells means = {.hl = report->hl}, classes = {.hl = report->hl}, cases = {.hl = report->hl};
    hl_page_heading(report->page, title);
    if (evaluation->left_out && hl_run_tests(report->run))
        hl_page_paragraph(report->page, hl_report_text(report, "%d cases of the run's own patients were left out: no model tests them.",
                                                       evaluation->left_out));
    hl_status status = models_table(report, evaluation,
                                    several ? "Each model, on the training grid and on the masks' own pixels; Dice is the mean over the classes"
                                            : "Each model at threshold 0.5, on the training grid and on the masks' own pixels");
    hl_cells_figures(&means, &evaluation->training, native);
    hl_report_table(report, "All models together", &means, 3);
    if (several) {
        hl_cells_classes(&classes, &evaluation->training, native);
        hl_report_table(report, "Each class, all models together", &classes, HL_CLASS_COLUMNS);
    }
    hl_cells_cases(&cases, &evaluation->training, native);
    hl_report_table(report, "Each case", &cases, 6);
    return status;
}

static hl_status write_parts(hl_report *report) {
    const char *own =
        hl_run_tests(report->run) ? "The run's own patients, out of fold" : "Validation patients (the run has no test part)";
    const char *second = "Second centre";
    options_table(report);
    hl_page_heading(report->page, "Cohort");
    cohort_table(report, report->own, "The run's own manifest");
    cohort_table(report, report->second, "The second manifest");
    hl_status status = figures_part(report, report->own, own);
    if (!status) status = figures_part(report, report->second, second);
    if (status) return status;
    if (report->run->options.net_options.classes == 1) {
        hl_report_roc(report);
        hl_report_thresholds(report);
        hl_report_calibration(report);
    }
    hl_report_learning(report);
    status = hl_report_overlays(report, report->own, "Pictures: the run's own patients");
    return status ? status : hl_report_overlays(report, report->second, "Pictures: second centre");
}

hl_status hl_run_report(hl_run *run, const hl_evaluation *own, const hl_evaluation *second, const hl_calibration *calibration,
                        const char *path) {
    const hl_run_options *o = &run->options;
    char *title = hl_format(run->hl, "Hilum: %s, %dx%d, %d fold%s", o->net, o->height, o->width_pixels, o->folds, o->folds > 1 ? "s" : "");
    if (!title) return HL_NO_MEMORY;
    hl_report report = {.hl = run->hl, .run = run, .own = own, .second = second, .calibration = calibration};
    report.page = hl_page_start(run->hl, title, "For research, not a medical device.");
    free(title);
    if (!report.page) return hl_error_status(run->hl);
    hl_status status = write_parts(&report);
    if (!status && report.failed) status = HL_NO_MEMORY;
    if (status) hl_page_free(report.page);
    else status = hl_page_write(report.page, path);
    for (int i = 0; i < report.kept_count; i++) free(report.kept[i]);
    free(report.kept);
    return status;
}
