/* Compiling a graph into a plan: checks, shapes, kernels, memory, and the steps that point into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "graph/plan.h"

/* Everything that can be wrong before anything is computed. */
static hl_status check(hl_graph *graph, const hl_plan_options *o) {
    hl_context *hl = graph->hl;
    if (hl->refused) return HL_USAGE;
    if (graph->status) return hl_fail(hl, graph->status, "%s", graph->error);
    if (graph->input < 0 || graph->output < 0) return hl_fail(hl, HL_USAGE, "the graph has no %s", graph->input < 0 ? "input" : "output");
    if (graph->output == graph->input) return hl_fail(hl, HL_USAGE, "the graph's output is its input");
    if (o->batch < 1 || o->height < 1 || o->width < 1)
        return hl_fail(hl, HL_USAGE, "a batch of %d images of %dx%d makes no sense", o->batch, o->height, o->width);
    int channels = graph->nodes[graph->output]->channels;
    const hl_loss *loss = hl_loss_find(o->loss, channels);
    if (!loss) return hl_fail(hl, HL_USAGE, "loss \"%s\" is unknown", o->loss);
    if (loss->class_indices == (channels > 1)) return HL_OK;
    return hl_fail(hl, HL_USAGE, "loss \"%s\" takes %s, the net gives %d", o->loss,
                   loss->class_indices ? "two channels of logits or more" : "one channel of logits", channels);
}

/* The store's parameter for each of the graph's; they may come from another graph of the same net. */
static hl_status match_params(hl_plan *plan) {
    for (size_t i = 0; i < plan->graph->param_count; i++) {
        const hl_param_spec *spec = &plan->graph->params[i];
        int found = i < (size_t)plan->params->count && !strcmp(plan->params->list[i].spec.name, spec->name) ? (int)i : hl_param_find(plan->params, spec->name);
        if (found < 0) return hl_fail(plan->hl, HL_USAGE, "parameter %s is not in the store", spec->name);
        if (memcmp(spec->shape, plan->params->list[found].spec.shape, sizeof spec->shape))
            return hl_fail(plan->hl, HL_USAGE, "parameter %s has another shape in the store", spec->name);
        plan->param_of_spec[i] = found;
    }
    return HL_OK;
}

static hl_view view_of(const hl_plan *plan, int node) {
    const hl_shape *s = &plan->nodes[node].shape;
    return (hl_view){.n = plan->options.batch, .h = s->h, .w = s->w, .c = s->c, .stride = s->c};
}

/* Shapes, kernels and parameters of a step: all but memory. */
static void describe_step(hl_plan *plan, int index) {
    const hl_node *node = plan->graph->nodes[index];
    hl_plan_node *n = &plan->nodes[index];
    hl_step *step = &n->step;
    *step = (hl_step){.hl = plan->hl, .kernels = plan->kernels, .node = node, .mode = plan->options.mode};
    step->out = step->out_gradient = view_of(plan, index);
    for (int k = 0; k < node->input_count; k++) {
        step->in_shape[k] = plan->nodes[node->inputs[k]].shape;
        step->in_accumulate[k] = n->accumulate[k];
        if (plan->nodes[node->inputs[k]].wants) step->in_gradient[k] = view_of(plan, node->inputs[k]);
    }
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++)
        if (node->params[slot] >= 0) step->param[slot] = plan->params->list[plan->param_of_spec[node->params[slot]]].data;
    if (node->op != &hl_op_conv) return;
    hl_conv conv = hl_conv_geometry(step);
    for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) step->conv[pass] = hl_conv_choose(plan->kernels, &conv, (hl_pass)pass);
}

static void *at(const hl_plan *plan, int item) { return item < 0 ? NULL : plan->memory + plan->arena.items[item].offset; }

/* Points a step into the arena. */
static void place_step(hl_plan *plan, int index) {
    const hl_node *node = plan->graph->nodes[index];
    hl_plan_node *n = &plan->nodes[index];
    hl_step *step = &n->step;
    int leaves[HL_MAX_SEGMENTS], ups[HL_MAX_SEGMENTS];
    step->in_count = node->input_count;
    for (int k = 0; k < node->input_count; k++) leaves[k] = node->inputs[k], ups[k] = 0;
    if (node->op->needs & HL_READS_SEGMENTS) step->in_count = hl_plan_segments(plan, node->inputs[0], 0, leaves, ups, HL_MAX_SEGMENTS);
    for (int k = 0; k < step->in_count; k++) {
        step->in[k] = (hl_segment){view_of(plan, leaves[k]), ups[k]};
        step->in[k].view.data = at(plan, plan->nodes[leaves[k]].value);
        n->reads_images[k] = leaves[k] == plan->graph->input;
    }
    for (int k = 0; k < node->input_count; k++) step->in_gradient[k].data = at(plan, plan->nodes[node->inputs[k]].gradient);
    step->out.data = at(plan, n->value);
    step->out_gradient.data = at(plan, n->gradient);
    step->saved = at(plan, n->saved);
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++) step->param_gradient[slot] = at(plan, n->param_gradient[slot]);
}

