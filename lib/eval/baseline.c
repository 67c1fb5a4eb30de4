/* A baseline without learning: the brighter parts of the lungs, tidied up by morphology. */
#include "eval/baseline.h"

#include <stdlib.h>
#include <string.h>

const char *const hl_baseline_steps[HL_BASELINE_STEPS] = {
    "the lungs lose a margin",
    "the image is averaged over the lung's pixels in a square",
    "pixels brighter than the median of the case's lungs, between two thresholds, are candidates",
    "opening by a disc takes vessels and walls away",
    "closing by a disc, and holes filled, within the lungs",
    "small components of a slice go",
};

hl_stack hl_baseline_stack(const hl_baseline_case *of) { return (hl_stack){of->stack.depth, of->stack.height, of->stack.width, {0}}; }

hl_status hl_baseline_region(hl_context *hl, const hl_baseline_case *of, int erode, uint8_t *region) {
    hl_stack stack = hl_baseline_stack(of);
    return hl_erode(hl, &stack, of->lung, (hl_ball){erode, true}, region);
}

/* --- the image ------------------------------------------------------------------------------------------------------- */

/* To 1/65535, by counting. 0 without lung. */
static hl_status lung_median(hl_context *hl, const hl_baseline_case *of, double *median) {
    enum { LEVELS = 65536 };
    int64_t *counts = hl_calloc(hl, LEVELS, sizeof *counts), all = 0, below = 0;
    int level = 0;
    if (!counts) return HL_NO_MEMORY;
    for (size_t i = 0; i < hl_stack_voxels(&of->stack); i++) {
        if (!of->lung[i]) continue;
        float value = of->image[i];
        counts[!(value > 0) ? 0 : value >= 1 ? LEVELS - 1 : (int)(value * (LEVELS - 1) + 0.5f)]++; /* a NaN is 0 */
        all++;
    }
    while (level < LEVELS - 1 && (below += counts[level]) * 2 < all) level++;
    free(counts);
    *median = all ? level / (double)(LEVELS - 1) : 0;
    return HL_OK;
}

typedef struct smoothing {
    const hl_baseline_case *of;
    int radius;
    double median;
    float *field;
    double *sums; /* for each worker twice (height + 1) x (width + 1): of lung pixels above and left of a place, their values and number */
} smoothing;

static void sum_slice(const smoothing *s, size_t first, double *values, double *pixels) {
    size_t width = (size_t)s->of->stack.width, across = width + 1;
    for (int y = 0; y < s->of->stack.height; y++) {
        double row_values = 0, row_pixels = 0;
        for (size_t x = 0; x < width; x++) {
            size_t i = first + (size_t)y * width + x, at = ((size_t)y + 1) * across + x + 1;
            if (s->of->lung[i]) row_values += (double)s->of->image[i], row_pixels += 1;
            values[at] = values[at - across] + row_values;
            pixels[at] = pixels[at - across] + row_pixels;
        }
    }
}

static void smooth_slice(void *arg, int64_t z, int worker) {
    const smoothing *s = arg;
    int height = s->of->stack.height, width = s->of->stack.width;
    size_t across = (size_t)width + 1, cells = ((size_t)height + 1) * across, first = (size_t)z * (size_t)height * (size_t)width;
    double *values = s->sums + 2 * cells * (size_t)worker, *pixels = values + cells;
    sum_slice(s, first, values, pixels);
    for (int y = 0; y < height; y++) {
        size_t top = (size_t)(y > s->radius ? y - s->radius : 0) * across;
        size_t bottom = (size_t)(y + s->radius < height ? y + s->radius + 1 : height) * across;
        for (int x = 0; x < width; x++) {
            size_t left = (size_t)(x > s->radius ? x - s->radius : 0), right = (size_t)(x + s->radius < width ? x + s->radius + 1 : width);
            size_t i = first + (size_t)y * (size_t)width + (size_t)x;
            double sum = values[bottom + right] - values[top + right] - values[bottom + left] + values[top + left];
            double count = pixels[bottom + right] - pixels[top + right] - pixels[bottom + left] + pixels[top + left];
            s->field[i] = s->of->lung[i] ? (float)(sum / count - s->median) : -1;
        }
    }
}

