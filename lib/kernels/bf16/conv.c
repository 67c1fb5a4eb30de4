/* Convolution of bf16 numbers, at stride 1 and without groups: forward and backward to the data. Inputs are read, through whatever stands before them, into rows
 * of bf16 numbers; a tile's rows are then neighbouring output pixels and its depth a run over the taps of a kernel's row. The output is walked as if it
 * were as wide as these rows, so that no tile ends with a row of the map. */
#include "kernels/bf16/conv.h"

#include "kernels/bf16/cells.h"
#include "kernels/blas/gemm_through.h"
#include "kernels/blas/moments.h"
#include "kernels/blas/normed.h"
#include "kernels/blas/rows.h"
#include "kernels/blas/through.h"

enum {
    BUFFER_CELLS = 320 << 10, /* of a worker's rows, if one output row needs no more */
    RUN_FLOATS = 4 << 10,     /* of them at a time in float, if one pixel has no more */
    PIECES = 32,              /* where rows make so many, */
    LARGE_PIECES = 16,        /* or with a kernel of more than LARGE_CELLS, which each piece reads, so many; */
    LARGE_CELLS = 512 << 10,
    WHOLE_POSITIONS = 320,    /* images of no more go as they are: of a few rows much of the last block is of no use, and rows around them are read too */
    FEW_PIECES = 16,          /* where they do not make so many, output channels are cut too */
    LEAST_CHANNELS = 8,
    CHANNELS = 64,            /* output channels of a block of sums; its pixels are POSITIONS */
};

typedef struct conv_call {
    const bf16_products *products;
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const uint16_t *packed;
    const float *bias;
    const hl_finish *finish;
    const hl_view *out;
    bool accumulate;
    const through_call *through; /* NULL: the output is stored */
    float *sums;                 /* of each range moments, or of each band what goes through; NULL: not wanted */
    char *memory;
} conv_call;

/* A piece: some rows of an image, some groups of output channels. */
static int row_pixels(const hl_conv *conv) { return conv->out_w - 1 + conv->kw; }
static int64_t row_cells(const hl_conv *conv) { return (int64_t)row_pixels(conv) * conv->in_c; }
static int piece_rows(const hl_conv *conv) {
    int64_t pieces = bf16_kernel_cells(conv) > LARGE_CELLS ? LARGE_PIECES : PIECES, room = BUFFER_CELLS / row_cells(conv) - conv->kh + 1;
    int64_t share = hl_blas_pieces((int64_t)conv->n * conv->out_h, pieces);
    int64_t least = hl_blas_pieces(POSITIONS, conv->out_w), rows = hl_blas_clamp(share < room ? share : room, least, conv->out_h);
    bool whole = (int64_t)conv->out_h * row_pixels(conv) <= WHOLE_POSITIONS;
    return whole ? conv->out_h : (int)hl_blas_clamp(rows, 1, conv->out_h);
}
static int row_pieces(const hl_conv *conv) { return (int)hl_blas_pieces(conv->out_h, piece_rows(conv)); }
static int group_slices(const hl_conv *conv) {
    int64_t wanted = hl_blas_pieces(FEW_PIECES, (int64_t)conv->n * row_pieces(conv)), most = hl_blas_pieces(conv->out_c, CHANNELS);
    return (int)(wanted < most ? wanted : most);
}
static int slice_groups(const hl_conv *conv) { return (int)hl_blas_pieces(hl_blas_pieces(conv->out_c, CHANNELS), group_slices(conv)) * (CHANNELS / TILE); }

/* Ranges of the moments: a piece's rows, or single ones where these do not fill the map. */
static int range_rows(const hl_conv *conv) { return conv->out_h % piece_rows(conv) ? 1 : piece_rows(conv); }
static int64_t ranges_of(const hl_conv *conv) { return (int64_t)conv->n * (conv->out_h / range_rows(conv)); }

