/* Convolution of a few channels to many, such as an encoder's first: each tap's numbers times vectors of outputs, without a matrix of patches. */
#include <string.h>

#include "kernels/blas/lines.h"
#include "kernels/blas/product.h"
#include "kernels/blas/rows.h"

enum {
    FEW = 4,                                /* input channels, at most */
    LEAST = 8,                              /* output channels */
    WIDE = 256,                             /* numbers that an output is the sum of, at most */
    ROWS = 8,                               /* output rows of a piece */
    PIXELS = 6,                             /* whose sums stay in registers, */
    PANELS = REGISTERS == 32 ? 4 : 2,       /* for so many panels of outputs; in backward-weights those of so many of a row's numbers */
};

#define INLINE static inline __attribute__((always_inline))

typedef struct stem_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const float *packed, *bias; /* the kernel: for each of an output's numbers all panels */
    const hl_finish *finish;
    const hl_view *out;   /* in backward the gradient to it */
    float *rings, *lines, *parts; /* of each worker, of each worker a row of half outputs, and of each piece */
    float *dkernel;
} stem_call;

static bool fits(const hl_conv *conv) {
    return conv->in_c <= FEW && conv->out_c >= LEAST && conv->groups == 1 && conv->kh * conv->kw * conv->in_c <= WIDE;
}

/* Numbers of an input row that an output sees, and of all its rows. */
static int span(const hl_conv *conv) { return conv->kw * conv->in_c; }
static int depth(const hl_conv *conv) { return conv->kh * span(conv); }

/* The gradient to the input is for products. */
static double cost(const hl_conv *conv, hl_pass pass) {
    if (pass == HL_BACKWARD_DATA) return HL_BLAS(gemm).cost(conv, pass) + 1;
    double out = panels_of(conv->out_c) * LANES;
    return (double)hl_conv_pixels(conv) * out * (0.9 * depth(conv) + 2);
}

static int64_t packed_floats(const hl_conv *conv) { return (int64_t)depth(conv) * panels_of(conv->out_c) * LANES; }
static int64_t blocks_of(const hl_conv *conv) { return hl_blas_pieces(conv->out_h, ROWS); }
static int64_t pieces_of(const hl_conv *conv) { return conv->n * blocks_of(conv); }

/* Of a row of outputs. */
static int64_t line_floats(const hl_conv *conv) { return (int64_t)hl_blas_lines((int64_t)conv->out_w * conv->out_c); }

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_DATA) return HL_BLAS(gemm).workspace(conv, pass, threads);
    size_t rings = (size_t)(threads * hl_ring_floats(conv)) * sizeof(float), packed = (size_t)packed_floats(conv) * sizeof(float);
    if (pass == HL_FORWARD) return rings + packed + (size_t)(threads * line_floats(conv)) * sizeof(float);
    return rings + hl_conv_bias_bytes(conv) + (size_t)pieces_of(conv) * packed;
}

static void pack(const hl_conv *conv, const float *kernel, float *to) {
    int all = depth(conv), step = panels_of(conv->out_c) * LANES;
    for (int k = 0; k < all; k++)
        for (int o = 0; o < step; o++) to[k * step + o] = o < conv->out_c ? kernel[(int64_t)o * all + k] : 0;
}

/* A row of outputs of an image, in forward a map of it alone, and the input rows it sees. */
typedef struct line {
    const float *ring;
    hl_view out;
    int n, y;
} line;

/* `pixels` outputs of a row from x on, panels panel .. panel + panels; both counts are constants. */
INLINE void forward_block(const stem_call *call, const line *at, int x, int pixels, int panel, int panels) {
    const hl_conv *conv = call->conv;
    int64_t apart = (int64_t)conv->stride_w * conv->in_c, step = panels_of(conv->out_c) * LANES;
    const float *kernel = call->packed + panel * LANES;
    vector sum[PIXELS][PANELS];
#pragma GCC unroll 4
    for (int v = 0; v < panels; v++) {
        int first = (panel + v) * LANES;
        sum[0][v] = call->bias ? vector_load_some(call->bias + first, conv->out_c - first) : (vector){0};
#pragma GCC unroll 6
        for (int p = 1; p < pixels; p++) sum[p][v] = sum[0][v];
    }
    for (int ky = 0; ky < conv->kh; ky++) {
        const float *in = hl_ring_row(conv, at->y, ky, at->ring) + x * apart;
        for (int j = 0; j < span(conv); j++, in++, kernel += step) {
            vector right[PANELS];
#pragma GCC unroll 4
            for (int v = 0; v < panels; v++) right[v] = vector_load(kernel + v * LANES);
#pragma GCC unroll 6
            for (int p = 0; p < pixels; p++) {
                vector left = vector_of(in[p * apart]);
#pragma GCC unroll 4
                for (int v = 0; v < panels; v++) sum[p][v] = vector_fma(left, right[v], sum[p][v]);
            }
        }
    }
    float *to = hl_blas_pixel(&at->out, x) + panel * LANES;
#pragma GCC unroll 6
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < panels; v++) vector_store_some(to + p * at->out.stride + v * LANES, sum[p][v], conv->out_c - (panel + v) * LANES);
}

