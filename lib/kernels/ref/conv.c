/* Convolution in plain loops: fits every geometry. */
#include <string.h>

#include "kernels/ref/ref.h"

enum { READ = 64 }; /* channels read at a time */

typedef struct conv_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const real *kernel, *bias;
    const hl_finish *finish;
    const hl_view *out, *din;
    bool accumulate;
    real *dkernel, *dbias;
    double *sums;
} conv_call;

static bool fits(const hl_conv *conv) {
    (void)conv;
    return true;
}

/* Plain loops run at about a twentieth of a matrix product's speed. */
static double cost(const hl_conv *conv, hl_pass pass) {
    (void)pass;
    return 20.0 * conv->n * conv->out_h * conv->out_w * conv->out_c * conv->kh * conv->kw * (conv->in_c / conv->groups);
}

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    (void)conv, (void)pass, (void)threads;
    return 0;
}

/* Eight partial sums, so that the sum does not wait for its own last addition. */
static real dot(const real *a, const real *b, int count) {
    real lanes[8] = {0}, sum = 0;
    int i = 0;
    for (; i + 8 <= count; i += 8)
        for (int j = 0; j < 8; j++) lanes[j] += a[i + j] * b[i + j];
    for (; i < count; i++) sum += a[i] * b[i];
    for (int j = 0; j < 8; j++) sum += lanes[j];
    return sum;
}

/* y += a x */
static void axpy(real *restrict y, real a, const real *restrict x, int count) {
    for (int i = 0; i < count; i++) y[i] += a * x[i];
}

/* The segment's channels from .. from + count of a pixel of image n, in `memory` where a norm or a scale stands between. */
static const real *read_channels(const hl_segment *in, int n, const real *pixel, int from, int count, real *memory) {
    const real *norm = in->norm, *scale = in->scale.data ? pixel_at(&in->scale, n, 0, 0) : NULL;
    for (int i = 0; scale && i < count; i++) memory[i] = pixel[from + i] * scale[from + i];
    if (!norm) return scale ? memory : pixel + from;
    for (int i = 0; i < count; i++) {
        int c = from + i;
        real y = (pixel[c] - norm[c]) * norm[in->view.c + c] + norm[2 * in->view.c + c];
        memory[i] = in->act == HL_RELU && y < 0 ? 0 : y;
    }
    return memory;
}

static int larger(int a, int b) { return a > b ? a : b; }
static int smaller(int a, int b) { return a < b ? a : b; }

/* Adds to an output pixel what `count` channels of an input pixel, from channel `first` on, give through one tap. */
static void forward_tap(const conv_call *call, const real *x, int first, int count, int tap, real *out) {
    const hl_conv *conv = call->conv;
    int group_in = conv->in_c / conv->groups, group_out = conv->out_c / conv->groups, taps = conv->kh * conv->kw;
    for (int g = 0; g < conv->groups; g++) {
        int from = larger(first, g * group_in), to = smaller(first + count, (g + 1) * group_in);
        if (from >= to) continue;
        for (int o = g * group_out; o < (g + 1) * group_out; o++) {
            const real *k = call->kernel + ((int64_t)o * taps + tap) * group_in + (from - g * group_in);
            out[o] += dot(x + (from - first), k, to - from);
        }
    }
}