static hl_status compile(hl_plan *plan) {
    hl_status status = match_params(plan);
    if (!status) status = hl_plan_shapes(plan);
    if (status) return status;
    hl_plan_analyse(plan);
    for (int i = 0; i < plan->count; i++) describe_step(plan, i);
    status = hl_plan_layout(plan);
    if (status) return status;
    plan->memory = hl_aligned(plan->hl, plan->arena.bytes);
    if (!plan->memory) return HL_NO_MEMORY;
    for (int i = 0; i < plan->count; i++) place_step(plan, i);
    return HL_OK;
}

hl_plan *hl_compile(hl_graph *graph, hl_params *params, const hl_plan_options *options) {
    if (!graph || !params) return NULL;
    hl_context *hl = graph->hl;
    if (check(graph, options) || hl_kernels_check(hl, params->dtype)) return NULL;
    hl_plan *plan = hl_calloc(hl, 1, sizeof *plan);
    if (!plan) return NULL;
    *plan = (hl_plan){.hl = hl, .graph = graph, .params = params, .options = *options, .count = (int)graph->count, .loss_scratch = -1};
    plan->kernels = hl_kernels_for(hl, params->dtype);
    plan->loss = hl_loss_find(options->loss, graph->nodes[graph->output]->channels);
    plan->nodes = hl_calloc(hl, graph->count, sizeof *plan->nodes);
    plan->param_of_spec = hl_calloc(hl, graph->param_count, sizeof *plan->param_of_spec);
    if (!plan->nodes || !plan->param_of_spec) return hl_plan_free(plan), NULL;
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        n->value = n->gradient = n->saved = n->forward_scratch = n->backward_scratch = -1;
        for (int slot = 0; slot < HL_MAX_PARAMS; slot++) n->param_gradient[slot] = -1;
    }
    if (compile(plan)) return hl_plan_free(plan), NULL;
    return plan;
}

void hl_plan_free(hl_plan *plan) {
    if (!plan) return;
    free(plan->nodes);
    free(plan->param_of_spec);
    free(plan->arena.items);
    free(plan->memory);
    free(plan);
}

size_t hl_plan_bytes(const hl_plan *plan) { return plan->arena.bytes; }
size_t hl_plan_bytes_unshared(const hl_plan *plan) { return plan->arena.unshared; }

/* Backward does a forward's work twice in a convolution (to the data and to the kernel), about once elsewhere. */
double hl_plan_flops(const hl_plan *plan) {
    double sum = 0;
    for (int i = 0; i < plan->count; i++) {
        const hl_plan_node *n = &plan->nodes[i];
        const hl_op *op = plan->graph->nodes[i]->op;
        if (!n->live || n->joined || !op->flops) continue;
        hl_step step = n->step;
        step.out.n = plan->options.batch;
        double forward = op->flops(&step);
        sum += forward;
        if (n->wants) sum += forward * (op == &hl_op_conv && step.in_gradient[0].data ? 2 : 1);
    }
    return sum;
}

char *hl_plan_kernels(const hl_plan *plan) {
    static const char *const passes[] = {"forward", "backward-data", "backward-weights"};
    char *text = hl_strdup(plan->hl, "");
    for (int i = 0; i < plan->count && text; i++) {
        const hl_plan_node *n = &plan->nodes[i];
        if (!n->live || !n->step.conv[0]) continue;
        for (int pass = HL_FORWARD; pass <= (plan->options.mode == HL_TRAIN ? HL_BACKWARD_WEIGHTS : HL_FORWARD) && text; pass++) {
            if (pass == HL_BACKWARD_DATA && !n->step.in_gradient[0].data) continue;
            char *longer = hl_format(plan->hl, "%s%s %s %s\n", text, plan->graph->nodes[i]->name, passes[pass], n->step.conv[pass]->name);
            free(text);
            text = longer;
        }
    }
    return text;
}
