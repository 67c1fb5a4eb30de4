/* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1): statistics, what it gives, its gradients; sums in float over few pixels, in double over many. */
#include <math.h>
#include <string.h>

#include "kernels/blas/elementwise.h"
#include "kernels/blas/moments.h"
#include "kernels/blas/normed.h"

enum {
    BLOCK_PIXELS = 64,                     /* summed in float, */
    SUM_PIECES = 32,                       /* with double sums of their own */
    APPLY_FLOATS = 1 << 15,                /* in a piece where there is nothing to sum */
};

#define INLINE static inline __attribute__((always_inline))

typedef struct norm_call {
    const hl_view *x, *dy, *out; /* out: y or dx */
    const hl_norm_state *norm;
    bool accumulate;
    double *sums;        /* of a piece: two per channel */
    const double *total; /* of all pieces */
    int64_t pixels;      /* of a piece */
} norm_call;

/* A vector of channels' terms: the norm gives (x - mean) scale + shift; backward's dx is scale (g - each - (x - mean) slope). */
typedef struct terms {
    vector mean, scale, shift, each, slope;
} terms;

/* `channels`: of all. */
INLINE terms terms_of(const float *norm, int channels, int channel, int count) {
    return (terms){.mean = vector_load_some(norm + channel, count), .scale = vector_load_some(norm + channels + channel, count),
                   .shift = vector_load_some(norm + 2 * channels + channel, count)};
}

static size_t sums_of(const hl_view *x) { return 2 * (size_t)x->c; }

/* Pixels of a range of the statistics. */
static int64_t statistics_range(const hl_view *x) { return hl_blas_clamp(hl_view_pixels(x) / 16, 64, 512); }

size_t HL_BLAS(norm_workspace)(const hl_view *x, int threads) {
    (void)threads;
    size_t sums = (SUM_PIECES + 1) * sums_of(x) * sizeof(double);
    size_t statistics = (size_t)(hl_blas_pieces(hl_view_pixels(x), statistics_range(x)) * hl_moments_floats(x->c)) * sizeof(float);
    return sums > statistics ? sums : statistics;
}

/* Pixels first .. end, `count` channels from `channel` on: `vectors`, a constant; where it is one, that may not be full. */
typedef struct block {
    int64_t first, end;
    int channel, count;
} block;
INLINE int lanes_of(const block *b, int vectors) { return vectors > 1 ? LANES : b->count; }

static void add_sums(const block *b, const vector *sum, const vector *product, int vectors, int channels, double *total) {
    float sums[VECTORS * LANES], products[VECTORS * LANES];
    memcpy(sums, sum, (size_t)vectors * sizeof *sum), memcpy(products, product, (size_t)vectors * sizeof *product);
    for (int c = 0; c < b->count; c++) total[b->channel + c] += (double)sums[c], total[channels + b->channel + c] += (double)products[c];
}

/* Activations, whether to accumulate and whether x is half are constants wherever these are inlined, if not said otherwise. */
/* Float sums of g and of g (x - mean) over up to BLOCK_PIXELS pixels, g being dy through the activation. */
INLINE void block_products(const norm_call *call, hl_activation act, bool half, const block *b, int vectors, double *total) {
    terms t[VECTORS];
    vector sum[VECTORS], product[VECTORS];
    int lanes = lanes_of(b, vectors);
    for (int v = 0; v < vectors; v++)
        t[v] = terms_of(call->norm->terms, call->x->c, b->channel + v * LANES, lanes), sum[v] = product[v] = (vector){0};
    for (int64_t p = b->first; p < b->end; p++) {
        const void *x = cell_at(call->x->data, p * call->x->stride + b->channel, half);
        const float *dy = hl_blas_pixel(call->dy, p) + b->channel;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vector away = cells_load_some(x, v * LANES, lanes, half) - t[v].mean;
            vector g = through_activation(act, vector_fma(away, t[v].scale, t[v].shift), vector_load_some(dy + v * LANES, lanes));
            sum[v] += g;
            product[v] = vector_fma(g, away, product[v]);
        }
    }
    add_sums(b, sum, product, vectors, call->x->c, total);
}

