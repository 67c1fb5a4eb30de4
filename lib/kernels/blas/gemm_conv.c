/* Convolution by matrix products over patches (im2col): forward and backward-data; fits every geometry. */
#include <cblas.h>
#include <string.h>

#include "kernels/blas/gemm_through.h"
#include "kernels/blas/moments.h"
#include "kernels/blas/normed.h"
#include "kernels/blas/panels.h"
#include "kernels/blas/product.h"

enum {
    SHARED_PIXELS = 512,      /* up to so many output pixels all patches are made first, and pieces are output channels */
    SHARED_COLUMNS = 64,      /* output channels of such a piece, or a multiple, */
    SHARED_WORK = 1 << 18,    /* for it to hold so many multiply-adds; */
    LONE_PIXELS = 4,          /* of up to so many pixels it is the kernel that takes time, to be read: */
    LONE_COLUMNS = 32,        /* pieces are so many output channels, or a multiple, */
    LONE_WORK = 1 << 14,      /* for it to hold so many numbers of the kernel */
    PATCH_FLOATS = 192 << 10, /* a worker's patches, */
    MOST_ROWS = 512,          /* of so many pixels at most, */
    LEAST_ROWS = 39,          /* and at least: three times 13, with AVX-512 a product's; */
    PIECES = 32,              /* of all pixels where those make so many: the fewer, the longer threads wait for the last, */
    PIECE_ROWS = 65,          /* of no fewer rows where patches are so small: each reads all of the kernel */
    DEPTH = 256,              /* of a product; a multiple of LANES */
    SCATTER_PIXELS = 512,     /* output pixels, */
    SCATTER_CHANNELS = 64,    /* and input channels of a product whose result is scattered; few go with several taps */
};

/* One product per group: out (pixels x outputs) = patches (pixels x depth) . kernel. */
typedef struct gemm_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const float *packed, *bias; /* the kernel in panels */
    const hl_finish *finish;
    const hl_view *out;
    bool accumulate;
    int group_in, group_out, depth;
    int rows; /* output pixels of a piece */
    float *patches, *moments; /* moments: sums of each range of pixels, NULL: not wanted */
} gemm_call;

static bool fits(const hl_conv *conv) {
    (void)conv;
    return true;
}

/* Narrow products waste the vector unit, what is written costs as much as 70 multiply-adds a number, and each call about 20,000. */
static double cost(const hl_conv *conv, hl_pass pass) {
    double group_in = conv->in_c / conv->groups, group_out = conv->out_c / conv->groups, taps = conv->kh * conv->kw;
    double wide = pass == HL_BACKWARD_DATA ? group_in : group_out, pixels = (double)hl_conv_pixels(conv);
    double waste = wide < 16 ? 16 / wide : 1;
    double written = pass == HL_BACKWARD_WEIGHTS ? 0 : pixels * conv->out_c * 70;
    return pixels * group_in * conv->out_c * taps * waste + pixels * conv->in_c * taps * 12 + written + 20000.0 * conv->groups * (1 + pixels / 256);
}

static int piece_rows(const hl_conv *conv) {
    int depth = conv->kh * conv->kw * (conv->in_c / conv->groups);
    int64_t rows = hl_blas_clamp(hl_blas_pieces(hl_conv_pixels(conv), PIECES), PIECE_ROWS, MOST_ROWS);
    return (int)hl_blas_clamp(rows, LEAST_ROWS, hl_blas_clamp(PATCH_FLOATS / depth, LEAST_ROWS, MOST_ROWS));
}

/* Pieces by output channels read all patches, those by pixels all of the kernel. */
static bool is_shared(const hl_conv *conv) { return hl_conv_pixels(conv) <= SHARED_PIXELS && hl_conv_pixels(conv) <= conv->out_c / conv->groups; }

/* Output channels of a piece where pixels are few. */
static int shared_columns(const hl_conv *conv) {
    int64_t pixels = hl_conv_pixels(conv), column = conv->kh * conv->kw * (conv->in_c / conv->groups), step = LONE_COLUMNS, work = LONE_WORK;
    if (pixels > LONE_PIXELS) column *= pixels, step = SHARED_COLUMNS, work = SHARED_WORK;
    return (int)hl_blas_clamp(hl_blas_pieces(work, column * step) * step, 0, conv->out_c / conv->groups);
}

