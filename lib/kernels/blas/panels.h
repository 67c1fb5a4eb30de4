/* What products read in panels. A convolution's kernel: for each group and each panel of LANES output channels a vector of them for every tap and,
 * within a tap, every input channel; lanes past the last output channel hold zeros. */
#ifndef HL_BLAS_PANELS_H
#define HL_BLAS_PANELS_H

#include "kernels/blas/blas.h"
#include "kernels/blas/vector.h"

int HL_BLAS(group_panels)(const hl_conv *conv); /* of a group */
int64_t HL_BLAS(kernel_floats)(const hl_conv *conv);
/* From (out, taps, in / groups), or `turned`: from (in, taps, out / groups) with its taps backwards. */
void HL_BLAS(pack_kernel)(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, float *to);
/* One panel of it, counted over all groups. */
void HL_BLAS(pack_panel)(const hl_conv *conv, const float *kernel, bool turned, int64_t panel, float *to);

/* `depth` elements of some rows of patches as panels of `rows` vectors, as a product reads them (product.h); with `in` they are its channels
 * from `channel` on, of one image's pixels, read through what stands between. */
void HL_BLAS(pack_rows)(const float *patches, int64_t stride, int rows, int depth, const hl_segment *in, int64_t image, int channel, float *to);

/* The same as hl_conv_kernel's kept and keep. */
size_t HL_BLAS(kept_bytes)(const hl_conv *conv);
void HL_BLAS(keep)(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept);

#endif
