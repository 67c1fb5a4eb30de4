/* Batch norm (Ioffe, Szegedy 2015): batch statistics in training, moving statistics in inference. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/op.h"

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

static const double momentum = 0.99;

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const hl_norm_options *a = node->attributes;
    *out = *in;
    if (a->epsilon > 0) return true;
    return snprintf(why, why_bytes, "epsilon is %g, expected more than 0", a->epsilon), false;
}

static size_t saved(const hl_node *node) { return HL_NORM_SAVED * (size_t)node->channels; }

hl_norm_state hl_norm_of(double *saved, int channels) {
    return (hl_norm_state){.mean = saved, .variance = saved + channels, .terms = saved + 2 * (size_t)channels};
}

bool hl_norm_scales(const hl_node *node) { return node->params[GAMMA] >= 0; }

static hl_norm_state state(const hl_step *step) {
    hl_norm_state norm = hl_norm_of(step->saved, step->out.c);
    norm.eps = ((const hl_norm_options *)step->node->attributes)->epsilon;
    norm.gamma = step->param[GAMMA], norm.beta = step->param[BETA], norm.act = step->act;
    return norm;
}

static size_t workspace(const hl_step *step, bool backward) {
    if (backward && (step->summed || step->through)) return 0;
    return step->kernels->norm_workspace(&step->out, hl_threads(step->hl));
}

static double get(const hl_step *step, const void *values, int i) {
    return step->kernels->dtype == HL_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static void set(const hl_step *step, void *values, int i, double value) {
    if (step->kernels->dtype == HL_F64) ((double *)values)[i] = value;
    else ((float *)values)[i] = (float)value;
}

/* moving = 0.99 moving + 0.01 batch; the variance put in is the unbiased one, as tf.keras does. */
static void move_statistics(const hl_step *step, const double *mean, const double *variance) {
    double pixels = (double)hl_view_pixels(&step->out);
    double unbiased = pixels / (pixels > 2 ? pixels - 1 : 1);
    for (int i = 0; i < step->out.c; i++) {
        void *mm = step->param[MOVING_MEAN], *mv = step->param[MOVING_VARIANCE];
        set(step, mm, i, momentum * get(step, mm, i) + (1 - momentum) * mean[i]);
        set(step, mv, i, momentum * get(step, mv, i) + (1 - momentum) * unbiased * variance[i]);
    }
}

/* (m - 0.99^t m0) / (1 - 0.99^t) after t steps, m0 = 0 for means and 1 for variances: what the moving average would be had
 * it not started from m0. */
static void corrected_statistics(const hl_step *step, double *mean, double *variance) {
    double left = step->bn_steps > 0 ? pow(momentum, (double)step->bn_steps) : 0;
    for (int i = 0; i < step->out.c; i++) {
        mean[i] = get(step, step->param[MOVING_MEAN], i) / (1 - left);
        variance[i] = fmax((get(step, step->param[MOVING_VARIANCE], i) - left) / (1 - left), 0);
    }
}

static void prepare(hl_step *step) {
    hl_norm_state norm = state(step);
    corrected_statistics(step, norm.mean, norm.variance);
    step->kernels->norm_terms(&norm, step->out.c);
}

static hl_view channels_from(const hl_step *step, hl_view map, int first) {
    return hl_view_channels(map, step->kernels->dtype, first, map.c - first);
}

/* Of the channels that another norm has read before they are known. */
static void batch_statistics(const hl_step *step, const hl_norm_state *norm) {
    int known = step->known_channels;
    hl_view rest = channels_from(step, step->in[0].view, known);
    if (known) {
        hl_norm_state other = hl_norm_of(step->known, known);
        memcpy(norm->mean, other.mean, (size_t)known * sizeof *norm->mean);
        memcpy(norm->variance, other.variance, (size_t)known * sizeof *norm->variance);
    }
    if (rest.c) step->kernels->norm_statistics(step->hl, &rest, norm->mean + known, norm->variance + known, step->workspace);
}