/* The last tile reads on past the last row. */
static int64_t buffer_cells(const hl_conv *conv) {
    int64_t rows = piece_rows(conv) + conv->kh - 1, slack = (int64_t)(POSITIONS + conv->kw) * conv->in_c + 2 * DEPTH;
    return hl_blas_pieces(rows * row_cells(conv) + slack, DEPTH) * DEPTH;
}
static int run_pixels(const hl_conv *conv) { return (int)hl_blas_clamp(RUN_FLOATS / conv->in_c, 1, row_pixels(conv)); }
static size_t run_floats(const hl_conv *conv) { return hl_blas_lines((int64_t)run_pixels(conv) * conv->in_c); }
static size_t worker_bytes(const hl_conv *conv) { return run_floats(conv) * sizeof(float) + (size_t)buffer_cells(conv) * sizeof(uint16_t); }
static size_t packed_bytes(const hl_conv *conv) { return (size_t)bf16_kernel_cells(conv) * sizeof(uint16_t); }
static int64_t bands_of(const hl_conv *conv) { return (int64_t)conv->n * row_pieces(conv); }
static size_t sums_bytes(const hl_conv *conv) {
    int64_t moments = ranges_of(conv) * hl_moments_floats(conv->out_c), through = bands_of(conv) * 2 * conv->out_c;
    return hl_blas_lines(moments > through ? moments : through) * sizeof(float);
}

size_t hl_bf16_workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_WEIGHTS) return hl_bf16_weights_workspace(conv, threads);
    hl_conv turned = turned_conv(conv);
    const hl_conv *of = pass == HL_FORWARD ? conv : &turned;
    return packed_bytes(of) + sums_bytes(of) + (size_t)threads * worker_bytes(of);
}

/* An image's few channels, and the few a net ends in, are left to kernels in float: there rounding is felt most, and time is spent least. */
bool hl_bf16_fits(const hl_conv *conv) {
    return conv->groups == 1 && conv->stride_h == 1 && conv->stride_w == 1 && conv->in_c >= LEAST_CHANNELS && conv->out_c >= LEAST_CHANNELS;
}

/* Two multiply-adds for one of floats, at all positions that are walked; and reading, writing and packing. */
double hl_bf16_dots_cost(const hl_conv *conv, hl_pass pass) {
    hl_conv turned = turned_conv(conv);
    const hl_conv *of = pass == HL_BACKWARD_DATA ? &turned : conv;
    double positions = (double)bands_of(of) * piece_rows(of) * row_pixels(of), read = (double)bands_of(of) * (piece_rows(of) + of->kh - 1) * (double)row_cells(of);
    double kernel = (double)of->kh * of->kw * of->in_c * bf16_groups(of->out_c) * TILE;
    return positions * kernel / 2 + read * 15 + (double)hl_conv_pixels(of) * of->out_c * 16 + kernel * 8;
}

/* Whether rows are what they are read as, but for their ends. */
static bool is_plain(const conv_call *call) {
    const hl_segment *in = call->in;
    return call->segments == 1 && in->view.half && !in->up && !is_through(in) && in->view.stride == in->view.c && call->conv->pad_left >= 0;
}

static void copy_row(const hl_conv *conv, const hl_view *in, int n, int y, uint16_t *to) {
    int pixels = row_pixels(conv), left = (int)hl_blas_clamp(conv->pad_left, 0, pixels), there = (int)hl_blas_clamp(pixels - left, 0, conv->in_w);
    size_t pixel = (size_t)conv->in_c * sizeof *to;
    if (y < 0 || y >= conv->in_h) left = pixels, there = 0;
    memset(to, 0, (size_t)left * pixel);
    if (there) memcpy(to + (int64_t)left * conv->in_c, hl_blas_cells(in, ((int64_t)n * conv->in_h + y) * conv->in_w), (size_t)there * pixel);
    memset(to + (int64_t)(left + there) * conv->in_c, 0, (size_t)(pixels - left - there) * pixel);
}

static void read_row(const conv_call *call, int n, int y, float *run, uint16_t *to) {
    const hl_conv *conv = call->conv;
    int pixels = row_pixels(conv), most = run_pixels(conv);
    for (int x = 0, count; x < pixels; x += count, to += count * conv->in_c) {
        count = pixels - x < most ? pixels - x : most;
        HL_BLAS(read_taps)(conv, call->in, call->segments, n, y, x - conv->pad_left, count, 0, conv->in_c, run);
        cells_of(run, (int64_t)count * conv->in_c, to);
    }
}

