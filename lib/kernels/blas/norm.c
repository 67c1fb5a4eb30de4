/* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1): sums over pixels, in float over few, in double over many. */
#include <math.h>
#include <string.h>

#include "kernels/blas/elementwise.h"

enum {
    BLOCK_PIXELS = 64,      /* summed in float, */
    CHANNELS = 64,          /* so many channels side by side */
    SUM_PIECES = 32,        /* with double sums of their own */
    APPLY_FLOATS = 1 << 15, /* in a piece where there is nothing to sum */
};

typedef struct norm_call {
    const hl_view *x, *dy, *out; /* out: y or dx */
    const double *mean, *variance;
    double eps;
    const float *gamma, *beta;
    bool accumulate;
    double *sums;        /* of a piece: two per channel */
    const double *total; /* of all pieces */
    int64_t pixels;      /* of a piece */
} norm_call;

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

/* Likewise of dy and of dy (x - mean). */
static void block_products(const norm_call *call, int64_t first, int64_t end, int channel, int count, double *total) {
    float mean[CHANNELS], sum[CHANNELS] = {0}, product[CHANNELS] = {0};
    for (int c = 0; c < count; c++) mean[c] = (float)call->mean[channel + c];
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(call->x, p) + channel, *dy = hl_blas_pixel(call->dy, p) + channel;
        for (int c = 0; c < count; c++) {
            sum[c] += dy[c];
            product[c] += dy[c] * (x[c] - mean[c]);
        }
    }
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

static void apply_block(const norm_call *call, int64_t first, int64_t end, int channel, int count) {
    float mean[CHANNELS], scale[CHANNELS], beta[CHANNELS];
    for (int i = 0; i < count; i++) {
        int c = channel + i;
        mean[i] = (float)call->mean[c], beta[i] = call->beta[c];
        scale[i] = (float)((call->gamma ? (double)call->gamma[c] : 1) / sqrt(call->variance[c] + call->eps));
    }
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(call->x, p) + channel;
        float *y = hl_blas_pixel(call->out, p) + channel;
#pragma omp simd
        for (int c = 0; c < count; c++) y[c] = (x[c] - mean[c]) * scale[c] + beta[c];
    }
}

/* dx = scale (dy - each - (x - mean) slope), with each = mean(dy), slope = mean(dy (x - mean)) / sigma^2 */
static void backward_block(const norm_call *call, int64_t first, int64_t end, int channel, int count) {
    float mean[CHANNELS], scale[CHANNELS], each[CHANNELS], slope[CHANNELS];
    double pixels = (double)hl_view_pixels(call->x);
    bool accumulate = call->accumulate;
    for (int i = 0; i < count; i++) {
        int c = channel + i;
        double variance = call->variance[c] + call->eps;
        mean[i] = (float)call->mean[c], scale[i] = (float)((call->gamma ? (double)call->gamma[c] : 1) / sqrt(variance));
        each[i] = (float)(call->total[c] / pixels), slope[i] = (float)(call->total[call->x->c + c] / pixels / variance);
    }
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(call->x, p) + channel, *dy = hl_blas_pixel(call->dy, p) + channel;
        float *dx = hl_blas_pixel(call->out, p) + channel;
#pragma omp simd
        for (int c = 0; c < count; c++) {
            float d = scale[c] * (dy[c] - each[c] - (x[c] - mean[c]) * slope[c]);
            dx[c] = accumulate ? dx[c] + d : d;
        }
    }
}

static void map_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int64_t first = piece * call->pixels, end = smaller(first + call->pixels, hl_view_pixels(call->x));
    for (int c = 0; c < call->x->c; c += CHANNELS) {
        int count = (int)smaller(call->x->c - c, CHANNELS);
        if (call->dy) backward_block(call, first, end, c, count);
        else apply_block(call, first, end, c, count);
    }
}

static void map_all(hl_context *hl, norm_call *call) {
    call->pixels = hl_blas_clamp(APPLY_FLOATS / call->x->c, 16, APPLY_FLOATS);
    hl_parallel_for(hl, hl_blas_pieces(hl_view_pixels(call->x), call->pixels), map_piece, call);
}

void HL_BLAS(norm_apply)(hl_context *hl, const hl_view *x, const double *mean, const double *variance, double eps, const void *gamma,
                         const void *beta, const hl_view *y) {
    norm_call call = {.x = x, .out = y, .mean = mean, .variance = variance, .eps = eps, .gamma = gamma, .beta = beta};
    map_all(hl, &call);
}

void HL_BLAS(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const double *mean, const double *variance, double eps,
                            const void *gamma, const hl_view *dx, bool accumulate, void *dgamma, void *dbeta, void *workspace) {
    norm_call call = {
        .x = x, .dy = dy, .out = dx, .mean = mean, .variance = variance, .eps = eps, .gamma = gamma, .accumulate = accumulate};
    call.total = sum_up(hl, &call, workspace);
    if (dx->data) map_all(hl, &call);
    for (int c = 0; c < x->c; c++) {
        ((float *)dbeta)[c] = (float)call.total[c];
        if (dgamma) ((float *)dgamma)[c] = (float)(call.total[x->c + c] / sqrt(variance[c] + eps));
    }
}