hl_status hl_baseline_field(hl_context *hl, const hl_baseline_case *of, int smooth, float *field) {
    smoothing s = {.of = of, .radius = smooth, .field = field};
    hl_status status = hl_stack_check(hl, &of->stack);
    if (!status) status = lung_median(hl, of, &s.median);
    if (status) return status;
    size_t cells = ((size_t)of->stack.height + 1) * ((size_t)of->stack.width + 1);
    s.sums = hl_calloc(hl, 2 * cells * (size_t)hl_threads(hl), sizeof *s.sums);
    if (!s.sums) return HL_NO_MEMORY;
    hl_parallel_for(hl, of->stack.depth, smooth_slice, &s);
    free(s.sums);
    return HL_OK;
}

/* --- the mask -------------------------------------------------------------------------------------------------------- */

void hl_baseline_threshold(const hl_baseline *b, size_t voxels, const uint8_t *region, const float *field, uint8_t *mask) {
    for (size_t i = 0; i < voxels; i++) mask[i] = region[i] && (double)field[i] > b->low && (double)field[i] <= b->high;
}

hl_status hl_baseline_open(hl_context *hl, const hl_baseline_case *of, int radius, const uint8_t *mask, uint8_t *opened) {
    hl_stack stack = hl_baseline_stack(of);
    return hl_open_mask(hl, &stack, mask, (hl_ball){radius, true}, opened); /* radius 0 changes nothing */
}

hl_status hl_baseline_close(hl_context *hl, const hl_baseline_case *of, int radius, const uint8_t *mask, uint8_t *closed) {
    hl_stack stack = hl_baseline_stack(of);
    hl_status status = hl_close_mask(hl, &stack, mask, (hl_ball){radius, true}, closed);
    if (!status && radius > 0) status = hl_fill_holes(hl, &stack, closed, true, closed);
    for (size_t i = 0; i < hl_stack_voxels(&stack) && !status; i++) closed[i] = closed[i] && of->lung[i];
    return status;
}

hl_status hl_baseline_drop(hl_context *hl, const hl_baseline_case *of, int least, const uint8_t *mask, uint8_t *kept) {
    hl_stack stack = hl_baseline_stack(of);
    if (least > 1) return hl_drop_small(hl, &stack, mask, HL_CONNECT_4, least, kept);
    memmove(kept, mask, hl_stack_voxels(&stack));
    return HL_OK;
}

hl_status hl_baseline_apply(hl_context *hl, const hl_baseline *b, const hl_baseline_case *of, uint8_t *mask) {
    hl_status status = hl_stack_check(hl, &of->stack);
    if (status) return status;
    if (b->erode < 0 || b->smooth < 0 || b->open < 0 || b->close < 0)
        return hl_fail(hl, HL_USAGE, "a baseline with radii %d, %d, %d, %d: expected 0 or more", b->erode, b->smooth, b->open, b->close);
    size_t voxels = hl_stack_voxels(&of->stack);
    uint8_t *between = hl_calloc(hl, voxels, 1);
    float *field = hl_calloc(hl, voxels, sizeof *field);
    status = between && field ? HL_OK : HL_NO_MEMORY;
    if (!status) status = hl_baseline_region(hl, of, b->erode, between);
    if (!status) status = hl_baseline_field(hl, of, b->smooth, field);
    if (!status) hl_baseline_threshold(b, voxels, between, field, mask);
    if (!status) status = hl_baseline_open(hl, of, b->open, mask, between);
    if (!status) status = hl_baseline_close(hl, of, b->close, between, mask);
    if (!status) status = hl_baseline_drop(hl, of, b->least, mask, mask);
    free(between), free(field);
    return status;
}

double hl_mask_dice(size_t voxels, const uint8_t *truth, const uint8_t *predicted) {
    hl_confusion c = {0};
    for (size_t i = 0; i < voxels; i++) {
        bool is = truth[i] != 0, said = predicted[i] != 0;
        c.true_positive += is && said, c.false_positive += !is && said, c.false_negative += is && !said;
    }
    return hl_dice(&c);
}

hl_status hl_baseline_dice(hl_context *hl, const hl_baseline *baseline, const hl_baseline_case *of, double *dice) {
    hl_status status = hl_stack_check(hl, &of->stack);
    if (status) return status;
    size_t voxels = hl_stack_voxels(&of->stack);
    if (!baseline) return *dice = hl_mask_dice(voxels, of->lesion, of->lung), HL_OK;
    uint8_t *mask = hl_calloc(hl, voxels, 1);
    status = mask ? hl_baseline_apply(hl, baseline, of, mask) : HL_NO_MEMORY;
    if (!status) *dice = hl_mask_dice(voxels, of->lesion, mask);
    free(mask);
    return status;
}
