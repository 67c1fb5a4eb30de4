/* ReLU and the logistic function with their derivatives from the output, swish with its own from the input. */
#include <math.h>

#include "kernels/ref/ref.h"

typedef struct activation_call {
    const hl_view *x, *y, *dy, *dx;
    bool accumulate;
} activation_call;

static void relu_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->x->c; c++) y[c] = x[c] < 0 ? 0 : x[c]; /* a NaN stays one */
    }
}

void HL_REF(relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    activation_call call = {.x = x, .y = y};
    hl_parallel_for(hl, rows_of(x), relu_row, &call);
}

static void relu_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->y->w; i++) {
        const real *y = row_at(call->y, row) + i * call->y->stride, *dy = row_at(call->dy, row) + i * call->dy->stride;
        real *dx = row_at(call->dx, row) + i * call->dx->stride;
        for (int c = 0; c < call->y->c; c++) {
            real d = y[c] > 0 ? dy[c] : 0;
            dx[c] = call->accumulate ? dx[c] + d : d;
        }
    }
}

void HL_REF(relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate) {
    activation_call call = {.y = y, .dy = dy, .dx = dx, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(y), relu_backward_row, &call);
}

static void sigmoid_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->x->c; c++) y[c] = (real)(1 / (1 + exp(-(double)x[c])));
    }
}

void HL_REF(sigmoid_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    activation_call call = {.x = x, .y = y};
    hl_parallel_for(hl, rows_of(x), sigmoid_row, &call);
}

static void sigmoid_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->y->w; i++) {
        const real *y = row_at(call->y, row) + i * call->y->stride, *dy = row_at(call->dy, row) + i * call->dy->stride;
        real *dx = row_at(call->dx, row) + i * call->dx->stride;
        for (int c = 0; c < call->y->c; c++) {
            real d = y[c] * (1 - y[c]) * dy[c];
            dx[c] = call->accumulate ? dx[c] + d : d;
        }
    }
}

void HL_REF(sigmoid_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate) {
    activation_call call = {.y = y, .dy = dy, .dx = dx, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(y), sigmoid_backward_row, &call);
}

static real logistic(real x) { return (real)(1 / (1 + exp(-(double)x))); }

static void swish_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->x->c; c++) y[c] = x[c] * logistic(x[c]);
    }
}

void HL_REF(swish_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    activation_call call = {.x = x, .y = y};
    hl_parallel_for(hl, rows_of(x), swish_row, &call);
}

/* d/dx x s(x) = s (1 + x (1 - s)) */
static void swish_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const activation_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride, *dy = row_at(call->dy, row) + i * call->dy->stride;
        real *dx = row_at(call->dx, row) + i * call->dx->stride;
        for (int c = 0; c < call->x->c; c++) {
            real s = logistic(x[c]), d = dy[c] * s * (1 + x[c] * (1 - s));
            dx[c] = call->accumulate ? dx[c] + d : d;
        }
    }
}

void HL_REF(swish_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate) {
    activation_call call = {.x = x, .dy = dy, .dx = dx, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(x), swish_backward_row, &call);
}
