/* Average-pooling. */
#include "ops/pool.h"

static void forward(hl_step *step) {
    hl_pool pool = hl_pool_geometry(step->node);
    step->kernels->average_pool_forward(step->hl, &pool, &step->in[0].view, &step->out);
}

static void backward(hl_step *step) {
    hl_pool pool = hl_pool_geometry(step->node);
    step->kernels->average_pool_backward(step->hl, &pool, &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

const hl_op hl_op_average_pool = {
    .name = "average_pool",
    .onnx = "AveragePool",
    .shape = hl_pool_shape,
    .forward = forward,
    .backward = backward,
    .flops = hl_pool_flops,
};

hl_value *hl_average_pool(hl_graph *graph, hl_value *x, const hl_pool_options *options) {
    return hl_node_add(graph, &hl_op_average_pool, NULL, &x, 1, options, sizeof *options);
}