/* As many panels at a time as there are registers for. */
static int next_panels(int left) { return left >= 4 && PANELS == 4 ? 4 : left >= 2 ? 2 : 1; }

/* A row of outputs: where they are, or, if the map is half, in memory. */
static hl_view line_view(const hl_view *out, int64_t row, float *memory) {
    void *data = out->half ? memory : hl_blas_pixel(out, row * out->w);
    return (hl_view){.data = data, .n = 1, .h = 1, .w = out->w, .c = out->c, .stride = out->half ? out->c : out->stride};
}

static void forward_row(const stem_call *call, line *at, float *memory) {
    const hl_conv *conv = call->conv;
    int64_t row = (int64_t)at->n * conv->out_h + at->y, first = row * conv->out_w;
    at->out = line_view(call->out, row, memory);
    int all = panels_of(conv->out_c), x = 0;
    for (int pixels; x < conv->out_w; x += pixels) {
        pixels = conv->out_w - x >= PIXELS ? PIXELS : 1;
        for (int panel = 0, panels; panel < all; panel += panels) {
            panels = next_panels(all - panel);
            if (panels == 4 && pixels == PIXELS) forward_block(call, at, x, PIXELS, panel, PANELS);
            else if (panels == 4) forward_block(call, at, x, 1, panel, PANELS);
            else if (panels == 2 && pixels == PIXELS) forward_block(call, at, x, PIXELS, panel, 2);
            else if (panels == 2) forward_block(call, at, x, 1, panel, 2);
            else if (pixels == PIXELS) forward_block(call, at, x, PIXELS, panel, 1);
            else forward_block(call, at, x, 1, panel, 1);
        }
    }
    if (call->out->half) HL_BLAS(finish_half)(call->finish, &at->out, call->out, row, 0, conv->out_c);
    else if (call->finish) HL_BLAS(finish)(call->finish, call->out, first, first + conv->out_w, 0, conv->out_c);
}

/* dkernel's vectors of `panels` panels for `count` of an input row's numbers, from number j of the kernel's row ky on, over a row of pixels. */
INLINE void weights_block(const stem_call *call, const line *at, int ky, int j, int count, int panel, int panels, float *sums) {
    const hl_conv *conv = call->conv;
    int64_t apart = (int64_t)conv->stride_w * conv->in_c, step = panels_of(conv->out_c) * LANES, stride = call->out->stride;
    const float *in = hl_ring_row(conv, at->y, ky, at->ring) + j;
    const float *dout = hl_blas_pixel(call->out, ((int64_t)at->n * conv->out_h + at->y) * conv->out_w) + panel * LANES;
    int lanes = conv->out_c - (panel + panels - 1) * LANES; /* of the last panel */
    vector sum[PIXELS][PANELS];
#pragma GCC unroll 6
    for (int i = 0; i < count; i++)
#pragma GCC unroll 4
        for (int v = 0; v < panels; v++) sum[i][v] = (vector){0};
    for (int x = 0; x < conv->out_w; x++, in += apart, dout += stride) {
        vector right[PANELS];
#pragma GCC unroll 4
        for (int v = 0; v < panels; v++) right[v] = v + 1 < panels ? vector_load(dout + v * LANES) : vector_load_some(dout + v * LANES, lanes);
#pragma GCC unroll 6
        for (int i = 0; i < count; i++) {
            vector left = vector_of(in[i]);
#pragma GCC unroll 4
            for (int v = 0; v < panels; v++) sum[i][v] = vector_fma(left, right[v], sum[i][v]);
        }
    }
    float *to = sums + ((int64_t)ky * span(conv) + j) * step + panel * LANES;
#pragma GCC unroll 6
    for (int i = 0; i < count; i++)
#pragma GCC unroll 4
        for (int v = 0; v < panels; v++) vector_store(to + i * step + v * LANES, vector_load(to + i * step + v * LANES) + sum[i][v]);
}

