/* Compiling a graph into a plan: checks, shapes, kernels, layout - all of which needs neither parameters nor memory -, then memory
 * and the steps that point into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "graph/plan.h"

static hl_status check_precision(hl_context *hl, hl_dtype dtype, const hl_plan_options *o) {
    if (o->precision == HL_BF16 && o->mode == HL_INFER) return hl_fail(hl, HL_USAGE, "prediction is in fp32, whatever precision trained: bf16 is of training");
    if (o->precision == HL_BF16 && dtype != HL_F32) return hl_fail(hl, HL_USAGE, "bf16 goes with parameters in float, these are in double");
    hl_status status = hl_precision_check(hl, o->precision);
    if (status || o->precision != HL_BF16 || hl_half_convs(hl, hl_kernels_for(hl, dtype))) return status;
    return hl_fail(hl, HL_USAGE, "bf16 cannot be computed here: this build of the library has no kernels for it; precision fp32 works everywhere");
}

/* Everything that can be wrong before anything is computed. */
static hl_status check(hl_graph *graph, hl_dtype dtype, const hl_plan_options *o) {
    hl_context *hl = graph->hl;
    if (hl->refused) return HL_USAGE;
    if (graph->status) return hl_fail(hl, graph->status, "%s", graph->error);
    if (graph->input < 0 || graph->output < 0) return hl_fail(hl, HL_USAGE, "the graph has no %s", graph->input < 0 ? "input" : "output");
    if (graph->output == graph->input) return hl_fail(hl, HL_USAGE, "the graph's output is its input");
    if (o->batch < 1 || o->height < 1 || o->width < 1)
        return hl_fail(hl, HL_USAGE, "a batch of %d images of %dx%d makes no sense", o->batch, o->height, o->width);
    if (check_precision(hl, dtype, o)) return HL_USAGE;
    int channels = graph->nodes[graph->output]->channels;
    const hl_loss *loss = hl_loss_find(o->loss, channels);
    if (!loss) return hl_fail(hl, HL_USAGE, "loss \"%s\" is unknown", o->loss);
    if (loss->class_indices == (channels > 1)) return HL_OK;
    return hl_fail(hl, HL_USAGE, "loss \"%s\" takes %s, the net gives %d", o->loss,
                   loss->class_indices ? "two channels of logits or more" : "one channel of logits", channels);
}

/* The store's parameter for each of the graph's; they may come from another graph of the same net. */
static hl_status match_params(hl_plan *plan) {
    plan->param_of_spec = hl_calloc(plan->hl, plan->graph->param_count, sizeof *plan->param_of_spec);
    if (!plan->param_of_spec) return HL_NO_MEMORY;
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
    return (hl_view){.n = plan->options.batch, .h = s->h, .w = s->w, .c = s->c, .stride = plan->nodes[hl_plan_home(plan, node, NULL)].shape.c};
}

static hl_view value_of(const hl_plan *plan, int node) {
    hl_view view = view_of(plan, node);
    view.half = plan->nodes[node].half;
    return view;
}

static void describe_reads(hl_plan *plan, int index) {
    hl_plan_node *n = &plan->nodes[index];
    n->reads = hl_plan_reads(plan, index);
    n->step.in_count = n->reads.count;
    for (int k = 0; k < n->reads.count; k++) {
        n->step.in[k] = (hl_segment){.view = view_of(plan, n->reads.value[k]), .up = n->reads.up[k]};
        if (n->reads.scale[k] >= 0) n->step.in[k].scale = view_of(plan, n->reads.scale[k]);
        if (n->reads.norm[k] >= 0) n->step.in[k].act = plan->graph->nodes[hl_plan_writes(plan, n->reads.norm[k])]->op->act;
    }
}

/* Shapes and kernels of a step: all but parameters and memory. */
static void describe_step(hl_plan *plan, int index) {
    const hl_node *node = plan->graph->nodes[index];
    hl_plan_node *n = &plan->nodes[index];
    hl_step *step = &n->step;
    *step = (hl_step){.hl = plan->hl, .kernels = plan->kernels, .node = node, .mode = plan->options.mode, .seed = plan->options.seed, .no_drop = plan->options.no_drop};
    step->out = step->out_gradient = view_of(plan, index);
    step->act = node->op->needs & HL_NORMS ? plan->graph->nodes[hl_plan_writes(plan, index)]->op->act : HL_LINEAR;
    step->unstored = n->unstored;
    step->summed = n->summed;
    describe_reads(plan, index);
    for (int k = 0; k < node->input_count; k++) {
        step->in_shape[k] = plan->nodes[node->inputs[k]].shape;
        step->in_accumulate[k] = n->accumulate[k];
        if (plan->nodes[node->inputs[k]].wants) step->in_gradient[k] = view_of(plan, node->inputs[k]);
        step->summed |= plan->nodes[node->inputs[k]].summed;
    }
    if (!node->op->geometry) return;
    hl_conv conv = node->op->geometry(step);
    static const hl_pass turned[] = {HL_BACKWARD_DATA, HL_FORWARD, HL_BACKWARD_WEIGHTS};
    for (int i = HL_FORWARD; i <= HL_BACKWARD_WEIGHTS; i++) {
        hl_pass pass = node->op->needs & HL_TRANSPOSED ? turned[i] : (hl_pass)i;
        step->conv[i] = plan->half_convs ? hl_conv_choose_half(plan->half_convs, &conv, pass) : hl_conv_choose(plan->kernels, &conv, pass);
    }
}