/* What output rows y .. y + rows of image n see. */
static void fill(const conv_call *call, int n, int y, int rows, float *run, uint16_t *cells) {
    const hl_conv *conv = call->conv;
    int64_t lines = rows + conv->kh - 1, count = row_cells(conv);
    bool plain = is_plain(call);
    for (int k = 0; k < lines; k++) {
        if (plain) copy_row(conv, &call->in->view, n, y - conv->pad_top + k, cells + k * count);
        else read_row(call, n, y - conv->pad_top + k, run, cells + k * count);
    }
    memset(cells + lines * count, 0, (size_t)(buffer_cells(conv) - lines * count) * sizeof *cells);
}

/* Of a vector of an output pixel's channels what is to be stored. */
static inline __attribute__((always_inline)) vector finished(const conv_call *call, int64_t pixel, int channel, int count, vector v) {
    if (call->bias) v += vector_load_some(call->bias + channel, count);
    const hl_finish *finish = call->finish;
    if (!finish) return v;
    const float *terms = finish->terms;
    int all = call->conv->out_c;
    if (terms)
        v = vector_fma(v - vector_load_some(terms + channel, count), vector_load_some(terms + all + channel, count),
                       vector_load_some(terms + 2 * all + channel, count));
    v = activated(finish->act, v);
    return finish->add ? with_added(call->out, finish->add, pixel, channel, count, v) : v;
}

static void store(const conv_call *call, int64_t pixel, int channel, int count, const float *sums) {
    void *to = hl_blas_cells(call->out, pixel);
    bool half = call->out->half;
    for (int c = 0; c < count; c += LANES) {
        vector v = finished(call, pixel, channel + c, count - c, vector_load(sums + c));
        if (call->accumulate) v += vector_load_some((float *)to + channel + c, count - c);
        cells_store_some(to, channel + c, v, count - c, half);
    }
}

/* Some rows of an image. */
typedef struct band {
    int n, y, rows;
    int64_t index, first; /* among all bands; its first output pixel */
} band;

/* Stores what is of use of a block's positions, from `position` of the band on. */
static void emit(const conv_call *call, const band *b, int position, int channel, const float *sums) {
    const hl_conv *conv = call->conv;
    int wide = row_pixels(conv), count = conv->out_c - channel < CHANNELS ? conv->out_c - channel : CHANNELS, end = b->rows * wide;
    if (call->through) {
        through_block block = {b->first + position, end - position < POSITIONS ? end - position : POSITIONS, channel, count};
        HL_BLAS(through)(call->through, &block, sums, CHANNELS, call->sums + b->index * 2 * conv->out_c);
        return;
    }
    int y = position / wide, x = position % wide;
    for (int p = 0; p < POSITIONS && y < b->rows; p++, sums += CHANNELS) {
        if (x < conv->out_w) store(call, b->first + (int64_t)y * conv->out_w + x, channel, count, sums);
        if (++x == wide) x = 0, y++;
    }
}

/* Output channels of groups from .. end in all of a band's pixels. */
static void multiply_all(const conv_call *call, const band *b, const uint16_t *cells, int from, int end) {
    const hl_conv *conv = call->conv;
    int positions = b->rows * row_pixels(conv);
    int64_t group = (int64_t)conv->kh * bf16_chunks(conv) * TILE_CELLS;
    float sums[POSITIONS * CHANNELS] __attribute__((aligned(64)));
    rows_product product = {.row = conv->in_c, .line = row_cells(conv), .lines = conv->kh, .depth = conv->kw * conv->in_c, .sums_row = CHANNELS};
    for (int g = from; g < end; g += CHANNELS / TILE)
        for (int p = 0; p < positions; p += POSITIONS) {
            product.rows = positions - p < POSITIONS ? positions - p : POSITIONS;
            for (int h = g; h < g + CHANNELS / TILE && h < end; h += 2) {
                const uint16_t *kernel = call->packed + h * group;
                product.cells = cells + (int64_t)p * conv->in_c, product.sums = sums + (h - g) * TILE;
                product.kernels[0] = kernel, product.kernels[1] = h + 1 < end ? kernel + group : NULL;
                call->products->rows(&product);
            }
            emit(call, b, p, g * TILE, sums);
        }
}

