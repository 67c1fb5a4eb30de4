/* The report's plots: ROC, Dice against threshold, calibration, learning curves. */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "data/csv.h"
#include "study/report.h"

enum { OWN_COLOUR, SECOND_COLOUR, VALIDATION_COLOUR };

/* --- ROC ---------------------------------------------------------------------------------------------------------- */

/* Leaves out points that lie within a thousandth of the last one kept: the eye cannot tell, the file is a tenth. */
static int thin_out(double *x, double *y, int points) {
    int kept = 1;
    for (int i = 1; i < points; i++) {
        bool last = i == points - 1;
        if (!last && fabs(x[i] - x[kept - 1]) < 1e-3 && fabs(y[i] - y[kept - 1]) < 1e-3) continue;
        x[kept] = x[i], y[kept++] = y[i];
    }
    return kept;
}

/* The curve of scores first .. first+count-1, pooled; false when they hold one label only. */
static bool roc_curve(hl_report *report, const hl_score *scores, int count, hl_curve *curve) {
    double *x = hl_report_doubles(report, HL_BINS + 1), *y = hl_report_doubles(report, HL_BINS + 1);
    hl_histogram pooled;
    hl_histogram_clear(&pooled, 0.5);
    for (int i = 0; i < count; i++) hl_histogram_merge(&pooled, &scores[i].histogram);
    if (!x || !y || !hl_histogram_roc(&pooled, x, y)) return false;
    *curve = (hl_curve){.x = x, .y = y, .points = thin_out(x, y, HL_BINS + 1)};
    return true;
}

/* A faint curve for each model, then all of them pooled. */
static void add_rocs(hl_report *report, const hl_evaluation *e, const char *name, int colour, hl_curve *curves, int *count) {
    if (!e) return;
    for (int first = 0, held; first < e->score_count; first += held) {
        held = hl_scores_of_model(e->scores, e->score_count, first);
        if (!roc_curve(report, e->scores + first, held, &curves[*count])) continue;
        curves[*count].faint = true;
        curves[(*count)++].colour = colour;
    }
    if (!roc_curve(report, e->scores, e->score_count, &curves[*count])) return;
    curves[*count].label = hl_report_text(report, "%s, AUC %.4f", name, e->training.auc);
    curves[(*count)++].colour = colour;
}

/* Where the enlarged corner starts: the lowest true positive rate that a pooled curve has at a false one of 0.01. */
static double corner_floor(const hl_curve *curves, int count) {
    double lowest = 0.9;
    for (int i = 0; i < count; i++) {
        double reached = 0;
        for (int p = 0; p < curves[i].points; p++) {
            if (curves[i].x[p] <= 0.01) reached = curves[i].y[p];
        }
        if (!curves[i].faint && reached < lowest) lowest = reached;
    }
    return floor(lowest * 10) / 10;
}

void hl_report_roc(hl_report *report) {
    int own = report->own ? report->own->score_count : 0, second = report->second ? report->second->score_count : 0, count = 0;
    hl_curve *curves = hl_report_curves(report, own + second + 2);
    if (!curves) return;
    add_rocs(report, report->own, "own patients", OWN_COLOUR, curves, &count);
    add_rocs(report, report->second, "second centre", SECOND_COLOUR, curves, &count);
    if (!count) return;
    hl_plot plots[2] = {{.title = "ROC of pixels", .x_max = 1, .y_max = 1, .diagonal = true},
                        {.title = "Its upper left corner", .x_max = 0.1, .y_min = corner_floor(curves, count), .y_max = 1}};
    for (int i = 0; i < 2; i++) {
        plots[i].x_label = "false positive rate", plots[i].y_label = "true positive rate";
        plots[i].curves = curves, plots[i].curve_count = count, plots[i].marker_x = NAN;
    }
    hl_page_heading(report->page, "ROC");
    hl_page_plots(report->page, "Pooled pixels on the training grid; faint: each model alone.", plots, 2);
}

/* --- Dice against threshold --------------------------------------------------------------------------------------- */

void hl_report_thresholds(hl_report *report) {
    hl_curve curves[3];
    int count = 0;
    const hl_run *run = report->run;
    if (!isnan(run->threshold_val))
        curves[count++] = (hl_curve){.label = "validation", .y = run->validation_dsc, .dashed = true, .colour = VALIDATION_COLOUR};
    if (report->own && report->own->score_count && hl_run_tests(run))
        curves[count++] = (hl_curve){.label = "own test", .y = report->own->training.dsc_at, .colour = OWN_COLOUR};
    if (report->second)
        curves[count++] = (hl_curve){.label = "second centre", .y = report->second->training.dsc_at, .colour = SECOND_COLOUR};
    if (!count) return;
    for (int i = 0; i < count; i++) curves[i].x = hl_thresholds, curves[i].points = HL_THRESHOLDS, curves[i].markers = true;
    hl_plot plot = {.title = "Mean DSC of the cases against threshold",
                    .x_label = "threshold",
                    .y_label = "DSC",
                    .x_max = 1,
                    .y_max = 1,
                    .curves = curves,
                    .curve_count = count,
                    .marker_x = run->threshold_val};
    hl_page_heading(report->page, "Threshold");
    if (isnan(run->threshold_val)) hl_page_plots(report->page, "The run has no validation patients.", &plot, 1);
    else
        hl_page_plots(report->page,
                      hl_report_text(report, "Chosen on the validation patients of all folds: %g (the thin line).", run->threshold_val),
                      &plot, 1);
}

