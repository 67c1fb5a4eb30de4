/* Concatenation along the channels. An input that lies in the output's memory already is not copied. */
#include <stdio.h>

#include "ops/op.h"

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    *out = (hl_shape){0, in[0].h, in[0].w};
    if (node->input_count < 2) return snprintf(why, why_bytes, "%d values, expected 2 to %d", node->input_count, HL_MAX_INPUTS), false;
    for (int i = 0; i < node->input_count; i++) {
        if (in[i].h != in[0].h || in[i].w != in[0].w)
            return snprintf(why, why_bytes, "a %dx%d map cannot join one of %dx%d", in[i].h, in[i].w, in[0].h, in[0].w), false;
        out->c += in[i].c;
    }
    return true;
}

static void forward(hl_step *step) {
    for (int i = 0, before = 0; i < step->in_count; before += step->in_shape[i].c, i++) {
        hl_view part = hl_view_channels(step->out, step->kernels->dtype, before, step->in_shape[i].c);
        if (step->in[i].view.data != part.data) step->kernels->copy(step->hl, &step->in[i].view, &part, false);
    }
}

static void backward(hl_step *step) {
    for (int i = 0, before = 0; i < step->node->input_count; before += step->in_shape[i].c, i++) {
        hl_view part = hl_view_channels(step->out_gradient, step->kernels->dtype, before, step->in_shape[i].c);
        if (!step->in_gradient[i].data || step->in_gradient[i].data == part.data) continue;
        step->kernels->copy(step->hl, &part, &step->in_gradient[i], step->in_accumulate[i]);
    }
}

const hl_op hl_op_concat = {
    .name = "concat",
    .onnx = "Concat",
    .needs = HL_JOINS | HL_CONCATENATES | HL_TAKES_HALF,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

hl_value *hl_concat(hl_graph *graph, hl_value *const *values, int count) {
    return hl_node_add(graph, &hl_op_concat, NULL, values, count, NULL, 0);
}