static void forward_row(void *arg, int64_t piece, int worker) {
    (void)worker;
    const conv_call *call = arg;
    const hl_conv *conv = call->conv;
    int n = (int)(piece / conv->out_h), oy = (int)(piece % conv->out_h);
    real *sums = call->finish && call->finish->row_sums ? (real *)call->finish->row_sums + piece * conv->out_c : NULL;
    for (int o = 0; sums && o < conv->out_c; o++) sums[o] = 0;
    for (int ox = 0; ox < conv->out_w; ox++) {
        real *out = pixel_at(call->out, n, oy, ox);
        for (int o = 0; o < conv->out_c; o++) out[o] = call->bias ? call->bias[o] : 0;
        for (int tap = 0; tap < conv->kh * conv->kw; tap++) {
            int iy = oy * conv->stride_h - conv->pad_top + tap / conv->kw, ix = ox * conv->stride_w - conv->pad_left + tap % conv->kw;
            if (iy < 0 || iy >= conv->in_h || ix < 0 || ix >= conv->in_w) continue;
            for (int s = 0, first = 0; s < call->segments; first += call->in[s++].view.c) {
                const hl_segment *in = &call->in[s];
                const real *pixel = pixel_at(&in->view, n, iy >> in->up, ix >> in->up);
                for (int c = 0; c < in->view.c; c += READ) {
                    real memory[READ];
                    int count = smaller(READ, in->view.c - c);
                    forward_tap(call, read_channels(in, n, pixel, c, count, memory), first + c, count, tap, out);
                }
            }
        }
        if (call->finish) HL_REF(finish)(call->finish, conv->out_c, piece * conv->out_w + ox, out);
        if (sums) axpy(sums, 1, out, conv->out_c);
    }
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    (void)memory;
    conv_call call = {.conv = conv, .in = in, .segments = segments, .kernel = kernel, .bias = bias, .out = out};
    if (hl_finish_changes(finish)) call.finish = finish;
    hl_parallel_for(hl, (int64_t)conv->n * conv->out_h, forward_row, &call);
    if (finish && finish->mean) HL_REF(norm_statistics)(hl, out, finish->mean, finish->variance, NULL);
}

/* The output position that a tap at input position `i` belongs to, or -1. */
static int output_of(int i, int pad, int tap, int stride, int count) {
    int t = i + pad - tap;
    return t < 0 || t % stride || t / stride >= count ? -1 : t / stride;
}

static void backward_data_row(void *arg, int64_t piece, int worker) {
    (void)worker;
    const conv_call *call = arg;
    const hl_conv *conv = call->conv;
    int n = (int)(piece / conv->in_h), iy = (int)(piece % conv->in_h), taps = conv->kh * conv->kw;
    int group_in = conv->in_c / conv->groups, group_out = conv->out_c / conv->groups;
    for (int ix = 0; ix < conv->in_w; ix++) {
        real *din = pixel_at(call->din, n, iy, ix);
        if (!call->accumulate) memset(din, 0, (size_t)conv->in_c * sizeof *din);
        for (int tap = 0; tap < taps; tap++) {
            int oy = output_of(iy, conv->pad_top, tap / conv->kw, conv->stride_h, conv->out_h);
            int ox = output_of(ix, conv->pad_left, tap % conv->kw, conv->stride_w, conv->out_w);
            if (oy < 0 || ox < 0) continue;
            const real *dout = pixel_at(call->out, n, oy, ox);
            for (int o = 0; o < conv->out_c; o++)
                axpy(din + o / group_out * group_in, dout[o], call->kernel + ((int64_t)o * taps + tap) * group_in, group_in);
        }
    }
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    (void)memory;
    conv_call call = {.conv = conv, .kernel = kernel, .out = dout, .din = din, .accumulate = accumulate};
    hl_parallel_for(hl, (int64_t)conv->n * conv->in_h, backward_data_row, &call);
}

/* The gradient to channel c of input pixel (n, iy, ix). */
static double input_gradient(const conv_call *call, int n, int iy, int ix, int c) {
    const hl_conv *conv = call->conv;
    int group_in = conv->in_c / conv->groups, group_out = conv->out_c / conv->groups, taps = conv->kh * conv->kw, g = c / group_in;
    double sum = 0;
    for (int tap = 0; tap < taps; tap++) {
        int oy = output_of(iy, conv->pad_top, tap / conv->kw, conv->stride_h, conv->out_h);
        int ox = output_of(ix, conv->pad_left, tap % conv->kw, conv->stride_w, conv->out_w);
        if (oy < 0 || ox < 0) continue;
        const real *dout = pixel_at(call->out, n, oy, ox);
        for (int o = g * group_out; o < (g + 1) * group_out; o++)
            sum += (double)dout[o] * (double)call->kernel[((int64_t)o * taps + tap) * group_in + c % group_in];
    }
    return sum;
}

