/* The convolution of bf16 numbers: its passes by one way or the other to multiply, and what they share. These files are built for AVX-512 and AVX512_BF16. */
#ifndef HL_BF16_CONV_H
#define HL_BF16_CONV_H

#include "kernels/bf16/products.h"
#include "kernels/blas/blas.h"

/* Convolutions of a plan in bf16, with AMX and without; each ends with NULL. */
extern const hl_conv_kernel *const hl_amx_convs[], *const hl_dots_convs[];

/* A kernel in tiles: for each group of 16 output channels and each of its rows `chunks` tiles, whose depth runs over that row's taps and, within a tap, the
 * input channels; what is past either's end is 0. */
static inline int bf16_groups(int channels) { return (channels + TILE - 1) / TILE; }
static inline int bf16_chunks(const hl_conv *conv) { return chunks_in(conv->kw * conv->in_c); }
static inline int bf16_depth(const hl_conv *conv) { return conv->kh * bf16_chunks(conv) * DEPTH; }
static inline int64_t bf16_kernel_cells(const hl_conv *conv) { return (int64_t)bf16_groups(conv->out_c) * TILE * bf16_depth(conv); }
/* From (out, taps, in); or `turned`: from (in, taps, out), taps backwards. */
void hl_bf16_pack(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, uint16_t *to);

bool hl_bf16_fits(const hl_conv *conv);
double hl_bf16_dots_cost(const hl_conv *conv, hl_pass pass);
size_t hl_bf16_workspace(const hl_conv *conv, hl_pass pass, int threads);
void hl_bf16_forward(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel,
                     const void *bias, const hl_finish *finish, const hl_view *out, void *workspace);
void hl_bf16_data(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din,
                  bool accumulate, void *workspace);
void hl_bf16_through(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in,
                     const hl_view *din, bool accumulate, double *sums, void *workspace);

size_t hl_bf16_weights_workspace(const hl_conv *conv, int threads);
void hl_bf16_weights(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout,
                     void *dkernel, void *dbias, void *workspace);

#endif
