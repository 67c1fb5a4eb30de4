/* The graph's input: no arithmetic, its memory is the caller's. */
#include <stdio.h>

#include "ops/op.h"

typedef struct input_attributes {
    int channels;
} input_attributes;

static bool shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    const input_attributes *a = node->attributes;
    (void)in;
    *out = (hl_shape){.c = a->channels};
    if (a->channels >= 1) return true;
    snprintf(why, why_bytes, "%d channels, expected at least 1", a->channels);
    return false;
}

const hl_op hl_op_input = {.name = "input", .onnx = "Identity", .shape = shape};

hl_value *hl_input(hl_graph *graph, int channels) {
    if (graph && graph->input >= 0) return hl_graph_fail(graph, HL_USAGE, "layer input: the graph has an input already");
    hl_node *node = hl_node_add(graph, &hl_op_input, "input", NULL, 0, &(input_attributes){channels}, sizeof(input_attributes));
    if (node) graph->input = node->index;
    return node;
}
