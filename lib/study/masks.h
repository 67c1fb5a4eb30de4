/* A case of two folders of masks: what was read of it, and what is counted. */
#ifndef HL_STUDY_MASKS_H
#define HL_STUDY_MASKS_H

#include "base/base.h"
#include "hilum/masks.h"

/* A slice's place in the labels of its case. */
typedef struct hl_mask_slice {
    int height, width;
    size_t first;
    uint64_t number;
} hl_mask_slice;

/* Both masks of a case, slice after slice, 0 and 1 or the class. */
typedef struct hl_mask_case {
    hl_mask_slice *slices;
    uint8_t *truth, *predicted;
    int slice_count;
    size_t slice_room, truth_room, predicted_room, voxels;
    double spacing[3];
    int classes; /* 1, or more */
} hl_mask_case;

/* Makes room for one more slice. Its labels are at truth and predicted + slice->first, not yet set. NULL without memory. */
hl_mask_slice *hl_mask_case_add(hl_context *hl, hl_mask_case *c, int height, int width, uint64_t number);
void hl_mask_case_free(hl_mask_case *c);

/* Reads a PNG file or a volume of equal name in two folders and adds its slices. */
hl_status hl_mask_case_read(hl_context *hl, const char *predicted, const char *truth, const char *name, uint64_t number, hl_mask_case *c);

/* Counts a case: its score (of which names and classes are set), the geometry of each shape, and counts[shape x slices + slice]. */
hl_status hl_mask_case_score(hl_context *hl, const hl_mask_case *c, double tolerance, hl_score *score, hl_mask_geometry *geometry,
                             hl_confusion *counts);

#endif
