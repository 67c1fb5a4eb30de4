/* One set of predictions by the rules of several libraries, as their sources have them: nnU-Net (the first version measures through MedPy),
 * MONAI, segmentation_models, segmentation_models.pytorch, surface-distance. */
#include "hilum/conventions.h"

#include <math.h>

#include "base/base.h"

/* --- what a library makes of counts, NaN where it leaves them out -------------------------------------------------------- */

static double ratio(const hl_confusion *c, double smooth) {
    double twice = 2 * (double)c->true_positive;
    return (twice + smooth) / (twice + (double)c->false_positive + (double)c->false_negative + smooth);
}

static double empty_is_one(const hl_confusion *c) { return hl_dice(c); }
static double empty_is_none(const hl_confusion *c) { return ratio(c, 0); } /* 0 / 0 is NaN */
static double empty_truth_is_none(const hl_confusion *c) { return c->true_positive + c->false_negative ? ratio(c, 0) : NAN; }
static double smoothed(const hl_confusion *c) { return ratio(c, 1e-5); }

/* --- and of surfaces ------------------------------------------------------------------------------------------------------ */

static double unless_missed(const hl_surface_figures *f, double value) { return f->missed ? INFINITY : value; }

static double elements_dice(const hl_convention_case *c) { return c->elements.surface_dice; }
static double voxels_dice(const hl_convention_case *c) { return c->voxels.surface_dice; }
static double elements_hd95(const hl_convention_case *c) { return c->elements.hd95; }
static double elements_hd95_open(const hl_convention_case *c) {
    return c->elements.empty ? INFINITY : unless_missed(&c->elements, c->elements.hd95);
}
static double voxels_hd95(const hl_convention_case *c) { return unless_missed(&c->voxels, c->voxels.hd95); }
static double voxels_pooled95(const hl_convention_case *c) { return c->voxels.missed ? NAN : c->voxels.pooled95; }
static double elements_average(const hl_convention_case *c) { return c->elements.average; }
static double voxels_average(const hl_convention_case *c) { return unless_missed(&c->voxels, c->voxels.average); }
static double voxels_one_way(const hl_convention_case *c) { return unless_missed(&c->voxels, c->voxels.directed_average[1]); }

/* --- the table ------------------------------------------------------------------------------------------------------------ */

typedef enum scope { CASES, SLICES, PIXELS } scope;
static const char *const scopes[] = {"cases", "slices", "all pixels"};

typedef struct rule {
    const char *library, *figure, *words;
    scope over;
    double (*of_counts)(const hl_confusion *);
    double (*of_surfaces)(const hl_convention_case *);
} rule;

