/* The mean over a map, and maps times a factor per image and channel or per image: squeeze-excite and drop-connect. */
#include "kernels/ref/ref.h"

enum { BLOCK = 16 }; /* channels of a piece */

typedef struct scale_call {
    const hl_view *x, *s, *y, *dy, *dx, *ds;
    const double *factor;
    double pixels; /* of an image that is averaged */
    bool accumulate, accumulate_ds;
} scale_call;

/* A piece is up to BLOCK channels of one image. */
static int64_t pieces_of(const hl_view *map) { return (int64_t)map->n * ((map->c + BLOCK - 1) / BLOCK); }
static int piece_image(const hl_view *map, int64_t piece) { return (int)(piece / ((map->c + BLOCK - 1) / BLOCK)); }
static int piece_start(const hl_view *map, int64_t piece) { return (int)(piece % ((map->c + BLOCK - 1) / BLOCK)) * BLOCK; }
static int piece_end(const hl_view *map, int64_t piece) {
    int end = piece_start(map, piece) + BLOCK;
    return end < map->c ? end : map->c;
}

static void average_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const scale_call *call = arg;
    int n = piece_image(call->x, piece);
    int64_t pixels = (int64_t)call->x->h * call->x->w;
    for (int c = piece_start(call->x, piece); c < piece_end(call->x, piece); c++) {
        const real *x = pixel_at(call->x, n, 0, 0) + c;
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++) sum += (double)x[i * call->x->stride];
        pixel_at(call->y, n, 0, 0)[c] = (real)(sum / call->pixels);
    }
}

void HL_REF(global_average_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    scale_call call = {.x = x, .y = y, .pixels = (double)x->h * x->w};
    hl_parallel_for(hl, pieces_of(x), average_piece, &call);
}

void HL_REF(global_average_of_rows)(hl_context *hl, const hl_view *x, const void *row_sums, const hl_view *y) {
    hl_view rows = {.data = (void *)(uintptr_t)row_sums, .n = x->n, .h = x->h, .w = 1, .c = x->c, .stride = x->c}; /* only read */
    scale_call call = {.x = &rows, .y = y, .pixels = (double)x->h * x->w};
    hl_parallel_for(hl, pieces_of(&rows), average_piece, &call);
}

static void average_backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const scale_call *call = arg;
    const real *dy = pixel_at(call->dy, (int)(row / call->dx->h), 0, 0);
    real share = (real)(1 / ((double)call->dx->h * call->dx->w));
    for (int i = 0; i < call->dx->w; i++) {
        real *dx = row_at(call->dx, row) + i * call->dx->stride;
        for (int c = 0; c < call->dx->c; c++) dx[c] = (call->accumulate ? dx[c] : 0) + dy[c] * share;
    }
}

void HL_REF(global_average_backward)(hl_context *hl, const hl_view *dy, const hl_view *dx, bool accumulate) {
    scale_call call = {.dy = dy, .dx = dx, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(dx), average_backward_row, &call);
}

/* y (+)= x s, s the same for all pixels of an image. */
static void scale_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const scale_call *call = arg;
    int n = (int)(row / call->x->h);
    const real *s = call->s ? pixel_at(call->s, n, 0, 0) : NULL;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        for (int c = 0; c < call->x->c; c++) {
            real scaled = x[c] * (s ? s[c] : (real)call->factor[n]);
            y[c] = call->accumulate ? y[c] + scaled : scaled;
        }
    }
}

void HL_REF(channel_scale_forward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *y) {
    scale_call call = {.x = x, .s = s, .y = y};
    hl_parallel_for(hl, rows_of(x), scale_row, &call);
}

static void scale_products_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const scale_call *call = arg;
    int n = piece_image(call->x, piece);
    int64_t pixels = (int64_t)call->x->h * call->x->w;
    for (int c = piece_start(call->x, piece); c < piece_end(call->x, piece); c++) {
        const real *x = pixel_at(call->x, n, 0, 0) + c, *dy = pixel_at(call->dy, n, 0, 0) + c;
        real *ds = pixel_at(call->ds, n, 0, 0) + c;
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++) sum += (double)x[i * call->x->stride] * (double)dy[i * call->dy->stride];
        *ds = (real)(call->accumulate_ds ? (double)*ds + sum : sum);
    }
}

void HL_REF(channel_scale_backward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *dy, const hl_view *dx,
                                    bool accumulate_dx, const hl_view *ds, bool accumulate_ds) {
    scale_call products = {.x = x, .dy = dy, .ds = ds, .accumulate_ds = accumulate_ds};
    if (ds->data) hl_parallel_for(hl, pieces_of(x), scale_products_piece, &products); /* before dx, which may be dy's memory */
    scale_call call = {.x = dy, .s = s, .y = dx, .accumulate = accumulate_dx};
    if (dx->data) hl_parallel_for(hl, rows_of(dy), scale_row, &call);
}

void HL_REF(image_scale)(hl_context *hl, const double *factor, const hl_view *x, const hl_view *y, bool accumulate) {
    scale_call call = {.x = x, .factor = factor, .y = y, .accumulate = accumulate};
    hl_parallel_for(hl, rows_of(x), scale_row, &call);
}
