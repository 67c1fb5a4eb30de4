/* Masks that hold lungs and lesions at once. */
#ifndef HL_DATA_COMBINED_H
#define HL_DATA_COMBINED_H

#include "base/base.h"
#include "hilum/dataset.h"

/* Makes of scan->combined (1 left lung, 2 right lung, 3 lesion) the masks that the scan lacks, as CASE_lesion.nii.gz and CASE_lung.nii.gz
 * in a folder, and names them in the scan. Lesion inside a lung is lung: of the side whose labelled voxel lies nearest in its slice, by
 * steps to neighbours. A value that is no label is HL_BAD_INPUT. */
hl_status hl_combined_split(hl_context *hl, hl_dataset_scan *scan, const char *folder);
/* One slice, height x width: labels 0 to 3 to lungs 0 to 2. `queue` holds height * width ints. In a slice with lesion and no lung the
 * lesion stays 0. */
void hl_combined_lungs(const uint8_t *labels, int height, int width, int *queue, uint8_t *lungs);

#endif
