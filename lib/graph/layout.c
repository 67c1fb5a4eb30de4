/* The memory plan: which tensors exist, how long each lives, which share. */
#include "graph/plan.h"

static int forward_time(int node) { return node; }
int hl_backward_time(const hl_plan *plan, int node) { return 2 * plan->count - node; }
static int loss_time(const hl_plan *plan) { return plan->count; }
static int end_time(const hl_plan *plan) { return 2 * plan->count + 1; }

static size_t map_elements(const hl_plan *plan, int node) {
    const hl_shape *s = &plan->nodes[node].shape;
    return (size_t)plan->options.batch * (size_t)s->h * (size_t)s->w * (size_t)s->c;
}

static size_t value_bytes(const hl_plan *plan, int node) {
    return map_elements(plan, node) * (plan->nodes[node].half ? sizeof(uint16_t) : hl_dtype_bytes(plan->kernels->dtype));
}

static size_t gradient_bytes(const hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    return (n->summed ? (size_t)n->shape.c : map_elements(plan, node)) * hl_dtype_bytes(plan->kernels->dtype);
}

/* How often a value is read by computed nodes. */
static int readers(const hl_plan *plan, int value) {
    int total = 0;
    for (int i = value + 1; i < plan->count; i++) {
        if (!hl_plan_computed(plan, i)) continue;
        const hl_reads *reads = &plan->nodes[i].reads;
        for (int k = 0; k < reads->count; k++) total += reads->value[k] == value || reads->scale[k] == value;
    }
    return total;
}

/* Whether a node may write its output over its first input: nobody else reads that, now or in backward. */
static bool overwrites(const hl_plan *plan, int node) {
    const hl_node *n = plan->graph->nodes[node];
    if (!(n->op->needs & HL_MAY_OVERWRITE)) return false;
    int input = n->inputs[0];
    int written = hl_plan_writes(plan, node);
    if (plan->nodes[written].within >= 0 || plan->nodes[input].within >= 0 || (plan->graph->nodes[input]->op->needs & HL_CONCATENATES)) return false;
    if (plan->nodes[written].half != plan->nodes[input].half) return false;
    if (input == plan->graph->input || plan->nodes[input].joined || readers(plan, input) != 1) return false;
    if (plan->options.mode == HL_INFER) return true;
    bool kept = !plan->nodes[input].absorbed && (plan->graph->nodes[input]->op->needs & HL_NEEDS_OUTPUT);
    return !(n->op->needs & HL_NEEDS_INPUT) && !kept;
}

static bool extend_value(hl_plan *plan, int value, int at) {
    hl_plan_node *n = &plan->nodes[value];
    if (n->again_by < 0 || at <= loss_time(plan)) {
        if (n->value >= 0) hl_arena_extend(&plan->arena, n->value, at); /* the graph's input is the caller's memory */
        return true;
    }
    int first = hl_backward_time(plan, n->again_by);
    const hl_plan_node *maker = &plan->nodes[hl_plan_maker(plan, value)], *input = &plan->nodes[maker->reads.value[0]];
    bool over = input->value == n->value && input->again >= 0 && input->again_by == n->again_by; /* as in forward */
    if (n->again < 0 && over) n->again = input->again;
    if (n->again < 0) n->again = hl_arena_add(plan->hl, &plan->arena, value_bytes(plan, value), first, first);
    if (n->again >= 0) hl_arena_extend(&plan->arena, n->again, at);
    return n->again >= 0;
}

/* What a node reads lives until it has; a norm's terms and a scale's factors too. */
static bool extend_reads(hl_plan *plan, int node, int at) {
    const hl_plan_node *n = &plan->nodes[node];
    for (int k = 0; k < n->reads.count; k++) {
        if (!extend_value(plan, n->reads.value[k], at)) return false;
        if (n->reads.scale[k] >= 0 && !extend_value(plan, n->reads.scale[k], at)) return false;
        int terms = n->reads.norm[k] < 0 ? -1 : plan->nodes[n->reads.norm[k]].saved;
        if (terms >= 0) hl_arena_extend(&plan->arena, terms, at);
    }
    return true;
}

/* Every pass of a node that reads: forward, backward, and computing its value again. */
static bool lay_reads(hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    if (!extend_reads(plan, node, forward_time(node))) return false;
    int by = plan->nodes[hl_plan_writes(plan, node)].again_by;
    if (by >= 0 && !extend_reads(plan, node, hl_backward_time(plan, by))) return false;
    if (n->through >= 0 && !extend_value(plan, hl_plan_beyond(plan, node), hl_backward_time(plan, node))) return false;
    bool again = n->wants && (plan->graph->nodes[node]->op->needs & HL_NEEDS_INPUT);
    return !again || extend_reads(plan, node, hl_backward_time(plan, node));
}

