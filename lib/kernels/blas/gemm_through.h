/* A 1x1 convolution's gradient to an input that is read through a norm (hl_conv_kernel's backward_through), and what it shares with other
 * products over pixels. */
#ifndef HL_BLAS_GEMM_THROUGH_H
#define HL_BLAS_GEMM_THROUGH_H

#include "kernels/blas/blas.h"

size_t HL_BLAS(gemm_through_workspace)(const hl_conv *conv, int threads);
void HL_BLAS(gemm_through)(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                           bool accumulate, double *sums, void *workspace);

/* `depth` elements of some rows of patches as panels of `rows` vectors, as a product reads them (product.h); with `in` they are its channels
 * from `channel` on, of one image's pixels, read through what stands between. */
void HL_BLAS(pack_rows)(const float *patches, int64_t stride, int rows, int depth, const hl_segment *in, int64_t image, int channel, float *to);

#endif
