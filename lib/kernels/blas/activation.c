/* The logistic function with its derivative from the output, swish with its own from the input. */
#include "kernels/blas/elementwise.h"
#include "kernels/blas/exp.h"

static void sigmoid_run(float *y, const float *x, const float *unused, int64_t count) {
    (void)unused;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float rest;
        y[i] = hl_blas_sigmoid(x[i], &rest);
    }
}

static void sigmoid_backward_run(float *dx, const float *y, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) dx[i] = y[i] * (1 - y[i]) * dy[i];
}

static void sigmoid_backward_add_run(float *dx, const float *y, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) dx[i] += y[i] * (1 - y[i]) * dy[i];
}

static void swish_run(float *y, const float *x, const float *unused, int64_t count) {
    (void)unused;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float rest;
        y[i] = x[i] * hl_blas_sigmoid(x[i], &rest);
    }
}

/* s (1 + x (1 - s)), s the logistic function */
static inline float swish_slope(float x) {
    float rest, s = hl_blas_sigmoid(x, &rest);
    return s * (1 + x * rest);
}

static void swish_backward_run(float *dx, const float *x, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * swish_slope(x[i]);
}

static void swish_backward_add_run(float *dx, const float *x, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) dx[i] += dy[i] * swish_slope(x[i]);
}

void HL_BLAS(sigmoid_forward)(hl_context *hl, const hl_view *x, const hl_view *y) { HL_BLAS(run_all)(hl, sigmoid_run, y, x, NULL); }

void HL_BLAS(sigmoid_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate) {
    HL_BLAS(run_all)(hl, accumulate ? sigmoid_backward_add_run : sigmoid_backward_run, dx, y, dy);
}

void HL_BLAS(swish_forward)(hl_context *hl, const hl_view *x, const hl_view *y) { HL_BLAS(run_all)(hl, swish_run, y, x, NULL); }

void HL_BLAS(swish_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate) {
    HL_BLAS(run_all)(hl, accumulate ? swish_backward_add_run : swish_backward_run, dx, x, dy);
}
