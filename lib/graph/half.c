/* Which values a plan in bf16 keeps so (hl_view.half): those that whoever makes or reads them, forward and backward, takes so. */
#include "graph/plan.h"

/* Whether a node's passes take half values; a convolution's kernels say it for what they read and what they write. */
static bool takes_half(const hl_plan *plan, int node, bool written) {
    const hl_plan_node *n = &plan->nodes[node];
    int needs = plan->graph->nodes[node]->op->needs;
    if (!plan->graph->nodes[node]->op->geometry) return needs & HL_TAKES_HALF;
    if (needs & HL_TRANSPOSED) return false;
    if (written) return n->step.conv[HL_FORWARD]->writes_half;
    bool through = n->through < 0 || n->step.conv[HL_BACKWARD_DATA]->reads_half;
    return through && n->step.conv[HL_FORWARD]->reads_half && n->step.conv[HL_BACKWARD_WEIGHTS]->reads_half;
}

/* A single pixel is not worth it: squeeze-excite's factors are such, and read as float. */
static bool may_be_half(const hl_plan *plan, int value) {
    const hl_shape *s = &plan->nodes[value].shape;
    return value != plan->graph->input && value != plan->graph->output && s->h * s->w > 1;
}

static bool forbid(hl_plan *plan, int value) {
    value = hl_plan_home(plan, value, NULL);
    bool changes = plan->nodes[value].half;
    plan->nodes[value].half = false;
    return changes;
}

/* Says no for all that a node has to do with and cannot take so. What lies in a concatenation's memory is of its kind. */
static bool forbid_around(hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    int written = hl_plan_writes(plan, node);
    bool changed = false;
    if (!takes_half(plan, node, true) || !may_be_half(plan, written)) changed |= forbid(plan, written);
    for (int k = 0; k < n->reads.count; k++) {
        if (!takes_half(plan, node, false)) changed |= forbid(plan, n->reads.value[k]);
        if (n->reads.scale[k] >= 0) changed |= forbid(plan, n->reads.scale[k]);
    }
    return changed;
}

void hl_plan_find_half(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) plan->nodes[i].half = plan->options.precision == HL_BF16 && may_be_half(plan, i);
    for (bool changed = plan->options.precision == HL_BF16; changed;) {
        changed = false;
        for (int i = 0; i < plan->count; i++)
            if (hl_plan_computed(plan, i)) changed |= forbid_around(plan, i);
    }
    for (int i = 0; i < plan->count; i++) plan->nodes[i].half = plan->nodes[hl_plan_home(plan, i, NULL)].half;
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        n->step.out.half = plan->nodes[hl_plan_writes(plan, i)].half;
        for (int k = 0; k < n->reads.count; k++) n->step.in[k].view.half = plan->nodes[n->reads.value[k]].half;
        if (n->through >= 0) n->step.beyond.view.half = plan->nodes[hl_plan_beyond(plan, i)].half;
    }
}