INLINE void block_sums_as(const norm_call *call, bool half, const block *b, int vectors, double *total) {
    if (call->norm->act == HL_RELU) block_products(call, HL_RELU, half, b, vectors, total);
    else if (call->norm->act == HL_SWISH) block_products(call, HL_SWISH, half, b, vectors, total);
    else block_products(call, HL_LINEAR, half, b, vectors, total);
}

INLINE void block_sums(const norm_call *call, const block *b, int vectors, double *total) {
    if (call->x->half) block_sums_as(call, true, b, vectors, total);
    else block_sums_as(call, false, b, vectors, total);
}

static void sums_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int channels = call->x->c;
    double *total = call->sums + (size_t)piece * sums_of(call->x);
    memset(total, 0, sums_of(call->x) * sizeof *total);
    int64_t end = smaller((piece + 1) * call->pixels, hl_view_pixels(call->x));
    for (int64_t p = piece * call->pixels; p < end; p += BLOCK_PIXELS)
        for (int c = 0, step; c < channels; c += step) {
            step = next_channels(channels - c);
            block b = {p, smaller(p + BLOCK_PIXELS, end), c, step};
            if (step > LANES) block_sums(call, &b, VECTORS, total);
            else block_sums(call, &b, 1, total);
        }
}

/* Runs the pieces and adds them up in order; returns the two sums per channel. */
static const double *sum_up(hl_context *hl, norm_call *call, double *workspace) {
    size_t count = sums_of(call->x);
    double *total = workspace;
    call->sums = workspace + count;
    call->pixels = hl_blas_pieces(hl_blas_pieces(hl_view_pixels(call->x), SUM_PIECES), BLOCK_PIXELS) * BLOCK_PIXELS;
    int64_t pieces = hl_blas_pieces(hl_view_pixels(call->x), call->pixels);
    hl_parallel_for(hl, pieces, sums_piece, call);
    memcpy(total, call->sums, count * sizeof *total);
    for (int64_t piece = 1; piece < pieces; piece++)
        for (size_t i = 0; i < count; i++) total[i] += call->sums[(size_t)piece * count + i];
    return total;
}

typedef struct statistics_call {
    const hl_view *x;
    float *sums;
    int64_t range;
} statistics_call;

static void statistics_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const statistics_call *call = arg;
    int64_t first = piece * call->range, end = smaller(first + call->range, hl_view_pixels(call->x));
    HL_BLAS(moments)(call->x, first, end, 0, call->x->c, call->sums + piece * hl_moments_floats(call->x->c));
}

void HL_BLAS(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace) {
    statistics_call call = {x, workspace, statistics_range(x)};
    hl_parallel_for(hl, hl_blas_pieces(hl_view_pixels(x), call.range), statistics_piece, &call);
    HL_BLAS(moments_total)(hl, call.sums, hl_view_pixels(x), call.range, x->c, mean, variance);
}

/* `halves`, a constant: some of the maps are half. `sums` (may be NULL): each channel's over the pixels. */
INLINE void apply_as(hl_activation act, bool halves, const hl_view *from, const float *norm, const hl_view *add, const hl_view *to, const block *b,
                     int vectors, float *sums) {
    terms t[VECTORS] = {0};
    vector sum[VECTORS] = {0};
    int lanes = lanes_of(b, vectors);
    bool from_half = halves && from->half, add_half = halves && add && add->half, to_half = halves && to->half;
    for (int v = 0; v < vectors && norm; v++) t[v] = terms_of(norm, from->c, b->channel + v * LANES, lanes);
    for (int64_t p = b->first; p < b->end; p++) {
        const void *x = cell_at(from->data, p * from->stride + b->channel, from_half);
        const void *more = add ? cell_at(add->data, p * add->stride + b->channel, add_half) : NULL;
        void *y = halves ? hl_blas_cells(to, p) : hl_blas_pixel(to, p);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vector value = cells_load_some(x, v * LANES, lanes, from_half);
            if (norm) value = vector_fma(value - t[v].mean, t[v].scale, t[v].shift);
            value = activated(act, value);
            if (more) value += cells_load_some(more, v * LANES, lanes, add_half);
            cells_store_some(y, b->channel + v * LANES, value, lanes, to_half);
            sum[v] += value;
        }
    }
    for (int v = 0; v < vectors && sums; v++) vector_store_some(sums + b->channel + v * LANES, sum[v], lanes);
}

