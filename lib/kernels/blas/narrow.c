/* Convolution to a few channels, such as the one of the logits: products of whole rows of pixels, without a matrix in between. */
#include <string.h>

#include "kernels/blas/product.h"
#include "kernels/blas/rows.h"

enum {
    FEW = 4,   /* output channels, at most */
    ROWS = 8,  /* of a piece */
    WIDE = 64, /* taps of a kernel, at most */
};

typedef struct narrow_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const float *kernel, *bias;
    const hl_view *out, *din; /* out: in backward the gradient to it */
    bool accumulate;
    const hl_finish *finish;
    float *rows, *parts, *dkernel; /* rows: of each worker */
} narrow_call;

static bool fits(const hl_conv *conv) {
    return conv->out_c <= FEW && conv->groups == 1 && conv->stride_h == 1 && conv->stride_w == 1 && conv->kh * conv->kw <= WIDE &&
           !(conv->in_c == 1 && conv->out_c == 1);
}

static double cost(const hl_conv *conv, hl_pass pass) {
    (void)pass;
    return (double)hl_conv_pixels(conv) * conv->out_c * (2.0 * conv->kh * conv->kw * conv->in_c + 400);
}

/* A kernel's row of taps. */
static int span(const hl_conv *conv) { return conv->kw * conv->in_c; }
static int64_t kernel_floats(const hl_conv *conv) { return (int64_t)hl_blas_lines((int64_t)conv->out_c * conv->kh * span(conv)); }
static int64_t blocks_of(int rows) { return hl_blas_pieces(rows, ROWS); }
static int64_t parts_of(const hl_conv *conv) { return conv->n * blocks_of(conv->out_h); }

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_DATA) return 0;
    size_t rows = (size_t)(threads * hl_ring_floats(conv)) * sizeof(float);
    return pass == HL_FORWARD ? rows : rows + hl_conv_bias_bytes(conv) + (size_t)(parts_of(conv) * kernel_floats(conv)) * sizeof(float);
}

/* Output channel `o` of `pixels` (up to LANES) pixels of row y from x on: lane i is pixel x + i. As constants `pixels` and `whole`, whether a
 * kernel's row is whole vectors, keep all sums in registers. */
static inline __attribute__((always_inline)) vector dots_of(const narrow_call *call, const float *ring, int y, int x, int pixels, bool whole, int o) {
    const hl_conv *conv = call->conv;
    int length = span(conv);
    vector sums[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) sums[i] = (vector){0};
    for (int k = 0; k < conv->kh; k++) {
        const float *row = hl_ring_row(conv, y, k, ring) + (int64_t)x * conv->in_c, *kernel = call->kernel + ((int64_t)o * conv->kh + k) * length;
        for (int j = 0; j < length; j += LANES) {
            int count = whole ? LANES : length - j;
            vector w = vector_load_some(kernel + j, count);
#pragma GCC unroll 16
            for (int i = 0; i < pixels; i++) sums[i] = vector_fma(vector_load_some(row + (int64_t)i * conv->in_c + j, count), w, sums[i]);
        }
    }
    vector_transpose(sums);
    vector all = {0};
    for (int i = 0; i < LANES; i++) all += sums[i];
    if (call->bias) all += vector_of(call->bias[o]);
    return all;
}

static vector dots(const narrow_call *call, const float *ring, int y, int x, int pixels, int o) {
    if (pixels == LANES && span(call->conv) % LANES == 0) return dots_of(call, ring, y, x, LANES, true, o);
    return dots_of(call, ring, y, x, pixels, false, o);
}

static void forward_piece(void *arg, int64_t piece, int worker) {
    const narrow_call *call = arg;
    const hl_conv *conv = call->conv;
    int n = (int)(piece / blocks_of(conv->out_h)), first = (int)(piece % blocks_of(conv->out_h)) * ROWS;
    float *ring = call->rows + worker * hl_ring_floats(conv);
    for (int y = first; y < first + ROWS && y < conv->out_h; y++) {
        HL_BLAS(fill_ring)(conv, call->in, call->segments, n, y, y == first, ring);
        for (int x = 0; x < conv->out_w; x += LANES)
            for (int o = 0; o < conv->out_c; o++) {
                int pixels = conv->out_w - x < LANES ? conv->out_w - x : LANES;
                vector values = dots(call, ring, y, x, pixels, o);
                float *to = hl_blas_pixel(call->out, ((int64_t)n * conv->out_h + y) * conv->out_w + x) + o;
                for (int i = 0; i < pixels; i++) to[i * call->out->stride] = values[i];
            }
        int64_t row = ((int64_t)n * conv->out_h + y) * conv->out_w;
        if (call->finish) HL_BLAS(finish)(call->finish, call->out, row, row + conv->out_w, 0, conv->out_c);
    }
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    narrow_call call = {.conv = conv, .in = in, .segments = segments, .kernel = kernel, .bias = bias, .finish = finish, .out = out, .rows = memory};
    hl_parallel_for(hl, conv->n * blocks_of(conv->out_h), forward_piece, &call);
}

/* What an input pixel sees through a tap: an output channel's gradient, so far from that of the pixel's first tap, and where the tap lies in
 * the kernel. */
typedef struct sight {
    int64_t gradient, kernel;
} sight;

