/* Convolution: any kernel, stride, asymmetric padding, groups, bias. */
#include <stdio.h>

#include "ops/op.h"

enum { KERNEL, BIAS };

/* out = ceil(in / s) for same padding; floor((in + pads - k) / s) + 1 for explicit. `before` gets the padding before. */
static int extent(int in, int kernel, int stride, hl_padding padding, int pad_before, int pad_after, int *before) {
    if (padding == HL_SAME) {
        int out = (in + stride - 1) / stride;
        int total = (out - 1) * stride + kernel - in;
        *before = total > 0 ? total / 2 : 0;
        return out;
    }
    *before = pad_before;
    int span = in + pad_before + pad_after - kernel;
    return span < 0 ? 0 : span / stride + 1;
}

static int or_one(int value) { return value ? value : 1; }

hl_conv hl_conv_geometry(const hl_conv_options *a, int n, hl_shape in) {
    hl_conv conv = {.n = n, .in_h = in.h, .in_w = in.w, .in_c = in.c, .out_c = a->channels, .kh = a->kernel_h, .kw = a->kernel_w,
                    .stride_h = or_one(a->stride_h), .stride_w = or_one(a->stride_w), .groups = or_one(a->groups)};
    conv.out_h = extent(in.h, conv.kh, conv.stride_h, a->padding, a->pad_top, a->pad_bottom, &conv.pad_top);
    conv.out_w = extent(in.w, conv.kw, conv.stride_w, a->padding, a->pad_left, a->pad_right, &conv.pad_left);
    return conv;
}

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const hl_conv_options *a = node->attributes;
    int groups = or_one(a->groups);
    if (a->channels < 1 || a->kernel_h < 1 || a->kernel_w < 1 || a->stride_h < 0 || a->stride_w < 0 || groups < 1 || a->pad_top < 0 ||
        a->pad_bottom < 0 || a->pad_left < 0 || a->pad_right < 0)
        return snprintf(why, why_bytes, "%d channels with a %dx%d kernel make no sense", a->channels, a->kernel_h, a->kernel_w), false;
    if (in->c % groups || a->channels % groups)
        return snprintf(why, why_bytes, "%d and %d channels do not divide into %d groups", in->c, a->channels, groups), false;
    *out = (hl_shape){.c = a->channels};
    if (!in->h) return true;
    hl_conv conv = hl_conv_geometry(a, 1, *in);
    out->h = conv.out_h, out->w = conv.out_w;
    if (out->h > 0 && out->w > 0) return true;
    snprintf(why, why_bytes, "a %dx%d kernel does not fit on a %dx%d map", conv.kh, conv.kw, in->h, in->w);
    return false;
}

/* The depthwise kernel cannot, and a large kernel reads each pixel too often for it to be worth while. */
static bool reads_through(const hl_node *node) {
    const hl_conv_options *a = node->attributes;
    bool one = a->channels == 1 && node->graph->nodes[node->inputs[0]]->channels == 1;
    return or_one(a->groups) == 1 && !one && a->kernel_h * a->kernel_w <= 9;
}

static hl_conv geometry(const hl_step *step) { return hl_conv_geometry(step->node->attributes, step->out.n, step->in_shape[0]); }

static bool sums_input(const hl_node *node) { return or_one(((const hl_conv_options *)node->attributes)->groups) == 1; }

/* A 1x1 convolution through what it reads through, a depthwise one through what is stored for it. */
static bool backs_through(const hl_step *step, bool stored) {
    hl_conv conv = geometry(step);
    const hl_conv_kernel *data = step->conv[HL_BACKWARD_DATA];
    return (stored ? hl_conv_is_depthwise(&conv) : hl_conv_is_pointwise(&conv)) && data->goes_through && data->goes_through(&conv);
}

/* Means and deviations of the output's gradient; then what computing them and the sums takes. */
static size_t moments_bytes(const hl_step *step) { return (2 * (size_t)step->out.c + 7) / 8 * 8 * sizeof(double); }
static size_t sums_workspace(const hl_step *step, const hl_conv *conv) {
    size_t statistics = step->kernels->norm_workspace(&step->out, hl_threads(step->hl)), sums = step->kernels->conv_sums_workspace(conv);
    return moments_bytes(step) + (statistics > sums ? statistics : sums);
}

static void sum_input_gradient(const hl_step *step, const hl_conv *conv) {
    double *mean = step->workspace, *variance = mean + step->out.c;
    void *rest = (char *)step->workspace + moments_bytes(step);
    step->kernels->norm_statistics(step->hl, &step->out_gradient, mean, variance, rest);
    step->kernels->conv_sums(conv, &step->out_gradient, mean, step->param[KERNEL], step->in_gradient[0].data, rest);
}

