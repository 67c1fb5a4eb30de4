/* Patches of a convolution's input, and sums over pixels: what every pass by matrix products needs. */
#include <string.h>

#include "kernels/blas/rows.h"

void HL_BLAS(patches)(const hl_conv *conv, const hl_segment *in, int segments, const hl_patch_range *range, float *to) {
    int ox = (int)(range->first % conv->out_w), oy = (int)(range->first / conv->out_w % conv->out_h);
    int n = (int)(range->first / conv->out_w / conv->out_h);
    for (int p = 0; p < range->count; p++) {
        for (int t = range->tap, end = t + range->taps, taps; t < end; t += taps) {
            int column = t % conv->kw;
            taps = end - t < conv->kw - column ? end - t : conv->kw - column;
            to = HL_BLAS(read_taps)(conv, in, segments, n, oy * conv->stride_h - conv->pad_top + t / conv->kw,
                           ox * conv->stride_w - conv->pad_left + column, taps, range->channel, range->channels, to);
        }
        if (++ox < conv->out_w) continue;
        ox = 0;
        if (++oy == conv->out_h) oy = 0, n++;
    }
}

enum { SUM_PIECES = 32 };

typedef struct sums_call {
    const hl_view *x;
    double *parts;
    int64_t size; /* pixels of a piece */
} sums_call;

static int64_t sum_size(const hl_view *x) {
    int64_t size = hl_blas_pieces(hl_view_pixels(x), SUM_PIECES);
    return size < 64 ? 64 : size;
}

static size_t padded_channels(const hl_view *x) { return ((size_t)x->c + 7) / 8 * 8; }

size_t HL_BLAS(sums_workspace)(const hl_view *x) { return SUM_PIECES * padded_channels(x) * sizeof(double); }

static void sums_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const sums_call *call = arg;
    double *restrict sums = call->parts + (size_t)piece * padded_channels(call->x);
    int64_t end = (piece + 1) * call->size, pixels = hl_view_pixels(call->x);
    memset(sums, 0, (size_t)call->x->c * sizeof *sums);
    for (int64_t p = piece * call->size; p < (end < pixels ? end : pixels); p++) {
        const float *restrict x = hl_blas_pixel(call->x, p);
        for (int c = 0; c < call->x->c; c++) sums[c] += (double)x[c];
    }
}

void HL_BLAS(sums)(hl_context *hl, const hl_view *x, float *sums, void *workspace) {
    sums_call call = {.x = x, .parts = workspace, .size = sum_size(x)};
    int64_t pieces = hl_blas_pieces(hl_view_pixels(x), call.size);
    hl_parallel_for(hl, pieces, sums_piece, &call);
    for (int c = 0; c < x->c; c++) {
        double sum = 0;
        for (int64_t i = 0; i < pieces; i++) sum += call.parts[(size_t)i * padded_channels(x) + (size_t)c];
        sums[c] = (float)sum;
    }
}
