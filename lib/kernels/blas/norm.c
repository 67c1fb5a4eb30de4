/* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1): sums over pixels, in float over few, in double over many. */
#include <math.h>
#include <string.h>

#include "kernels/blas/elementwise.h"
#include "kernels/blas/exp.h"

enum {
    BLOCK_PIXELS = 64,      /* summed in float, */
    CHANNELS = 64,          /* so many channels side by side */
    SUM_PIECES = 32,        /* with double sums of their own */
    APPLY_FLOATS = 1 << 15, /* in a piece where there is nothing to sum */
};

typedef struct norm_call {
    const hl_view *x, *dy, *out; /* out: y or dx */
    const hl_norm_state *norm;
    bool accumulate;
    double *sums;        /* of a piece: two per channel */
    const double *total; /* of all pieces */
    int64_t pixels;      /* of a piece */
} norm_call;

/* Up to CHANNELS channels' terms: the norm gives (x - mean) scale + shift; backward's dx is scale (g - each - (x - mean) slope). */
typedef struct terms {
    float mean[CHANNELS], scale[CHANNELS], shift[CHANNELS], each[CHANNELS], slope[CHANNELS];
} terms;

static void take_terms(const float *from, int channels, int count, terms *t) {
    memcpy(t->mean, from, (size_t)count * sizeof *from);
    memcpy(t->scale, from + channels, (size_t)count * sizeof *from);
    memcpy(t->shift, from + 2 * channels, (size_t)count * sizeof *from);
}

/* Constants wherever these are inlined. */
static inline __attribute__((always_inline)) float activated(hl_activation act, float y) {
    float rest;
    if (act == HL_RELU) return y < 0 ? 0 : y; /* a NaN stays one */
    return act == HL_SWISH ? y * hl_blas_sigmoid(y, &rest) : y;
}

