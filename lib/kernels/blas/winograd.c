/* 3x3 convolution by Winograd's F(4x4, 3x3): forward and backward-data, which is forward with the kernel turned about. */
#include "kernels/blas/winograd.h"

#include <cblas.h>

enum {
    FEW_TILES = 256,          /* up to so many, pieces are output channels, else tiles */
    FEW_COLUMNS = 32,         /* output channels of such a piece */
    BLOCK_FLOATS = 256 << 10, /* transformed data of a block of tiles */
    BLOCK_COLUMNS = 64,       /* output channels whose products a block holds at a time */
    KERNEL_ROWS = 8,          /* output channels of the kernel transformed in a piece */
};

typedef struct winograd_call {
    const hl_conv *conv; /* with backward-data's input and output exchanged */
    const hl_segment *in;
    int segments;
    const float *kernel, *bias;
    bool turned; /* the kernel is (in, 3, 3, out), to be read with its taps backwards */
    const hl_view *out;
    bool accumulate;
    tiling tiles;
    int block;              /* tiles of a piece */
    float *shared, *memory; /* one for all, and one for each worker */
    int64_t worker;         /* floats of the latter */
} winograd_call;

static bool fits(const hl_conv *conv) {
    return conv->kh == 3 && conv->kw == 3 && conv->stride_h == 1 && conv->stride_w == 1 && conv->pad_top == 1 && conv->pad_left == 1 &&
           conv->groups == 1 && conv->in_h == conv->out_h && conv->in_w == conv->out_w;
}

static double cost(const hl_conv *conv, hl_pass pass) {
    (void)pass;
    double in = conv->in_c, out = conv->out_c, tiles = (double)tiles_of(conv).count;
    return tiles * PLANES * in * out * 1.15 + tiles * (in + out) * 950 + in * out * 350;
}

static int block_tiles(const hl_conv *conv) {
    int columns = conv->out_c < BLOCK_COLUMNS ? conv->out_c : BLOCK_COLUMNS;
    int64_t tiles = BLOCK_FLOATS / (PLANES * (conv->in_c + columns)), eighth = hl_blas_pieces(tiles_of(conv).count, 8);
    tiles = hl_blas_clamp(tiles, 32, 256) / 8 * 8;
    return (int)(tiles < eighth ? tiles : eighth);
}

static bool is_few(const hl_conv *conv) { return tiles_of(conv).count <= FEW_TILES; }

/* Few tiles share their transforms; a worker has the kernels and products of its output channels. Many share the
 * transformed kernel; a worker has its tiles. */
static int64_t shared_floats(const hl_conv *conv) {
    if (is_few(conv)) return PLANES * plane_floats(tiles_of(conv).count, conv->in_c);
    return PLANES * plane_floats(conv->out_c, conv->in_c);
}

static int64_t worker_floats(const hl_conv *conv) {
    if (is_few(conv)) return PLANES * (plane_floats(FEW_COLUMNS, conv->in_c) + plane_floats(tiles_of(conv).count, FEW_COLUMNS));
    int block = block_tiles(conv);
    return PLANES * (plane_floats(block, conv->in_c) + plane_floats(block, BLOCK_COLUMNS));
}

static hl_conv exchanged(const hl_conv *conv) {
    hl_conv other = *conv;
    other.in_c = conv->out_c, other.out_c = conv->in_c;
    return other;
}

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_WEIGHTS) return HL_BLAS(winograd_weights_workspace)(conv, threads);
    hl_conv other = pass == HL_FORWARD ? *conv : exchanged(conv);
    return (size_t)(shared_floats(&other) + threads * worker_floats(&other)) * sizeof(float);
}

/* Transforms the kernel's rows from .. to (its own output channels) and columns from `column` on. */
static void transform_kernel(const winograd_call *call, int from, int to, int column, int columns, float *planes, int64_t plane) {
    int64_t wide = call->turned ? call->conv->out_c : call->conv->in_c;
    for (int row = from; row < to; row++, planes += columns)
        HL_BLAS(winograd_kernel)(call->kernel + row * TAPS * wide + column, wide, columns, call->turned, planes, plane);
}

/* The 36 products of `rows` tiles with `columns` output channels; `stride` is the transformed kernel's. */
static void multiply(const winograd_call *call, int rows, int columns, const float *v, int64_t v_plane, const float *u, int64_t u_plane,
                     int stride, float *m, int64_t m_plane) {
    int depth = call->conv->in_c;
    for (int k = 0; k < PLANES; k++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, call->turned ? CblasNoTrans : CblasTrans, rows, columns, depth, 1, v + k * v_plane, depth,
                    u + k * u_plane, stride, 0, m + k * m_plane, columns);
}