/* Values: from the step that makes them to the last that reads them, in backward too. What forward leaves for backward with them. */
static bool lay_values(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        if (!hl_plan_computed(plan, i)) continue;
        const hl_node *node = plan->graph->nodes[i];
        int written = hl_plan_writes(plan, i);
        if (!n->unstored) {
            int home = hl_plan_home(plan, written, NULL);
            n->value = overwrites(plan, i) ? plan->nodes[node->inputs[0]].value : plan->nodes[home].value;
            if (n->value < 0) n->value = hl_arena_add(plan->hl, &plan->arena, value_bytes(plan, home), forward_time(i), forward_time(i));
            if (home != written) plan->nodes[home].value = n->value;
            if (n->value < 0) return false;
            hl_arena_extend(&plan->arena, n->value, forward_time(i));
            if (written == plan->graph->output) hl_arena_extend(&plan->arena, n->value, end_time(plan));
            plan->nodes[written].value = n->value;
        }
        if (n->averages >= 0) {
            const hl_view *map = &n->step.in[0].view;
            size_t bytes = (size_t)plan->options.batch * (size_t)map->h * (size_t)map->c * hl_dtype_bytes(plan->kernels->dtype);
            n->row_sums = hl_arena_add(plan->hl, &plan->arena, bytes, forward_time(n->averages), forward_time(i));
            if (n->row_sums < 0) return false;
        }
        if (node->op->saved) {
            bool stays = plan->options.mode == HL_INFER; /* it is prepared once for many passes */
            n->saved = hl_arena_add(plan->hl, &plan->arena, node->op->saved(node) * sizeof(double), stays ? 0 : forward_time(i),
                                    stays ? end_time(plan) : n->wants ? hl_backward_time(plan, i) : forward_time(i));
            if (n->saved < 0) return false;
            if (n->measured >= 0) hl_arena_extend(&plan->arena, n->saved, forward_time(n->measured));
            if (n->knows >= 0) hl_arena_extend(&plan->arena, plan->nodes[n->knows].saved, forward_time(i));
        }
        if (!lay_reads(plan, i)) return false;
        bool needed = n->wants && (node->op->needs & HL_NEEDS_OUTPUT);
        if (needed && !extend_value(plan, written, hl_backward_time(plan, i))) return false;
    }
    return true;
}

/* Gradients: from the first contribution to the backward of the node whose output's gradient it is. Walked in backward's
 * order, so that an operator may write its input's gradient over its output's. */
static bool lay_gradients(hl_plan *plan) {
    hl_plan_node *output = &plan->nodes[plan->graph->output];
    if (plan->options.mode != HL_TRAIN || !output->wants) return true;
    output->gradient = hl_arena_add(plan->hl, &plan->arena, gradient_bytes(plan, plan->graph->output), loss_time(plan),
                                    hl_backward_time(plan, plan->graph->output));
    if (output->gradient < 0) return false;
    for (int i = plan->count - 1; i >= 0; i--) {
        if (!plan->nodes[i].wants) continue;
        const hl_node *node = plan->graph->nodes[i];
        if (plan->nodes[i].absorbed) {
            int norm = node->inputs[0];
            plan->nodes[norm].gradient = plan->nodes[i].gradient;
            if (plan->nodes[norm].given_by < 0) hl_arena_extend(&plan->arena, plan->nodes[i].gradient, hl_backward_time(plan, norm));
            continue;
        }
        for (int k = 0; k < node->input_count; k++) {
            int input = hl_plan_gives(plan, i, k);
            hl_plan_node *in = &plan->nodes[input];
            if (!in->wants) continue;
            int written = hl_plan_writes(plan, i);
            bool over = k == 0 && !plan->nodes[i].accumulate[0] && (node->op->needs & HL_GRADIENT_MAY_OVERWRITE) && plan->nodes[written].within < 0;
            if (in->within == i) in->gradient = plan->nodes[i].gradient;
            if (in->gradient < 0)
                in->gradient = over ? plan->nodes[i].gradient
                                    : hl_arena_add(plan->hl, &plan->arena, gradient_bytes(plan, input), hl_backward_time(plan, i),
                                                   hl_backward_time(plan, i));
            if (in->gradient < 0) return false;
            hl_arena_extend(&plan->arena, in->gradient, input == plan->graph->input ? end_time(plan) : hl_backward_time(plan, input));
        }
    }
    return true;
}