INLINE void apply_block_as(bool halves, const hl_view *x, const hl_finish *finish, const hl_view *y, const block *b, int vectors, float *sums) {
    if (!finish->terms && finish->act == HL_RELU) apply_as(HL_RELU, halves, x, NULL, finish->add, y, b, vectors, sums);
    else if (!finish->terms && finish->act == HL_SWISH) apply_as(HL_SWISH, halves, x, NULL, finish->add, y, b, vectors, sums);
    else if (finish->act == HL_RELU) apply_as(HL_RELU, halves, x, finish->terms, finish->add, y, b, vectors, sums);
    else if (finish->act == HL_SWISH) apply_as(HL_SWISH, halves, x, finish->terms, finish->add, y, b, vectors, sums);
    else apply_as(HL_LINEAR, halves, x, finish->terms, finish->add, y, b, vectors, sums);
}

INLINE void apply_block(const hl_view *x, const hl_finish *finish, const hl_view *y, const block *b, int vectors, float *sums) {
    if (x->half || y->half || (finish->add && finish->add->half)) apply_block_as(true, x, finish, y, b, vectors, sums);
    else apply_block_as(false, x, finish, y, b, vectors, sums);
}

/* Channels channel .. end of pixels. */
static void apply(const hl_view *x, const hl_finish *finish, const hl_view *y, int64_t first, int64_t end, int channel, int end_channel, float *sums) {
    for (int step; channel < end_channel; channel += step) {
        step = next_channels(end_channel - channel);
        block b = {first, end, channel, step};
        if (step > LANES) apply_block(x, finish, y, &b, VECTORS, sums);
        else apply_block(x, finish, y, &b, 1, sums);
    }
}

void HL_BLAS(finish)(const hl_finish *finish, const hl_view *out, int64_t first, int64_t end, int channel, int count) {
    float *sums = finish->row_sums ? (float *)finish->row_sums + first / out->w * out->c : NULL;
    apply(out, finish, out, first, end, channel, channel + count, sums);
}

/* dx = scale (g - each - (x - mean) slope), with each = mean(g), slope = mean(g (x - mean)) / sigma^2 */
INLINE void backward_as(const norm_call *call, hl_activation act, bool accumulate, bool half, const block *b, int vectors, const terms *t) {
    int lanes = lanes_of(b, vectors);
    for (int64_t p = b->first; p < b->end; p++) {
        const void *x = cell_at(call->x->data, p * call->x->stride + b->channel, half);
        const float *dy = hl_blas_pixel(call->dy, p) + b->channel;
        float *dx = hl_blas_pixel(call->out, p) + b->channel;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vector away = cells_load_some(x, v * LANES, lanes, half) - t[v].mean;
            vector g = through_activation(act, vector_fma(away, t[v].scale, t[v].shift), vector_load_some(dy + v * LANES, lanes));
            vector d = t[v].scale * vector_fma(-away, t[v].slope, g - t[v].each);
            if (accumulate) d += vector_load_some(dx + v * LANES, lanes);
            vector_store_some(dx + v * LANES, d, lanes);
        }
    }
}

INLINE void backward_through(const norm_call *call, bool accumulate, bool half, const block *b, int vectors, const terms *t) {
    if (call->norm->act == HL_RELU) backward_as(call, HL_RELU, accumulate, half, b, vectors, t);
    else if (call->norm->act == HL_SWISH) backward_as(call, HL_SWISH, accumulate, half, b, vectors, t);
    else backward_as(call, HL_LINEAR, accumulate, half, b, vectors, t);
}