static void *at(const hl_plan *plan, int item) { return item < 0 ? NULL : plan->memory + plan->arena.items[item].offset; }

/* Where a node's map begins in an item of its home: its value's, or its gradient's. */
static void *map_at(const hl_plan *plan, int node, int item, bool half) {
    int offset;
    hl_plan_home(plan, node, &offset);
    hl_view map = {.data = item < 0 ? NULL : at(plan, item), .half = half};
    return map.data ? hl_view_channels(map, plan->kernels->dtype, offset, 0).data : NULL;
}
static void *value_at(const hl_plan *plan, int node, int item) { return map_at(plan, node, item, plan->nodes[node].half); }

/* Where a value is: the caller's memory, which is not here, is left as it is. */
static void point(const hl_plan *plan, hl_view *view, int value, bool again) {
    const hl_plan_node *n = &plan->nodes[value];
    int item = again && n->again >= 0 ? n->again : n->value;
    if (item >= 0) view->data = value_at(plan, value, item);
}

void hl_plan_point(hl_plan *plan, int index, bool again) {
    hl_plan_node *n = &plan->nodes[index];
    for (int k = 0; k < n->reads.count; k++) {
        point(plan, &n->step.in[k].view, n->reads.value[k], again);
        if (n->reads.scale[k] >= 0) point(plan, &n->step.in[k].scale, n->reads.scale[k], again);
    }
    if (n->through >= 0) point(plan, &n->step.beyond.view, hl_plan_beyond(plan, index), again);
    int written = hl_plan_writes(plan, index);
    n->step.out.data = value_at(plan, written, again && plan->nodes[written].again >= 0 ? plan->nodes[written].again : n->value);
}

/* Points a step into the store and into the arena. */
static void place_step(hl_plan *plan, int index) {
    const hl_node *node = plan->graph->nodes[index];
    hl_plan_node *n = &plan->nodes[index];
    hl_step *step = &n->step;
    for (int k = 0; k < step->in_count; k++)
        if (n->reads.norm[k] >= 0) step->in[k].norm = hl_norm_of(at(plan, plan->nodes[n->reads.norm[k]].saved), step->in[k].view.c).terms;
    for (int k = 0; k < node->input_count; k++) {
        int value = hl_plan_gives(plan, index, k);
        step->in_gradient[k].data = map_at(plan, value, plan->nodes[value].gradient, false);
    }
    int written = hl_plan_writes(plan, index);
    step->out = value_of(plan, written), step->out_gradient = view_of(plan, written);
    hl_plan_point(plan, index, false);
    step->out_gradient.data = map_at(plan, written, n->gradient, false);
    step->saved = at(plan, n->saved);
    step->known = n->knows < 0 ? NULL : at(plan, plan->nodes[n->knows].saved);
    step->known_channels = n->knows < 0 ? 0 : plan->nodes[n->knows].shape.c;
    step->kept = at(plan, n->kept);
    step->norm_sums = at(plan, n->norm_sums);
    if (n->through >= 0) {
        const hl_plan_node *norm = &plan->nodes[n->through];
        step->beyond.norm = hl_norm_of(at(plan, norm->saved), norm->shape.c).terms;
        step->norm_sums = at(plan, norm->norm_sums);
    }
    if (n->leaves >= 0) plan->nodes[n->leaves].step.taken = at(plan, n->norm_sums);
    if (n->averages >= 0) step->row_sums = plan->nodes[n->averages].step.finish.row_sums = at(plan, n->row_sums);
    if (n->measured >= 0) {
        hl_norm_state norm = hl_norm_of(step->saved, step->out.c);
        plan->nodes[n->measured].step.finish.mean = norm.mean, plan->nodes[n->measured].step.finish.variance = norm.variance;
    }
    if (n->finished && (node->op->needs & HL_NORMS)) plan->nodes[node->inputs[0]].step.finish.terms = hl_norm_of(step->saved, step->out.c).terms;
    for (int slot = 0; slot < HL_MAX_PARAMS; slot++) {
        if (node->params[slot] >= 0) step->param[slot] = plan->params->list[plan->param_of_spec[node->params[slot]]].data;
        step->param_gradient[slot] = at(plan, n->param_gradient[slot]);
    }
}