static void output_tiles(const winograd_call *call, int64_t first, int rows, int channel, int columns, const float *m, int64_t m_plane) {
    for (int t = 0; t < rows; t++, m += columns)
        HL_BLAS(winograd_output)(call->conv, m, m_plane, columns, call->bias, call->accumulate, call->out, channel, first + t);
}

static void kernel_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    int rows = call->turned ? call->conv->in_c : call->conv->out_c, columns = call->turned ? call->conv->out_c : call->conv->in_c;
    int from = (int)piece * KERNEL_ROWS, to = from + KERNEL_ROWS < rows ? from + KERNEL_ROWS : rows;
    transform_kernel(call, from, to, 0, columns, call->shared + (int64_t)from * columns, plane_floats(rows, columns));
}

static void tiles_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t first = piece * call->block, left = call->tiles.count - first, u_plane = plane_floats(conv->out_c, conv->in_c);
    int rows = left < call->block ? (int)left : call->block;
    int64_t v_plane = plane_floats(call->block, conv->in_c), m_plane = plane_floats(call->block, BLOCK_COLUMNS);
    float *v = call->memory + worker * call->worker, *m = v + PLANES * v_plane;
    for (int t = 0; t < rows; t++) HL_BLAS(winograd_input)(conv, call->in, call->segments, first + t, v + (int64_t)t * conv->in_c, v_plane);
    for (int from = 0; from < conv->out_c; from += BLOCK_COLUMNS) {
        int columns = conv->out_c - from < BLOCK_COLUMNS ? conv->out_c - from : BLOCK_COLUMNS;
        const float *u = call->shared + (call->turned ? from : (int64_t)from * conv->in_c);
        multiply(call, rows, columns, v, v_plane, u, u_plane, call->turned ? conv->out_c : conv->in_c, m, m_plane);
        output_tiles(call, first, rows, from, columns, m, m_plane);
    }
}

static void input_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    int in = call->conv->in_c;
    HL_BLAS(winograd_input)(call->conv, call->in, call->segments, piece, call->shared + piece * in, plane_floats(call->tiles.count, in));
}

static void columns_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int from = (int)piece * FEW_COLUMNS, columns = conv->out_c - from < FEW_COLUMNS ? conv->out_c - from : FEW_COLUMNS;
    int rows = (int)call->tiles.count;
    int64_t u_plane = plane_floats(FEW_COLUMNS, conv->in_c), m_plane = plane_floats(rows, FEW_COLUMNS);
    float *u = call->memory + worker * call->worker, *m = u + PLANES * u_plane;
    if (call->turned) transform_kernel(call, 0, conv->in_c, from, columns, u, u_plane);
    else transform_kernel(call, from, from + columns, 0, conv->in_c, u, u_plane);
    multiply(call, rows, columns, call->shared, plane_floats(rows, conv->in_c), u, u_plane, call->turned ? columns : conv->in_c, m,
             m_plane);
    output_tiles(call, 0, rows, from, columns, m, m_plane);
}

static void run(hl_context *hl, winograd_call *call, float *memory) {
    const hl_conv *conv = call->conv;
    call->tiles = tiles_of(conv);
    call->shared = memory, call->memory = memory + shared_floats(conv);
    call->worker = worker_floats(conv);
    if (is_few(conv)) {
        hl_parallel_for(hl, call->tiles.count, input_piece, call);
        hl_parallel_for(hl, hl_blas_pieces(conv->out_c, FEW_COLUMNS), columns_piece, call);
        return;
    }
    call->block = block_tiles(conv);
    hl_parallel_for(hl, hl_blas_pieces(call->turned ? conv->in_c : conv->out_c, KERNEL_ROWS), kernel_piece, call);
    hl_parallel_for(hl, hl_blas_pieces(call->tiles.count, call->block), tiles_piece, call);
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_view *out, void *memory) {
    winograd_call call = {.conv = conv, .in = in, .segments = segments, .kernel = kernel, .bias = bias, .out = out};
    run(hl, &call, memory);
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    hl_conv other = exchanged(conv);
    hl_segment in = {.view = *dout};
    winograd_call call = {.conv = &other, .in = &in, .segments = 1, .kernel = kernel, .turned = true, .out = din, .accumulate = accumulate};
    run(hl, &call, memory);
}

const hl_conv_kernel HL_BLAS(winograd) = {
    .name = "winograd",
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights = HL_BLAS(winograd_weights),
};
