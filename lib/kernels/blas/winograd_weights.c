/* The gradient to a 3x3 kernel by Winograd's F(4x4, 3x3): dg = G^T [sum over tiles of (A dY A^T) . (B^T d B)] G. */
#include <cblas.h>

#include "kernels/blas/winograd.h"

enum {
    CHUNK_FLOATS = 6 << 20, /* transformed data held at a time */
    WHOLE_FLOATS = 2 << 20, /* up to so large a sum, pieces are its 36 planes, else output channels */
    CHANNELS = 32,          /* output channels of such a piece */
    TILES = 8,              /* tiles transformed in a piece */
};

typedef struct weights_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *v, *m, *sums; /* the tiles' inputs and gradients; the sums, for all or for each worker */
    int64_t v_plane, m_plane, sum_plane;
    int64_t first; /* the chunk's first tile */
    int count;     /* and how many it holds */
} weights_call;

static bool is_whole(const hl_conv *conv) { return (int64_t)PLANES * conv->in_c * conv->out_c <= WHOLE_FLOATS; }

static int64_t chunk_tiles(const hl_conv *conv) {
    int64_t count = tiles_of(conv).count, most = CHUNK_FLOATS / (PLANES * (conv->in_c + conv->out_c));
    if (most < 256) most = 256;
    return hl_blas_pieces(count, hl_blas_pieces(count, most)); /* chunks of a size */
}

static int64_t sum_plane(const hl_conv *conv) { return plane_floats(is_whole(conv) ? conv->out_c : CHANNELS, conv->in_c); }

static size_t sums_bytes(const hl_conv *conv) {
    hl_view dout = {.n = conv->n, .h = conv->out_h, .w = conv->out_w, .c = conv->out_c, .stride = conv->out_c};
    return HL_BLAS(sums_workspace)(&dout);
}

size_t HL_BLAS(winograd_weights_workspace)(const hl_conv *conv, int threads) {
    int64_t tiles = chunk_tiles(conv), sums = is_whole(conv) ? 1 : threads;
    int64_t planes = plane_floats(tiles, conv->in_c) + plane_floats(tiles, conv->out_c) + sums * sum_plane(conv);
    return sums_bytes(conv) + (size_t)(PLANES * planes) * sizeof(float);
}

static void tiles_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    for (int64_t t = piece * TILES; t < (piece + 1) * TILES && t < call->count; t++) {
        HL_BLAS(winograd_input)(conv, call->in, call->segments, call->first + t, call->v + t * conv->in_c, call->v_plane);
        HL_BLAS(winograd_gradient)(conv, call->dout, call->first + t, call->m + t * conv->out_c, call->m_plane);
    }
}

/* One plane's sum over the chunk for `outputs` output channels from `from` on. */
static void multiply(const weights_call *call, int plane, int from, int outputs, float *to) {
    int in = call->conv->in_c, out = call->conv->out_c;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outputs, in, call->count, 1, call->m + plane * call->m_plane + from, out,
                call->v + plane * call->v_plane, in, 0, to, in);
}

/* Turns sums back into the kernel's gradient: a chunk after the first adds to it. */
static void turn_back(const weights_call *call, int from, int outputs, const float *sums) {
    int64_t in = call->conv->in_c;
    for (int o = 0; o < outputs; o++)
        HL_BLAS(winograd_dkernel)(sums + o * in, call->sum_plane, (int)in, call->first > 0, call->dkernel + (from + o) * TAPS * in, in);
}

static void plane_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    multiply(call, (int)piece, 0, call->conv->out_c, call->sums + piece * call->sum_plane);
}

static void back_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    turn_back(call, (int)piece, 1, call->sums + piece * call->conv->in_c);
}

static void channels_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    int from = (int)piece * CHANNELS, left = call->conv->out_c - from, outputs = left < CHANNELS ? left : CHANNELS;
    float *sums = call->sums + worker * PLANES * call->sum_plane;
    for (int plane = 0; plane < PLANES; plane++) multiply(call, plane, from, outputs, sums + plane * call->sum_plane);
    turn_back(call, from, outputs, sums);
}

void HL_BLAS(winograd_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                               void *dbias, void *workspace) {
    weights_call call = {.conv = conv, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    int64_t tiles = tiles_of(conv).count, chunk = chunk_tiles(conv);
    call.v_plane = plane_floats(chunk, conv->in_c), call.m_plane = plane_floats(chunk, conv->out_c), call.sum_plane = sum_plane(conv);
    call.v = (float *)((char *)workspace + sums_bytes(conv));
    call.m = call.v + PLANES * call.v_plane;
    call.sums = call.m + PLANES * call.m_plane;
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    for (call.first = 0; call.first < tiles; call.first += chunk) {
        call.count = (int)(tiles - call.first < chunk ? tiles - call.first : chunk);
        hl_parallel_for(hl, hl_blas_pieces(call.count, TILES), tiles_piece, &call);
        if (is_whole(conv)) {
            hl_parallel_for(hl, PLANES, plane_piece, &call);
            hl_parallel_for(hl, conv->out_c, back_piece, &call);
        } else {
            hl_parallel_for(hl, hl_blas_pieces(conv->out_c, CHANNELS), channels_piece, &call);
        }
    }
}
