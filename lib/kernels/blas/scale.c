/* The mean over a map, and maps times a factor per image and channel or per image: squeeze-excite and drop-connect. */
#include "kernels/blas/elementwise.h"

enum {
    PIECE_FLOATS = 1 << 14, /* of a map that is scaled */
    BLOCK_PIXELS = 64,      /* summed in float, then in double, */
    CHANNELS = 64,          /* so many channels side by side; */
    FEW_CHANNELS = 16,      /* so many where there would else be fewer */
    PIECES = 16,            /* than so many pieces */
};

/* y (+)= x s, or x factor, or s factor: what is not NULL of x and s; a factor for each image or one for all. Or the sums over
 * an image's pixels of x s, or x factor. */
typedef struct scale_call {
    const hl_view *y, *x, *s; /* s: n x 1 x 1 x c where scaled by, a map where summed with */
    const double *factors;
    double factor;
    bool accumulate;
    int64_t pixels; /* of a piece that is scaled */
    int channels;   /* of a piece that is summed */
} scale_call;

static int64_t image_pixels(const hl_view *map) { return (int64_t)map->h * map->w; }

/* y (+)= a b, or a factor without b */
static void multiply(float *y, const float *a, const float *b, float factor, int count, bool accumulate) {
    if (b) {
#pragma omp simd
        for (int c = 0; c < count; c++) y[c] = accumulate ? y[c] + a[c] * b[c] : a[c] * b[c];
        return;
    }
#pragma omp simd
    for (int c = 0; c < count; c++) y[c] = accumulate ? y[c] + a[c] * factor : a[c] * factor;
}

/* A pixel where x or y is half. */
static void multiply_halves(const hl_view *y, const hl_view *x, int64_t pixel, const float *s, float factor) {
    const void *from = hl_blas_cells(x, pixel);
    void *to = hl_blas_cells(y, pixel);
    for (int c = 0; c < y->c; c += LANES) {
        vector times = s ? vector_load_some(s + c, y->c - c) : vector_of(factor);
        cells_store_some(to, c, cells_load_some(from, c, y->c - c, x->half) * times, y->c - c, y->half);
    }
}

/* A piece is some pixels of one image. */
static void scale_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const scale_call *call = arg;
    const hl_view *y = call->y;
    int64_t pieces = hl_blas_pieces(image_pixels(y), call->pixels), image = piece / pieces, first = piece % pieces * call->pixels;
    int64_t left = image_pixels(y) - first, end = image * image_pixels(y) + first + (left < call->pixels ? left : call->pixels);
    const float *s = call->s ? hl_blas_pixel(call->s, image) : NULL;
    float factor = (float)(call->factors ? call->factors[image] : call->factor);
    bool half = call->x && (call->x->half || y->half);
    for (int64_t p = image * image_pixels(y) + first; half && p < end; p++) multiply_halves(y, call->x, p, s, factor);
    for (int64_t p = image * image_pixels(y) + first; !half && p < end; p++) {
        const float *x = call->x ? hl_blas_pixel(call->x, p) : NULL;
        multiply(hl_blas_pixel(y, p), x ? x : s, x ? s : NULL, factor, y->c, call->accumulate);
    }
}

static void scale_all(hl_context *hl, scale_call *call) {
    call->pixels = hl_blas_pieces(PIECE_FLOATS, call->y->c);
    hl_parallel_for(hl, call->y->n * hl_blas_pieces(image_pixels(call->y), call->pixels), scale_piece, call);
}

static void add(float *restrict sum, const float *restrict x, int count) {
    for (int c = 0; c < count; c++) sum[c] += x[c];
}

static void add_product(float *restrict sum, const float *restrict x, const float *restrict s, int count) {
    for (int c = 0; c < count; c++) sum[c] += x[c] * s[c];
}

/* The sums over pixels first .. end, added to zeros. */
static void sum_floats(const scale_call *call, int64_t first, int64_t end, int64_t from, int count, float *sum) {
    for (int64_t p = first; p < end; p++) {
        const float *x = hl_blas_pixel(call->x, p) + from;
        if (call->s) add_product(sum, x, hl_blas_pixel(call->s, p) + from, count);
        else add(sum, x, count);
    }
}

