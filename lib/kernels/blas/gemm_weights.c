/* The gradient to a convolution's kernel by matrix products: dkernel = dout^T . patches. */
#include <cblas.h>
#include <string.h>

#include "kernels/blas/blas.h"

enum {
    PARTS = 8,                /* a small kernel is summed in up to so many parts, cut over pixels */
    PART_FLOATS = 200 << 10,  /* a larger one is cut over taps and output channels instead */
    PART_PIXELS = 256,        /* a part is no smaller */
    PATCH_FLOATS = 128 << 10, /* a worker's patches, */
    ROWS = 1024,              /* of so many pixels at most */
    TAP_CHANNELS = 128,       /* output channels of a piece, where there are several taps */
    POINT_CHANNELS = 64,      /* and where there is one */
};

typedef struct weights_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *parts, *patches;
    int group_in, group_out, taps;
    int64_t size; /* floats of the kernel */
} weights_call;

static int64_t kernel_size(const hl_conv *conv) { return (int64_t)conv->out_c * conv->kh * conv->kw * (conv->in_c / conv->groups); }
static bool is_small(const hl_conv *conv) { return kernel_size(conv) <= PART_FLOATS; }
static int64_t part_pixels(const hl_conv *conv) {
    int64_t pixels = hl_blas_pieces(hl_conv_pixels(conv), PARTS);
    return pixels < PART_PIXELS ? PART_PIXELS : pixels;
}
static int64_t parts_of(const hl_conv *conv) { return hl_blas_pieces(hl_conv_pixels(conv), part_pixels(conv)); }

/* The sums of parts; a single one is the kernel's gradient itself. */
static size_t parts_floats(const hl_conv *conv) {
    return parts_of(conv) > 1 ? (size_t)parts_of(conv) * hl_blas_lines(kernel_size(conv)) : 0;
}

/* Pixels whose patches a worker holds at a time. */
static int64_t patch_rows(const hl_conv *conv) {
    int64_t depth = conv->in_c / conv->groups * (is_small(conv) ? conv->kh * conv->kw : 1);
    return hl_blas_clamp(PATCH_FLOATS / depth, 32, ROWS);
}

static size_t patch_floats(const hl_conv *conv) {
    return hl_blas_lines(patch_rows(conv) * (conv->in_c / conv->groups) * (is_small(conv) ? conv->kh * conv->kw : 1));
}

static size_t sums_bytes(const hl_conv *conv) {
    hl_view dout = {.n = conv->n, .h = conv->out_h, .w = conv->out_w, .c = conv->out_c, .stride = conv->out_c};
    return HL_BLAS(sums_workspace)(&dout);
}

size_t HL_BLAS(gemm_weights_workspace)(const hl_conv *conv, int threads) {
    size_t parts = is_small(conv) ? parts_floats(conv) : 0;
    return sums_bytes(conv) + (parts + (size_t)threads * patch_floats(conv)) * sizeof(float);
}

/* to (outputs x taps * group_in, rows `stride` apart) = dout^T . patches over pixels first .. end, for `outputs` output
 * channels from `output` on of group `g` and the taps from `tap` on. */
static void product(const weights_call *call, int64_t first, int64_t end, int g, int output, int outputs, int tap, int taps, float *memory,
                    float *to, int stride) {
    const hl_conv *conv = call->conv;
    bool direct = call->segments == 1 && !call->in->up && HL_BLAS(pointwise)(conv);
    int depth = taps * call->group_in;
    float beta = 0;
    for (int64_t p = first, rows = direct ? ROWS : patch_rows(conv); p < end; p += rows, beta = 1) {
        int count = (int)(end - p < rows ? end - p : rows);
        hl_patch_range range = {p, count, tap, taps, g * call->group_in, call->group_in};
        const float *patches = direct ? hl_blas_pixel(&call->in->view, p) + g * call->group_in : memory;
        if (!direct) HL_BLAS(patches)(conv, call->in, call->segments, &range, memory);
        const float *dout = hl_blas_pixel(call->dout, p) + g * call->group_out + output;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outputs, depth, count, 1, dout, (int)call->dout->stride, patches,
                    direct ? (int)call->in->view.stride : depth, beta, to, stride);
    }
}

/* A small kernel: a piece is a part of the pixels, with a sum of its own. */
static void part_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t pixels = hl_conv_pixels(conv), first = piece * part_pixels(conv), end = first + part_pixels(conv);
    float *memory = call->patches + (size_t)worker * patch_floats(conv);
    float *part = parts_of(conv) > 1 ? call->parts + (size_t)piece * hl_blas_lines(call->size) : call->dkernel;
    int depth = call->taps * call->group_in;
    for (int g = 0; g < conv->groups; g++)
        product(call, first, end < pixels ? end : pixels, g, 0, call->group_out, 0, call->taps, memory,
                part + (int64_t)g * call->group_out * depth, depth);
}

enum { ADD_FLOATS = 8192 };

static void add_parts_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    int64_t first = piece * ADD_FLOATS, count = call->size - first < ADD_FLOATS ? call->size - first : ADD_FLOATS;
    float *restrict sum = call->dkernel + first;
    memcpy(sum, call->parts + first, (size_t)count * sizeof *sum);
    for (int64_t part = 1; part < parts_of(call->conv); part++) {
        const float *restrict more = call->parts + (size_t)part * hl_blas_lines(call->size) + first;
        for (int64_t i = 0; i < count; i++) sum[i] += more[i];
    }
}

/* A large kernel: a piece is a tap and some output channels of a group, over all pixels. */
static void tap_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int block = call->taps > 1 ? TAP_CHANNELS : POINT_CHANNELS, blocks = (int)hl_blas_pieces(call->group_out, block);
    int tap = (int)(piece / blocks) % call->taps, g = (int)(piece / blocks) / call->taps, from = (int)(piece % blocks) * block;
    int count = call->group_out - from < block ? call->group_out - from : block;
    float *memory = call->patches + (size_t)worker * patch_floats(conv);
    float *to = call->dkernel + ((int64_t)(g * call->group_out + from) * call->taps + tap) * call->group_in;
    product(call, 0, hl_conv_pixels(conv), g, from, count, tap, 1, memory, to, call->taps * call->group_in);
}

void HL_BLAS(gemm_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                           void *dbias, void *workspace) {
    weights_call call = {.conv = conv, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    call.group_in = conv->in_c / conv->groups, call.group_out = conv->out_c / conv->groups, call.taps = conv->kh * conv->kw;
    call.size = kernel_size(conv);
    call.parts = (float *)((char *)workspace + sums_bytes(conv));
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    if (is_small(conv)) {
        call.patches = call.parts + parts_floats(conv);
        hl_parallel_for(hl, parts_of(conv), part_piece, &call);
        if (parts_of(conv) > 1) hl_parallel_for(hl, hl_blas_pieces(call.size, ADD_FLOATS), add_parts_piece, &call);
        return;
    }
    call.patches = call.parts;
    int block = call.taps > 1 ? TAP_CHANNELS : POINT_CHANNELS;
    hl_parallel_for(hl, hl_blas_pieces(call.group_out, block) * call.taps * conv->groups, tap_piece, &call);
}
