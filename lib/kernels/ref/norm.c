/* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1), in two passes and with sums in double. */
#include <math.h>

#include "kernels/ref/ref.h"

enum { BLOCK = 16 }; /* channels of a piece */

typedef struct norm_call {
    const hl_view *x, *y, *dy, *dx;
    double *mean, *variance;
    const hl_norm_state *norm;
    int channels;
    real *dgamma, *dbeta;
    bool accumulate;
} norm_call;

static int64_t blocks_of(const hl_view *view) { return (view->c + BLOCK - 1) / BLOCK; }
static int block_end(const hl_view *view, int64_t block) {
    int64_t end = (block + 1) * BLOCK;
    return end < view->c ? (int)end : view->c;
}

size_t HL_REF(norm_workspace)(const hl_view *x, int threads) {
    (void)x, (void)threads;
    return 0;
}

static void statistics_block(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int64_t pixels = hl_view_pixels(call->x);
    for (int c = (int)piece * BLOCK; c < block_end(call->x, piece); c++) {
        const real *x = (const real *)call->x->data + c;
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < pixels; i++) sum += (double)x[i * call->x->stride];
        double mean = sum / (double)pixels;
        for (int64_t i = 0; i < pixels; i++) {
            double d = (double)x[i * call->x->stride] - mean;
            squares += d * d;
        }
        call->mean[c] = mean, call->variance[c] = squares / (double)pixels;
    }
}

void HL_REF(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace) {
    (void)workspace;
    norm_call call = {.x = x, .mean = mean, .variance = variance};
    hl_parallel_for(hl, blocks_of(x), statistics_block, &call);
}

void HL_REF(norm_terms)(const hl_norm_state *norm, int channels) {
    real *terms = norm->terms;
    const real *gamma = norm->gamma, *beta = norm->beta;
    for (int c = 0; c < channels; c++) {
        terms[c] = (real)norm->mean[c];
        terms[channels + c] = (real)((gamma ? (double)gamma[c] : 1) / sqrt(norm->variance[c] + norm->eps));
        terms[2 * channels + c] = beta[c];
    }
}

/* x - mean before anything else: y = scale x + shift would cancel where the mean is large */
static real normed(const norm_call *call, int c, real x) {
    const real *terms = call->norm->terms;
    return (x - terms[c]) * terms[call->channels + c] + terms[2 * call->channels + c];
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

static real activated(hl_activation act, real y) {
    if (act == HL_RELU) return y < 0 ? 0 : y; /* a NaN stays one */
    return act == HL_SWISH ? (real)((double)y * logistic((double)y)) : y;
}

void HL_REF(finish)(const hl_finish *finish, int channels, int64_t pixel, real *x) {
    const real *terms = finish->terms, *add = finish->add ? (const real *)finish->add->data + pixel * finish->add->stride : NULL;
    for (int c = 0; c < channels; c++) {
        real y = terms ? (x[c] - terms[c]) * terms[channels + c] + terms[2 * channels + c] : x[c];
        x[c] = activated(finish->act, y) + (add ? add[c] : 0);
    }
}

double HL_REF(slope)(hl_activation act, double y) {
    double s = logistic(y);
    if (act == HL_RELU) return y > 0;
    return act == HL_SWISH ? s * (1 + y * (1 - s)) : 1;
}

/* At what the norm gives for x. */
static double slope_at(const norm_call *call, int c, real x) { return HL_REF(slope)(call->norm->act, (double)normed(call, c, x)); }

static void apply_block(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int64_t pixels = hl_view_pixels(call->x);
    for (int c = (int)piece * BLOCK; c < block_end(call->x, piece); c++) {
        const real *x = (const real *)call->x->data + c;
        real *y = (real *)call->y->data + c;
        for (int64_t i = 0; i < pixels; i++) y[i * call->y->stride] = activated(call->norm->act, normed(call, c, x[i * call->x->stride]));
    }
}

void HL_REF(norm_apply)(hl_context *hl, const hl_view *x, const hl_norm_state *norm, const hl_view *y) {
    norm_call call = {.x = x, .y = y, .norm = norm, .channels = x->c};
    hl_parallel_for(hl, blocks_of(x), apply_block, &call);
}

/* dx = gamma / sigma (g - mean(g) - xhat mean(g xhat)), g = dy times the activation's slope */
static void backward_channel(const norm_call *call, int c) {
    int64_t pixels = hl_view_pixels(call->x);
    const real *x = (const real *)call->x->data + c, *dy = (const real *)call->dy->data + c, *gamma = call->norm->gamma;
    double mean = call->norm->mean[c], inverse = 1 / sqrt(call->norm->variance[c] + call->norm->eps), sum = 0, product = 0;
    for (int64_t i = 0; i < pixels; i++) {
        real at = x[i * call->x->stride];
        double d = (double)dy[i * call->dy->stride] * slope_at(call, c, at);
        sum += d;
        product += d * (((double)at - mean) * inverse);
    }
    double scale = (gamma ? (double)gamma[c] : 1) * inverse, each = sum / (double)pixels, slope = product / (double)pixels;
    for (int64_t i = 0; i < pixels && call->dx->data; i++) {
        real *dx = (real *)call->dx->data + c, at = x[i * call->x->stride];
        double hat = ((double)at - mean) * inverse, g = (double)dy[i * call->dy->stride] * slope_at(call, c, at);
        real d = (real)(scale * (g - each - hat * slope));
        dx[i * call->dx->stride] = call->accumulate ? dx[i * call->dx->stride] + d : d;
    }
    if (call->dgamma) call->dgamma[c] = (real)product;
    call->dbeta[c] = (real)sum;
}

static void backward_block(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    for (int c = (int)piece * BLOCK; c < block_end(call->x, piece); c++) backward_channel(call, c);
}

void HL_REF(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_norm_state *norm, const hl_view *dx, bool accumulate,
                           void *dgamma, void *dbeta, void *workspace) {
    (void)workspace;
    norm_call call = {.x = x, .dy = dy, .dx = dx, .norm = norm, .channels = x->c, .accumulate = accumulate, .dgamma = dgamma, .dbeta = dbeta};
    hl_parallel_for(hl, blocks_of(x), backward_block, &call);
}

typedef struct settle_call {
    const hl_view *x, *dx;
    const double *mean, *each, *slope;
} settle_call;

static void settle_block(void *arg, int64_t piece, int worker) {
    (void)worker;
    const settle_call *call = arg;
    int64_t pixels = hl_view_pixels(call->x);
    for (int c = (int)piece * BLOCK; c < block_end(call->x, piece); c++) {
        const real *x = (const real *)call->x->data + c;
        real *dx = (real *)call->dx->data + c;
        for (int64_t i = 0; i < pixels; i++)
            dx[i * call->dx->stride] -= (real)(call->each[c] + ((double)x[i * call->x->stride] - call->mean[c]) * call->slope[c]);
    }
}

void HL_REF(norm_settle)(hl_context *hl, const hl_view *x, const double *mean, const double *each, const double *slope, const hl_view *dx) {
    settle_call call = {x, dx, mean, each, slope};
    hl_parallel_for(hl, blocks_of(x), settle_block, &call);
}