/* dy times the activation's slope at y. */
static inline __attribute__((always_inline)) float through(hl_activation act, float y, float dy) {
    if (act == HL_RELU) return y > 0 ? dy : 0;
    if (act != HL_SWISH) return dy;
    float rest, s = hl_blas_sigmoid(y, &rest);
    return dy * s * (1 + y * rest);
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static size_t sums_of(const hl_view *x) { return 2 * (size_t)x->c; }

size_t HL_BLAS(norm_workspace)(const hl_view *x, int threads) {
    (void)threads;
    return (SUM_PIECES + 1) * sums_of(x) * sizeof(double);
}

/* Float sums of x - shift and of its square over up to BLOCK_PIXELS pixels, for `count` channels from `channel` on. */
static void block_moments(const hl_view *x, int64_t first, int64_t end, int channel, int count, double *total) {
    float shift[CHANNELS], sum[CHANNELS] = {0}, square[CHANNELS] = {0};
    memcpy(shift, hl_blas_pixel(x, 0) + channel, (size_t)count * sizeof *shift);
    for (int64_t p = first; p < end; p++) {
        const float *at = hl_blas_pixel(x, p) + channel;
        for (int c = 0; c < count; c++) {
            float d = at[c] - shift[c];
            sum[c] += d;
            square[c] += d * d;
        }
    }
    for (int c = 0; c < count; c++) total[channel + c] += (double)sum[c], total[x->c + channel + c] += (double)square[c];
}

/* Likewise of g and of g (x - mean), g being dy through the activation. */
static inline __attribute__((always_inline)) void add_products(const norm_call *call, hl_activation act, int64_t first, int64_t end, int channel, int count,
                                                               const terms *t, float *restrict sum, float *restrict product) {
    for (int64_t p = first; p < end; p++) {
        const float *restrict x = hl_blas_pixel(call->x, p) + channel, *restrict dy = hl_blas_pixel(call->dy, p) + channel;
#pragma omp simd
        for (int c = 0; c < count; c++) {
            float away = x[c] - t->mean[c], g = through(act, away * t->scale[c] + t->shift[c], dy[c]);
            sum[c] += g;
            product[c] += g * away;
        }
    }
}

static void block_products(const norm_call *call, int64_t first, int64_t end, int channel, int count, double *total) {
    terms t;
    float sum[CHANNELS] = {0}, product[CHANNELS] = {0};
    take_terms((const float *)call->norm->terms + channel, call->x->c, count, &t);
    if (call->norm->act == HL_RELU) add_products(call, HL_RELU, first, end, channel, count, &t, sum, product);
    else if (call->norm->act == HL_SWISH) add_products(call, HL_SWISH, first, end, channel, count, &t, sum, product);
    else add_products(call, HL_LINEAR, first, end, channel, count, &t, sum, product);
    for (int c = 0; c < count; c++) total[channel + c] += (double)sum[c], total[call->x->c + channel + c] += (double)product[c];
}

static void sums_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int channels = call->x->c;
    double *total = call->sums + (size_t)piece * sums_of(call->x);
    memset(total, 0, sums_of(call->x) * sizeof *total);
    int64_t end = smaller((piece + 1) * call->pixels, hl_view_pixels(call->x));
    for (int64_t p = piece * call->pixels; p < end; p += BLOCK_PIXELS)
        for (int c = 0; c < channels; c += CHANNELS) {
            int count = (int)smaller(channels - c, CHANNELS);
            if (call->dy) block_products(call, p, smaller(p + BLOCK_PIXELS, end), c, count, total);
            else block_moments(call->x, p, smaller(p + BLOCK_PIXELS, end), c, count, total);
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

/* Moments about the first pixel's value, so that a large mean does not swallow the variance. */
void HL_BLAS(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace) {
    norm_call call = {.x = x};
    const double *total = sum_up(hl, &call, workspace);
    double pixels = (double)hl_view_pixels(x);
    for (int c = 0; c < x->c; c++) {
        double shifted = total[c] / pixels, square = total[x->c + c] / pixels - shifted * shifted;
        mean[c] = (double)hl_blas_pixel(x, 0)[c] + shifted;
        variance[c] = square > 0 ? square : square < 0 ? 0 : square; /* a NaN stays one */
    }
}

static inline __attribute__((always_inline)) void apply_as(hl_activation act, const hl_view *from, const hl_view *to, int64_t first, int64_t end,
                                                           int channel, int count, const terms *t) {
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(from, p) + channel;
        float *y = hl_blas_pixel(to, p) + channel;
#pragma omp simd
        for (int c = 0; c < count; c++) y[c] = activated(act, t ? (x[c] - t->mean[c]) * t->scale[c] + t->shift[c] : x[c]);
    }
}

static void apply_block(const hl_view *x, const hl_finish *finish, const hl_view *y, int64_t first, int64_t end, int channel, int count, int channels) {
    terms t;
    if (!finish->terms) {
        if (finish->act == HL_RELU) apply_as(HL_RELU, x, y, first, end, channel, count, NULL);
        else if (finish->act == HL_SWISH) apply_as(HL_SWISH, x, y, first, end, channel, count, NULL);
        return;
    }
    take_terms((const float *)finish->terms + channel, channels, count, &t);
    if (finish->act == HL_RELU) apply_as(HL_RELU, x, y, first, end, channel, count, &t);
    else if (finish->act == HL_SWISH) apply_as(HL_SWISH, x, y, first, end, channel, count, &t);
    else apply_as(HL_LINEAR, x, y, first, end, channel, count, &t);
}

void HL_BLAS(finish)(const hl_finish *finish, const hl_view *out, int64_t first, int64_t end, int channel, int count) {
    for (int c = channel; c < channel + count; c += CHANNELS) apply_block(out, finish, out, first, end, c, (int)smaller(channel + count - c, CHANNELS), out->c);
}

/* dx = scale (g - each - (x - mean) slope), with each = mean(g), slope = mean(g (x - mean)) / sigma^2 */
static inline __attribute__((always_inline)) void backward_as(const norm_call *call, hl_activation act, bool accumulate, int64_t first, int64_t end, int channel,
                                                              int count, const terms *t) {
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(call->x, p) + channel, *dy = hl_blas_pixel(call->dy, p) + channel;
        float *dx = hl_blas_pixel(call->out, p) + channel;
#pragma omp simd
        for (int c = 0; c < count; c++) {
            float away = x[c] - t->mean[c], g = through(act, away * t->scale[c] + t->shift[c], dy[c]);
            float d = t->scale[c] * (g - t->each[c] - away * t->slope[c]);
            dx[c] = accumulate ? dx[c] + d : d;
        }
    }
}

static void backward_block(const norm_call *call, int64_t first, int64_t end, int channel, int count) {
    terms t;
    take_terms((const float *)call->norm->terms + channel, call->x->c, count, &t);
    double pixels = (double)hl_view_pixels(call->x);
    for (int i = 0; i < count; i++) {
        int c = channel + i;
        t.each[i] = (float)(call->total[c] / pixels);
        t.slope[i] = (float)(call->total[call->x->c + c] / pixels / (call->norm->variance[c] + call->norm->eps));
    }
    hl_activation act = call->norm->act;
    if (act == HL_RELU && call->accumulate) backward_as(call, HL_RELU, true, first, end, channel, count, &t);
    else if (act == HL_RELU) backward_as(call, HL_RELU, false, first, end, channel, count, &t);
    else if (act == HL_SWISH) backward_as(call, HL_SWISH, call->accumulate, first, end, channel, count, &t);
    else if (call->accumulate) backward_as(call, HL_LINEAR, true, first, end, channel, count, &t);
    else backward_as(call, HL_LINEAR, false, first, end, channel, count, &t);
}

static void map_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int64_t first = piece * call->pixels, end = smaller(first + call->pixels, hl_view_pixels(call->x));
    for (int c = 0; c < call->x->c; c += CHANNELS) {
        int count = (int)smaller(call->x->c - c, CHANNELS);
        if (call->dy) backward_block(call, first, end, c, count);
        else apply_block(call->x, &(hl_finish){call->norm->terms, call->norm->act}, call->out, first, end, c, count, call->x->c);
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