static size_t patch_floats(const hl_conv *conv, int threads) {
    int depth = conv->kh * conv->kw * (conv->in_c / conv->groups);
    if (is_shared(conv)) return hl_blas_lines(hl_conv_pixels(conv) * depth * conv->groups);
    return hl_blas_lines((int64_t)piece_rows(conv) * depth) * (size_t)threads;
}

/* Turning the kernel pays where there are pixels enough, and needs stride 1. */
static bool is_scattered(const hl_conv *conv) {
    return conv->stride_h != 1 || conv->stride_w != 1 || (is_shared(conv) && conv->kh * conv->kw > 1);
}

/* A worker's products, and the part of the kernel they are with. */
static int64_t scatter_floats(const hl_conv *conv) { return (SCATTER_PIXELS + (int64_t)(conv->out_c / conv->groups)) * SCATTER_CHANNELS; }

static bool goes_through(const hl_conv *conv) { return hl_conv_is_pointwise(conv) && conv->groups == 1; }

/* Where outputs are measured: ranges are pieces' pixels. */
static int64_t ranges_of(const hl_conv *conv) { return is_shared(conv) ? 1 : hl_blas_pieces(hl_conv_pixels(conv), piece_rows(conv)); }
static size_t moments_floats(const hl_conv *conv) { return hl_blas_lines(ranges_of(conv) * hl_moments_floats(conv->out_c)); }

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_WEIGHTS) return HL_BLAS(gemm_weights_workspace)(conv, threads);
    if (pass == HL_FORWARD) return ((size_t)HL_BLAS(kernel_floats)(conv) + patch_floats(conv, threads) + moments_floats(conv)) * sizeof(float);
    if (is_scattered(conv)) return (size_t)(threads * scatter_floats(conv)) * sizeof(float);
    hl_conv turned = turned_conv(conv);
    size_t bytes = ((size_t)HL_BLAS(kernel_floats)(&turned) + patch_floats(&turned, threads)) * sizeof(float);
    size_t through = goes_through(conv) ? HL_BLAS(gemm_through_workspace)(conv, threads) : 0;
    return bytes > through ? bytes : through;
}

/* The patch matrix is the one segment's own memory. */
static bool is_direct(const gemm_call *call) {
    return call->segments == 1 && !call->in->up && !call->in->view.half && hl_conv_is_pointwise(call->conv);
}

/* A product whose last panel may be past the output's channels: it is made beside, with the one before where that would be alone. */
static void product_within(hl_product *p, int columns) {
    float last[PRODUCT_ROWS * 2 * LANES];
    int whole = columns / LANES, rest = columns % LANES, panels = p->panels;
    bool beside = panels > whole && rest;
    p->panels = beside ? whole / 2 * 2 : smaller(panels, whole);
    if (p->panels > 0) HL_BLAS(product)(p);
    if (!beside) return;
    hl_product tail = *p;
    tail.b += p->panels * p->b_panel, tail.c = last, tail.c_row = 2 * LANES, tail.c_panel = LANES, tail.panels = panels - p->panels;
    float *c = p->c + p->panels * p->c_panel;
    int count = columns - p->panels * LANES;
    for (int n = 0; n < tail.panels && p->accumulate; n++)
        for (int r = 0; r < p->rows; r++) vector_store(last + (2 * r + n) * LANES, vector_load_some(c + r * p->c_row + n * p->c_panel, count - n * LANES));
    HL_BLAS(product)(&tail);
    for (int n = 0; n < tail.panels; n++)
        for (int r = 0; r < p->rows; r++) vector_store_some(c + r * p->c_row + n * p->c_panel, vector_load(last + (2 * r + n) * LANES), count - n * LANES);
}

/* c (rows x columns, c_row apart) (+)= rows of patches . a kernel in panels; with `in` the patches are its channels from `channel` on, of pixels
 * that are read alike. */
static void multiply(const float *patches, int64_t stride, int rows, int depth, const hl_segment *in, int64_t image, int channel,
                     const float *kernel, int columns, bool accumulate, float *c, int64_t c_row) {
    float a[PRODUCT_ROWS * DEPTH];
    int step = (int)hl_blas_pieces(rows, hl_blas_pieces(rows, PRODUCT_ROWS));
    for (int k = 0; k < depth; k += DEPTH, accumulate = true) {
        int part = depth - k < DEPTH ? depth - k : DEPTH;
        for (int r = 0; r < rows; r += step) {
            int here = rows - r < step ? rows - r : step;
            HL_BLAS(pack_rows)(patches + r * stride + k, stride, here, part, in, image, channel + k, a);
            hl_product p = {.a = a, .a_panel = here * LANES, .b = kernel + (int64_t)k * LANES, .b_panel = (int64_t)depth * LANES,
                            .c = c + r * c_row, .c_row = c_row, .c_panel = LANES, .rows = here, .panels = panels_of(columns),
                            .depth = part, .accumulate = accumulate, .next_row = stride};
            if (r + step < rows) p.next = patches + (r + step) * stride + k;
            else if (k + DEPTH < depth) p.next = patches + k + DEPTH;
            product_within(&p, columns);
        }
    }
}

