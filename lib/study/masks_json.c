/* What comes of two folders of masks, as JSON. */
#include <math.h>
#include <stdlib.h>

#include "hilum/study.h"
#include "study/json.h"
#include "study/masks.h"

/* A shape's geometry of one case. */
static const hl_mask_geometry *geometry_of(const hl_masks_result *r, int at, int shape) { return &r->geometry[at * r->shapes + shape]; }

/* --- means over cases ------------------------------------------------------------------------------------------------- */

/* Sums over the cases that have surfaces and are not empty in both masks. */
typedef struct surface_sums {
    int cases, empty, missed, without;
    double dice, hd95, hd, average;
} surface_sums;

static surface_sums sum_surfaces(const hl_masks_result *r, int shape) {
    surface_sums s = {0};
    for (int i = 0; i < r->case_count; i++) {
        const hl_mask_geometry *g = geometry_of(r, i, shape);
        s.without += !g->has_surfaces;
        s.empty += g->has_surfaces && g->elements.empty;
        if (!g->has_surfaces || g->elements.empty) continue;
        s.cases++, s.missed += g->elements.missed;
        s.dice += g->elements.surface_dice, s.hd95 += g->elements.hd95, s.hd += g->elements.hd, s.average += g->elements.average;
    }
    return s;
}

static void put_surface(hl_json *json, cJSON *to, const hl_masks_result *r, int shape) {
    surface_sums s = sum_surfaces(r, shape);
    cJSON *surface = hl_json_object(json, to, "surface");
    hl_json_number(json, surface, "tolerance_mm", r->tolerance);
    hl_json_number(json, surface, "surface_dice_mean", s.dice / s.cases); /* null for no case */
    hl_json_number(json, surface, "hd95_mm_mean", s.hd95 / s.cases);
    hl_json_number(json, surface, "hd_mm_mean", s.hd / s.cases);
    hl_json_number(json, surface, "average_mm_mean", s.average / s.cases);
    hl_json_number(json, surface, "cases", s.cases);
    hl_json_number(json, surface, "missed", s.missed);
    hl_json_number(json, surface, "empty", s.empty);
    hl_json_number(json, surface, "without_spacing_or_whole", s.without);
}

/* --- lesions ---------------------------------------------------------------------------------------------------------- */

/* Sizes mean mL where all cases have spacing, voxels where none has; of both kinds there is no one table. */
static const char *size_unit(const hl_masks_result *r) {
    int with = 0;
    for (int i = 0; i < r->case_count; i++) with += geometry_of(r, i, 0)->millilitres;
    return with == r->case_count ? "mL" : with ? NULL : "voxels";
}

static void put_sizes(hl_json *json, cJSON *to, const hl_detection *d, const char *unit) {
    cJSON *sizes = hl_json_array(json, to, "sizes");
    for (int k = 0; k < HL_LESION_SIZES && unit; k++) {
        cJSON *one = hl_json_object(json, sizes, NULL);
        bool ml = unit[0] == 'm';
        hl_json_number(json, one, "from", !k ? 0 : ml ? hl_lesion_ml[k - 1] : (double)hl_lesion_voxels[k - 1]);
        hl_json_number(json, one, "below", k == HL_LESION_SIZES - 1 ? NAN : ml ? hl_lesion_ml[k] : (double)hl_lesion_voxels[k]);
        hl_json_number(json, one, "lesions", d->lesions[k]);
        hl_json_number(json, one, "found", d->found[k]);
        hl_json_number(json, one, "rate", hl_detection_rate(d, k));
    }
}

static int sum_sizes(const int counts[HL_LESION_SIZES]) {
    int sum = 0;
    for (int k = 0; k < HL_LESION_SIZES; k++) sum += counts[k];
    return sum;
}