static void measure(const conv_call *call, const band *b, int channel, int count) {
    const hl_conv *conv = call->conv;
    int64_t range = (int64_t)range_rows(conv) * conv->out_w;
    for (int64_t first = b->first, end = first + (int64_t)b->rows * conv->out_w; first < end; first += range)
        HL_BLAS(moments)(call->out, first, first + range, channel, count, call->sums + first / range * hl_moments_floats(conv->out_c));
}

static void piece(void *arg, int64_t piece, int worker) {
    const conv_call *call = arg;
    const hl_conv *conv = call->conv;
    int rows = piece_rows(conv), pieces = row_pieces(conv), slices = group_slices(conv);
    int64_t index = piece / slices;
    band b = {.n = (int)(index / pieces), .y = (int)(index % pieces) * rows, .index = index};
    b.rows = conv->out_h - b.y < rows ? conv->out_h - b.y : rows;
    b.first = ((int64_t)b.n * conv->out_h + b.y) * conv->out_w;
    int from = (int)(piece % slices) * slice_groups(conv), all = bf16_groups(conv->out_c);
    int end = from + slice_groups(conv) < all ? from + slice_groups(conv) : all;
    if (from >= end) return;
    float *run = (float *)(void *)(call->memory + (size_t)worker * worker_bytes(conv));
    uint16_t *cells = (uint16_t *)(void *)(run + run_floats(conv));
    int channel = from * TILE, count = (end < all ? end * TILE : conv->out_c) - channel;
    if (call->through)
        for (int i = 0; i < 2; i++) memset(call->sums + (2 * index + i) * conv->out_c + channel, 0, (size_t)count * sizeof(float));
    fill(call, b.n, b.y, b.rows, run, cells);
    call->products->begin();
    multiply_all(call, &b, cells, from, end);
    call->products->end();
    if (call->sums && !call->through) measure(call, &b, channel, count);
}

static void run(hl_context *hl, conv_call *call, const void *kernel, bool turned, bool sums, void *workspace) {
    const hl_conv *conv = call->conv;
    uint16_t *packed = workspace;
    hl_bf16_pack(hl, conv, kernel, turned, packed);
    char *at = (char *)workspace + packed_bytes(conv);
    call->packed = packed, call->sums = sums ? (float *)(void *)at : NULL, call->memory = at + sums_bytes(conv);
    hl_parallel_for(hl, bands_of(conv) * group_slices(conv), piece, call);
}

void hl_bf16_forward(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel,
                     const void *bias, const hl_finish *finish, const hl_view *out, void *workspace) {
    conv_call call = {.products = products, .conv = conv, .in = in, .segments = segments, .bias = bias, .out = out};
    if (hl_finish_changes(finish)) call.finish = finish;
    bool measures = finish && finish->mean;
    run(hl, &call, kernel, false, measures, workspace);
    if (measures)
        HL_BLAS(moments_total)(hl, call.sums, hl_conv_pixels(conv), (int64_t)range_rows(conv) * conv->out_w, conv->out_c, finish->mean, finish->variance);
}

/* At stride 1: a convolution of dout with the kernel turned about. */
void hl_bf16_data(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din,
                  bool accumulate, void *workspace) {
    hl_conv turned = turned_conv(conv);
    conv_call call = {.products = products, .conv = &turned, .in = &(hl_segment){.view = *dout}, .segments = 1, .out = din, .accumulate = accumulate};
    run(hl, &call, kernel, true, false, workspace);
}

void hl_bf16_through(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in,
                     const hl_view *din, bool accumulate, double *sums, void *workspace) {
    hl_conv turned = turned_conv(conv);
    through_call through = {in, din, accumulate};
    conv_call call = {.products = products, .conv = &turned, .in = &(hl_segment){.view = *dout}, .segments = 1, .out = din, .through = &through};
    run(hl, &call, kernel, true, true, workspace);
    HL_BLAS(through_total)(hl, call.sums, bands_of(&turned), 2 * conv->in_c, sums);
}
