/* Max and average pooling. */
#include "kernels/ref/ref.h"

enum { BLOCK = 16 }; /* channels of a backward piece */

typedef struct pool_call {
    const hl_pool *pool;
    const hl_view *x, *y, *dy, *dx;
    bool accumulate, average;
} pool_call;

/* The element of channel c under a tap of the window of output (oy, ox), or NULL in the padding. */
static real *tap_at(const hl_pool *pool, const hl_view *map, int n, int oy, int ox, int tap, int c) {
    int y = oy * pool->stride_h - pool->pad_top + tap / pool->kw, x = ox * pool->stride_w - pool->pad_left + tap % pool->kw;
    return y < 0 || y >= map->h || x < 0 || x >= map->w ? NULL : pixel_at(map, n, y, x) + c;
}

/* The first largest tap in row order, or -1 where the window sees nothing; *value gets what it holds. */
static int largest_tap(const hl_pool *pool, const hl_view *x, int n, int oy, int ox, int c, real *value) {
    int best = -1;
    *value = 0;
    for (int tap = 0; tap < pool->kh * pool->kw; tap++) {
        const real *at = tap_at(pool, x, n, oy, ox, tap, c);
        if (!at && !pool->zero_pad) continue;
        real v = at ? *at : 0;
        if (best < 0 || v > *value) best = tap, *value = v;
    }
    return best;
}

/* The mean over the window of an output pixel divides by this. */
static int window_size(const hl_pool *pool, const hl_view *map, int oy, int ox) {
    if (pool->zero_pad) return pool->kh * pool->kw;
    int inside = 0;
    for (int tap = 0; tap < pool->kh * pool->kw; tap++) inside += tap_at(pool, map, 0, oy, ox, tap, 0) != NULL;
    return inside ? inside : 1;
}

static void max_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    int n = (int)(row / call->y->h), oy = (int)(row % call->y->h);
    for (int ox = 0; ox < call->y->w; ox++)
        for (int c = 0; c < call->y->c; c++) largest_tap(call->pool, call->x, n, oy, ox, c, pixel_at(call->y, n, oy, ox) + c);
}

void HL_REF(max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y) {
    pool_call call = {.pool = pool, .x = x, .y = y};
    hl_parallel_for(hl, rows_of(y), max_row, &call);
}

static void average_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const pool_call *call = arg;
    int n = (int)(row / call->y->h), oy = (int)(row % call->y->h);
    for (int ox = 0; ox < call->y->w; ox++) {
        int count = window_size(call->pool, call->x, oy, ox);
        for (int c = 0; c < call->y->c; c++) {
            double sum = 0;
            for (int tap = 0; tap < call->pool->kh * call->pool->kw; tap++) {
                const real *at = tap_at(call->pool, call->x, n, oy, ox, tap, c);
                if (at) sum += (double)*at;
            }
            pixel_at(call->y, n, oy, ox)[c] = (real)(sum / count);
        }
    }
}

void HL_REF(average_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y) {
    pool_call call = {.pool = pool, .x = x, .y = y};
    hl_parallel_for(hl, rows_of(y), average_row, &call);
}

/* Gives one output's gradient to the inputs of its window. */
static void spread(const pool_call *call, int n, int oy, int ox, int c) {
    const hl_pool *pool = call->pool;
    real dy = pixel_at(call->dy, n, oy, ox)[c], value;
    if (!call->average) {
        int tap = largest_tap(pool, call->x, n, oy, ox, c, &value);
        real *dx = tap < 0 ? NULL : tap_at(pool, call->dx, n, oy, ox, tap, c);
        if (dx) *dx += dy;
        return;
    }
    real share = dy / (real)window_size(pool, call->dx, oy, ox);
    for (int tap = 0; tap < pool->kh * pool->kw; tap++) {
        real *dx = tap_at(pool, call->dx, n, oy, ox, tap, c);
        if (dx) *dx += share;
    }
}

/* A piece is BLOCK channels of one image: windows overlap, images and channels do not. */
static void backward_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const pool_call *call = arg;
    const hl_view *dx = call->dx, *dy = call->dy;
    int blocks = (dx->c + BLOCK - 1) / BLOCK, n = (int)(piece / blocks), from = (int)(piece % blocks) * BLOCK;
    int to = from + BLOCK < dx->c ? from + BLOCK : dx->c;
    if (!call->accumulate)
        for (int y = 0; y < dx->h; y++)
            for (int x = 0; x < dx->w; x++)
                for (int c = from; c < to; c++) pixel_at(dx, n, y, x)[c] = 0;
    for (int oy = 0; oy < dy->h; oy++)
        for (int ox = 0; ox < dy->w; ox++)
            for (int c = from; c < to; c++) spread(call, n, oy, ox, c);
}

void HL_REF(max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx,
                               bool accumulate) {
    pool_call call = {.pool = pool, .x = x, .dy = dy, .dx = dx, .accumulate = accumulate};
    hl_parallel_for(hl, (int64_t)dx->n * ((dx->c + BLOCK - 1) / BLOCK), backward_piece, &call);
}

void HL_REF(average_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *dy, const hl_view *dx, bool accumulate) {
    pool_call call = {.pool = pool, .dy = dy, .dx = dx, .accumulate = accumulate, .average = true};
    hl_parallel_for(hl, (int64_t)dx->n * ((dx->c + BLOCK - 1) / BLOCK), backward_piece, &call);
}
