/* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1), in two passes and with sums in double. */
#include <math.h>

#include "kernels/ref/ref.h"

enum { BLOCK = 16 }; /* channels of a piece */

typedef struct norm_call {
    const hl_view *x, *y, *dy, *dx;
    double *mean, *variance;
    const double *known_mean, *known_variance;
    double eps;
    const real *gamma, *beta;
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

static void apply_block(void *arg, int64_t piece, int worker) {
    (void)worker;
    const norm_call *call = arg;
    int64_t pixels = hl_view_pixels(call->x);
    for (int c = (int)piece * BLOCK; c < block_end(call->x, piece); c++) {
        const real *x = (const real *)call->x->data + c;
        real *y = (real *)call->y->data + c;
        double gamma = call->gamma ? (double)call->gamma[c] : 1;
        /* x - mean before anything else: y = scale x + shift would cancel where the mean is large */
        real mean = (real)call->known_mean[c], scale = (real)(gamma / sqrt(call->known_variance[c] + call->eps)), beta = call->beta[c];
        for (int64_t i = 0; i < pixels; i++) y[i * call->y->stride] = (x[i * call->x->stride] - mean) * scale + beta;
    }
}

void HL_REF(norm_apply)(hl_context *hl, const hl_view *x, const double *mean, const double *variance, double eps, const void *gamma,
                        const void *beta, const hl_view *y) {
    norm_call call = {.x = x, .y = y, .known_mean = mean, .known_variance = variance, .eps = eps, .gamma = gamma, .beta = beta};
    hl_parallel_for(hl, blocks_of(x), apply_block, &call);
}

/* dx = gamma / sigma (dy - mean(dy) - xhat mean(dy xhat)) */
static void backward_channel(const norm_call *call, int c) {
    int64_t pixels = hl_view_pixels(call->x);
    const real *x = (const real *)call->x->data + c, *dy = (const real *)call->dy->data + c;
    double mean = call->known_mean[c], inverse = 1 / sqrt(call->known_variance[c] + call->eps), sum = 0, product = 0;
    for (int64_t i = 0; i < pixels; i++) {
        double d = (double)dy[i * call->dy->stride];
        sum += d;
        product += d * (((double)x[i * call->x->stride] - mean) * inverse);
    }
    double scale = (call->gamma ? (double)call->gamma[c] : 1) * inverse, each = sum / (double)pixels, slope = product / (double)pixels;
    for (int64_t i = 0; i < pixels && call->dx->data; i++) {
        real *dx = (real *)call->dx->data + c;
        double hat = ((double)x[i * call->x->stride] - mean) * inverse;
        real d = (real)(scale * ((double)dy[i * call->dy->stride] - each - hat * slope));
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

void HL_REF(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const double *mean, const double *variance, double eps,
                           const void *gamma, const hl_view *dx, bool accumulate, void *dgamma, void *dbeta, void *workspace) {
    (void)workspace;
    norm_call call = {.x = x,
                      .dy = dy,
                      .dx = dx,
                      .known_mean = mean,
                      .known_variance = variance,
                      .eps = eps,
                      .gamma = gamma,
                      .accumulate = accumulate,
                      .dgamma = dgamma,
                      .dbeta = dbeta};
    hl_parallel_for(hl, blocks_of(x), backward_block, &call);
}