static void put_detection(hl_json *json, cJSON *to, const hl_masks_result *r, int shape) {
    hl_detection d = {0};
    for (int i = 0; i < r->case_count; i++) {
        if (geometry_of(r, i, shape)->has_stack) hl_detection_add(&d, &geometry_of(r, i, shape)->detection);
    }
    cJSON *detection = hl_json_object(json, to, "detection");
    hl_json_number(json, detection, "hit_share", HL_LESION_HIT);
    hl_json_number(json, detection, "scans", d.scans);
    hl_json_number(json, detection, "lesions", sum_sizes(d.lesions));
    hl_json_number(json, detection, "found", sum_sizes(d.found));
    hl_json_number(json, detection, "rate", hl_detection_rate(&d, -1));
    hl_json_number(json, detection, "predicted", d.predicted);
    hl_json_number(json, detection, "false_positives", d.false_positives);
    hl_json_number(json, detection, "false_positives_per_scan", hl_detection_false_per_scan(&d));
    hl_json_text(json, detection, "size_unit", size_unit(r));
    put_sizes(json, detection, &d, size_unit(r));
}

/* --- conventions ------------------------------------------------------------------------------------------------------ */

static void put_conventions(hl_json *json, cJSON *to, const hl_convention *rows) {
    cJSON *conventions = hl_json_array(json, to, "conventions");
    for (int k = 0; k < HL_CONVENTIONS; k++) {
        cJSON *one = hl_json_object(json, conventions, NULL);
        hl_json_text(json, one, "library", rows[k].library);
        hl_json_text(json, one, "figure", rows[k].figure);
        hl_json_text(json, one, "over", rows[k].over);
        hl_json_text(json, one, "rule", rows[k].rule);
        hl_json_number(json, one, "value", rows[k].value); /* null where infinite or nothing is left */
        hl_json_number(json, one, "counted", rows[k].counted);
        hl_json_number(json, one, "left_out", rows[k].left_out);
        hl_json_number(json, one, "infinite", rows[k].infinite);
    }
}

static void put_case(hl_json *json, cJSON *to, const hl_mask_geometry *g) {
    bool surfaces = g->has_surfaces && !g->elements.empty;
    hl_json_number(json, to, "surface_dice", surfaces ? g->elements.surface_dice : NAN);
    hl_json_number(json, to, "hd95_mm", surfaces ? g->elements.hd95 : NAN);
    hl_json_number(json, to, "average_mm", surfaces ? g->elements.average : NAN);
    hl_json_bool(json, to, "missed", surfaces && g->elements.missed);
    hl_json_number(json, to, "lesions", g->has_stack ? sum_sizes(g->detection.lesions) : NAN);
    hl_json_number(json, to, "lesions_found", g->has_stack ? sum_sizes(g->detection.found) : NAN);
    hl_json_number(json, to, "false_positives", g->has_stack ? g->detection.false_positives : NAN);
}

/* What belongs to one case joins its object; of several classes it is an array of objects. */
static void put_cases(hl_json *json, const hl_masks_result *r) {
    cJSON *one;
    int at = 0;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(json->root, "cases")) {
        cJSON *shapes = r->shapes > 1 ? hl_json_array(json, one, "classes") : NULL;
        for (int k = 0; k < r->shapes; k++) put_case(json, shapes ? hl_json_object(json, shapes, NULL) : one, geometry_of(r, at, k));
        at++;
    }
}

static void put_shape(hl_json *json, cJSON *to, const hl_masks_result *r, int shape) {
    put_surface(json, to, r, shape);
    put_detection(json, to, r, shape);
    put_conventions(json, to, r->conventions + shape * HL_CONVENTIONS);
}

char *hl_masks_json(hl_context *hl, const hl_masks_result *result) {
    char *text = hl_figures_json(hl, &result->figures, NULL, 0);
    hl_json json = {.hl = hl, .root = text ? cJSON_Parse(text) : NULL};
    json.failed = !json.root;
    free(text);
    cJSON *classes = cJSON_GetObjectItemCaseSensitive(json.root, "classes"), *one = classes ? classes->child : NULL;
    for (int k = 0; k < result->shapes; k++) {
        put_shape(&json, classes ? one : json.root, result, k);
        if (one) one = one->next;
    }
    put_cases(&json, result);
    return hl_json_print(&json, false);
}