/* The taps of input pixel (y, x) that lie within the output. */
static int look_back(const narrow_call *call, int y, int x, sight *seen) {
    const hl_conv *conv = call->conv;
    int count = 0;
    for (int t = 0; t < conv->kh * conv->kw; t++) {
        int oy = y + conv->pad_top - t / conv->kw, ox = x + conv->pad_left - t % conv->kw;
        if (oy < 0 || oy >= conv->out_h || ox < 0 || ox >= conv->out_w) continue;
        for (int o = 0; o < conv->out_c; o++)
            seen[count++] = (sight){-((int64_t)(t / conv->kw) * conv->out_w + t % conv->kw) * call->out->stride + o, ((int64_t)o * conv->kh * conv->kw + t) * conv->in_c};
    }
    return count;
}

static void data_pixel(const narrow_call *call, const sight *seen, int count, int n, int y, int x) {
    const hl_conv *conv = call->conv;
    const float *gradient = call->out->data;
    int64_t at = (((int64_t)n * conv->out_h + y + conv->pad_top) * conv->out_w + x + conv->pad_left) * call->out->stride; /* perhaps beyond the map */
    float *to = hl_blas_pixel(call->din, ((int64_t)n * conv->in_h + y) * conv->in_w + x);
    int c = 0;
    for (; c + LANES <= conv->in_c; c += LANES) {
        vector sum = {0};
        for (int i = 0; i < count; i++) sum = vector_fma(vector_of(gradient[at + seen[i].gradient]), vector_load(call->kernel + seen[i].kernel + c), sum);
        if (call->accumulate) sum += vector_load(to + c);
        vector_store(to + c, sum);
    }
    for (; c < conv->in_c; c++) {
        float sum = call->accumulate ? to[c] : 0;
        for (int i = 0; i < count; i++) sum += gradient[at + seen[i].gradient] * call->kernel[seen[i].kernel + c];
        to[c] = sum;
    }
}

/* Pixels of a row that see all taps, if any do, share one list. */
static void data_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const narrow_call *call = arg;
    const hl_conv *conv = call->conv;
    int n = (int)(piece / blocks_of(conv->in_h)), first = (int)(piece % blocks_of(conv->in_h)) * ROWS, taps = conv->kh * conv->kw;
    sight seen[WIDE * FEW];
    for (int y = first; y < first + ROWS && y < conv->in_h; y++)
        for (int x = 0, count = 0; x < conv->in_w; x++) {
            bool inside = count == taps * conv->out_c && x + conv->pad_left < conv->out_w;
            if (!inside) count = look_back(call, y, x, seen);
            data_pixel(call, seen, count, n, y, x);
        }
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    (void)memory;
    narrow_call call = {.conv = conv, .kernel = kernel, .out = dout, .din = din, .accumulate = accumulate};
    hl_parallel_for(hl, conv->n * blocks_of(conv->in_h), data_piece, &call);
}

/* Adds to a kernel's row of taps what a row of output channel o's gradients gives. */
static void add_row(const narrow_call *call, const float *row, const float *gradient, float *sums) {
    const hl_conv *conv = call->conv;
    int length = span(conv);
    for (int j = 0; j < length; j += LANES) {
        vector even = {0}, odd = {0};
        for (int x = 0; x < conv->out_w; x++) {
            vector product = vector_of(gradient[x * call->out->stride]) * vector_load_some(row + (int64_t)x * conv->in_c + j, length - j);
            if (x % 2) odd += product;
            else even += product;
        }
        vector_store_some(sums + j, vector_load_some(sums + j, length - j) + (even + odd), length - j);
    }
}

static void part_piece(void *arg, int64_t piece, int worker) {
    const narrow_call *call = arg;
    const hl_conv *conv = call->conv;
    int n = (int)(piece / blocks_of(conv->out_h)), first = (int)(piece % blocks_of(conv->out_h)) * ROWS;
    float *ring = call->rows + worker * hl_ring_floats(conv), *sums = call->parts + piece * kernel_floats(conv);
    memset(sums, 0, (size_t)kernel_floats(conv) * sizeof *sums);
    for (int y = first; y < first + ROWS && y < conv->out_h; y++) {
        HL_BLAS(fill_ring)(conv, call->in, call->segments, n, y, y == first, ring);
        const float *gradient = hl_blas_pixel(call->out, ((int64_t)n * conv->out_h + y) * conv->out_w);
        for (int o = 0; o < conv->out_c; o++)
            for (int k = 0; k < conv->kh; k++)
                add_row(call, hl_ring_row(conv, y, k, ring), gradient + o, sums + ((int64_t)o * conv->kh + k) * span(conv));
    }
}

static void backward_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                             void *dbias, void *memory) {
    narrow_call call = {.conv = conv, .in = in, .segments = segments, .out = dout, .dkernel = dkernel};
    call.parts = (float *)((char *)memory + hl_conv_bias_bytes(conv));
    call.rows = call.parts + parts_of(conv) * kernel_floats(conv);
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, memory);
    hl_parallel_for(hl, parts_of(conv), part_piece, &call);
    int64_t count = (int64_t)conv->out_c * conv->kh * span(conv);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t part = 0; part < parts_of(conv); part++) sum += (double)call.parts[part * kernel_floats(conv) + i];
        call.dkernel[i] = (float)sum;
    }
}

const hl_conv_kernel HL_BLAS(narrow) = {
    .name = "narrow",
    .reads_half = true,
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights = backward_weights,
};