INLINE void backward_block(const norm_call *call, const block *b, int vectors) {
    float each[VECTORS * LANES] = {0}, slope[VECTORS * LANES] = {0};
    double pixels = (double)hl_view_pixels(call->x);
    for (int i = 0; i < b->count; i++) {
        int c = b->channel + i;
        each[i] = (float)(call->total[c] / pixels);
        slope[i] = (float)(call->total[call->x->c + c] / pixels / (call->norm->variance[c] + call->norm->eps));
    }
    terms t[VECTORS];
    for (int v = 0; v < vectors; v++) {
        t[v] = terms_of(call->norm->terms, call->x->c, b->channel + v * LANES, lanes_of(b, vectors));
        t[v].each = vector_load(each + v * LANES), t[v].slope = vector_load(slope + v * LANES);
    }
    if (call->x->half) backward_through(call, call->accumulate, true, b, vectors, t); /* no constant: three versions in place of six */
    else if (call->accumulate) backward_through(call, true, false, b, vectors, t);
    else backward_through(call, false, false, b, vectors, t);
}

static void map_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int channels = call->x->c;
    int64_t first = piece * call->pixels, end = smaller(first + call->pixels, hl_view_pixels(call->x));
    if (!call->dy) {
        apply(call->x, &(hl_finish){.terms = call->norm->terms, .act = call->norm->act}, call->out, first, end, 0, channels, NULL);
        return;
    }
    for (int c = 0, step; c < channels; c += step) {
        step = next_channels(channels - c);
        block b = {first, end, c, step};
        if (step > LANES) backward_block(call, &b, VECTORS);
        else backward_block(call, &b, 1);
    }
}

static void map_all(hl_context *hl, norm_call *call) {
    call->pixels = hl_blas_clamp(APPLY_FLOATS / call->x->c, 16, APPLY_FLOATS);
    hl_parallel_for(hl, hl_blas_pieces(hl_view_pixels(call->x), call->pixels), map_piece, call);
}

void HL_BLAS(norm_apply)(hl_context *hl, const hl_view *x, const hl_norm_state *norm, const hl_view *y) {
    norm_call call = {.x = x, .out = y, .norm = norm};
    map_all(hl, &call);
}

void HL_BLAS(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_norm_state *norm, const hl_view *dx, bool accumulate,
                            void *dgamma, void *dbeta, void *workspace) {
    norm_call call = {.x = x, .dy = dy, .out = dx, .norm = norm, .accumulate = accumulate};
    call.total = sum_up(hl, &call, workspace);
    if (dx->data) map_all(hl, &call);
    for (int c = 0; c < x->c; c++) {
        ((float *)dbeta)[c] = (float)call.total[c];
        if (dgamma) ((float *)dgamma)[c] = (float)(call.total[x->c + c] / sqrt(norm->variance[c] + norm->eps));
    }
}

typedef struct settle_call {
    const hl_view *x, *dx;
    const double *mean, *each, *slope;
    int64_t pixels; /* of a piece */
} settle_call;

/* A vector of channels' factors in float. */
static vector narrowed(const double *from, int count) {
    float to[LANES] = {0};
    for (int i = 0; i < LANES && i < count; i++) to[i] = (float)from[i];
    return vector_load(to);
}

INLINE void settle_as(const settle_call *call, bool half, int64_t first, int64_t end) {
    for (int c = 0, count; (count = call->x->c - c) > 0; c += LANES) {
        vector mean = narrowed(call->mean + c, count), each = narrowed(call->each + c, count), slope = narrowed(call->slope + c, count);
        for (int64_t p = first; p < end; p++) {
            vector away = cells_load_some(call->x->data, p * call->x->stride + c, count, half) - mean;
            float *dx = hl_blas_pixel(call->dx, p) + c;
            vector_store_some(dx, vector_load_some(dx, count) - vector_fma(away, slope, each), count);
        }
    }
}

static void settle_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const settle_call *call = arg;
    int64_t first = piece * call->pixels, end = smaller(first + call->pixels, hl_view_pixels(call->x));
    if (call->x->half) settle_as(call, true, first, end);
    else settle_as(call, false, first, end);
}

void HL_BLAS(norm_settle)(hl_context *hl, const hl_view *x, const double *mean, const double *each, const double *slope, const hl_view *dx) {
    settle_call call = {x, dx, mean, each, slope, hl_blas_clamp(APPLY_FLOATS / x->c, 16, APPLY_FLOATS)};
    hl_parallel_for(hl, hl_blas_pieces(hl_view_pixels(x), call.pixels), settle_piece, &call);
}