static void forward(hl_step *step) {
    const hl_view *x = &step->in[0].view;
    hl_norm_state norm = state(step);
    if (step->mode == HL_TRAIN) {
        if (!step->measured) batch_statistics(step, &norm);
        move_statistics(step, norm.mean, norm.variance);
        step->kernels->norm_terms(&norm, step->out.c);
    }
    if (!step->unstored) step->kernels->norm_apply(step->hl, x, &norm, &step->out);
}

static void again(hl_step *step) {
    hl_norm_state norm = state(step);
    step->kernels->norm_apply(step->hl, &step->in[0].view, &norm, &step->out);
}

/* The convolution behind has left scale g in the gradient to the input, and g's sums (kernels.h, backward_through). What is missing of
 * dx = scale (g - mean(g) - (x - mean) mean(g (x - mean)) / sigma^2) is linear in x: in channels that a norm before this one reads too it
 * is left to that one, which adds its own, and only the rest is seen to here. */
static void settle(hl_step *step, const hl_norm_state *norm) {
    int channels = step->out.c, first = step->settles_from;
    double pixels = (double)hl_view_pixels(&step->out), *each = step->norm_sums, *slope = each + channels;
    for (int c = 0; c < channels; c++) {
        double scale = get(step, norm->terms, channels + c), variance = norm->variance[c] + norm->eps;
        set(step, step->param_gradient[BETA], c, each[c]);
        if (step->param_gradient[GAMMA]) set(step, step->param_gradient[GAMMA], c, slope[c] / sqrt(variance));
        each[c] = scale * each[c] / pixels + (step->taken ? step->taken[c] : 0);
        slope[c] = scale * slope[c] / pixels / variance + (step->taken ? step->taken[step->taken_channels + c] : 0);
    }
    hl_view x = channels_from(step, step->in[0].view, first), dx = channels_from(step, step->in_gradient[0], first);
    if (x.c) step->kernels->norm_settle(step->hl, &x, norm->mean + first, each + first, slope + first, &dx);
}

static void backward(hl_step *step) {
    if (step->summed) {
        memcpy(step->param_gradient[BETA], step->out_gradient.data, (size_t)step->out.c * hl_dtype_bytes(step->kernels->dtype));
        return;
    }
    hl_norm_state norm = state(step);
    if (step->through) {
        settle(step, &norm);
        return;
    }
    step->kernels->norm_backward(step->hl, &step->in[0].view, &step->out_gradient, &norm, &step->in_gradient[0], step->in_accumulate[0],
                                 step->param_gradient[GAMMA], step->param_gradient[BETA], step->workspace);
}

/* Mean, squared deviation, then a multiply-add an element. */
static double flops(const hl_step *step) { return (step->mode == HL_TRAIN ? 5.0 : 2.0) * (double)hl_view_pixels(&step->out) * step->out.c; }

const hl_op hl_op_norm = {
    .name = "norm",
    .onnx = "BatchNormalization",
    .needs = HL_NEEDS_INPUT | HL_MAY_OVERWRITE | HL_GRADIENT_MAY_OVERWRITE | HL_NORMS | HL_TAKES_HALF,
    .shape = shape,
    .saved = saved,
    .workspace = workspace,
    .prepare = prepare,
    .forward = forward,
    .again = again,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_norm(hl_graph *graph, hl_value *x, const char *name, const hl_norm_options *options) {
    hl_node *node = hl_node_add(graph, &hl_op_norm, name, &x, 1, options, sizeof *options);
    if (!node) return NULL;
    if (!options->no_gamma) hl_node_param(node, GAMMA, HL_GAMMA, 1, &x->channels, HL_KERNEL_HE_UNIFORM);
    hl_node_param(node, BETA, HL_BETA, 1, &x->channels, HL_KERNEL_HE_UNIFORM);
    hl_node_param(node, MOVING_MEAN, HL_MOVING_MEAN, 1, &x->channels, HL_KERNEL_HE_UNIFORM);
    hl_node_param(node, MOVING_VARIANCE, HL_MOVING_VARIANCE, 1, &x->channels, HL_KERNEL_HE_UNIFORM);
    return node;
}

hl_value *hl_batch_norm(hl_graph *graph, hl_value *x, const char *name, double epsilon) {
    return hl_norm(graph, x, name, &(hl_norm_options){.epsilon = epsilon});
}
