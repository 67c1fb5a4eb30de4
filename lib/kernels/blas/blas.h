/* The float kernels over OpenBLAS, by name, and what they share. kernels.h says what each does.
 *
 * They are built three times: for any processor, with HL_KERNELS_AVX2 for those with AVX2 and FMA, and with HL_KERNELS_AVX512 for
 * those with AVX-512. What is not static is named by HL_BLAS; what is inline is static, so that no other object gets to share
 * code of those builds. */
#ifndef HL_BLAS_BLAS_H
#define HL_BLAS_BLAS_H

#include "kernels/kernels.h"

#if defined HL_KERNELS_AVX512
#define HL_BLAS(name) hl_avx512_##name
#elif defined HL_KERNELS_AVX2
#define HL_BLAS(name) hl_avx2_##name
#else
#define HL_BLAS(name) hl_blas_##name
#endif

double HL_BLAS(burst)(int64_t rounds);
extern const hl_conv_kernel HL_BLAS(gemm), HL_BLAS(winograd), HL_BLAS(depthwise), HL_BLAS(narrow), HL_BLAS(stem);

static inline int64_t hl_blas_pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hl_blas_clamp(int64_t value, int64_t low, int64_t high) { return value < low ? low : value > high ? high : value; }
/* Floats rounded up to whole cache lines. */
static inline size_t hl_blas_lines(int64_t floats) { return ((size_t)floats + 15) / 16 * 16; }
static inline float *hl_blas_pixel(const hl_view *view, int64_t pixel) { return (float *)view->data + pixel * view->stride; }
/* Of a map that may be half; vector.h loads and stores its elements. */
static inline void *hl_blas_cells(const hl_view *view, int64_t pixel) { return (char *)view->data + pixel * view->stride * (view->half ? 2 : 4); }
static inline int64_t hl_conv_pixels(const hl_conv *conv) { return (int64_t)conv->n * conv->out_h * conv->out_w; }

/* Patches: to[(p * taps + t) * channels + c] is channel `channel + c` of what output pixel `first + p` sees through tap
 * `tap + t`; 0 outside the input. */
typedef struct hl_patch_range {
    int64_t first;
    int count, tap, taps, channel, channels;
} hl_patch_range;
void HL_BLAS(patches)(const hl_conv *conv, const hl_segment *in, int segments, const hl_patch_range *range, float *to);

/* Finishes channels channel .. channel + count of pixels first .. end of a convolution's output where they are; with row_sums these are a row. */
void HL_BLAS(finish)(const hl_finish *finish, const hl_view *out, int64_t first, int64_t end, int channel, int count);

/* sums[c] = sum of x over all pixels, in double, by pieces added in order. */
size_t HL_BLAS(sums_workspace)(const hl_view *x); /* bytes, a multiple of 64; grows with pixels and c alone */
void HL_BLAS(sums)(hl_context *hl, const hl_view *x, float *sums, void *workspace);
/* The workspace of the sums that are a convolution's gradient to its bias. */
static inline size_t hl_conv_bias_bytes(const hl_conv *conv) {
    hl_view dout = {.n = conv->n, .h = conv->out_h, .w = conv->out_w, .c = conv->out_c, .stride = conv->out_c};
    return HL_BLAS(sums_workspace)(&dout);
}

/* The gradient to the kernel by matrix products (gemm_weights.c). */
size_t HL_BLAS(gemm_weights_workspace)(const hl_conv *conv, int threads);
void HL_BLAS(gemm_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                           void *dbias, void *workspace);

#endif
