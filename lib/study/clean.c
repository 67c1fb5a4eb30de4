/* Predicted masks cleaned: clipped to the lungs, without small lesions, without holes. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "hilum/scan.h"
#include "study/clean.h"

/* --- stacks ---------------------------------------------------------------------------------------------------------- */

hl_stack hl_volume_stack(const hl_volume *volume) {
    return (hl_stack){.depth = volume->slices,
                      .height = volume->height,
                      .width = volume->width,
                      .spacing = {volume->spacing[0], volume->spacing[1], volume->spacing[2]}};
}

static uint8_t byte_of(float value) { return value >= 1 && value <= 255 ? (uint8_t)value : value != 0; }

uint8_t *hl_volume_bytes(hl_context *hl, const hl_volume *volume) {
    size_t pixels = (size_t)volume->width * (size_t)volume->height;
    float *plane = hl_calloc(hl, pixels, sizeof *plane);
    uint8_t *bytes = plane ? hl_calloc(hl, pixels * (size_t)volume->slices, 1) : NULL;
    for (int z = 0; z < volume->slices && bytes; z++) {
        hl_volume_slice(volume, z, plane);
        for (size_t i = 0; i < pixels; i++) bytes[(size_t)z * pixels + i] = byte_of(plane[i]);
    }
    free(plane);
    return bytes;
}

hl_status hl_volume_put_bytes(hl_context *hl, hl_volume *volume, const uint8_t *bytes) {
    size_t pixels = (size_t)volume->width * (size_t)volume->height;
    float *plane = hl_calloc(hl, pixels, sizeof *plane);
    for (int z = 0; z < volume->slices && plane; z++) {
        for (size_t i = 0; i < pixels; i++) plane[i] = bytes[(size_t)z * pixels + i];
        hl_volume_put_slice(volume, z, plane);
    }
    free(plane);
    return plane ? HL_OK : HL_NO_MEMORY;
}

hl_status hl_stack_clean(hl_context *hl, const hl_stack *stack, uint8_t *mask, const uint8_t *lung, int64_t least, bool fill) {
    for (size_t i = 0; lung && i < hl_stack_voxels(stack); i++) mask[i] = mask[i] && lung[i];
    hl_status status = least > 1 ? hl_drop_small(hl, stack, mask, HL_CONNECT_26, least, mask) : HL_OK;
    return !status && fill ? hl_fill_holes(hl, stack, mask, true, mask) : status;
}

int64_t hl_least_voxels(double smallest, double voxel_ml) {
    double least = ceil(smallest / voxel_ml);
    if (!(least < HL_VOLUME_MOST)) return HL_VOLUME_MOST;
    while (least * voxel_ml < smallest) least++; /* the quotient was rounded */
    while (least > 0 && (least - 1) * voxel_ml >= smallest) least--;
    return (int64_t)least;
}

/* --- volumes --------------------------------------------------------------------------------------------------------- */

/* Both masks are brought to the axial order: they may be stored differently. */
static hl_status clean(hl_context *hl, hl_volume *mask, const hl_volume *lungs, const hl_cleaning *cleaning) {
    hl_stack stack = hl_volume_stack(mask);
    int64_t least = cleaning->smallest > 0 ? hl_least_voxels(cleaning->smallest, hl_stack_voxel_ml(&stack)) : 1;
    uint8_t *bytes = hl_volume_bytes(hl, mask), *lung = cleaning->clip ? hl_volume_bytes(hl, lungs) : NULL;
    hl_status status = bytes && (lung || !cleaning->clip) ? HL_OK : HL_NO_MEMORY;
    if (!status) status = hl_stack_clean(hl, &stack, bytes, lung, least, cleaning->fill);
    if (!status) status = hl_volume_put_bytes(hl, mask, bytes);
    free(bytes), free(lung);
    return status;
}

hl_status hl_mask_clean(hl_context *hl, hl_volume *mask, const hl_volume *lungs, const hl_cleaning *cleaning) {
    if (cleaning->clip && (!lungs || !hl_volume_same_size(mask, lungs)))
        return hl_fail(hl, HL_BAD_INPUT, "a mask of %dx%d and %d slices cannot be clipped: there are no lungs of that size", mask->width,
                       mask->height, mask->slices);
    return cleaning->clip || cleaning->fill || cleaning->smallest > 0 ? clean(hl, mask, lungs, cleaning) : HL_OK;
}
