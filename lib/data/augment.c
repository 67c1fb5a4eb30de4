/* Augmentation of a sample: the list of kinds, and their work in order. */
#include "hilum/augment.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/augment.h"

/* In the order in which they work: first those that move pixels, all in one map, then curves, then what is painted. A new one is a line
 * here and its function; what it draws depends on its name alone. */
static const struct {
    hl_augment_kind kind;
    hl_augment_work work;
} list[] = {
    {{"flip", "left-right; the share of the samples", 0.5, 1, 1}, {.warp = hl_warp_flip}},
    {{"rotate", "up to so many degrees", 15, 180, 0.3}, {.warp = hl_warp_rotate}},
    {{"scale", "by a factor up to 1 + F either way", 0.2, 1, 0.3}, {.warp = hl_warp_scale}},
    {{"shift", "up to F of height and width", 0.1, 0.5, 0.3}, {.warp = hl_warp_shift}},
    {{"elastic", "bent by a spline whose knots move up to F of the side", 0.04, 0.095, 0.3}, {.warp = hl_warp_elastic}},
    {{"window", "level up to F of the CT window's width off, width by up to 1 + F", 0.1, 0.5, 0.3}, {.curve = hl_curve_window}},
    {{"brightness", "times 1 - F to 1 + F", 0.2, 0.9, 0.3}, {.curve = hl_curve_brightness}},
    {{"gamma", "to the power of up to 1 + F either way", 0.4, 4, 0.3}, {.curve = hl_curve_gamma}},
    {{"blur", "Gaussian of up to so many pixels", 1, 4, 0.2}, {.paint = hl_paint_blur}},
    {{"noise", "normal, of a deviation up to F of the range", 0.05, 0.5, 0.2}, {.paint = hl_paint_noise}},
    {{"cutout", "a rectangle of up to F of height and width turns grey", 0.3, 0.9, 0.2}, {.paint = hl_paint_cutout}},
};
enum { KINDS = sizeof list / sizeof *list };
_Static_assert((int)KINDS <= (int)HL_AUGMENT_MOST, "hl_augmentation has room for all kinds");

int hl_augment_count(void) { return KINDS; }
const hl_augment_kind *hl_augment_get_kind(int kind) { return &list[kind].kind; }

struct hl_augmenter {
    hl_augmentation augmentation;
    int height, width, planes;
    uint64_t names[KINDS]; /* hashes */
    hl_resampler *resampler;
    uint8_t *inside;
    float *scratch;
    float curve[HL_CURVE_STEPS + 2]; /* one more, so that the last interval has an end */
};

double hl_draw(hl_draws *draws) { return hl_random_uniform(draws->sample, HL_RANDOM_AUGMENT, draws->name, draws->next++); }
double hl_draw_within(hl_draws *draws, double bound) { return bound * (2 * hl_draw(draws) - 1); }

hl_augmenter *hl_augmenter_new(hl_context *hl, const hl_augmentation *augmentation, int height, int width, int planes) {
    if (hl_augmentation_check(hl, augmentation)) return NULL;
    hl_augmenter *a = hl_calloc(hl, 1, sizeof *a);
    if (!a) return NULL;
    size_t pixels = (size_t)height * (size_t)width;
    a->augmentation = *augmentation, a->height = height, a->width = width, a->planes = planes;
    for (int k = 0; k < KINDS; k++) a->names[k] = hl_name_hash(list[k].kind.name);
    a->resampler = hl_resampler_new(hl, height, width, planes);
    a->inside = hl_calloc(hl, pixels, 1);
    a->scratch = hl_calloc(hl, pixels, sizeof *a->scratch);
    if (a->resampler && a->inside && a->scratch) return a;
    hl_augmenter_free(a);
    return NULL;
}

void hl_augmenter_free(hl_augmenter *a) {
    if (!a) return;
    hl_resampler_free(a->resampler);
    free(a->inside);
    free(a->scratch);
    free(a);
}

