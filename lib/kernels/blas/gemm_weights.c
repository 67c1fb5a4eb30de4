/* The gradient to a convolution's kernel by matrix products: dkernel = dout^T . patches. */
#include <string.h>

#include "kernels/blas/normed.h"
#include "kernels/blas/product.h"

enum {
    PARTS = 8,               /* a small kernel is summed in up to so many parts, cut over pixels, where those make two; */
    PART_PIXELS = 256,       /* a part is no smaller */
    PART_FLOATS = 200 << 10, /* a larger one is cut over taps and channels instead: what a piece reads and sums stays in the second cache */
    PATCH_FLOATS = 128 << 10, /* a worker's patches, */
    ROWS = 256,               /* of so many pixels at most, ... */
    PACKED_ROWS = 128,        /* and in panels of so many */
    IN_CHANNELS = 512,        /* input channels of a piece, at most, */
    OUT_CHANNELS = 128,       /* and output channels, */
    FEW_CHANNELS = 64,        /* where the kernel is small or all input channels are in a piece, and there is one tap */
};

typedef struct weights_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *parts, *memory;
    int group_in, group_out, taps;
} weights_call;

static int64_t kernel_size(const hl_conv *conv) { return (int64_t)conv->out_c * conv->kh * conv->kw * (conv->in_c / conv->groups); }
static int64_t part_pixels(const hl_conv *conv) {
    int64_t pixels = hl_blas_pieces(hl_conv_pixels(conv), PARTS);
    return pixels < PART_PIXELS ? PART_PIXELS : pixels;
}
static int64_t parts_of(const hl_conv *conv) { return hl_blas_pieces(hl_conv_pixels(conv), part_pixels(conv)); }
static bool in_parts(const hl_conv *conv) { return kernel_size(conv) <= PART_FLOATS && parts_of(conv) > 1; }

/* Channels of a block, up to `most`: blocks are of nearly one size, whole vectors. */
static int block_of(int channels, int most) {
    int64_t block = hl_blas_pieces(hl_blas_pieces(channels, hl_blas_pieces(channels, most)), LANES) * LANES;
    return smaller((int)block, channels);
}

/* Output channels of a product, and its depth: input channels for each of its taps. */
static int inputs_of(const hl_conv *conv) {
    return in_parts(conv) ? conv->in_c / conv->groups : block_of(conv->in_c / conv->groups, IN_CHANNELS);
}
static int outputs_of(const hl_conv *conv) {
    int outputs = conv->out_c / conv->groups;
    bool few = conv->kh * conv->kw == 1 && (kernel_size(conv) <= PART_FLOATS || inputs_of(conv) == conv->in_c / conv->groups);
    return in_parts(conv) ? outputs : block_of(outputs, few ? FEW_CHANNELS : OUT_CHANNELS);
}
static int depth_of(const hl_conv *conv) { return inputs_of(conv) * (in_parts(conv) ? conv->kh * conv->kw : 1); }

/* Sums of a product, its rows padded to whole panels. */
static int64_t sums_floats(const hl_conv *conv) { return (int64_t)outputs_of(conv) * panels_of(depth_of(conv)) * LANES; }
/* All sums of all parts. */
static int64_t parts_floats(const hl_conv *conv) { return in_parts(conv) ? parts_of(conv) * conv->groups * sums_floats(conv) : 0; }

/* Pixels whose patches a worker holds at a time. */
static int64_t patch_rows(const hl_conv *conv) { return hl_blas_clamp(PATCH_FLOATS / depth_of(conv), 32, ROWS); }

/* A worker's memory: patches, patches and gradients in panels, and the sums of a large kernel's product. */
static int64_t patch_floats(const hl_conv *conv) { return (int64_t)hl_blas_lines(patch_rows(conv) * depth_of(conv)); }
static int64_t packed_floats(int channels) { return (int64_t)panels_of(channels) * LANES * PACKED_ROWS; }
static int64_t worker_floats(const hl_conv *conv) {
    return patch_floats(conv) + packed_floats(depth_of(conv)) + packed_floats(outputs_of(conv)) + (in_parts(conv) ? 0 : sums_floats(conv));
}

size_t HL_BLAS(gemm_weights_workspace)(const hl_conv *conv, int threads) {
    return hl_conv_bias_bytes(conv) + (size_t)(parts_floats(conv) + threads * worker_floats(conv)) * sizeof(float);
}

/* `channels` channels of `rows` pixels as panels of PACKED_ROWS vectors; with `in` they are its channels from `channel` on, of its pixels from
 * `first` on. */
static void pack(const float *from, int64_t stride, int rows, int channels, const hl_segment *in, int64_t first, int channel, float *to) {
    for (int c = 0; c < channels; c += LANES, to += PACKED_ROWS * LANES) {
        const float *next = c + LANES < channels ? from + c + LANES : from + rows * stride; /* asked for meanwhile: rows may be far apart */
        if (!in) {
            for (int r = 0; r < rows; r++) {
                vector_store(to + r * LANES, vector_load_some(from + r * stride + c, channels - c));
                __builtin_prefetch(next + r * stride, 0, 2);
            }
            continue;
        }
        for (int r = 0; r < rows;) {
            norm_vectors n = norm_vectors_of(in, (first + r) / ((int64_t)in->view.h * in->view.w), channel + c, channels - c);
            for (int end = r + rows_alike(in, first + r, rows - r); r < end; r++) {
                vector_store(to + r * LANES, normed(&n, vector_load_some(from + r * stride + c, channels - c)));
                __builtin_prefetch(next + r * stride, 0, 2);
            }
        }
    }
}

