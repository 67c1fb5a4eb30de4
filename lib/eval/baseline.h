/* The baseline's steps one by one, for the search that does them once for many parameters. */
#ifndef HL_EVAL_BASELINE_H
#define HL_EVAL_BASELINE_H

#include "eval/stack.h"
#include "hilum/baseline.h"
#include "hilum/eval.h"

/* Each works on all slices of a case; buffers hold a value a voxel. */
hl_stack hl_baseline_stack(const hl_baseline_case *of);                                               /* in pixels */
hl_status hl_baseline_region(hl_context *hl, const hl_baseline_case *of, int erode, uint8_t *region); /* step 1 */
hl_status hl_baseline_field(hl_context *hl, const hl_baseline_case *of, int smooth, float *field);    /* step 2, less the median */
void hl_baseline_threshold(const hl_baseline *b, size_t voxels, const uint8_t *region, const float *field, uint8_t *mask); /* step 3 */
hl_status hl_baseline_open(hl_context *hl, const hl_baseline_case *of, int radius, const uint8_t *mask, uint8_t *opened);  /* step 4 */
hl_status hl_baseline_close(hl_context *hl, const hl_baseline_case *of, int radius, const uint8_t *mask, uint8_t *closed); /* step 5 */
hl_status hl_baseline_drop(hl_context *hl, const hl_baseline_case *of, int least, const uint8_t *mask, uint8_t *kept);     /* step 6 */
double hl_mask_dice(size_t voxels, const uint8_t *truth, const uint8_t *predicted); /* both empty: 1 */

#endif
