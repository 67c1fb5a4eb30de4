/* ReLU (ReLU'(0) = 0). */
#include "ops/op.h"

static void forward(hl_step *step) { step->kernels->relu_forward(step->hl, &step->in[0].view, &step->out); }

static void backward(hl_step *step) {
    step->kernels->relu_backward(step->hl, &step->out, &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

static double flops(const hl_step *step) { return 1.0 * (double)hl_view_pixels(&step->out) * step->out.c; }

const hl_op hl_op_relu = {
    .name = "relu",
    .onnx = "Relu",
    .needs = HL_NEEDS_OUTPUT | HL_MAY_OVERWRITE | HL_GRADIENT_MAY_OVERWRITE | HL_TAKES_HALF,
    .act = HL_RELU,
    .shape = hl_same_shape,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_relu(hl_graph *graph, hl_value *x) { return hl_node_add(graph, &hl_op_relu, NULL, &x, 1, NULL, 0); }
