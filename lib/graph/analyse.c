/* What a graph needs at one size: shapes, the nodes that matter, joins that need no memory, gradients that are wanted. */
#include "graph/plan.h"

hl_status hl_plan_shapes(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        hl_plan_node *n = &plan->nodes[i];
        hl_shape in[HL_MAX_INPUTS];
        for (int k = 0; k < node->input_count; k++) in[k] = plan->nodes[node->inputs[k]].shape;
        char why[256] = "";
        if (!node->op->shape(node, in, &n->shape, why, sizeof why))
            return hl_fail(plan->hl, HL_USAGE, "layer %s: at %dx%d, %s", *node->name ? node->name : node->op->name, plan->options.height,
                           plan->options.width, why);
        if (i == plan->graph->input) n->shape.h = plan->options.height, n->shape.w = plan->options.width;
    }
    return HL_OK;
}

int hl_plan_segments(const hl_plan *plan, int value, int up, int *leaves, int *ups, int room) {
    const hl_node *node = plan->graph->nodes[value];
    if (!plan->nodes[value].joined) {
        if (room > 0 && leaves) leaves[0] = value, ups[0] = up;
        return 1;
    }
    int factor = plan->nodes[value].shape.h / plan->nodes[node->inputs[0]].shape.h, used = 0;
    for (; factor > 1; factor /= 2) up++;
    for (int k = 0; k < node->input_count; k++)
        used += hl_plan_segments(plan, node->inputs[k], up, leaves ? leaves + used : NULL, ups ? ups + used : NULL, room - used);
    return used;
}

/* Live nodes whose inputs include `value` and that would read it as a plain map. */
static bool has_plain_reader(const hl_plan *plan, int value) {
    for (int i = value + 1; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        if (!plan->nodes[i].live || plan->nodes[i].joined || (node->op->needs & HL_READS_SEGMENTS)) continue;
        for (int k = 0; k < node->input_count; k++)
            if (node->inputs[k] == value) return true;
    }
    return false;
}

/* A join is read as segments where all its readers can, and where that makes no more segments than a kernel takes. */
static void find_joins(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++)
        plan->nodes[i].joined = plan->nodes[i].live && (plan->graph->nodes[i]->op->needs & HL_JOINS) && i != plan->graph->output;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = plan->count - 1; i >= 0; i--) {
            if (!plan->nodes[i].joined) continue;
            if (!has_plain_reader(plan, i) && hl_plan_segments(plan, i, 0, NULL, NULL, 0) <= HL_MAX_SEGMENTS) continue;
            plan->nodes[i].joined = false;
            changed = true;
        }
    }
}

static bool has_trainable(const hl_node *node) {
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++)
        if (node->params[slot] >= 0 && hl_param_kind_trainable(node->graph->params[node->params[slot]].kind)) return true;
    return false;
}

/* Gradients that are wanted, and which contribution to each comes first in backward's order (it writes, the rest add). */
static void find_gradients(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        hl_plan_node *n = &plan->nodes[i];
        n->wants = n->live && (has_trainable(node) || (i == plan->graph->input && plan->options.input_gradient));
        for (int k = 0; k < node->input_count; k++) n->wants |= n->live && plan->nodes[node->inputs[k]].wants;
    }
    for (int i = plan->count - 1; i >= 0; i--) {
        const hl_node *node = plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].wants && k < node->input_count; k++) {
            hl_plan_node *in = &plan->nodes[node->inputs[k]];
            plan->nodes[i].accumulate[k] = in->gradient >= 0; /* here: somebody wrote before */
            in->gradient = 0;
        }
    }
    for (int i = 0; i < plan->count; i++) plan->nodes[i].gradient = -1;
}

void hl_plan_analyse(hl_plan *plan) {
    for (int i = plan->count - 1; i >= 0; i--) {
        if (i == plan->graph->output) plan->nodes[i].live = true;
        const hl_node *node = plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].live && k < node->input_count; k++) plan->nodes[node->inputs[k]].live = true;
    }
    find_joins(plan);
    if (plan->options.mode == HL_TRAIN) find_gradients(plan);
}
