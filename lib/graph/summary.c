/* Summing a graph up from two dry plans, one that trains and one that infers. */
#include "hilum/summary.h"

#include <stdlib.h>

#include "graph/plan.h"

static void count_parameters(const hl_node *node, hl_layer *layer) {
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++) {
        if (node->params[slot] < 0) continue;
        const hl_param_spec *spec = &node->graph->params[node->params[slot]];
        layer->parameters += hl_param_spec_elements(spec);
        if (hl_param_kind_trainable(spec->kind)) layer->trainable += hl_param_spec_elements(spec);
    }
}

/* Where a node's output lies: an arena item that an input has already is written over. */
static hl_layer_memory memory_of(const hl_plan *plan, int index) {
    const hl_plan_node *n = &plan->nodes[index];
    const hl_node *node = plan->graph->nodes[index];
    if (!n->live) return HL_MEMORY_UNUSED;
    if (index == plan->graph->input) return HL_MEMORY_CALLER;
    if (n->joined || n->unstored) return HL_MEMORY_JOINED;
    if (hl_plan_writes(plan, index) != index) return HL_MEMORY_IN_PLACE; /* the activation's */
    for (int k = 0; k < node->input_count && !n->absorbed; k++)
        if (plan->nodes[node->inputs[k]].value == n->value) return HL_MEMORY_IN_PLACE;
    return HL_MEMORY_OWN;
}

static hl_layer describe(const hl_plan *train, const hl_plan *infer, int index) {
    const hl_node *node = train->graph->nodes[index];
    const hl_plan_node *n = &train->nodes[index];
    hl_layer layer = {.name = *node->name ? node->name : node->op->name,
                      .op = node->op->name,
                      .channels = n->shape.c,
                      .height = n->shape.h,
                      .width = n->shape.w,
                      .inputs = node->inputs,
                      .input_count = node->input_count,
                      .flops = hl_plan_node_flops(infer, index),
                      .memory = memory_of(train, index)};
    const hl_view *out = &n->step.out;
    if (layer.memory == HL_MEMORY_OWN) layer.bytes = (size_t)hl_view_pixels(out) * (size_t)out->c * hl_view_element(out, train->kernels->dtype);
    count_parameters(node, &layer);
    return layer;
}

/* The sums; layers are described. */
static void add_up(hl_summary *s, const hl_plan *train, const hl_plan *infer) {
    size_t bytes = hl_dtype_bytes(train->kernels->dtype);
    for (int i = 0; i < s->count; i++) {
        s->parameters += s->layers[i].parameters;
        s->trainable += s->layers[i].trainable;
        s->flops += s->layers[i].flops;
    }
    s->flops_train = hl_plan_flops(train);
    s->bytes_weights = (size_t)s->parameters * bytes;
    s->bytes_moments = 2 * (size_t)s->trainable * bytes;
    s->bytes_arena_train = hl_plan_bytes(train);
    s->bytes_arena_infer = hl_plan_bytes(infer);
    s->bytes_train = s->bytes_arena_train + s->bytes_weights + s->bytes_moments;
    s->bytes_infer = s->bytes_arena_infer + s->bytes_weights;
}

static hl_summary *sum_up(const hl_plan *train, const hl_plan *infer) {
    hl_summary *s = hl_calloc(train->hl, 1, sizeof *s);
    if (!s) return NULL;
    const hl_plan_options *o = &train->options;
    *s = (hl_summary){.network = train->graph->name, .batch = o->batch, .height = o->height, .width = o->width, .precision = o->precision, .count = train->count};
    s->layers = hl_calloc(train->hl, (size_t)s->count, sizeof *s->layers);
    if (!s->layers) return hl_summary_free(s), NULL;
    for (int i = 0; i < s->count; i++) s->layers[i] = describe(train, infer, i);
    add_up(s, train, infer);
    return s;
}

hl_summary *hl_summary_make(hl_graph *graph, const hl_plan_options *options) {
    hl_plan_options o = *options;
    o.mode = HL_TRAIN;
    hl_plan *train = hl_plan_dry(graph, HL_F32, &o);
    o.mode = HL_INFER, o.keep_kernels = true, o.precision = HL_FP32;
    hl_plan *infer = train ? hl_plan_dry(graph, HL_F32, &o) : NULL;
    hl_summary *summary = infer ? sum_up(train, infer) : NULL;
    hl_plan_free(infer);
    hl_plan_free(train);
    return summary;
}

void hl_summary_free(hl_summary *summary) {
    if (!summary) return;
    free(summary->layers);
    free(summary);
}
