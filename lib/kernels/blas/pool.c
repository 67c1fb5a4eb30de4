/* Max and average pooling, channels side by side. */
#include <string.h>

#include "kernels/blas/elementwise.h"
#include "kernels/blas/vector.h"

enum { CHANNELS = 64 }; /* looked at together, and a backward piece's */

typedef struct pool_call {
    const hl_pool *pool;
    const hl_view *x, *y, *dx; /* y: the output or its gradient */
    bool accumulate, average;
} pool_call;

/* The input pixel under a tap of the window of output (oy, ox), or -1 in the padding. */
static int64_t tap_pixel(const pool_call *call, int n, int oy, int ox, int tap) {
    const hl_pool *pool = call->pool;
    int y = oy * pool->stride_h - pool->pad_top + tap / pool->kw, x = ox * pool->stride_w - pool->pad_left + tap % pool->kw;
    if (y < 0 || y >= call->x->h || x < 0 || x >= call->x->w) return -1;
    return ((int64_t)n * call->x->h + y) * call->x->w + x;
}

static void larger(float *restrict best, const float *restrict x, int count) {
    for (int c = 0; c < count; c++) best[c] = x[c] > best[c] ? x[c] : best[c];
}

static const float zeros[CHANNELS];

/* Channels of an input pixel, which are widened to `room` where x is half; `half` is that, a constant. */
static inline const float *pixel_of(const hl_view *x, int64_t pixel, int channel, int count, bool half, float *room) {
    return half ? hl_blas_read(x, pixel, channel, count, room) : hl_blas_pixel(x, pixel) + channel;
}

/* The largest under the window, for `count` channels from `channel` on; 0 where it sees nothing. */
static inline __attribute__((always_inline)) void window_best(const pool_call *call, int n, int oy, int ox, int channel, int count, bool half,
                                                              float *best) {
    bool any = false;
    float room[CHANNELS];
    for (int tap = 0; tap < call->pool->kh * call->pool->kw; tap++) {
        int64_t pixel = tap_pixel(call, n, oy, ox, tap);
        if (pixel < 0 && !call->pool->zero_pad) continue;
        const float *x = pixel < 0 ? zeros : pixel_of(call->x, pixel, channel, count, half, room);
        if (any) larger(best, x, count);
        else memcpy(best, x, (size_t)count * sizeof *best);
        any = true;
    }
    if (!any) memset(best, 0, (size_t)count * sizeof *best);
}

static inline __attribute__((always_inline)) void largest_row(const pool_call *call, int64_t row, bool half) {
    const hl_view *y = call->y;
    for (int ox = 0; ox < y->w; ox++)
        for (int c = 0; c < y->c; c += CHANNELS) {
            float room[CHANNELS];
            int count = y->c - c < CHANNELS ? y->c - c : CHANNELS;
            window_best(call, (int)(row / y->h), (int)(row % y->h), ox, c, count, half, hl_blas_place(y, row * y->w + ox, c, room));
            hl_blas_keep(y, row * y->w + ox, c, count, room);
        }
}

static void forward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    if (call->x->half) largest_row(call, row, true);
    else largest_row(call, row, false);
}

/* Whether windows are 2 x 2 pixels that no other has: a row of them is then a piece both ways, and stays in registers. */
static bool is_halving(const hl_pool *pool, const hl_view *x, const hl_view *y) {
    return pool->kh == 2 && pool->kw == 2 && pool->stride_h == 2 && pool->stride_w == 2 && pool->pad_top == 0 && pool->pad_left == 0 && x->h == 2 * y->h &&
           x->w == 2 * y->w;
}

/* The elements of a window's pixels, of a map of which `row` is an output's. */
static inline void window_of(const hl_view *x, int64_t row, int ox, const void **pixels) {
    for (int tap = 0; tap < 4; tap++) pixels[tap] = hl_blas_cells(x, (2 * row + tap / 2) * x->w + 2 * ox + tap % 2);
}
static inline vector read_window(const void *const *pixels, int c, int count, bool half, vector *x) {
#pragma GCC unroll 4
    for (int tap = 0; tap < 4; tap++) x[tap] = cells_load_some(pixels[tap], c, count, half);
    return vector_larger(x[3], vector_larger(x[2], vector_larger(x[1], x[0])));
}

