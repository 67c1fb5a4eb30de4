/* Rows of an input as a convolution sees them: all segments side by side, read through their norms, zeros where taps reach beyond the
 * map. As many as a kernel is high lie in a ring. Without groups. */
#ifndef HL_BLAS_ROWS_H
#define HL_BLAS_ROWS_H

#include "kernels/blas/blas.h"

/* Floats of a row, and of the ring. */
static inline int64_t hl_row_floats(const hl_conv *conv) {
    return (int64_t)hl_blas_lines(((int64_t)(conv->out_w - 1) * conv->stride_w + conv->kw) * conv->in_c);
}
static inline int64_t hl_ring_floats(const hl_conv *conv) { return conv->kh * hl_row_floats(conv); }
/* The row of image n that output row y sees through the kernel's row k. Output pixel x sees its taps from float x * stride_w * in_c on. */
static inline const float *hl_ring_row(const hl_conv *conv, int y, int k, const float *ring) {
    return ring + (y * conv->stride_h + k) % conv->kh * hl_row_floats(conv);
}
/* `channels` channels, from `channel` on, of what `taps` taps of a kernel's row see from input pixel (n, y, x) on: zeros outside the map. Returns
 * what comes after them. */
float *HL_BLAS(read_taps)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, int x, int taps, int channel, int channels,
                          float *to);
/* Reads what output row y of image n sees; `first`: the ring does not hold what the row before it saw. */
void HL_BLAS(fill_ring)(const hl_conv *conv, const hl_segment *in, int segments, int n, int y, bool first, float *ring);

#endif