/* Whether a kind is applied to a sample. Its first draw says so; a kind of every sample draws nothing for it. */
static bool applies(const hl_augmenter *a, int kind, hl_draws *draws) {
    double chance = a->augmentation.chance[kind];
    return a->augmentation.strength[kind] > 0 && (chance >= 1 || hl_draw(draws) < chance);
}

static hl_draws draws_of(const hl_augmenter *a, int kind, uint64_t draw) { return (hl_draws){.sample = draw, .name = a->names[kind]}; }

static void swap_sides(uint8_t *labels, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) labels[i] = (uint8_t)(labels[i] == 1 || labels[i] == 2 ? 3 - labels[i] : labels[i]);
}

static void move(hl_augmenter *a, uint64_t draw, float *images, uint8_t *labels, bool sided, const hl_placement *inside) {
    hl_warp warp = {.height = a->height, .width = a->width, .matrix = {{1, 0}, {0, 1}}};
    for (int k = 0; k < KINDS; k++) {
        hl_draws draws = draws_of(a, k, draw);
        if (list[k].work.warp && applies(a, k, &draws)) list[k].work.warp(&warp, a->augmentation.strength[k], &draws);
    }
    hl_resample(a->resampler, &warp, inside, images, labels, a->inside);
    if (warp.mirrors && sided && labels) swap_sides(labels, (size_t)a->height * (size_t)a->width);
}

static float cut(float value) { return value > 0 ? value < 1 ? value : 1 : 0; } /* a NaN is 0 */

/* All curves of a sample are one. */
static void follow_curve(const hl_augmenter *a, float *images) {
    size_t pixels = (size_t)a->height * (size_t)a->width;
    const float *curve = a->curve;
    for (int p = 0; p < a->planes; p++, images += pixels) {
        for (size_t i = 0; i < pixels; i++) {
            float place = cut(images[i]) * HL_CURVE_STEPS;
            int step = (int)place;
            images[i] = curve[step] + (place - (float)step) * (curve[step + 1] - curve[step]);
        }
    }
}

static bool bend_intensities(hl_augmenter *a, uint64_t draw, float *images) {
    bool any = false;
    for (int i = 0; i <= HL_CURVE_STEPS; i++) a->curve[i] = (float)i / HL_CURVE_STEPS;
    for (int k = 0; k < KINDS; k++) {
        hl_draws draws = draws_of(a, k, draw);
        if (!list[k].work.curve || !applies(a, k, &draws)) continue;
        list[k].work.curve(a->curve, a->augmentation.strength[k], &draws);
        any = true;
    }
    a->curve[HL_CURVE_STEPS + 1] = a->curve[HL_CURVE_STEPS];
    if (any) follow_curve(a, images);
    return any;
}

static bool paint(hl_augmenter *a, uint64_t draw, float *images) {
    hl_canvas canvas = {
        .height = a->height, .width = a->width, .planes = a->planes, .images = images, .inside = a->inside, .scratch = a->scratch};
    bool any = false;
    for (int k = 0; k < KINDS; k++) {
        hl_draws draws = draws_of(a, k, draw);
        if (!list[k].work.paint || !applies(a, k, &draws)) continue;
        list[k].work.paint(&canvas, a->augmentation.strength[k], &draws);
        any = true;
    }
    return any;
}

void hl_augment(hl_augmenter *a, uint64_t draw, float *images, uint8_t *labels, bool sided, const hl_placement *inside) {
    size_t pixels = (size_t)a->height * (size_t)a->width;
    move(a, draw, images, labels, sided, inside);
    bool changed = bend_intensities(a, draw, images);
    changed = paint(a, draw, images) || changed;
    for (int p = 0; p < a->planes && changed; p++, images += pixels) {
        for (size_t i = 0; i < pixels; i++) images[i] = a->inside[i] ? cut(images[i]) : 0;
    }
}
