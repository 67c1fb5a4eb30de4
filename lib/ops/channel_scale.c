/* A map times a factor per image and channel: the excitation of squeeze-excite (Hu et al. 2018). */
#include <stdio.h>

#include "ops/op.h"

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    (void)node;
    *out = in[0];
    if (in[1].c == in[0].c && in[1].h <= 1 && in[1].w <= 1) return true;
    snprintf(why, why_bytes, "a scale of %d channels of %dx%d, expected %d of 1x1", in[1].c, in[1].h, in[1].w, in[0].c);
    return false;
}

static void forward(hl_step *step) {
    if (!step->unstored) step->kernels->channel_scale_forward(step->hl, &step->in[0].view, &step->in[1].view, &step->out);
}

static void backward(hl_step *step) {
    step->kernels->channel_scale_backward(step->hl, &step->in[0].view, &step->in[1].view, &step->out_gradient, &step->in_gradient[0],
                                          step->in_accumulate[0], &step->in_gradient[1], step->in_accumulate[1]);
}

static double flops(const hl_step *step) { return (double)hl_view_pixels(&step->out) * step->out.c; }

const hl_op hl_op_channel_scale = {
    .name = "channel_scale",
    .onnx = "Mul",
    .needs = HL_SCALES | HL_NEEDS_INPUT | HL_MAY_OVERWRITE | HL_GRADIENT_MAY_OVERWRITE | HL_TAKES_HALF,
    .shape = shape,
    .forward = forward,
    .again = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_channel_scale(hl_graph *graph, hl_value *x, hl_value *scale) {
    return hl_node_add(graph, &hl_op_channel_scale, NULL, (hl_node *const[]){x, scale}, 2, NULL, 0);
}
