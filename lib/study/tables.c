/* Figures as tables of cells for the report. */
#include "study/tables.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hl_cells_add(hl_cells *cells, const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char **wider = hl_grow(cells->hl, cells->texts, &cells->capacity, (size_t)cells->count + 1, sizeof *wider);
    if (wider) cells->texts = wider;
    char *copy = wider ? hl_strdup(cells->hl, text) : NULL;
    if (copy) wider[cells->count++] = copy;
    else cells->failed = true;
}

void hl_cells_number(hl_cells *cells, double value, int decimals) {
    char text[64];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.';
    }
    hl_cells_add(cells, "%s", isnan(value) ? "-" : text);
}

void hl_cells_free(hl_cells *cells) {
    for (int i = 0; i < cells->count; i++) free(cells->texts[i]);
    free(cells->texts);
    *cells = (hl_cells){.hl = cells->hl};
}

static void figures_row(hl_cells *cells, const char *what, double training, double native, int decimals) {
    hl_cells_add(cells, "%s", what);
    hl_cells_number(cells, training, decimals);
    hl_cells_number(cells, native, decimals);
}

/* What has no meaning with more than one class. */
static void threshold_rows(hl_cells *cells, const hl_figures *t, const hl_figures *n) {
    figures_row(cells, "DSC at the validation threshold", t->dsc_val_threshold, n ? n->dsc_val_threshold : NAN, 4);
    figures_row(cells, "  which is", t->threshold_val, n ? n->threshold_val : NAN, 3);
    figures_row(cells, "AUC, pooled pixels", t->auc, n ? n->auc : NAN, 4);
    figures_row(cells, "AUC, mean over models", t->auc_fold_mean, n ? n->auc_fold_mean : NAN, 4);
    figures_row(cells, "  SD over models", t->auc_fold_sd, n ? n->auc_fold_sd : NAN, 4);
}

void hl_cells_figures(hl_cells *cells, const hl_figures *training, const hl_figures *native) {
    const hl_figures *t = training, *n = native;
    if (t->classes > 1) hl_cells_add(cells, "the most probable class");
    else hl_cells_add(cells, "threshold %g", t->threshold);
    hl_cells_add(cells, "training grid"), hl_cells_add(cells, "native grid");
    figures_row(cells, "DSC, all cases", t->dsc_case_mean, n ? n->dsc_case_mean : NAN, 4);
    figures_row(cells, "  SD over cases", t->dsc_case_sd, n ? n->dsc_case_sd : NAN, 4);
    figures_row(cells, "  median", t->dsc_case_median, n ? n->dsc_case_median : NAN, 4);
    figures_row(cells, "DSC, cases with a lesion", t->dsc_lesion_mean, n ? n->dsc_lesion_mean : NAN, 4);
    figures_row(cells, "DSC, cases of 100 lesion pixels or more", t->dsc_lesion100_mean, n ? n->dsc_lesion100_mean : NAN, 4);
    figures_row(cells, "DSC, without doubly empty cases", t->dsc_nonempty_mean, n ? n->dsc_nonempty_mean : NAN, 4);
    figures_row(cells, "DSC, mean over models", t->dsc_fold_mean, n ? n->dsc_fold_mean : NAN, 4);
    figures_row(cells, "  SD over models", t->dsc_fold_sd, n ? n->dsc_fold_sd : NAN, 4);
    figures_row(cells, "DSC, mean over slices", t->dsc_slice_mean, n ? n->dsc_slice_mean : NAN, 4);
    if (t->classes == 1) threshold_rows(cells, t, n);
    figures_row(cells, "sensitivity", t->sensitivity, n ? n->sensitivity : NAN, 4);
    figures_row(cells, "specificity", t->specificity, n ? n->specificity : NAN, 4);
    figures_row(cells, "precision", t->precision, n ? n->precision : NAN, 4);
    figures_row(cells, "cases", t->case_count, n ? n->case_count : NAN, 0);
    figures_row(cells, "  with a lesion", t->lesion_cases, n ? n->lesion_cases : NAN, 0);
}

static void class_cells(hl_cells *cells, const hl_class_figure *c) {
    hl_cells_number(cells, c ? c->dsc_case_mean : NAN, 4);
    hl_cells_number(cells, c ? c->dsc_case_sd : NAN, 4);
    hl_cells_number(cells, c ? c->dsc_lesion_mean : NAN, 4);
    hl_cells_number(cells, c ? c->lesion_cases : NAN, 0);
    hl_cells_number(cells, c ? c->sensitivity : NAN, 4);
    hl_cells_number(cells, c ? c->precision : NAN, 4);
}

void hl_cells_classes(hl_cells *cells, const hl_figures *training, const hl_figures *native) {
    static const char *const head[] = {"DSC", "SD", "DSC where it is", "cases that hold it", "sens.", "prec."};
    hl_cells_add(cells, "class");
    for (int i = 0; i < 12; i++) hl_cells_add(cells, "%s%s", head[i % 6], i < 6 ? "" : ", native");
    for (int k = 0; k < training->classes - 1; k++) {
        const hl_class_figure *c = &training->class_figures[k];
        if (c->name) hl_cells_add(cells, "%d, %s", c->index, c->name);
        else hl_cells_add(cells, "%d", c->index);
        class_cells(cells, c);
        class_cells(cells, native ? &native->class_figures[k] : NULL);
    }
}

void hl_cells_cases(hl_cells *cells, const hl_figures *training, const hl_figures *native) {
    static const char *const head[] = {"centre", "patient", "case", "lesion pixels", "DSC", "DSC native"};
    for (int i = 0; i < 6; i++) hl_cells_add(cells, "%s", head[i]);
    for (int i = 0; i < training->case_count; i++) {
        const hl_case_figure *figure = &training->cases[i];
        hl_cells_add(cells, "%s", figure->centre);
        hl_cells_add(cells, "%s", figure->patient);
        hl_cells_add(cells, "%s", figure->case_name);
        hl_cells_add(cells, "%lld", (long long)figure->lesion_pixels);
        hl_cells_number(cells, figure->dsc, 4);
        hl_cells_number(cells, native && i < native->case_count ? native->cases[i].dsc : NAN, 4);
    }
}