/* --- calibration -------------------------------------------------------------------------------------------------- */

static void calibration_table(hl_report *report) {
    static const char *const head[] = {"share", "threshold", "DSC median", "5 %", "95 %", "DSC median, lesion cases", "draws that lost"};
    const hl_calibration *c = report->calibration;
    hl_cells cells = {.hl = report->hl};
    for (int i = 0; i < 7; i++) hl_cells_add(&cells, "%s", head[i]);
    for (int s = 0; s < HL_SHARES; s++) {
        const hl_share *share = &c->shares[s];
        hl_cells_add(&cells, "%d %%", share->percent);
        hl_cells_number(&cells, share->threshold, 3);
        hl_cells_number(&cells, share->dsc_median, 4);
        hl_cells_number(&cells, share->dsc_p5, 4);
        hl_cells_number(&cells, share->dsc_p95, 4);
        hl_cells_number(&cells, share->dsc_lesion_median, 4);
        hl_cells_number(&cells, share->share_lost, 3);
    }
    hl_report_table(report, "The test half's DSC by the share of cases that chose the threshold", &cells, 7);
}

void hl_report_calibration(hl_report *report) {
    const hl_calibration *c = report->calibration;
    if (!c) return;
    double x[HL_SHARES], median[HL_SHARES], low[HL_SHARES], high[HL_SHARES], before[HL_SHARES];
    for (int s = 0; s < HL_SHARES; s++) {
        x[s] = c->shares[s].percent, median[s] = c->shares[s].dsc_median, before[s] = c->dsc_before;
        low[s] = c->shares[s].dsc_p5, high[s] = c->shares[s].dsc_p95;
    }
    const hl_curve curves[] = {
        {.label = "calibrated, median of draws", .x = x, .y = median, .points = HL_SHARES, .markers = true, .colour = SECOND_COLOUR},
        {.label = "before, at 0.5", .x = x, .y = before, .points = HL_SHARES, .dashed = true, .colour = OWN_COLOUR}};
    hl_plot plot = {.title = "Calibration for the second centre",
                    .x_label = "cases that chose the threshold (%)",
                    .y_label = "DSC",
                    .x_max = 50,
                    .curves = curves,
                    .curve_count = 2,
                    .band_x = x,
                    .band_low = low,
                    .band_high = high,
                    .band_points = HL_SHARES,
                    .marker_x = NAN};
    hl_page_heading(report->page, "Calibration");
    hl_page_paragraph(report->page,
                      hl_report_text(report, "%d patients, %d cases, %d %s. Before, at 0.5: DSC %.4f.", c->patients, c->cases, c->draws,
                                     c->exhaustive ? "divisions (all there are)" : "random divisions", c->dsc_before));
    calibration_table(report);
    hl_page_plots(report->page, "The band reaches from the 5th to the 95th percentile of the draws.", &plot, 1);
}

/* --- learning curves ---------------------------------------------------------------------------------------------- */

enum { EPOCH, LOSS, DSC_VAL, LOG_COLUMNS };
static const char *const log_names[LOG_COLUMNS] = {"epoch", "loss", "dsc_val"};

/* A fold's log: columns of `points` numbers, NaN where a cell is empty. A log that is not there is left out. */
static int read_log(hl_report *report, int fold, double *columns[LOG_COLUMNS]) {
    char *path = hl_run_fold_path(report->run, fold, "log.csv");
    hl_csv csv = {0};
    int where[LOG_COLUMNS], rows = 0;
    bool read = path && hl_file_exists(path) && hl_csv_read(report->hl, path, &csv) == HL_OK &&
                hl_csv_columns(report->hl, &csv, log_names, LOG_COLUMNS, 2, where) == HL_OK;
    for (int c = 0; c < LOG_COLUMNS && read; c++) {
        columns[c] = hl_report_doubles(report, csv.rows);
        read = columns[c] != NULL;
        for (int row = 0; row < csv.rows && read; row++) {
            if (!hl_csv_number(hl_csv_cell(&csv, row, where[c]), &columns[c][row])) columns[c][row] = NAN;
        }
        rows = csv.rows;
    }
    hl_csv_free(&csv);
    free(path);
    return read ? rows : 0;
}

void hl_report_learning(hl_report *report) {
    int folds = report->run->options.folds, count = 0;
    hl_curve *loss = hl_report_curves(report, folds), *dsc = hl_report_curves(report, folds);
    for (int fold = 0; fold < folds && loss && dsc; fold++) {
        double *columns[LOG_COLUMNS];
        int points = read_log(report, fold, columns);
        if (!points) continue;
        hl_curve curve = {.label = hl_report_text(report, "fold %d", fold), .x = columns[EPOCH], .points = points, .colour = fold};
        loss[count] = dsc[count] = curve;
        loss[count].y = columns[LOSS], dsc[count++].y = columns[DSC_VAL];
    }
    if (!count) return;
    hl_plot plots[2] = {{.title = "Training loss", .y_label = "loss", .curves = loss},
                        {.title = "Validation DSC", .y_label = "DSC", .curves = dsc, .y_max = 1}};
    for (int i = 0; i < 2; i++) plots[i].x_label = "epoch", plots[i].curve_count = count, plots[i].marker_x = NAN;
    hl_page_heading(report->page, "Learning curves");
    hl_page_plots(report->page, NULL, plots, report->run->options.validation > 0 ? 2 : 1);
}