/* Output channels from .. from + count of group `g`, at `rows` pixels from `first` on; `from` begins a panel. */
static void product(const gemm_call *call, int64_t first, int rows, int g, int from, int count, const float *patches, int64_t stride) {
    const hl_view *out = call->out;
    float *to = hl_blas_pixel(out, first) + g * call->group_out + from;
    if (call->bias)
        for (int r = 0; r < rows; r++) memcpy(to + r * out->stride, call->bias + g * call->group_out + from, (size_t)count * sizeof *to);
    const float *kernel = call->packed + ((int64_t)g * HL_BLAS(group_panels)(call->conv) * LANES + from) * call->depth;
    const hl_segment *in = is_direct(call) && is_through(call->in) ? call->in : NULL;
    for (int r = 0, here; r < rows; r += here) {
        here = in ? rows_alike(in, first + r, rows - r) : rows;
        multiply(patches + r * stride, stride, here, call->depth, in, (first + r) / ((int64_t)out->h * out->w), g * call->group_in, kernel, count,
                 call->accumulate || call->bias, to + r * out->stride, out->stride);
    }
    int channel = g * call->group_out + from;
    if (call->finish) HL_BLAS(finish)(call->finish, out, first, first + rows, channel, count);
    int64_t range = is_shared(call->conv) ? 0 : first / call->rows;
    if (call->moments) HL_BLAS(moments)(out, first, first + rows, channel, count, call->moments + range * hl_moments_floats(out->c));
}

static const float *patches_of(const gemm_call *call, int64_t first, int rows, int g, float *to, int64_t *stride) {
    const hl_conv *conv = call->conv;
    *stride = call->depth;
    if (is_direct(call)) {
        *stride = call->in->view.stride;
        return hl_blas_pixel(&call->in->view, first) + g * call->group_in;
    }
    hl_patch_range range = {first, rows, 0, conv->kh * conv->kw, g * call->group_in, call->group_in};
    HL_BLAS(patches)(conv, call->in, call->segments, &range, to);
    return to;
}

static void rows_piece(void *arg, int64_t piece, int worker) {
    const gemm_call *call = arg;
    int64_t first = piece * call->rows, left = hl_conv_pixels(call->conv) - first, stride;
    int rows = left < call->rows ? (int)left : call->rows;
    float *memory = call->patches + (size_t)worker * hl_blas_lines((int64_t)call->rows * call->depth);
    for (int g = 0; g < call->conv->groups; g++) {
        const float *patches = patches_of(call, first, rows, g, memory, &stride);
        product(call, first, rows, g, 0, call->group_out, patches, stride);
    }
}

/* Few pixels: first all patches, group after group, ... */
static void shared_patches_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const gemm_call *call = arg;
    int64_t pixels = hl_conv_pixels(call->conv), stride;
    int blocks = (int)hl_blas_pieces(pixels, call->rows), g = (int)(piece / blocks);
    int64_t first = piece % blocks * call->rows, left = pixels - first;
    patches_of(call, first, left < call->rows ? (int)left : call->rows, g, call->patches + (g * pixels + first) * call->depth, &stride);
}

/* ... then the products, cut over output channels. */
static void columns_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const gemm_call *call = arg;
    int64_t pixels = hl_conv_pixels(call->conv), stride = call->depth;
    int columns = shared_columns(call->conv), blocks = (int)hl_blas_pieces(call->group_out, columns);
    int g = (int)(piece / blocks), from = (int)(piece % blocks) * columns;
    int count = call->group_out - from < columns ? call->group_out - from : columns;
    const float *patches = call->patches + g * pixels * call->depth;
    if (is_direct(call)) patches = patches_of(call, 0, 0, g, NULL, &stride);
    product(call, 0, (int)pixels, g, from, count, patches, stride);
}