static size_t workspace(const hl_step *step, bool backward) {
    hl_conv conv = geometry(step);
    int threads = hl_threads(step->hl);
    if (!backward) return step->conv[HL_FORWARD]->workspace(&conv, HL_FORWARD, threads);
    size_t weights = step->conv[HL_BACKWARD_WEIGHTS]->workspace(&conv, HL_BACKWARD_WEIGHTS, threads);
    size_t data = 0;
    if (step->summed) data = sums_workspace(step, &conv);
    else if (step->in_gradient[0].c) data = step->conv[HL_BACKWARD_DATA]->workspace(&conv, HL_BACKWARD_DATA, threads);
    return weights > data ? weights : data;
}

static size_t kept(const hl_step *step) {
    hl_conv conv = geometry(step);
    return step->conv[HL_FORWARD]->kept ? step->conv[HL_FORWARD]->kept(&conv) : 0;
}

static void prepare(hl_step *step) {
    if (!step->kept) return;
    hl_conv conv = geometry(step);
    step->conv[HL_FORWARD]->keep(step->hl, &conv, step->param[KERNEL], step->kept);
}

static void forward(hl_step *step) {
    hl_conv conv = geometry(step);
    const hl_conv_kernel *kernel = step->conv[HL_FORWARD];
    const hl_finish *finish = step->finishes || step->measured ? &step->finish : NULL;
    if (step->kept) kernel->forward_kept(step->hl, &conv, step->in, step->in_count, step->kept, step->param[BIAS], finish, &step->out, step->workspace);
    else kernel->forward(step->hl, &conv, step->in, step->in_count, step->param[KERNEL], step->param[BIAS], finish, &step->out, step->workspace);
}

static void backward(hl_step *step) {
    hl_conv conv = geometry(step);
    double start = hl_seconds();
    step->conv[HL_BACKWARD_WEIGHTS]->backward_weights(step->hl, &conv, step->in, step->in_count, &step->out_gradient,
                                                      step->param_gradient[KERNEL], step->param_gradient[BIAS], step->workspace);
    step->seconds[HL_BACKWARD_WEIGHTS] += hl_seconds() - start;
    const hl_conv_kernel *data = step->conv[HL_BACKWARD_DATA];
    if (step->summed) sum_input_gradient(step, &conv);
    else if (step->through)
        data->backward_through(step->hl, &conv, &step->out_gradient, step->param[KERNEL], &step->beyond, &step->in_gradient[0], step->in_accumulate[0],
                               step->norm_sums, step->workspace);
    else if (step->in_gradient[0].data)
        data->backward_data(step->hl, &conv, &step->out_gradient, step->param[KERNEL], &step->in_gradient[0], step->in_accumulate[0], step->workspace);
}

static double flops(const hl_step *step) {
    hl_conv conv = geometry(step);
    double taps = (double)conv.kh * conv.kw * (conv.in_c / conv.groups);
    return (double)hl_view_pixels(&step->out) * conv.out_c * (2 * taps + (step->node->params[BIAS] >= 0 ? 1 : 0));
}

const hl_op hl_op_conv = {
    .name = "conv",
    .onnx = "Conv",
    .needs = HL_NEEDS_INPUT | HL_READS_SEGMENTS | HL_FINISHES,
    .shape = shape,
    .reads_through = reads_through,
    .sums_input = sums_input,
    .backs_through = backs_through,
    .geometry = geometry,
    .workspace = workspace,
    .kept = kept,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_conv2d(hl_graph *graph, hl_value *x, const char *name, int channels, int kernel) {
    return hl_convolution(graph, x, name, &(hl_conv_options){.channels = channels, .kernel_h = kernel, .kernel_w = kernel, .bias = true});
}

hl_value *hl_convolution(hl_graph *graph, hl_value *x, const char *name, const hl_conv_options *options) {
    hl_node *node = hl_node_add(graph, &hl_op_conv, name, &x, 1, options, sizeof *options);
    if (!node) return NULL;
    int kernel[4] = {options->channels, x->channels / or_one(options->groups), options->kernel_h, options->kernel_w};
    hl_node_param(node, KERNEL, HL_KERNEL, 4, kernel, options->init);
    if (options->bias) hl_node_param(node, BIAS, HL_BIAS, 1, &options->channels, options->init);
    return node;
}
