/* The report's pictures: for the worst, the median and the best cases the slice with the largest lesion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/report.h"

enum { PANELS = 3, least_pixels = 256 };

/* A case to be shown. */
typedef struct choice {
    const char *why;
    int figure; /* index into the figures' cases */
} choice;

/* What the visitor draws. */
typedef struct drawing {
    hl_context *hl;
    int height, width, scale, classes;
    double threshold;
    unsigned char *panels[PANELS]; /* image, truth, prediction */
} drawing;

typedef struct ranked {
    double dsc;
    int figure;
} ranked;

static int by_dsc(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    int order = (a->dsc > b->dsc) - (a->dsc < b->dsc);
    return order ? order : (a->figure > b->figure) - (a->figure < b->figure);
}

/* The three worst, the median and the best of the cases with a lesion, each once. */
static int choose(hl_context *hl, const hl_figures *figures, choice choices[5]) {
    ranked *order = hl_calloc(hl, (size_t)figures->case_count, sizeof *order);
    int count = 0, chosen = 0;
    for (int i = 0; i < figures->case_count && order; i++) {
        if (figures->cases[i].lesion_pixels > 0) order[count++] = (ranked){figures->cases[i].dsc, i};
    }
    if (count) qsort(order, (size_t)count, sizeof *order, by_dsc);
    const int places[] = {0, 1, 2, (count - 1) / 2, count - 1};
    static const char *const why[] = {"worst", "second worst", "third worst", "median", "best"};
    for (int i = 0, next = 0; i < 5; i++) {
        if (places[i] < next || places[i] >= count) continue;
        choices[chosen++] = (choice){why[i], order[places[i]].figure};
        next = places[i] + 1;
    }
    free(order);
    return chosen;
}

/* The case's slice with the largest lesion, the first of equals. */
static int largest_slice(const hl_cohort *cohort, const hl_case_figure *figure) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    int best = -1;
    for (int row = 0; row < hl_manifest_count(manifest); row++) {
        const hl_row *at = hl_manifest_row(manifest, row);
        if (strcmp(at->case_name, figure->case_name) || strcmp(at->patient, figure->patient)) continue;
        if (best < 0 || hl_cohort_info(cohort, row)->lesion_pixels > hl_cohort_info(cohort, best)->lesion_pixels) best = row;
    }
    return best;
}

/* The first model that scored the case. */
static int model_of(const hl_evaluation *evaluation, const hl_case_figure *figure) {
    for (int i = 0; i < evaluation->score_count; i++) {
        const hl_score *score = &evaluation->scores[i];
        if (!strcmp(score->case_name, figure->case_name) && !strcmp(score->patient, figure->patient)) return score->model;
    }
    return 0;
}

/* The image, the truth and the prediction in a colour for each class. */
static void draw_classes(drawing *d, const float *image, const uint8_t *mask, const float *probabilities) {
    size_t pixels = (size_t)d->height * (size_t)d->width;
    uint8_t *predicted = hl_calloc(d->hl, pixels, 1);
    if (!predicted) return;
    hl_most_probable(probabilities, d->classes, pixels, predicted);
    const uint8_t *labels[PANELS] = {NULL, mask, predicted};
    for (int i = 0; i < PANELS; i++) d->panels[i] = hl_overlay_classes(d->hl, d->height, d->width, image, labels[i], d->scale);
    free(predicted);
}

static void draw(void *user, int row, const float *image, const uint8_t *mask, const float *probabilities) {
    (void)row;
    drawing *d = user;
    if (d->classes > 1) {
        draw_classes(d, image, mask, probabilities);
        return;
    }
    d->panels[0] = hl_overlay(d->hl, d->height, d->width, image, NULL, NULL, d->threshold, false, d->scale);
    d->panels[1] = hl_overlay(d->hl, d->height, d->width, image, mask, NULL, d->threshold, false, d->scale);
    d->panels[2] = hl_overlay(d->hl, d->height, d->width, image, mask, probabilities, d->threshold, true, d->scale);
}

/* "class 1 green, class 2 magenta", with names where there are some. */
static const char *legend(hl_report *report, int classes) {
    const char *text = "";
    for (int c = 1; c < classes; c++) {
        const char *name = hl_class_name(&report->run->options, c), *between = c > 1 ? ", " : "";
        if (name) text = hl_report_text(report, "%s%s%s %s", text, between, name, hl_overlay_colour(c));
        else text = hl_report_text(report, "%s%sclass %d %s", text, between, c, hl_overlay_colour(c));
    }
    return text;
}

static void show_panels(hl_report *report, const drawing *d, const char *caption) {
    const char *captions[PANELS] = {"image", "truth (green)", "prediction (magenta); missed blue, false alarm orange"};
    if (d->classes > 1) captions[1] = hl_report_text(report, "truth: %s", legend(report, d->classes)), captions[2] = "prediction";
    hl_page_picture pictures[PANELS];
    for (int i = 0; i < PANELS; i++)
        pictures[i] =
            (hl_page_picture){.rgb = d->panels[i], .width = d->width * d->scale, .height = d->height * d->scale, .caption = captions[i]};
    hl_page_pictures(report->page, caption, pictures, PANELS);
}

static hl_status show_case(hl_report *report, const hl_evaluation *evaluation, const choice *chosen) {
    const hl_case_figure *figure = &evaluation->training.cases[chosen->figure];
    const hl_run_options *o = &report->run->options;
    drawing d = {.hl = report->hl,
                 .height = o->height,
                 .width = o->width_pixels,
                 .classes = o->net_options.classes,
                 .threshold = evaluation->training.threshold};
    d.scale = d.width < least_pixels ? (least_pixels + d.width - 1) / d.width : 1;
    int row = largest_slice(evaluation->cohort, figure), number = model_of(evaluation, figure), count;
    hl_model *model = hl_run_model(report->run, number, 1);
    if (!model) return hl_error_status(report->hl);
    hl_score *scores;
    double threshold = d.classes > 1 ? 0.5 : d.threshold;
    hl_status status = hl_score_cases(model, evaluation->cohort, &row, 1, number, threshold, &scores, NULL, &count, draw, &d);
    hl_model_free(model);
    if (!status) free(scores);
    if (!status && !(d.panels[0] && d.panels[1] && d.panels[2])) status = HL_NO_MEMORY;
    if (!status)
        show_panels(report, &d,
                    hl_report_text(report, "%s: %s, %s, slice %lld, model of fold %d; DSC of the case %.4f", chosen->why, figure->centre,
                                   figure->case_name, (long long)hl_manifest_row(hl_cohort_manifest(evaluation->cohort), row)->slice,
                                   number, figure->dsc));
    for (int i = 0; i < PANELS; i++) free(d.panels[i]);
    return status;
}

hl_status hl_report_overlays(hl_report *report, const hl_evaluation *evaluation, const char *title) {
    if (!evaluation || !evaluation->score_count) return HL_OK;
    choice choices[5];
    int count = choose(report->hl, &evaluation->training, choices);
    hl_status status = HL_OK;
    if (count) hl_page_heading(report->page, title);
    for (int i = 0; i < count && !status; i++) status = show_case(report, evaluation, &choices[i]);
    return status;
}
