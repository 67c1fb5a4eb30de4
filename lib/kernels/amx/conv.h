/* The convolution on AMX tiles, by name, and what its passes share. */
#ifndef HL_AMX_CONV_H
#define HL_AMX_CONV_H

#include "kernels/amx/tiles.h"

/* Convolutions of a plan in bf16, for processors that have all this is built for; ends with NULL. */
extern const hl_conv_kernel *const hl_amx_convs[];
extern const hl_conv_kernel hl_amx;

/* A kernel in tiles: for each group of 16 output channels and each of its rows `chunks` tiles, whose depth runs over that row's taps and, within a tap, the
 * input channels; what is past either's end is 0. */
static inline int amx_groups(int channels) { return (channels + TILE - 1) / TILE; }
static inline int amx_chunks(const hl_conv *conv) { return (int)hl_blas_pieces((int64_t)conv->kw * conv->in_c, DEPTH); }
static inline int64_t amx_kernel_cells(const hl_conv *conv) { return (int64_t)amx_groups(conv->out_c) * conv->kh * amx_chunks(conv) * TILE_CELLS; }
/* From (out, taps, in); or `turned`: from (in, taps, out), taps backwards. */
void hl_amx_pack(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, uint16_t *to);

size_t hl_amx_weights_workspace(const hl_conv *conv, int threads);
void hl_amx_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel, void *dbias,
                    void *workspace);

#endif
