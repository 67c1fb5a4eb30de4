/* Addition of two maps of one shape. */
#include <stdio.h>

#include "ops/op.h"

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    (void)node;
    *out = in[0];
    if (in[0].c == in[1].c && in[0].h == in[1].h && in[0].w == in[1].w) return true;
    snprintf(why, why_bytes, "%d channels of %dx%d cannot be added to %d of %dx%d", in[0].c, in[0].h, in[0].w, in[1].c, in[1].h, in[1].w);
    return false;
}

static void forward(hl_step *step) { step->kernels->add(step->hl, &step->in[0].view, &step->in[1].view, &step->out); }

static void backward(hl_step *step) {
    for (int i = 0; i < 2; i++) /* the first input's gradient may lie where the output's does */
        if (step->in_gradient[i].data && (step->in_gradient[i].data != step->out_gradient.data || step->in_accumulate[i]))
            step->kernels->copy(step->hl, &step->out_gradient, &step->in_gradient[i], step->in_accumulate[i]);
}

static double flops(const hl_step *step) { return (double)hl_view_pixels(&step->out) * step->out.c; }

const hl_op hl_op_add = {
    .name = "add",
    .onnx = "Add",
    .needs = HL_SUMS | HL_MAY_OVERWRITE | HL_GRADIENT_MAY_OVERWRITE | HL_TAKES_HALF,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_add(hl_graph *graph, hl_value *a, hl_value *b) {
    return hl_node_add(graph, &hl_op_add, NULL, (hl_node *const[]){a, b}, 2, NULL, 0);
}