static void run(hl_context *hl, gemm_call *call) {
    const hl_conv *conv = call->conv;
    int64_t pixels = hl_conv_pixels(conv);
    call->group_in = conv->in_c / conv->groups, call->group_out = conv->out_c / conv->groups;
    call->depth = conv->kh * conv->kw * call->group_in;
    if (!is_shared(conv)) {
        call->rows = piece_rows(conv);
        hl_parallel_for(hl, hl_blas_pieces(pixels, call->rows), rows_piece, call);
        return;
    }
    call->rows = (int)hl_blas_pieces(pixels, 16);
    if (!is_direct(call)) hl_parallel_for(hl, conv->groups * hl_blas_pieces(pixels, call->rows), shared_patches_piece, call);
    hl_parallel_for(hl, conv->groups * hl_blas_pieces(call->group_out, shared_columns(conv)), columns_piece, call);
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    HL_BLAS(pack_kernel)(hl, conv, kernel, false, memory);
    gemm_call call = {.conv = conv, .in = in, .segments = segments, .packed = memory, .bias = bias, .out = out,
                      .patches = (float *)memory + HL_BLAS(kernel_floats)(conv)};
    if (hl_finish_changes(finish)) call.finish = finish;
    if (finish && finish->mean) call.moments = call.patches + patch_floats(conv, hl_threads(hl));
    run(hl, &call);
    if (!call.moments) return;
    int64_t range = is_shared(conv) ? hl_conv_pixels(conv) : piece_rows(conv);
    HL_BLAS(moments_total)(hl, call.moments, hl_conv_pixels(conv), range, conv->out_c, finish->mean, finish->variance);
}

static void forward_kept(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kept, const void *bias,
                         const hl_finish *finish, const hl_view *out, void *memory) {
    gemm_call call = {.conv = conv, .in = in, .segments = segments, .packed = kept, .bias = bias, .finish = finish, .out = out, .patches = memory};
    run(hl, &call);
}

typedef struct scatter_call {
    const hl_conv *conv;
    const float *kernel;
    const hl_view *dout, *din;
    bool accumulate;
    float *memory;
} scatter_call;

/* Adds products, `count` channels for each of `taps` taps of a kernel row, to the input pixels from (n, y, x) on. */
static void scatter_taps(const scatter_call *call, int n, int y, int x, int taps, int channel, int count, const float *products) {
    const hl_conv *conv = call->conv;
    int from = (int)hl_blas_clamp(-x, 0, taps), end = (int)hl_blas_clamp(conv->in_w - x, from, taps);
    if (y < 0 || y >= conv->in_h || from == end) return;
    float *din = hl_blas_pixel(call->din, ((int64_t)n * conv->in_h + y) * conv->in_w + x + from) + channel;
    bool dense = call->din->stride == count; /* pixels side by side */
    int runs = dense ? 1 : end - from, length = dense ? (end - from) * count : count;
    for (int t = 0; t < runs; t++) {
        float *restrict to = din + t * call->din->stride;
        const float *restrict add = products + (from + t) * count;
        for (int i = 0; i < length; i++) to[i] += add[i];
    }
}

/* Adds the products of taps first_tap .. end_tap with `count` channels for each of `rows` output pixels from `first` on, which are `width`
 * floats apart. */
static void scatter(const scatter_call *call, int64_t first, int rows, int first_tap, int end_tap, int channel, int count,
                    const float *row_products, int width) {
    const hl_conv *conv = call->conv;
    for (int r = 0; r < rows; r++, row_products += width) {
        const float *products = row_products;
        int n = (int)((first + r) / conv->out_w / conv->out_h), oy = (int)((first + r) / conv->out_w % conv->out_h);
        int ox = (int)((first + r) % conv->out_w);
        for (int t = first_tap, taps; t < end_tap; t += taps, products += taps * count) {
            int column = t % conv->kw;
            taps = end_tap - t < conv->kw - column ? end_tap - t : conv->kw - column;
            scatter_taps(call, n, oy * conv->stride_h - conv->pad_top + t / conv->kw, ox * conv->stride_w - conv->pad_left + column, taps,
                         channel, count, products);
        }
    }
}

/* `columns` floats of each of `depth` rows, `stride` apart, as panels. */
static void pack_columns(const float *from, int64_t stride, int depth, int columns, float *to) {
    for (int c = 0; c < columns; c += LANES)
        for (int k = 0; k < depth; k++, to += LANES) vector_store(to, vector_load_some(from + k * stride + c, columns - c));
}