/* The same where x is half. */
static void sum_halves(const scale_call *call, int64_t first, int64_t end, int64_t from, int count, float *sum) {
    for (int c = 0; c < count; c += LANES) {
        vector v = {0};
        for (int64_t p = first; p < end; p++) {
            vector x = cells_load_some(hl_blas_cells(call->x, p), from + c, count - c, true);
            v = call->s ? v + x * vector_load_some(hl_blas_pixel(call->s, p) + from + c, count - c) : v + x;
        }
        vector_store_some(sum + c, v, count - c);
    }
}

/* A piece is some channels of one image. */
static void sum_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const scale_call *call = arg;
    int64_t blocks = hl_blas_pieces(call->x->c, call->channels), image = piece / blocks, from = piece % blocks * call->channels;
    int count = (int)(call->x->c - from < call->channels ? call->x->c - from : call->channels);
    int64_t first = image * image_pixels(call->x), end = first + image_pixels(call->x);
    double total[CHANNELS] = {0};
    for (int64_t block = first; block < end; block += BLOCK_PIXELS) {
        float sum[CHANNELS] = {0};
        int64_t until = end < block + BLOCK_PIXELS ? end : block + BLOCK_PIXELS;
        if (call->x->half) sum_halves(call, block, until, from, count, sum);
        else sum_floats(call, block, until, from, count, sum);
        for (int c = 0; c < count; c++) total[c] += (double)sum[c];
    }
    float *y = hl_blas_pixel(call->y, image) + from;
    for (int c = 0; c < count; c++) y[c] = (float)((call->accumulate ? (double)y[c] : 0) + total[c] * call->factor);
}

static void sum_all(hl_context *hl, scale_call *call) {
    call->channels = call->x->n * hl_blas_pieces(call->x->c, CHANNELS) < PIECES ? FEW_CHANNELS : CHANNELS;
    hl_parallel_for(hl, call->x->n * hl_blas_pieces(call->x->c, call->channels), sum_piece, call);
}

void HL_BLAS(global_average_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    scale_call call = {.y = y, .x = x, .factor = 1 / (double)image_pixels(x)};
    sum_all(hl, &call);
}

/* So few numbers are not worth a job. */
void HL_BLAS(global_average_of_rows)(hl_context *hl, const hl_view *x, const void *row_sums, const hl_view *y) {
    (void)hl;
    hl_view rows = {.data = (void *)(uintptr_t)row_sums, .n = x->n, .h = x->h, .w = 1, .c = x->c, .stride = x->c}; /* only read */
    scale_call call = {.y = y, .x = &rows, .factor = 1 / (double)image_pixels(x), .channels = CHANNELS};
    for (int64_t piece = 0; piece < x->n * hl_blas_pieces(x->c, CHANNELS); piece++) sum_piece(&call, piece, 0);
}

void HL_BLAS(global_average_backward)(hl_context *hl, const hl_view *dy, const hl_view *dx, bool accumulate) {
    scale_call call = {.y = dx, .s = dy, .factor = 1 / (double)image_pixels(dx), .accumulate = accumulate};
    scale_all(hl, &call);
}

void HL_BLAS(channel_scale_forward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *y) {
    scale_call call = {.y = y, .x = x, .s = s};
    scale_all(hl, &call);
}

void HL_BLAS(channel_scale_backward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *dy, const hl_view *dx,
                                     bool accumulate_dx, const hl_view *ds, bool accumulate_ds) {
    scale_call products = {.y = ds, .x = x, .s = dy, .factor = 1, .accumulate = accumulate_ds};
    if (ds->data) sum_all(hl, &products); /* before dx, which may be dy's memory */
    scale_call call = {.y = dx, .x = dy, .s = s, .accumulate = accumulate_dx};
    if (dx->data) scale_all(hl, &call);
}

void HL_BLAS(image_scale)(hl_context *hl, const double *factor, const hl_view *x, const hl_view *y, bool accumulate) {
    scale_call call = {.y = y, .x = x, .factors = factor, .accumulate = accumulate};
    scale_all(hl, &call);
}
