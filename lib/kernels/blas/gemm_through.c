/* A 1x1 convolution's gradient to an input that is read through a norm and its activation: what the norm's backward pass takes of it is made
 * of each block of the product while that is in the first cache, and the gradient itself is never stored. */
#include "kernels/blas/gemm_through.h"

#include "kernels/blas/panels.h"
#include "kernels/blas/product.h"
#include "kernels/blas/through.h"

enum {
    MOST_ROWS = 507,  /* pixels of a piece at most, */
    LEAST_ROWS = 39,  /* and at least: multiples of 13, with AVX-512 a product's */
    PIECES = 32,      /* where pixels make so many */
    FEW_PIXELS = 512, /* up to so many are one piece's, which is cut over channels, */
    FEW_COLUMNS = 64, /* to so many; */
    COLUMNS = 128,    /* channels of a block; */
    DEPTH = 256,      /* of a product. All three are multiples of LANES */
};

typedef struct gemm_call {
    const hl_conv *conv;
    const hl_view *dout;
    through_call through;
    const float *packed;  /* the kernel in panels */
    float *sums, *memory; /* two a channel for each range of pixels; a worker's rows */
} gemm_call;

static int64_t range_pixels(const hl_conv *conv) {
    int64_t pixels = hl_conv_pixels(conv);
    return pixels <= FEW_PIXELS ? pixels : hl_blas_clamp(hl_blas_pieces(pixels, PIECES), LEAST_ROWS, MOST_ROWS);
}
static int64_t ranges_of(const hl_conv *conv) { return hl_blas_pieces(hl_conv_pixels(conv), range_pixels(conv)); }
static int piece_columns(const hl_conv *conv) { return hl_conv_pixels(conv) <= FEW_PIXELS ? FEW_COLUMNS : conv->in_c; }

static size_t packed_floats(const hl_conv *conv) {
    hl_conv turned = turned_conv(conv);
    return (size_t)HL_BLAS(kernel_floats)(&turned);
}
static size_t sums_floats(const hl_conv *conv) { return hl_blas_lines(ranges_of(conv) * 2 * conv->in_c); }
/* Groups of a product's rows in a block, so that one of few channels is worth the terms it reads. */
static int block_groups(const hl_conv *conv) { return COLUMNS / smaller(panels_of(conv->in_c) * LANES, COLUMNS); }
static size_t worker_floats(const hl_conv *conv) { return (size_t)panels_of(conv->out_c) * LANES * PRODUCT_ROWS * (size_t)block_groups(conv); }

size_t HL_BLAS(gemm_through_workspace)(const hl_conv *conv, int threads) {
    return (packed_floats(conv) + sums_floats(conv) + (size_t)threads * worker_floats(conv)) * sizeof(float);
}

/* Pixels of a block in panels, in groups of `step`. */
static void pack_groups(const gemm_call *call, const through_block *b, int step, float *to) {
    const hl_view *dout = call->dout;
    for (int r = 0; r < b->pixels; r += step, to += panels_of(dout->c) * step * LANES)
        HL_BLAS(pack_rows)(hl_blas_pixel(dout, b->first + r), dout->stride, smaller(step, b->pixels - r), dout->c, NULL, 0, 0, to);
}

/* The gradient of a block, `width` floats a pixel: its groups of dout in panels, times the kernel. */
static void multiply(const gemm_call *call, const through_block *b, int step, const float *rows, float *gradient, int width) {
    int depth = call->conv->out_c;
    const hl_segment *in = call->through.in;
    const hl_view *din = call->through.din;
    for (int r = 0; r < b->pixels; r += step, rows += panels_of(depth) * step * LANES) {
        int here = smaller(step, b->pixels - r);
        for (int k = 0; k < depth; k += DEPTH)
            HL_BLAS(product)(&(hl_product){.a = rows + (int64_t)k * here, .a_panel = here * LANES,
                             .b = call->packed + (int64_t)b->channel * depth + (int64_t)k * LANES, .b_panel = (int64_t)depth * LANES,
                             .c = gradient + r * width, .c_row = width, .c_panel = LANES, .rows = here, .panels = panels_of(b->count),
                             .depth = smaller(depth - k, DEPTH), .accumulate = k > 0,
                             .next = hl_blas_pixel(&in->view, b->first + r) + b->channel, .next_row = in->view.stride,
                             .after = hl_blas_pixel(din, b->first + r) + b->channel, .after_row = din->stride});
    }
}

/* A range of pixels, all channels or some. */
static void through_piece(void *arg, int64_t piece, int worker) {
    const gemm_call *call = arg;
    const hl_conv *conv = call->conv;
    int columns = piece_columns(conv), blocks = (int)hl_blas_pieces(conv->in_c, columns), from = (int)(piece % blocks) * columns;
    int64_t range = piece / blocks, first = range * range_pixels(conv), left = hl_conv_pixels(conv) - first;
    int end = conv->in_c - from < columns ? conv->in_c : from + columns;
    int pixels = (int)(left < range_pixels(conv) ? left : range_pixels(conv)), step = (int)hl_blas_pieces(pixels, hl_blas_pieces(pixels, PRODUCT_ROWS));
    int together = step * block_groups(conv);
    float *rows = call->memory + (size_t)worker * worker_floats(conv), *sums = call->sums + range * 2 * conv->in_c;
    memset(sums + from, 0, (size_t)(end - from) * sizeof *sums), memset(sums + conv->in_c + from, 0, (size_t)(end - from) * sizeof *sums);
    for (int r = 0; r < pixels; r += together) {
        float gradient[PRODUCT_ROWS * COLUMNS];
        through_block b = {.first = first + r, .pixels = smaller(together, pixels - r)};
        pack_groups(call, &b, step, rows);
        for (b.channel = from; b.channel < end; b.channel += COLUMNS) {
            b.count = smaller(end - b.channel, COLUMNS);
            int width = panels_of(b.count) * LANES;
            multiply(call, &b, step, rows, gradient, width);
            HL_BLAS(through)(&call->through, &b, gradient, width, sums);
        }
    }
}

void HL_BLAS(gemm_through)(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                           bool accumulate, double *sums, void *workspace) {
    float *packed = workspace;
    gemm_call call = {.conv = conv, .dout = dout, .through = {in, din, accumulate}, .packed = packed};
    call.sums = packed + packed_floats(conv), call.memory = call.sums + sums_floats(conv);
    hl_conv turned = turned_conv(conv);
    HL_BLAS(pack_kernel)(hl, &turned, kernel, true, packed);
    hl_parallel_for(hl, ranges_of(conv) * hl_blas_pieces(conv->in_c, piece_columns(conv)), through_piece, &call);
    HL_BLAS(through_total)(hl, call.sums, ranges_of(conv), 2 * conv->in_c, sums);
}