/* A product for some taps, scattered, of output pixels first .. end and `count` input channels from `from` on of group `g`. */
static void scatter_products(const scatter_call *call, int64_t first, int64_t end, int g, int from, int count, float *memory) {
    const hl_conv *conv = call->conv;
    int group_in = conv->in_c / conv->groups, group_out = conv->out_c / conv->groups, taps = conv->kh * conv->kw;
    int together = count < group_in ? 1 : SCATTER_CHANNELS / group_in; /* taps of all channels lie side by side in the kernel */
    float *packed = memory + SCATTER_PIXELS * SCATTER_CHANNELS;
    for (; first < end; first += SCATTER_PIXELS) {
        int rows = end - first < SCATTER_PIXELS ? (int)(end - first) : SCATTER_PIXELS;
        const float *dout = hl_blas_pixel(call->dout, first) + g * group_out;
        for (int t = 0; t < taps; t += together) {
            int tap_end = t + together < taps ? t + together : taps, columns = (tap_end - t) * count;
            int width = panels_of(columns) * LANES; /* whole panels: what lies past the columns is not read */
            const float *kernel = call->kernel + ((int64_t)g * group_out * taps + t) * group_in + from;
            if (LANES > 4) {
                pack_columns(kernel, (int64_t)taps * group_in, group_out, columns, packed);
                multiply(dout, call->dout->stride, rows, group_out, NULL, 0, 0, packed, width, false, memory, width);
            } else { /* built for any processor, where OpenBLAS knows this one better */
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, group_out, 1, dout, (int)call->dout->stride, kernel,
                            taps * group_in, 0, memory, width);
            }
            scatter(call, first, rows, t, tap_end, g * group_in + from, count, memory, width);
        }
    }
}

/* A piece is up to SCATTER_CHANNELS input channels of a group, in one image or, where pixels are few, in all. */
static void scatter_piece(void *arg, int64_t piece, int worker) {
    const scatter_call *call = arg;
    const hl_conv *conv = call->conv;
    int group_in = conv->in_c / conv->groups, blocks = (int)hl_blas_pieces(group_in, SCATTER_CHANNELS);
    int from = (int)(piece % blocks) * SCATTER_CHANNELS, g = (int)(piece / blocks) % conv->groups, n = (int)(piece / blocks) / conv->groups;
    int count = group_in - from < SCATTER_CHANNELS ? group_in - from : SCATTER_CHANNELS, images = is_shared(conv) ? conv->n : 1;
    int64_t in_size = (int64_t)conv->in_h * conv->in_w, out_size = (int64_t)conv->out_h * conv->out_w;
    for (int64_t p = n * in_size; !call->accumulate && p < (n + images) * in_size; p++)
        memset(hl_blas_pixel(call->din, p) + g * group_in + from, 0, (size_t)count * sizeof(float));
    scatter_products(call, n * out_size, (n + images) * out_size, g, from, count,
                     call->memory + worker * scatter_floats(conv));
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    int64_t group_in = conv->in_c / conv->groups;
    if (is_scattered(conv)) {
        scatter_call call = {.conv = conv, .kernel = kernel, .dout = dout, .din = din, .accumulate = accumulate, .memory = memory};
        int64_t images = is_shared(conv) ? 1 : conv->n;
        hl_parallel_for(hl, images * conv->groups * hl_blas_pieces(group_in, SCATTER_CHANNELS), scatter_piece, &call);
        return;
    }
    hl_conv turned = turned_conv(conv);
    hl_segment in = {.view = *dout};
    HL_BLAS(pack_kernel)(hl, &turned, kernel, true, memory);
    gemm_call call = {.conv = &turned, .in = &in, .segments = 1, .packed = memory, .out = din, .accumulate = accumulate,
                      .patches = (float *)memory + HL_BLAS(kernel_floats)(&turned)};
    run(hl, &call);
}

const hl_conv_kernel HL_BLAS(gemm) = {
    .name = "gemm",
    .reads_half = true,
    .gives_moments = true,
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .kept = HL_BLAS(kept_bytes),
    .keep = HL_BLAS(keep),
    .forward_kept = forward_kept,
    .backward_data = backward_data,
    .goes_through = goes_through,
    .backward_through = HL_BLAS(gemm_through),
    .backward_weights = HL_BLAS(gemm_weights),
};