static void forget_layout(hl_plan *plan) {
    plan->arena.count = 0;
    for (int i = 0; i < plan->count; i++) {
        hl_plan_node *n = &plan->nodes[i];
        n->finished = n->step.finishes = false, n->step.finish = (hl_finish){0};
        n->again = n->value = n->gradient = n->saved = n->kept = n->forward_scratch = n->backward_scratch = n->again_scratch = n->row_sums = n->norm_sums = -1;
        for (int slot = 0; slot < HL_MAX_PARAMS; slot++) n->param_gradient[slot] = -1;
    }
}

hl_status hl_plan_lay(hl_plan *plan) {
    forget_layout(plan);
    hl_plan_find_again(plan);
    hl_plan_find_averages(plan);
    hl_status status = hl_plan_layout(plan);
    if (!status) hl_plan_find_finished(plan);
    return status;
}

static hl_status describe(hl_plan *plan) {
    hl_status status = hl_plan_shapes(plan);
    if (status) return status;
    hl_plan_analyse(plan);
    for (int i = 0; i < plan->count; i++) describe_step(plan, i);
    hl_plan_find_through(plan);
    hl_plan_find_half(plan);
    hl_plan_find_measured(plan);
    status = hl_plan_lay(plan);
    return status ? status : hl_plan_limit(plan);
}

hl_plan *hl_plan_dry(hl_graph *graph, hl_dtype dtype, const hl_plan_options *options) {
    if (!graph) return NULL;
    hl_context *hl = graph->hl;
    if (check(graph, dtype, options)) return NULL;
    hl_plan *plan = hl_calloc(hl, 1, sizeof *plan);
    if (!plan) return NULL;
    *plan = (hl_plan){.hl = hl, .graph = graph, .options = *options, .count = (int)graph->count, .loss_scratch = -1};
    plan->kernels = hl_kernels_for(hl, dtype);
    if (options->precision == HL_BF16) plan->half_convs = hl_half_convs(hl, plan->kernels);
    plan->loss = hl_loss_find(options->loss, graph->nodes[graph->output]->channels);
    plan->nodes = hl_calloc(hl, graph->count, sizeof *plan->nodes);
    if (!plan->nodes) return hl_plan_free(plan), NULL;
    for (int i = 0; i < plan->count; i++) plan->nodes[i].gradient = -1;
    if (describe(plan)) return hl_plan_free(plan), NULL;
    return plan;
}

hl_plan *hl_compile(hl_graph *graph, hl_params *params, const hl_plan_options *options) {
    hl_plan *plan = params ? hl_plan_dry(graph, params->dtype, options) : NULL;
    if (!plan) return NULL;
    plan->params = params;
    bool fits = !hl_kernels_check(plan->hl, params->dtype) && !match_params(plan);
    if (fits) plan->memory = hl_aligned(plan->hl, plan->arena.bytes);
    if (!plan->memory) return hl_plan_free(plan), NULL;
    for (int i = 0; i < plan->count; i++) place_step(plan, i);
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

double hl_plan_node_flops(const hl_plan *plan, int node) {
    const hl_plan_node *n = &plan->nodes[node];
    const hl_op *op = plan->graph->nodes[node]->op;
    if (!n->live || n->joined || !op->flops) return 0;
    hl_step step = n->step;
    step.out.n = plan->options.batch;
    return op->flops(&step);
}

/* Backward does a forward's work twice in a convolution (to the data and to the kernel), about once elsewhere. */
double hl_plan_flops(const hl_plan *plan) {
    double sum = 0;
    for (int i = 0; i < plan->count; i++) {
        const hl_plan_node *n = &plan->nodes[i];
        double forward = hl_plan_node_flops(plan, i);
        sum += forward;
        if (n->wants) sum += forward * (n->step.node->op->geometry && n->step.in_gradient[0].c ? 2 : 1);
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
            if (pass == HL_BACKWARD_DATA && !n->step.in_gradient[0].c) continue;
            char *longer = hl_format(plan->hl, "%s%s %s %s\n", text, plan->graph->nodes[i]->name, passes[pass], n->step.conv[pass]->name);
            free(text);
            text = longer;
        }
    }
    return text;
}
