/* A norm's backward pass over a block of the gradient to what is read through it (Ioffe, Szegedy 2015, algorithm 1), and its sums' total. */
#include "kernels/blas/through.h"

#include "kernels/blas/normed.h"

enum { CHANNELS = 64 }; /* of a piece of the total */

/* The activation, whether the norm's input is half, how many vectors there are side by side, of which one alone may not be full, and where it matters
 * most whether to accumulate, are constants wherever it is inlined. */
static inline __attribute__((always_inline)) void through_as(const through_call *call, const through_block *b, const float *gradient, int64_t step,
                                                             hl_activation act, bool half, bool accumulate, int vectors, float *sums) {
    norm_vectors n[VECTORS];
    vector sum[VECTORS] = {0}, product[VECTORS] = {0};
    int lanes = vectors > 1 ? LANES : b->count;
    for (int v = 0; v < vectors; v++) n[v] = norm_vectors_of(call->in, 0, b->channel + v * LANES, lanes);
    for (int p = 0; p < b->pixels; p++) {
        const void *x = cell_at(call->in->view.data, (b->first + p) * call->in->view.stride + b->channel, half);
        float *to = hl_blas_pixel(call->din, b->first + p) + b->channel;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            int at = v * LANES;
            vector away = cells_load_some(x, at, lanes, half) - n[v].mean;
            vector dy = vector_load_some(gradient + p * step + at, lanes);
            vector g = through_activation(act, vector_fma(away, n[v].scale, n[v].shift), dy), d = g * n[v].scale;
            sum[v] += g;
            product[v] = vector_fma(g, away, product[v]);
            if (accumulate) d += vector_load_some(to + at, lanes);
            vector_store_some(to + at, d, lanes);
        }
    }
    for (int v = 0; v < vectors; v++) {
        float *to = sums + b->channel + v * LANES, *more = to + call->in->view.c;
        vector_store_some(to, vector_load_some(to, lanes) + sum[v], lanes);
        vector_store_some(more, vector_load_some(more, lanes) + product[v], lanes);
    }
}

static inline __attribute__((always_inline)) void through_half_or_not(const through_call *call, const through_block *b, const float *gradient, int64_t step,
                                                                      bool half, int vectors, float *sums) {
    hl_activation act = call->in->act;
    if (act == HL_RELU && call->accumulate) through_as(call, b, gradient, step, HL_RELU, half, true, vectors, sums);
    else if (act == HL_RELU) through_as(call, b, gradient, step, HL_RELU, half, false, vectors, sums);
    else if (act == HL_SWISH) through_as(call, b, gradient, step, HL_SWISH, half, call->accumulate, vectors, sums);
    else through_as(call, b, gradient, step, HL_LINEAR, half, call->accumulate, vectors, sums);
}

static inline __attribute__((always_inline)) void through_block_of(const through_call *call, const through_block *b, const float *gradient, int64_t step,
                                                                   int vectors, float *sums) {
    if (call->in->view.half) through_half_or_not(call, b, gradient, step, true, vectors, sums);
    else through_half_or_not(call, b, gradient, step, false, vectors, sums);
}

void HL_BLAS(through)(const through_call *call, const through_block *b, const float *gradient, int64_t step, float *sums) {
    for (int c = 0, wide; c < b->count; c += wide) {
        wide = next_channels(b->count - c);
        through_block part = {b->first, b->pixels, b->channel + c, wide};
        if (wide > LANES) through_block_of(call, &part, gradient + c, step, VECTORS, sums);
        else through_block_of(call, &part, gradient + c, step, 1, sums);
    }
}

typedef struct total_call {
    const float *sums;
    int64_t parts, count;
    double *to;
} total_call;

static void total_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const total_call *call = arg;
    int64_t from = piece * CHANNELS, end = from + CHANNELS < call->count ? from + CHANNELS : call->count;
    for (int64_t i = from; i < end; i++) call->to[i] = 0;
    for (int64_t part = 0; part < call->parts; part++)
        for (int64_t i = from; i < end; i++) call->to[i] += (double)call->sums[part * call->count + i];
}

void HL_BLAS(through_total)(hl_context *hl, const float *sums, int64_t parts, int64_t count, double *to) {
    total_call call = {sums, parts, count, to};
    hl_parallel_for(hl, hl_blas_pieces(count, CHANNELS), total_piece, &call);
}
