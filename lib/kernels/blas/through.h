/* What a norm's backward pass makes of the gradient to what is read through it and its activation, while a convolution has a block of that in
 * the first cache (hl_conv_kernel's backward_through). */
#ifndef HL_BLAS_THROUGH_H
#define HL_BLAS_THROUGH_H

#include "kernels/blas/blas.h"

typedef struct through_call {
    const hl_segment *in; /* the norm's input, which may be half, its terms, the activation */
    const hl_view *din;
    bool accumulate;
} through_call;

/* Some pixels' channels. */
typedef struct through_block {
    int64_t first;
    int pixels, channel, count;
} through_block;

/* din (+)= g scale, with g the gradient times the activation's slope; to sums, all channels' of g and then all channels' of g (x - mean), the
 * block's are added. The gradient's pixels are `step` floats apart, its first is the block's first channel at its first pixel. */
void HL_BLAS(through)(const through_call *call, const through_block *b, const float *gradient, int64_t step, float *sums);
/* to = the sums of all parts, `count` each, in their order. */
void HL_BLAS(through_total)(hl_context *hl, const float *sums, int64_t parts, int64_t count, double *to);

#endif
