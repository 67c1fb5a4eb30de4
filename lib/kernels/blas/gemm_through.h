/* A 1x1 convolution's gradient to an input that is read through a norm (hl_conv_kernel's backward_through), by products over pixels. */
#ifndef HL_BLAS_GEMM_THROUGH_H
#define HL_BLAS_GEMM_THROUGH_H

#include "kernels/blas/blas.h"

size_t HL_BLAS(gemm_through_workspace)(const hl_conv *conv, int threads);
void HL_BLAS(gemm_through)(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                           bool accumulate, double *sums, void *workspace);

/* The forward convolution that backward-data is at stride 1: over dout, with the kernel turned about. */
static inline hl_conv turned_conv(const hl_conv *conv) {
    hl_conv turned = *conv;
    turned.in_h = conv->out_h, turned.in_w = conv->out_w, turned.in_c = conv->out_c;
    turned.out_h = conv->in_h, turned.out_w = conv->in_w, turned.out_c = conv->in_c;
    turned.pad_top = conv->kh - 1 - conv->pad_top, turned.pad_left = conv->kw - 1 - conv->pad_left;
    return turned;
}

#endif
