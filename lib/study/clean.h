/* Masks of volumes as stacks of bytes in the axial order, and how they are cleaned. */
#ifndef HL_STUDY_CLEAN_H
#define HL_STUDY_CLEAN_H

#include "hilum/geometry.h"
#include "hilum/volume.h"

/* The slices of a volume, with its spacing. */
hl_stack hl_volume_stack(const hl_volume *volume);
/* Its values as bytes, slice by slice: 1 to 255 without what follows the point, any other that is not 0 as 1. Owner: the caller, free. */
uint8_t *hl_volume_bytes(hl_context *hl, const hl_volume *volume);
/* The way back: a mask in the axial order into the volume. */
hl_status hl_volume_put_bytes(hl_context *hl, hl_volume *volume, const uint8_t *bytes);

/* Cleans a mask in place: clipped to `lung` (NULL: not), without components of under `least` voxels that touch by sides, edges or corners
 * (1: all stay), holes of each slice filled. */
hl_status hl_stack_clean(hl_context *hl, const hl_stack *stack, uint8_t *mask, const uint8_t *lung, int64_t least, bool fill);
/* How many voxels of a size in mL a component must have at least not to be smaller than another size in mL. */
int64_t hl_least_voxels(double smallest, double voxel_ml);

#endif
