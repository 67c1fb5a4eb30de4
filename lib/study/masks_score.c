/* Counting one case of two folders of masks: overlap, surfaces, lesions. */
#include <stdlib.h>

#include "study/masks.h"

/* `probabilities` is scratch for a number a pixel. */
static void count_slice(const uint8_t *predicted, const uint8_t *labels, size_t pixels, float *probabilities, hl_score *score) {
    score->slices++;
    for (size_t i = 0; i < pixels; i++) score->lesion_pixels += labels[i] != 0;
    if (score->classes > 1) {
        hl_confusion slice[HL_CLASSES_MOST] = {{0}};
        for (size_t i = 0; i < pixels; i++) score->class_pixels[labels[i]]++;
        hl_classes_count(predicted, labels, pixels, score->classes, slice);
        hl_classes_count(predicted, labels, pixels, score->classes, score->counts);
        score->slice_dice_sum += hl_classes_dice(slice, score->classes);
        return;
    }
    for (size_t i = 0; i < pixels; i++) probabilities[i] = predicted[i];
    hl_histogram slice;
    hl_histogram_clear(&slice, score->histogram.threshold);
    hl_histogram_add(&slice, probabilities, labels, pixels);
    hl_confusion confusion = hl_histogram_confusion(&slice, slice.threshold);
    score->slice_dice_sum += hl_dice(&confusion);
    hl_histogram_merge(&score->histogram, &slice);
}

static size_t slice_pixels(const hl_mask_slice *slice) { return (size_t)slice->height * (size_t)slice->width; }

static int shape_count(const hl_mask_case *c) { return c->classes > 1 ? c->classes - 1 : 1; }

static hl_status count_slices(hl_context *hl, const hl_mask_case *c, hl_score *score, hl_confusion *counts) {
    size_t most = 0;
    for (int i = 0; i < c->slice_count; i++) most = slice_pixels(&c->slices[i]) > most ? slice_pixels(&c->slices[i]) : most;
    float *probabilities = hl_calloc(hl, most, sizeof *probabilities);
    if (!probabilities) return HL_NO_MEMORY;
    for (int i = 0; i < c->slice_count; i++) {
        const hl_mask_slice *slice = &c->slices[i];
        const uint8_t *predicted = c->predicted + slice->first, *truth = c->truth + slice->first;
        hl_confusion of[HL_CLASSES_MOST] = {{0}};
        count_slice(predicted, truth, slice_pixels(slice), probabilities, score);
        hl_classes_count(predicted, truth, slice_pixels(slice), shape_count(c) + 1, of);
        for (int k = 0; k < shape_count(c); k++) counts[k * c->slice_count + i] = of[k + 1];
    }
    free(probabilities);
    return HL_OK;
}

/* Whether the slices are of one size; *whole: whether no number between them is missing. */
static bool find_stack(const hl_mask_case *c, hl_stack *stack, bool *whole) {
    *stack = (hl_stack){c->slice_count, c->slices[0].height, c->slices[0].width, {c->spacing[0], c->spacing[1], c->spacing[2]}};
    *whole = true;
    for (int i = 1; i < c->slice_count; i++) {
        if (c->slices[i].height != stack->height || c->slices[i].width != stack->width) return false;
        *whole = *whole && c->slices[i].number == c->slices[i - 1].number + 1;
    }
    return true;
}

static hl_status measure_shape(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, double tolerance,
                               hl_mask_geometry *g) {
    hl_status status = hl_detect(hl, stack, truth, predicted, HL_LESION_HIT, &g->detection);
    if (!status && g->has_surfaces) status = hl_surface_compare(hl, stack, truth, predicted, HL_SURFACE_ELEMENTS, tolerance, &g->elements);
    if (!status && g->has_surfaces) status = hl_surface_compare(hl, stack, truth, predicted, HL_SURFACE_VOXELS, tolerance, &g->voxels);
    return status;
}

static hl_status measure_shapes(hl_context *hl, const hl_mask_case *c, double tolerance, hl_mask_geometry *geometry) {
    hl_stack stack;
    bool whole;
    if (!find_stack(c, &stack, &whole)) return HL_OK;
    uint8_t *masks = hl_calloc(hl, c->voxels, 2);
    hl_status status = masks ? HL_OK : HL_NO_MEMORY;
    for (int k = 0; k < shape_count(c) && !status; k++) {
        geometry[k].has_stack = true;
        geometry[k].millilitres = hl_stack_has_spacing(&stack);
        geometry[k].has_surfaces = whole && geometry[k].millilitres;
        for (size_t i = 0; i < c->voxels; i++) masks[i] = c->truth[i] == k + 1, masks[c->voxels + i] = c->predicted[i] == k + 1;
        status = measure_shape(hl, &stack, masks, masks + c->voxels, tolerance, &geometry[k]);
    }
    free(masks);
    return status;
}

hl_status hl_mask_case_score(hl_context *hl, const hl_mask_case *c, double tolerance, hl_score *score, hl_mask_geometry *geometry,
                             hl_confusion *counts) {
    hl_status status = count_slices(hl, c, score, counts);
    return status ? status : measure_shapes(hl, c, tolerance, geometry);
}
