/* Drop-connect: whole branches of single images left out in training (stochastic depth, Huang et al. 2016). */
#include <stdio.h>

#include "base/random.h"
#include "ops/op.h"

typedef struct drop_attributes {
    double rate;
    uint64_t stream; /* of the layer's name */
} drop_attributes;

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const drop_attributes *a = node->attributes;
    *out = *in;
    if (a->rate >= 0 && a->rate < 1) return true;
    return snprintf(why, why_bytes, "a drop rate of %g, expected 0 to below 1", a->rate), false;
}

/* A factor an image. */
static size_t workspace(const hl_step *step, bool backward) {
    (void)backward;
    return (size_t)step->out.n * sizeof(double);
}

double hl_drop_factor(const hl_step *step, int image) {
    const drop_attributes *a = step->node->attributes;
    if (step->mode != HL_TRAIN || step->no_drop) return 1;
    uint64_t index = (uint64_t)step->draw << 20 | (uint64_t)image;
    return hl_random_uniform(step->seed, HL_RANDOM_DROP, a->stream, index) < a->rate ? 0 : 1 / (1 - a->rate);
}

static const double *factors(const hl_step *step) {
    double *factor = step->workspace;
    for (int n = 0; n < step->out.n; n++) factor[n] = hl_drop_factor(step, n);
    return factor;
}

static void forward(hl_step *step) {
    if (step->mode == HL_INFER && step->out.data == step->in[0].view.data) return;
    step->kernels->image_scale(step->hl, factors(step), &step->in[0].view, &step->out, false);
}

/* The draws are made again: they are functions of where they stand. */
static void backward(hl_step *step) {
    step->kernels->image_scale(step->hl, factors(step), &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

static double flops(const hl_step *step) { return step->mode == HL_TRAIN ? (double)hl_view_pixels(&step->out) * step->out.c : 0; }

const hl_op hl_op_drop_connect = {
    .name = "drop_connect",
    .onnx = "Dropout",
    .needs = HL_PASSES_ON | HL_MAY_OVERWRITE | HL_GRADIENT_MAY_OVERWRITE | HL_TAKES_HALF,
    .shape = shape,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_drop_connect(hl_graph *graph, hl_value *x, const char *name, double rate) {
    return hl_node_add(graph, &hl_op_drop_connect, name, &x, 1, &(drop_attributes){rate, hl_name_hash(name)}, sizeof(drop_attributes));
}
