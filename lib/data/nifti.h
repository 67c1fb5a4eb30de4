/* A NIfTI-1 header, checked, and what it says of a volume. */
#ifndef HL_DATA_NIFTI_H
#define HL_DATA_NIFTI_H

#include <nifti1_io.h>

#include "base/base.h"
#include "hilum/volume.h"

/* Checks a header in the machine's byte order (`name` stands in error texts) and fills in all of a volume but its voxels. */
hl_status hl_nifti_take_header(hl_context *hl, const char *name, const nifti_1_header *header, hl_volume *volume);
/* Where the voxels start in their file: `paired` is the .img beside a .hdr. */
hl_status hl_nifti_offset(hl_context *hl, const char *name, const nifti_1_header *header, bool paired, int64_t *offset);
/* Turns `count` stored elements into floats: swapped where `swap`, times slope plus intercept. Returns the index of the first that is no
 * finite number, or `count`. `raw` is overwritten. */
size_t hl_nifti_convert(const nifti_1_header *header, bool swap, unsigned char *raw, size_t count, float *voxels);
/* The file of the voxels beside a .hdr: .img, or .img.gz where only that is there. Owner of the text: the caller, free. */
char *hl_nifti_image_beside(hl_context *hl, const char *path);
/* Bytes of an element of a type that can be read, or 0. */
size_t hl_nifti_element(int type);

#endif
