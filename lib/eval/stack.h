/* What the files on geometry share and the public header does not offer. */
#ifndef HL_EVAL_STACK_H
#define HL_EVAL_STACK_H

#include "base/base.h"
#include "hilum/geometry.h"

/* HL_USAGE unless each side is at least 1 and the voxels can be counted in an int32_t. */
hl_status hl_stack_check(hl_context *hl, const hl_stack *stack);

/* mm^2 of every element between 2 x 2 x 2 voxels, or in a plane (z left out of spacing) mm of every element between 2 x 2, by the bits of
 * those inside. areas: 256. */
void hl_surface_element_areas(const double spacing[3], bool planar, double areas[256]);

#endif
