/* Nearest upsampling by a power of two. */
#include <stdio.h>

#include "ops/op.h"

typedef struct upsample_attributes {
    int factor;
} upsample_attributes;

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const upsample_attributes *a = node->attributes;
    *out = (hl_shape){in->c, in->h * a->factor, in->w * a->factor};
    if (a->factor >= 2 && a->factor <= 64 && (a->factor & (a->factor - 1)) == 0) return true;
    return snprintf(why, why_bytes, "upsampling by %d, expected a power of two from 2 to 64", a->factor), false;
}

/* log2 of the factor. */
static int shift(const hl_step *step) {
    int up = 0;
    for (int factor = ((const upsample_attributes *)step->node->attributes)->factor; factor > 1; factor /= 2) up++;
    return up;
}

static void forward(hl_step *step) { step->kernels->upsample_forward(step->hl, shift(step), &step->in[0].view, &step->out); }

static void backward(hl_step *step) {
    step->kernels->upsample_backward(step->hl, shift(step), &step->out_gradient, &step->in_gradient[0], step->in_accumulate[0]);
}

const hl_op hl_op_upsample = {
    .name = "upsample",
    .onnx = "Resize",
    .needs = HL_JOINS | HL_TAKES_HALF,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};

hl_value *hl_upsample(hl_graph *graph, hl_value *x, int factor) {
    return hl_node_add(graph, &hl_op_upsample, NULL, &x, 1, &(upsample_attributes){factor}, sizeof(upsample_attributes));
}