static inline __attribute__((always_inline)) void halve_row(const pool_call *call, int64_t row, bool half) {
    const hl_view *y = call->y;
    for (int ox = 0; ox < y->w; ox++) {
        const void *pixels[4];
        void *to = hl_blas_cells(y, row * y->w + ox);
        window_of(call->x, row, ox, pixels);
        for (int c = 0; c < y->c; c += LANES) {
            vector x[4], best = read_window(pixels, c, y->c - c, half, x);
            cells_store_some(to, c, best, y->c - c, y->half);
        }
    }
}
static void halving_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    if (call->x->half) halve_row(call, row, true);
    else halve_row(call, row, false);
}

/* As below: of a window's pixels the first that is the largest has the gradient. */
static inline __attribute__((always_inline)) void double_row(const pool_call *call, int64_t row, bool half, bool accumulate) {
    const hl_view *dy = call->y;
    for (int ox = 0; ox < dy->w; ox++) {
        const void *pixels[4], *targets[4];
        const float *gradient = hl_blas_pixel(dy, row * dy->w + ox);
        window_of(call->x, row, ox, pixels), window_of(call->dx, row, ox, targets);
        for (int c = 0; c < dy->c; c += LANES) {
            int count = dy->c - c;
            vector x[4], best = read_window(pixels, c, count, half, x), rest = vector_load_some(gradient + c, count);
#pragma GCC unroll 4
            for (int tap = 0; tap < 4; tap++) {
                float *dx = (float *)targets[tap] + c;
                vector share = vector_where_equal(x[tap], best, rest), there = accumulate ? vector_load_some(dx, count) : (vector){0};
                vector_store_some(dx, there + share, count);
                rest -= share;
            }
        }
    }
}
static void doubling_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    if (call->x->half) double_row(call, row, true, call->accumulate);
    else if (call->accumulate) double_row(call, row, false, true);
    else double_row(call, row, false, false);
}

void HL_BLAS(max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y) {
    pool_call call = {.pool = pool, .x = x, .y = y};
    hl_parallel_for(hl, (int64_t)y->n * y->h, is_halving(pool, x, y) ? halving_row : forward_row, &call);
}

/* The mean over the window of output (oy, ox) is its sum times this. */
static float window_share(const pool_call *call, int oy, int ox) {
    const hl_pool *pool = call->pool;
    int y = oy * pool->stride_h - pool->pad_top, x = ox * pool->stride_w - pool->pad_left;
    int64_t rows = hl_blas_clamp(y + pool->kh, 0, call->x->h) - hl_blas_clamp(y, 0, call->x->h);
    int64_t columns = hl_blas_clamp(x + pool->kw, 0, call->x->w) - hl_blas_clamp(x, 0, call->x->w);
    int64_t count = pool->zero_pad ? (int64_t)pool->kh * pool->kw : rows * columns;
    return count > 0 ? 1.f / (float)count : 1;
}

static void add(float *restrict to, const float *restrict x, int count) {
    for (int c = 0; c < count; c++) to[c] += x[c];
}

static void multiply(float *restrict to, const float *restrict x, float factor, int count) {
    for (int c = 0; c < count; c++) to[c] = x[c] * factor;
}

static inline __attribute__((always_inline)) void mean_row(const pool_call *call, int64_t row, bool half) {
    const hl_view *y = call->y;
    int n = (int)(row / y->h), oy = (int)(row % y->h);
    for (int ox = 0; ox < y->w; ox++)
        for (int c = 0; c < y->c; c += CHANNELS) {
            float sum[CHANNELS] = {0}, room[CHANNELS];
            int count = y->c - c < CHANNELS ? y->c - c : CHANNELS;
            for (int tap = 0; tap < call->pool->kh * call->pool->kw; tap++) {
                int64_t pixel = tap_pixel(call, n, oy, ox, tap);
                if (pixel >= 0) add(sum, pixel_of(call->x, pixel, c, count, half, room), count);
            }
            multiply(hl_blas_place(y, row * y->w + ox, c, room), sum, window_share(call, oy, ox), count);
            hl_blas_keep(y, row * y->w + ox, c, count, room);
        }
}

static void average_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    if (call->x->half) mean_row(call, row, true);
    else mean_row(call, row, false);
}