/* One input channel. */
static void through_channel(void *arg, int64_t channel, int worker) {
    (void)worker;
    const conv_call *call = arg;
    const hl_conv *conv = call->conv;
    int c = (int)channel;
    const real *norm = call->in->norm, mean = norm[c], scale = norm[conv->in_c + c], shift = norm[2 * conv->in_c + c];
    double sum = 0, product = 0;
    for (int64_t p = 0; p < (int64_t)conv->n * conv->in_h * conv->in_w; p++) {
        int n = (int)(p / conv->in_w / conv->in_h), y = (int)(p / conv->in_w % conv->in_h), x = (int)(p % conv->in_w);
        real away = pixel_at(&call->in->view, n, y, x)[c] - mean, *din = pixel_at(call->din, n, y, x) + c;
        double g = input_gradient(call, n, y, x, c) * HL_REF(slope)(call->in->act, (double)(away * scale + shift));
        sum += g, product += g * (double)away;
        *din = (real)((call->accumulate ? (double)*din : 0) + g * (double)scale);
    }
    call->sums[c] = sum, call->sums[conv->in_c + c] = product;
}

static void backward_through(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                             bool accumulate, double *sums, void *memory) {
    (void)memory;
    conv_call call = {.conv = conv, .in = in, .kernel = kernel, .out = dout, .din = din, .accumulate = accumulate, .sums = sums};
    hl_parallel_for(hl, conv->in_c, through_channel, &call);
}

/* Adds to the kernel of one output channel what one output pixel's gradient gives. */
static void weights_pixel(const conv_call *call, int n, int oy, int ox, int group, real dout, real *dkernel) {
    const hl_conv *conv = call->conv;
    int group_in = conv->in_c / conv->groups;
    for (int tap = 0; tap < conv->kh * conv->kw; tap++) {
        int iy = oy * conv->stride_h - conv->pad_top + tap / conv->kw, ix = ox * conv->stride_w - conv->pad_left + tap % conv->kw;
        if (iy < 0 || iy >= conv->in_h || ix < 0 || ix >= conv->in_w) continue;
        for (int s = 0, first = 0; s < call->segments; first += call->in[s++].view.c) {
            const hl_segment *in = &call->in[s];
            int from = larger(first, group * group_in), to = smaller(first + in->view.c, (group + 1) * group_in);
            if (from >= to) continue;
            const real *pixel = pixel_at(&in->view, n, iy >> in->up, ix >> in->up);
            for (int c = from; c < to; c += READ) {
                real memory[READ];
                int count = smaller(READ, to - c);
                axpy(dkernel + tap * group_in + (c - group * group_in), dout, read_channels(in, n, pixel, c - first, count, memory), count);
            }
        }
    }
}

static void weights_channel(void *arg, int64_t piece, int worker) {
    (void)worker;
    const conv_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t size = (int64_t)conv->kh * conv->kw * (conv->in_c / conv->groups);
    real *dkernel = call->dkernel + piece * size;
    memset(dkernel, 0, (size_t)size * sizeof *dkernel);
    double dbias = 0;
    for (int n = 0; n < conv->n; n++)
        for (int oy = 0; oy < conv->out_h; oy++)
            for (int ox = 0; ox < conv->out_w; ox++) {
                real dout = pixel_at(call->out, n, oy, ox)[piece];
                dbias += (double)dout;
                weights_pixel(call, n, oy, ox, (int)piece / (conv->out_c / conv->groups), dout, dkernel);
            }
    if (call->dbias) call->dbias[piece] = (real)dbias;
}

static void backward_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                             void *dbias, void *memory) {
    (void)memory;
    conv_call call = {.conv = conv, .in = in, .segments = segments, .out = dout, .dkernel = dkernel, .dbias = dbias};
    hl_parallel_for(hl, conv->out_c, weights_channel, &call);
}

const hl_conv_kernel HL_REF(conv) = {
    .name = "direct",
    .sums_rows = true,
    .gives_moments = true,
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .backward_data = backward_data,
    .goes_through = fits,
    .backward_through = backward_through,
    .backward_weights = backward_weights,
};
