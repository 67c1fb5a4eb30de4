/* ReLU, sums, copies and nearest upsampling: contiguous runs over pieces of a fixed size. */
#include <string.h>

#include "kernels/blas/elementwise.h"

enum { PIECE_FLOATS = 1 << 14, CHUNK = 512 /* of a half map, in float on the stack */ };

typedef struct run_call {
    hl_blas_run *run;
    const hl_view *y, *a, *b; /* b may be NULL */
    bool dense;               /* no gaps between pixels: a piece is one run */
    int64_t pixels;           /* of a piece */
} run_call;

static void copy_run(float *y, const float *x, const float *unused, int64_t count) {
    (void)unused;
    memcpy(y, x, (size_t)count * sizeof *y);
}

/* `count` elements side by side, of maps of which some may be half. */
static void copy_cells(const hl_view *to, int64_t pixel, const hl_view *from, int64_t source, int64_t count) {
    if (to->half == from->half) memcpy(hl_blas_cells(to, pixel), hl_blas_cells(from, source), (size_t)count * (to->half ? 2 : sizeof(float)));
    else if (to->half) hl_blas_keep(to, pixel, 0, count, hl_blas_pixel(from, source));
    else hl_blas_read(from, source, 0, count, hl_blas_pixel(to, pixel));
}

/* A run over maps of which some are half. */
static void run_chunks(const run_call *call, int64_t pixel, int64_t length) {
    if (call->run == copy_run) {
        copy_cells(call->y, pixel, call->a, pixel, length);
        return;
    }
    float rooms[3][CHUNK];
    for (int64_t at = 0; at < length; at += CHUNK) {
        int64_t count = length - at < CHUNK ? length - at : CHUNK;
        const float *a = hl_blas_read(call->a, pixel, at, count, rooms[0]);
        const float *b = call->b ? hl_blas_read(call->b, pixel, at, count, rooms[1]) : NULL;
        call->run(hl_blas_place(call->y, pixel, at, rooms[2]), a, b, count);
        hl_blas_keep(call->y, pixel, at, count, rooms[2]);
    }
}

static void run_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const run_call *call = arg;
    int64_t first = piece * call->pixels, left = hl_view_pixels(call->y) - first, count = left < call->pixels ? left : call->pixels;
    int64_t runs = call->dense ? 1 : count, length = call->dense ? count * call->y->c : call->y->c;
    bool half = call->y->half || call->a->half || (call->b && call->b->half);
    for (int64_t p = first; half && p < first + runs; p++) run_chunks(call, p, length);
    for (int64_t p = first; !half && p < first + runs; p++)
        call->run(hl_blas_pixel(call->y, p), hl_blas_pixel(call->a, p), call->b ? hl_blas_pixel(call->b, p) : NULL, length);
}

void HL_BLAS(run_all)(hl_context *hl, hl_blas_run *run, const hl_view *y, const hl_view *a, const hl_view *b) {
    bool dense = y->stride == y->c && a->stride == y->c && (!b || b->stride == y->c);
    run_call call = {run, y, a, b, dense, hl_blas_pieces(PIECE_FLOATS, y->c)};
    hl_parallel_for(hl, hl_blas_pieces(hl_view_pixels(y), call.pixels), run_piece, &call);
}

static void relu_run(float *y, const float *x, const float *unused, int64_t count) {
    (void)unused;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* a NaN stays one */
}

static void relu_backward_run(float *dx, const float *y, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float d = dy[i];
        dx[i] = y[i] > 0 ? d : 0;
    }
}

static void relu_backward_add_run(float *dx, const float *y, const float *dy, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float d = dy[i];
        dx[i] += y[i] > 0 ? d : 0;
    }
}

static void add_run(float *y, const float *a, const float *b, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

void HL_BLAS(relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y) { HL_BLAS(run_all)(hl, relu_run, y, x, NULL); }

void HL_BLAS(relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate) {
    HL_BLAS(run_all)(hl, accumulate ? relu_backward_add_run : relu_backward_run, dx, y, dy);
}

void HL_BLAS(copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate) {
    if (accumulate) HL_BLAS(run_all)(hl, add_run, y, y, x);
    else HL_BLAS(run_all)(hl, copy_run, y, x, NULL);
}

void HL_BLAS(add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y) { HL_BLAS(run_all)(hl, add_run, y, a, b); }

typedef struct upsample_call {
    int up;
    const hl_view *small, *large;
    bool accumulate;
} upsample_call;

/* A row of the large map. */
static void upsample_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const upsample_call *call = arg;
    const hl_view *large = call->large, *small = call->small;
    int64_t n = row / large->h, y = row % large->h;
    bool half = large->half || small->half;
    for (int x = 0; x < large->w; x++) {
        int64_t to = row * large->w + x, from = (n * small->h + (y >> call->up)) * small->w + (x >> call->up);
        if (half) copy_cells(large, to, small, from, large->c);
        else memcpy(hl_blas_pixel(large, to), hl_blas_pixel(small, from), (size_t)large->c * sizeof(float));
    }
}

void HL_BLAS(upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y) {
    upsample_call call = {.up = up, .small = x, .large = y};
    hl_parallel_for(hl, (int64_t)y->n * y->h, upsample_row, &call);
}

/* A row of the small map: each pixel is the sum of the 2^up x 2^up it went to. */
static void upsample_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const upsample_call *call = arg;
    const hl_view *large = call->large, *small = call->small;
    int size = 1 << call->up;
    for (int x = 0; x < small->w; x++) {
        float *restrict dx = hl_blas_pixel(small, row * small->w + x);
        for (int i = 0; i < size * size; i++) {
            const float *restrict dy = hl_blas_pixel(large, (row * size + i / size) * large->w + (int64_t)x * size + i % size);
            if (i == 0 && !call->accumulate) memcpy(dx, dy, (size_t)small->c * sizeof *dx);
            else
                for (int c = 0; c < small->c; c++) dx[c] += dy[c];
        }
    }
}

void HL_BLAS(upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate) {
    upsample_call call = {.up = up, .small = dx, .large = dy, .accumulate = accumulate};
    hl_parallel_for(hl, (int64_t)dx->n * dx->h, upsample_backward_row, &call);
}
