/* Transposed convolution: the backward-data of a convolution as a forward pass (Zeiler et al. 2010). */
#include <stdio.h>

#include "ops/op.h"

enum { KERNEL, BIAS };

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const hl_conv_options *a = node->attributes;
    *out = (hl_shape){a->channels, in->h * a->stride_h, in->w * a->stride_w};
    if (a->padding != HL_SAME || a->groups > 1)
        return snprintf(why, why_bytes, "a transposed convolution with given padding or %d groups, expected same padding and 1", a->groups), false;
    if (a->channels >= 1 && a->stride_h >= 1 && a->stride_w >= 1 && a->kernel_h >= a->stride_h && a->kernel_w >= a->stride_w) return true;
    snprintf(why, why_bytes, "%d channels, a %dx%d kernel and stride %dx%d make no sense", a->channels, a->kernel_h, a->kernel_w, a->stride_h, a->stride_w);
    return false;
}

/* The convolution that leads from the output back to the input. */
static hl_conv geometry(const hl_step *step) {
    hl_conv_options back = *(const hl_conv_options *)step->node->attributes;
    back.channels = step->in_shape[0].c;
    return hl_conv_geometry(&back, step->out.n, (hl_shape){step->out.c, step->out.h, step->out.w});
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Where the input's gradient adds to another's, it is computed beside it first. */
static size_t beside_bytes(const hl_step *step) {
    const hl_shape *in = &step->in_shape[0];
    if (!step->in_accumulate[0]) return 0;
    return ((size_t)step->out.n * (size_t)in->h * (size_t)in->w * (size_t)in->c * hl_dtype_bytes(step->kernels->dtype) + 63) / 64 * 64;
}

static size_t workspace(const hl_step *step, bool backward) {
    hl_conv conv = geometry(step);
    int threads = hl_threads(step->hl);
    if (!backward) return step->conv[HL_FORWARD]->workspace(&conv, HL_BACKWARD_DATA, threads);
    size_t most = step->conv[HL_BACKWARD_WEIGHTS]->workspace(&conv, HL_BACKWARD_WEIGHTS, threads);
    most = larger(most, beside_bytes(step) + step->conv[HL_BACKWARD_DATA]->workspace(&conv, HL_FORWARD, threads));
    return step->node->params[BIAS] >= 0 ? larger(most, step->kernels->norm_workspace(&step->out, threads)) : most;
}

static size_t saved(const hl_node *node) { return HL_NORM_SAVED * (size_t)node->channels; }

/* With a mean of 0 and a variance of 1 a batch norm only adds its beta: that is how a bias is added, and summed below. */
static hl_norm_state plain_norm(const hl_step *step) {
    for (int c = 0; c < step->out.c; c++) step->saved[c] = 0, step->saved[step->out.c + c] = 1;
    hl_norm_state norm = hl_norm_of(step->saved, step->out.c);
    norm.beta = step->param[BIAS];
    step->kernels->norm_terms(&norm, step->out.c);
    return norm;
}

static void forward(hl_step *step) {
    hl_conv conv = geometry(step);
    step->conv[HL_FORWARD]->backward_data(step->hl, &conv, &step->in[0].view, step->param[KERNEL], &step->out, false, step->workspace);
    if (!step->param[BIAS]) return;
    hl_norm_state norm = plain_norm(step);
    step->kernels->norm_apply(step->hl, &step->out, &norm, &step->out);
}

static void backward(hl_step *step) {
    hl_conv conv = geometry(step);
    hl_segment gradient = {.view = step->out_gradient};
    step->conv[HL_BACKWARD_WEIGHTS]->backward_weights(step->hl, &conv, &gradient, 1, &step->in[0].view, step->param_gradient[KERNEL], NULL,
                                                      step->workspace);
    if (step->param[BIAS]) {
        hl_norm_state norm = plain_norm(step);
        step->kernels->norm_backward(step->hl, &step->out_gradient, &step->out_gradient, &norm, &(hl_view){0}, false, NULL,
                                     step->param_gradient[BIAS], step->workspace);
    }
    hl_view to = step->in_gradient[0];
    if (!to.data) return;
    if (step->in_accumulate[0]) to.data = step->workspace, to.stride = to.c;
    step->conv[HL_BACKWARD_DATA]->forward(step->hl, &conv, &gradient, 1, step->param[KERNEL], NULL, NULL, &to, (char *)step->workspace + beside_bytes(step));
    if (step->in_accumulate[0]) step->kernels->copy(step->hl, &to, &step->in_gradient[0], true);
}

static double flops(const hl_step *step) {
    hl_conv conv = geometry(step);
    double products = (double)conv.n * conv.out_h * conv.out_w * conv.out_c * conv.kh * conv.kw * conv.in_c;
    return 2 * products + (step->node->params[BIAS] >= 0 ? (double)hl_view_pixels(&step->out) * step->out.c : 0);
}

const hl_op hl_op_conv_transpose = {
    .name = "conv_transpose",
    .onnx = "ConvTranspose",
    .needs = HL_NEEDS_INPUT | HL_TRANSPOSED,
    .shape = shape,
    .saved = saved,
    .geometry = geometry,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_conv_transpose(hl_graph *graph, hl_value *x, const char *name, const hl_conv_options *options) {
    hl_node *node = hl_node_add(graph, &hl_op_conv_transpose, name, &x, 1, options, sizeof *options);
    if (!node) return NULL;
    int kernel[4] = {x->channels, options->channels, options->kernel_h, options->kernel_w};
    hl_node_param(node, KERNEL, HL_KERNEL, 4, kernel, options->init);
    if (options->bias) hl_node_param(node, BIAS, HL_BIAS, 1, &options->channels, options->init);
    return node;
}
