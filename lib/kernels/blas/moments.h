/* Means and variances of a map's channels: sums by ranges of pixels, which need not be there at once, put together in order. */
#ifndef HL_BLAS_MOMENTS_H
#define HL_BLAS_MOMENTS_H

#include "kernels/blas/blas.h"

/* Floats that the sums of a range take. */
static inline int64_t hl_moments_floats(int channels) { return 3 * (int64_t)channels; }
/* Sums over pixels first .. end of `count` channels from `channel` on, into those of the range (of all channels of x, which may be half). A range is a
 * row or some hundred pixels: sums are float. */
void HL_BLAS(moments)(const hl_view *x, int64_t first, int64_t end, int channel, int count, float *sums);
/* Mean and variance (biased, never below 0) from the sums of all ranges, which lie one after the other; each but the last is of `range` pixels. */
void HL_BLAS(moments_total)(hl_context *hl, const float *sums, int64_t pixels, int64_t range, int channels, double *mean, double *variance);

#endif