/* A part of the kernel: some taps, and channels counted from the first of all. */
typedef struct part {
    int tap, taps, output, outputs, input, inputs;
} part;

/* sums (outputs x depth, padded) = dout^T . patches over pixels first .. end. */
static void product(const weights_call *call, int64_t first, int64_t end, const part *of, float *memory, float *sums) {
    const hl_conv *conv = call->conv;
    bool direct = call->segments == 1 && !call->in->up && !call->in->view.half && hl_conv_is_pointwise(conv);
    int depth = of->taps * of->inputs;
    float *packed = memory + patch_floats(conv), *gradients = packed + packed_floats(depth_of(conv));
    hl_product p = {.a = gradients,
                    .a_panel = PACKED_ROWS * LANES,
                    .b = packed,
                    .b_panel = PACKED_ROWS * LANES,
                    .c = sums,
                    .c_row = panels_of(depth) * LANES,
                    .c_panel = LANES,
                    .rows = of->outputs,
                    .panels = panels_of(depth)};
    int64_t most = direct ? PACKED_ROWS : patch_rows(conv);
    for (int64_t from = first, count; from < end; from += count) {
        count = end - from < most ? end - from : most;
        hl_patch_range range = {from, (int)count, of->tap, of->taps, of->input, of->inputs};
        const float *patches = direct ? hl_blas_pixel(&call->in->view, from) + of->input : memory;
        int64_t stride = direct ? call->in->view.stride : depth;
        if (!direct) HL_BLAS(patches)(conv, call->in, call->segments, &range, memory);
        for (int64_t r = 0; r < count; r += PACKED_ROWS, p.accumulate = true) {
            p.depth = count - r < PACKED_ROWS ? (int)(count - r) : PACKED_ROWS;
            pack(patches + r * stride, stride, p.depth, depth, direct && is_through(call->in) ? call->in : NULL, from + r, of->input, packed);
            pack(hl_blas_pixel(call->dout, from + r) + of->output, call->dout->stride, p.depth, of->outputs, NULL, 0, 0, gradients);
            HL_BLAS(outer_product)(&p);
        }
    }
}

/* A small kernel: a piece is a part of the pixels, with sums of its own. */
static void part_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t pixels = hl_conv_pixels(conv), first = piece * part_pixels(conv), end = first + part_pixels(conv), size = sums_floats(conv);
    float *memory = call->memory + worker * worker_floats(conv), *sums = call->parts + piece * conv->groups * size;
    for (int g = 0; g < conv->groups; g++) {
        part of = {0, call->taps, g * call->group_out, call->group_out, g * call->group_in, call->group_in};
        product(call, first, end < pixels ? end : pixels, &of, memory, sums + g * size);
    }
}

/* One output channel: the parts' sums in order. */
static void add_parts_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    int depth = depth_of(call->conv);
    int64_t size = call->conv->groups * sums_floats(call->conv), parts = parts_of(call->conv);
    float *restrict to = call->dkernel + piece * depth;
    const float *from = call->parts + piece * panels_of(depth) * LANES;
    memcpy(to, from, (size_t)depth * sizeof *to);
    for (int64_t part = 1; part < parts; part++) {
        const float *restrict more = from + part * size;
        for (int64_t i = 0; i < depth; i++) to[i] += more[i];
    }
}

/* A large kernel: a piece is a tap and some channels of a group, over all pixels. */
static int64_t tap_pieces(const weights_call *call) {
    const hl_conv *conv = call->conv;
    return conv->groups * call->taps * hl_blas_pieces(call->group_out, outputs_of(conv)) * hl_blas_pieces(call->group_in, inputs_of(conv));
}

static void tap_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int outputs = outputs_of(conv), inputs = inputs_of(conv), out_blocks = (int)hl_blas_pieces(call->group_out, outputs);
    int in_blocks = (int)hl_blas_pieces(call->group_in, inputs), input = (int)(piece % in_blocks) * inputs,
        output = (int)(piece / in_blocks % out_blocks) * outputs;
    int tap = (int)(piece / in_blocks / out_blocks) % call->taps, g = (int)(piece / in_blocks / out_blocks) / call->taps;
    part of = {tap,
               1,
               g * call->group_out + output,
               smaller(outputs, call->group_out - output),
               g * call->group_in + input,
               smaller(inputs, call->group_in - input)};
    float *memory = call->memory + worker * worker_floats(conv), *sums = memory + worker_floats(conv) - sums_floats(conv);
    product(call, 0, hl_conv_pixels(conv), &of, memory, sums);
    for (int o = 0; o < of.outputs; o++)
        memcpy(call->dkernel + ((int64_t)(of.output + o) * call->taps + tap) * call->group_in + input,
               sums + (int64_t)o * panels_of(of.inputs) * LANES, (size_t)of.inputs * sizeof(float));
}

void HL_BLAS(gemm_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                           void *dbias, void *workspace) {
    weights_call call = {.conv = conv, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    call.group_in = conv->in_c / conv->groups, call.group_out = conv->out_c / conv->groups, call.taps = conv->kh * conv->kw;
    call.parts = (float *)((char *)workspace + hl_conv_bias_bytes(conv));
    call.memory = call.parts + parts_floats(conv);
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    if (in_parts(conv)) {
        hl_parallel_for(hl, parts_of(conv), part_piece, &call);
        hl_parallel_for(hl, conv->out_c, add_parts_piece, &call);
        return;
    }
    hl_parallel_for(hl, tap_pieces(&call), tap_piece, &call);
}