/* A norm's sums: from its convolution's backward pass to its own, or to that of the norm it leaves something to. */
static bool lay_norm_sums(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        if (n->given_by < 0) continue;
        int last = n->leaves < 0 ? i : n->leaves;
        n->norm_sums = hl_arena_add(plan->hl, &plan->arena, 2 * (size_t)n->shape.c * sizeof(double), hl_backward_time(plan, n->given_by),
                                    hl_backward_time(plan, last));
        if (n->norm_sums < 0) return false;
    }
    return true;
}

static bool lay_parameter_gradients(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const hl_node *node = plan->graph->nodes[i];
        hl_plan_node *n = &plan->nodes[i];
        if (!hl_plan_computed(plan, i)) continue;
        for (int slot = 0; slot < HL_MAX_PARAMS && n->wants; slot++) {
            if (node->params[slot] < 0) continue;
            const hl_param_spec *spec = &plan->graph->params[node->params[slot]];
            if (!hl_param_kind_trainable(spec->kind)) continue;
            size_t bytes = (size_t)hl_param_spec_elements(spec) * hl_dtype_bytes(plan->kernels->dtype);
            n->param_gradient[slot] = hl_arena_add(plan->hl, &plan->arena, bytes, hl_backward_time(plan, i),
                                                   plan->options.keep_gradients ? end_time(plan) : hl_backward_time(plan, i));
            if (n->param_gradient[slot] < 0) return false;
        }
    }
    return true;
}

/* The most a pass of a node asks for at any batch up to the largest. */
static size_t scratch_bytes(hl_plan *plan, int node, bool backward) {
    hl_step *step = &plan->nodes[node].step;
    size_t most = 0;
    if (!step->node->op->workspace) return 0;
    for (int n = 1; n <= plan->options.batch; n++) {
        step->out.n = n;
        size_t bytes = step->node->op->workspace(step, backward);
        if (bytes > most) most = bytes;
    }
    return most;
}

static bool lay_kept(hl_plan *plan) {
    for (int i = 0; i < plan->count && plan->options.mode == HL_INFER && plan->options.keep_kernels; i++) {
        hl_plan_node *n = &plan->nodes[i];
        size_t (*kept)(const hl_step *step) = plan->graph->nodes[i]->op->kept;
        size_t bytes = kept && hl_plan_computed(plan, i) ? kept(&n->step) : 0;
        if (bytes && (n->kept = hl_arena_add(plan->hl, &plan->arena, bytes, 0, end_time(plan))) < 0) return false;
    }
    return true;
}

static bool lay_scratch(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        if (!hl_plan_computed(plan, i)) continue;
        size_t forward = scratch_bytes(plan, i, false), backward = n->wants ? scratch_bytes(plan, i, true) : 0;
        if (forward && (n->forward_scratch = hl_arena_add(plan->hl, &plan->arena, forward, forward_time(i), forward_time(i))) < 0) return false;
        int time = hl_backward_time(plan, i);
        if (backward && (n->backward_scratch = hl_arena_add(plan->hl, &plan->arena, backward, time, time)) < 0) return false;
        const hl_plan_node *written = &plan->nodes[hl_plan_writes(plan, i)];
        int again = written->dear && written->again_by >= 0 ? hl_backward_time(plan, written->again_by) : -1;
        if (forward && again >= 0 && (n->again_scratch = hl_arena_add(plan->hl, &plan->arena, forward, again, again)) < 0) return false;
    }
    if (plan->options.mode != HL_TRAIN) return true;
    hl_view logits = plan->nodes[plan->graph->output].step.out;
    logits.n = plan->options.batch;
    plan->loss_scratch = hl_arena_add(plan->hl, &plan->arena, plan->loss->workspace(plan->kernels, &logits), loss_time(plan), loss_time(plan));
    return plan->loss_scratch >= 0;
}

hl_status hl_plan_layout(hl_plan *plan) {
    bool gradients = lay_values(plan) && lay_gradients(plan) && lay_norm_sums(plan) && lay_parameter_gradients(plan);
    if (!gradients || !lay_kept(plan) || !lay_scratch(plan)) return HL_NO_MEMORY;
    return hl_arena_place(plan->hl, &plan->arena);
}