void HL_BLAS(average_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y) {
    pool_call call = {.pool = pool, .x = x, .y = y};
    hl_parallel_for(hl, (int64_t)y->n * y->h, average_row, &call);
}

/* Gives the gradient still to be given, `rest`, to a tap where it is the largest; later taps then find 0. */
static void give(float *restrict dx, float *restrict rest, const float *restrict best, const float *restrict x, int count) {
    for (int c = 0; c < count; c += LANES) {
        int lanes = count - c;
        vector left = vector_load_some(rest + c, lanes),
               share = vector_where_equal(vector_load_some(x + c, lanes), vector_load_some(best + c, lanes), left);
        vector_store_some(dx + c, vector_load_some(dx + c, lanes) + share, lanes);
        vector_store_some(rest + c, left - share, lanes);
    }
}

static inline __attribute__((always_inline)) void spread_largest(const pool_call *call, int n, int oy, int ox, int channel, int count,
                                                                 bool half) {
    float best[CHANNELS], rest[CHANNELS], room[CHANNELS], nowhere[CHANNELS] = {0};
    const hl_view *dy = call->y;
    window_best(call, n, oy, ox, channel, count, half, best);
    memcpy(rest, hl_blas_pixel(dy, ((int64_t)n * dy->h + oy) * dy->w + ox) + channel, (size_t)count * sizeof *rest);
    for (int tap = 0; tap < call->pool->kh * call->pool->kw; tap++) {
        int64_t pixel = tap_pixel(call, n, oy, ox, tap);
        if (pixel >= 0) give(hl_blas_pixel(call->dx, pixel) + channel, rest, best, pixel_of(call->x, pixel, channel, count, half, room), count);
        else if (call->pool->zero_pad) give(nowhere, rest, best, zeros, count);
    }
}

static void spread_evenly(const pool_call *call, int n, int oy, int ox, int channel, int count) {
    float share[CHANNELS];
    const hl_view *dy = call->y;
    multiply(share, hl_blas_pixel(dy, ((int64_t)n * dy->h + oy) * dy->w + ox) + channel, window_share(call, oy, ox), count);
    for (int tap = 0; tap < call->pool->kh * call->pool->kw; tap++) {
        int64_t pixel = tap_pixel(call, n, oy, ox, tap);
        if (pixel >= 0) add(hl_blas_pixel(call->dx, pixel) + channel, share, count);
    }
}

/* A piece is CHANNELS channels of one image: windows overlap, images and channels do not. */
static void backward_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const pool_call *call = arg;
    const hl_view *dx = call->dx, *dy = call->y;
    int blocks = (dx->c + CHANNELS - 1) / CHANNELS, n = (int)(piece / blocks), from = (int)(piece % blocks) * CHANNELS;
    int count = dx->c - from < CHANNELS ? dx->c - from : CHANNELS;
    int64_t image = (int64_t)n * dx->h * dx->w;
    for (int64_t p = 0; !call->accumulate && p < (int64_t)dx->h * dx->w; p++)
        memset(hl_blas_pixel(dx, image + p) + from, 0, (size_t)count * sizeof(float));
    for (int oy = 0; oy < dy->h; oy++)
        for (int ox = 0; ox < dy->w; ox++) {
            if (call->average) spread_evenly(call, n, oy, ox, from, count);
            else if (call->x->half) spread_largest(call, n, oy, ox, from, count, true);
            else spread_largest(call, n, oy, ox, from, count, false);
        }
}

void HL_BLAS(max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx,
                                bool accumulate) {
    pool_call call = {.pool = pool, .x = x, .y = dy, .dx = dx, .accumulate = accumulate};
    if (is_halving(pool, x, dy)) hl_parallel_for(hl, (int64_t)dy->n * dy->h, doubling_row, &call);
    else hl_parallel_for(hl, (int64_t)dx->n * hl_blas_pieces(dx->c, CHANNELS), backward_piece, &call);
}

void HL_BLAS(average_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *dy, const hl_view *dx, bool accumulate) {
    pool_call call = {.pool = pool, .x = dx, .y = dy, .dx = dx, .average = true, .accumulate = accumulate};
    hl_parallel_for(hl, (int64_t)dx->n * hl_blas_pieces(dx->c, CHANNELS), backward_piece, &call);
}