INLINE void weights_span(const stem_call *call, const line *at, int ky, int panel, int panels, float *sums) {
    int all = span(call->conv);
    for (int j = 0, count; j < all; j += count) {
        count = all - j >= PIXELS ? PIXELS : all - j >= 3 ? 3 : 1;
        if (count == PIXELS) weights_block(call, at, ky, j, PIXELS, panel, panels, sums);
        else if (count == 3) weights_block(call, at, ky, j, 3, panel, panels, sums);
        else weights_block(call, at, ky, j, 1, panel, panels, sums);
    }
}

static void weights_row(const stem_call *call, const line *at, float *sums) {
    int all = panels_of(call->conv->out_c);
    for (int ky = 0; ky < call->conv->kh; ky++)
        for (int panel = 0, panels; panel < all; panel += panels) {
            panels = next_panels(all - panel);
            if (panels == 4) weights_span(call, at, ky, panel, PANELS, sums);
            else if (panels == 2) weights_span(call, at, ky, panel, 2, sums);
            else weights_span(call, at, ky, panel, 1, sums);
        }
}

/* Some output rows of an image: forward, or their share of the kernel's gradient. */
static void rows_piece(void *arg, int64_t piece, int worker) {
    const stem_call *call = arg;
    const hl_conv *conv = call->conv;
    int first = (int)(piece % blocks_of(conv)) * ROWS;
    float *ring = call->rings + worker * hl_ring_floats(conv), *sums = call->dkernel ? call->parts + piece * packed_floats(conv) : NULL;
    if (sums) memset(sums, 0, (size_t)packed_floats(conv) * sizeof *sums);
    line at = {.ring = ring, .n = (int)(piece / blocks_of(conv))};
    for (at.y = first; at.y < first + ROWS && at.y < conv->out_h; at.y++) {
        HL_BLAS(fill_ring)(conv, call->in, call->segments, at.n, at.y, at.y == first, ring);
        if (sums) weights_row(call, &at, sums);
        else forward_row(call, &at, call->lines + worker * line_floats(conv));
    }
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    float *packed = memory;
    pack(conv, kernel, packed);
    stem_call call = {.conv = conv, .in = in, .segments = segments, .packed = packed, .bias = bias, .finish = finish, .out = out,
                      .rings = packed + packed_floats(conv)};
    call.lines = call.rings + hl_threads(hl) * hl_ring_floats(conv);
    hl_parallel_for(hl, pieces_of(conv), rows_piece, &call);
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    HL_BLAS(gemm).backward_data(hl, conv, dout, kernel, din, accumulate, memory);
}

/* One of an output's numbers: the pieces' sums in order. */
static void add_piece(void *arg, int64_t k, int worker) {
    (void)worker;
    const stem_call *call = arg;
    const hl_conv *conv = call->conv;
    const float *from = call->parts + k * panels_of(conv->out_c) * LANES;
    for (int o = 0; o < conv->out_c; o++) {
        double sum = 0;
        for (int64_t piece = 0; piece < pieces_of(conv); piece++) sum += (double)from[piece * packed_floats(conv) + o];
        call->dkernel[(int64_t)o * depth(conv) + k] = (float)sum;
    }
}

static void backward_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                             void *dbias, void *memory) {
    stem_call call = {.conv = conv, .in = in, .segments = segments, .out = dout, .dkernel = dkernel};
    call.parts = (float *)((char *)memory + hl_conv_bias_bytes(conv));
    call.rings = call.parts + pieces_of(conv) * packed_floats(conv);
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, memory);
    hl_parallel_for(hl, pieces_of(conv), rows_piece, &call);
    hl_parallel_for(hl, depth(conv), add_piece, &call);
}

const hl_conv_kernel HL_BLAS(stem) = {
    .name = "stem",
    .writes_half = true,
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights = backward_weights,
};