static const rule rules[HL_CONVENTIONS] = {
    {"Hilum, the study", "Dice", "the pixels of a case together; two empty masks count 1, one empty mask 0", CASES, empty_is_one, NULL},
    {"nnU-Net", "Dice", "two empty masks are left out, one empty mask counts 0", CASES, empty_is_none, NULL},
    {"MONAI", "Dice", "default (ignore_empty): a case without truth is left out, false alarms in it too", CASES, empty_truth_is_none, NULL},
    {"MONAI, ignore_empty=False", "Dice", "two empty masks count 1, one empty mask 0", CASES, empty_is_one, NULL},
    {"MONAI, on slices", "Dice", "default, on two-dimensional batches: a slice without truth is left out", SLICES, empty_truth_is_none,
     NULL},
    {"segmentation_models", "Dice", "default: the pixels of a batch together, here of all slices as one; 1e-5 added above and below",
     PIXELS, smoothed, NULL},
    {"segmentation_models, per_image", "Dice", "each slice, 1e-5 added above and below: two empty masks count 1, one empty mask next to 0",
     SLICES, smoothed, NULL},
    {"segmentation_models.pytorch, micro", "Dice", "all pixels together; nothing where both are empty everywhere", PIXELS, empty_is_none,
     NULL},
    {"segmentation_models.pytorch, micro-imagewise", "Dice", "each slice; two empty masks count 1 (zero_division), one empty mask 0",
     SLICES, empty_is_one, NULL},
    {"surface-distance", "Dice", "two empty masks are NaN, here left out; the library itself takes no mean", CASES, empty_is_none, NULL},
    {"Hilum", "surface Dice", "areas between voxels; two empty masks are left out, one empty mask counts 0", CASES, NULL, elements_dice},
    {"surface-distance", "surface Dice", "areas between voxels; two empty masks are NaN, here left out, one empty mask gives 0", CASES,
     NULL, elements_dice},
    {"MONAI", "surface Dice", "voxels at the edge, each counts 1; two empty masks are left out, one empty mask counts 0", CASES, NULL,
     voxels_dice},
    {"Hilum", "HD95", "the larger of the directed percentiles of area; one empty mask counts the scan's diagonal, two are left out", CASES,
     NULL, elements_hd95},
    {"surface-distance", "HD95", "the larger of the directed percentiles of area; infinite with one or both masks empty", CASES, NULL,
     elements_hd95_open},
    {"MONAI", "HD95", "the larger of the directed percentiles of edge voxels; two empty masks are left out, one makes the mean infinite",
     CASES, NULL, voxels_hd95},
    {"nnU-Net 1, MedPy", "HD95", "the percentile of both directions' edge voxels together; any empty mask is left out", CASES, NULL,
     voxels_pooled95},
    {"Hilum", "average distance", "both surfaces weighted by area; one empty mask counts the scan's diagonal, two are left out", CASES,
     NULL, elements_average},
    {"MONAI, symmetric", "average distance", "edge voxels of both; two empty masks are left out, one makes the mean infinite", CASES, NULL,
     voxels_average},
    {"MONAI", "average distance", "default: from the prediction to the truth only; empty masks as before", CASES, NULL, voxels_one_way},
};

static void add_counts(hl_confusion *to, const hl_confusion *from) {
    to->true_positive += from->true_positive, to->false_positive += from->false_positive;
    to->false_negative += from->false_negative, to->true_negative += from->true_negative;
}

static hl_confusion case_counts(const hl_convention_case *c) {
    hl_confusion sum = {0};
    for (int i = 0; i < c->slice_count; i++) add_counts(&sum, &c->slices[i]);
    return sum;
}

/* A value joins the mean, or is left out. */
static void take(hl_convention *row, double value) {
    if (isnan(value)) {
        row->left_out++;
        return;
    }
    row->value += value;
    row->counted++;
    row->infinite += isinf(value) != 0;
}

static void take_case(const rule *r, const hl_convention_case *c, hl_convention *row) {
    if (r->of_surfaces) {
        if (c->has_surfaces) take(row, r->of_surfaces(c));
    } else if (r->over == SLICES) {
        for (int i = 0; i < c->slice_count; i++) take(row, r->of_counts(&c->slices[i]));
    } else {
        hl_confusion counts = case_counts(c);
        take(row, r->of_counts(&counts));
    }
}

static void take_pixels(const rule *r, const hl_convention_case *cases, int count, hl_convention *row) {
    hl_confusion all = {0};
    for (int i = 0; i < count; i++) {
        hl_confusion counts = case_counts(&cases[i]);
        add_counts(&all, &counts);
    }
    take(row, r->of_counts(&all));
}

hl_status hl_conventions_score(hl_context *hl, const hl_convention_case *cases, int count, hl_convention *rows) {
    if (count < 1) return hl_fail(hl, HL_BAD_INPUT, "no case to be scored by anybody's convention");
    for (int k = 0; k < HL_CONVENTIONS; k++) {
        const rule *r = &rules[k];
        hl_convention *row = &rows[k];
        *row = (hl_convention){.library = r->library, .figure = r->figure, .over = scopes[r->over], .rule = r->words};
        if (r->over == PIXELS) take_pixels(r, cases, count, row);
        for (int i = 0; i < count && r->over != PIXELS; i++) take_case(r, &cases[i], row);
        row->value = row->counted ? row->value / row->counted : NAN;
    }
    return HL_OK;
}
