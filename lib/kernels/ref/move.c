/* Moving maps about: nearest upsampling, copies between strides, sums. */
#include "kernels/ref/ref.h"

typedef struct move_call {
    int up;
    const hl_view *a, *b, *y;
    bool accumulate;
} move_call;

static void upsample_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const move_call *call = arg;
    int n = (int)(row / call->y->h), y = (int)(row % call->y->h);
    for (int x = 0; x < call->y->w; x++)
        for (int c = 0; c < call->y->c; c++) pixel_at(call->y, n, y, x)[c] = pixel_at(call->a, n, y >> call->up, x >> call->up)[c];
}

void HL_REF(upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y) {
    move_call call = {.up = up, .a = x, .y = y};
    hl_parallel_for(hl, rows_of(y), upsample_row, &call);
}

static void upsample_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const move_call *call = arg;
    int n = (int)(row / call->y->h), y = (int)(row % call->y->h), size = 1 << call->up;
    for (int x = 0; x < call->y->w; x++)
        for (int c = 0; c < call->y->c; c++) {
            real sum = 0, *dx = pixel_at(call->y, n, y, x) + c;
            for (int i = 0; i < size * size; i++) sum += pixel_at(call->a, n, y * size + i / size, x * size + i % size)[c];
            *dx = call->accumulate ? *dx + sum : sum;
        }
}

void HL_REF(upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate) {
    move_call call = {.up = up, .a = dy, .y = dx, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(dx), upsample_backward_row, &call);
}

static void copy_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const move_call *call = arg;
    for (int i = 0; i < call->a->w; i++) {
        const real *x = row_at(call->a, row) + i * call->a->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->a->c; c++) y[c] = call->accumulate ? y[c] + x[c] : x[c];
    }
}

void HL_REF(copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate) {
    move_call call = {.a = x, .y = y, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(x), copy_row, &call);
}

static void add_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const move_call *call = arg;
    for (int i = 0; i < call->a->w; i++) {
        const real *a = row_at(call->a, row) + i * call->a->stride, *b = row_at(call->b, row) + i * call->b->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->a->c; c++) y[c] = a[c] + b[c];
    }
}

void HL_REF(add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y) {
    move_call call = {.a = a, .b = b, .y = y};
    hl_parallel_for(hl, rows_of(a), add_row, &call);
}
