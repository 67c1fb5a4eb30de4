/* Max-pooling; a tie goes to the first of its window. */
#include "ops/pool.h"

static void forward(hl_step *step) {
    hl_pool pool = hl_pool_geometry(step->node);
    step->kernels->max_pool_forward(step->hl, &pool, &step->in[0].view, &step->out);
}

/* Finds the maxima again from the input: cheaper than keeping where they were. */
static void backward(hl_step *step) {
    hl_pool pool = hl_pool_geometry(step->node);
    step->kernels->max_pool_backward(step->hl, &pool, &step->in[0].view, &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

const hl_op hl_op_max_pool = {
    .name = "max_pool",
    .onnx = "MaxPool",
    .needs = HL_NEEDS_INPUT | HL_TAKES_HALF,
    .shape = hl_pool_shape,
    .forward = forward,
    .backward = backward,
    .flops = hl_pool_flops,
};

hl_value *hl_max_pool(hl_graph *graph, hl_value *x, const hl_pool_options *options) {
    return hl_node_add(graph, &hl_op_max_pool, NULL, &x, 1, options, sizeof *options);
}

hl_value *hl_max_pool2d(hl_graph *graph, hl_value *x, int kernel) {
    return hl_max_pool(graph, x, &(hl_pool_options){.kernel_h = kernel, .kernel_w = kernel, .stride_h = kernel, .stride_w = kernel});
}
