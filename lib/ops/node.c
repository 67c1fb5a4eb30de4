/* Building a graph: nodes, the parameters they declare, the error that sticks. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

hl_graph *hl_graph_new(hl_context *hl) {
    hl_graph *graph = hl_calloc(hl, 1, sizeof *graph);
    if (graph) graph->hl = hl, graph->input = graph->output = -1;
    return graph;
}

void hl_graph_free(hl_graph *graph) {
    if (!graph) return;
    for (size_t i = 0; i < graph->count; i++) {
        free(graph->nodes[i]->name);
        free(graph->nodes[i]->attributes);
        free(graph->nodes[i]);
    }
    for (size_t i = 0; i < graph->param_count; i++) free(graph->params[i].name);
    free(graph->nodes);
    free(graph->params);
    free(graph);
}

hl_context *hl_graph_context(const hl_graph *graph) { return graph->hl; }
int hl_channels(const hl_value *x) { return x ? x->channels : 0; }

hl_node *hl_graph_fail(hl_graph *graph, hl_status status, const char *format, ...) {
    if (graph->status) return NULL;
    graph->status = status;
    va_list list;
    va_start(list, format);
    vsnprintf(graph->error, sizeof graph->error, format, list);
    va_end(list);
    return NULL;
}

const char *hl_param_kind_name(hl_param_kind kind) {
    static const char *const names[] = {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"};
    return names[kind];
}

void hl_node_param(hl_node *node, int slot, hl_param_kind kind, int rank, const int *shape, hl_kernel_init init) {
    hl_graph *graph = node->graph;
    if (graph->status) return;
    char *name = hl_format(graph->hl, "%s/%s", node->name, hl_param_kind_name(kind));
    hl_param_spec *specs = name ? hl_grow(graph->hl, graph->params, &graph->param_capacity, graph->param_count + 1, sizeof *specs) : NULL;
    if (!specs) {
        free(name);
        hl_graph_fail(graph, HL_NO_MEMORY, "layer %s: no memory", node->name);
        return;
    }
    graph->params = specs;
    for (size_t i = 0; i < graph->param_count; i++) {
        if (strcmp(specs[i].name, name)) continue;
        hl_graph_fail(graph, HL_USAGE, "layer %s: the name is used twice", node->name);
        free(name);
        return;
    }
    hl_param_spec *spec = &specs[graph->param_count];
    *spec = (hl_param_spec){.name = name, .kind = kind, .rank = rank, .init = init};
    for (int i = 0; i < rank; i++) spec->shape[i] = shape[i];
    node->params[slot] = (int)graph->param_count++;
}

/* Fills a fresh node; false: no memory. */
static bool node_fill(hl_node *node, const char *name, const void *attributes, size_t attribute_bytes) {
    node->name = hl_strdup(node->graph->hl, name ? name : "");
    node->attributes = hl_calloc(node->graph->hl, 1, attribute_bytes);
    if (node->attributes && attribute_bytes) memcpy(node->attributes, attributes, attribute_bytes);
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++) node->params[slot] = -1;
    return node->name && node->attributes;
}

hl_node *hl_node_add(hl_graph *graph, const hl_op *op, const char *name, hl_node *const *inputs, int input_count, const void *attributes,
                     size_t attribute_bytes) {
    if (!graph || graph->status) return NULL;
    const char *shown = name && *name ? name : op->name;
    hl_shape in[HL_MAX_INPUTS], out;
    if (input_count > HL_MAX_INPUTS) return hl_graph_fail(graph, HL_USAGE, "layer %s: %d inputs, at most %d go", shown, input_count, HL_MAX_INPUTS);
    for (int i = 0; i < input_count; i++) {
        if (!inputs[i]) return hl_graph_fail(graph, HL_USAGE, "layer %s: input %d is missing", shown, i);
        in[i] = (hl_shape){.c = inputs[i]->channels};
    }
    hl_node **nodes = hl_grow(graph->hl, graph->nodes, &graph->capacity, graph->count + 1, sizeof(hl_node *));
    if (nodes) graph->nodes = nodes;
    hl_node *node = nodes ? hl_calloc(graph->hl, 1, sizeof *node) : NULL;
    if (!node) return hl_graph_fail(graph, HL_NO_MEMORY, "layer %s: no memory", shown);
    *node = (hl_node){.op = op, .graph = graph, .index = (int)graph->count, .input_count = input_count};
    graph->nodes[graph->count++] = node;
    if (!node_fill(node, name, attributes, attribute_bytes)) return hl_graph_fail(graph, HL_NO_MEMORY, "layer %s: no memory", shown);
    for (int i = 0; i < input_count; i++) node->inputs[i] = inputs[i]->index;
    char why[256] = "";
    if (!op->shape(node, in, &out, why, sizeof why)) return hl_graph_fail(graph, HL_USAGE, "layer %s: %s", shown, why);
    node->channels = out.c;
    return node;
}

bool hl_same_shape(const hl_node *node, const hl_shape *in, hl_shape *out, char *why, size_t why_bytes) {
    (void)node, (void)why, (void)why_bytes;
    *out = *in;
    return true;
}

void hl_output(hl_graph *graph, hl_value *x) {
    if (!graph) return;
    if (x && graph->output >= 0) hl_graph_fail(graph, HL_USAGE, "layer %s: the graph has an output already", x->name);
    if (x) graph->output = x->index;
}
