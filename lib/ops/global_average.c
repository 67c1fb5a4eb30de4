/* The mean over a map's height and width. */
#include "ops/op.h"

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    (void)node, (void)why, (void)why_bytes;
    *out = (hl_shape){in->c, in->h ? 1 : 0, in->w ? 1 : 0};
    return true;
}

static void forward(hl_step *step) {
    if (step->row_sums) step->kernels->global_average_of_rows(step->hl, &step->in[0].view, step->row_sums, &step->out);
    else step->kernels->global_average_forward(step->hl, &step->in[0].view, &step->out);
}

static void backward(hl_step *step) {
    step->kernels->global_average_backward(step->hl, &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

static double flops(const hl_step *step) { return (double)hl_view_pixels(&step->in[0].view) * step->out.c; }

const hl_op hl_op_global_average = {
    .name = "global_average",
    .onnx = "GlobalAveragePool",
    .needs = HL_AVERAGES | HL_TAKES_HALF,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};

hl_value *hl_global_average(hl_graph *graph, hl_value *x) { return hl_node_add(graph, &hl_op_global_average, NULL, &x, 1, NULL, 0); }
