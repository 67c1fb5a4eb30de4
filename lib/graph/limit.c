/* Keeping a plan within a limit of memory: of what training stores, values are computed once more in backward until it fits (Chen et al.
 * 2016, Training Deep Nets with Sublinear Memory Cost). The bits stay the same. */
#include <stdlib.h>

#include "graph/plan.h"

/* Of the weights, and in training Adam's two moments. */
static size_t fixed_bytes(const hl_plan *plan) {
    size_t bytes = 0;
    for (size_t i = 0; i < plan->graph->param_count; i++) {
        const hl_param_spec *spec = &plan->graph->params[i];
        bool moments = plan->options.mode == HL_TRAIN && hl_param_kind_trainable(spec->kind);
        bytes += (size_t)hl_param_spec_elements(spec) * hl_dtype_bytes(plan->kernels->dtype) * (moments ? 3 : 1);
    }
    return bytes;
}

/* The time at which the arena holds most; -1: no memory. */
static int fullest_time(const hl_plan *plan) {
    size_t times = 2 * (size_t)plan->count + 3;
    int64_t *change = hl_calloc(plan->hl, times, sizeof *change), sum = 0, most = -1;
    int fullest = -1;
    for (size_t i = 0; change && i < plan->arena.count; i++) {
        const hl_item *item = &plan->arena.items[i];
        change[item->first] += (int64_t)item->bytes, change[item->last + 1] -= (int64_t)item->bytes;
    }
    for (size_t t = 0; change && t < times; t++) {
        sum += change[t];
        if (sum > most) most = sum, fullest = (int)t;
    }
    free(change);
    return fullest;
}

static bool reads(const hl_plan *plan, int node, int value) {
    const hl_reads *reads = &plan->nodes[node].reads;
    for (int k = 0; k < reads->count; k++)
        if (reads->value[k] == value || reads->scale[k] == value) return true;
    return hl_plan_beyond(plan, node) == value;
}

/* The first time in backward at which a value is wanted, -1: at none; and the last in forward. */
static int first_need(const hl_plan *plan, int value, int *last_forward) {
    int first = -1;
    *last_forward = value;
    for (int i = 0; i < plan->count; i++) {
        if (!hl_plan_computed(plan, i)) continue;
        bool reader = reads(plan, i, value);
        int needs = plan->graph->nodes[i]->op->needs, again_by = plan->nodes[hl_plan_writes(plan, i)].again_by;
        if (reader) *last_forward = i;
        if (reader && again_by > first) first = again_by;
        bool wanted = plan->nodes[i].wants && ((reader && (needs & HL_NEEDS_INPUT)) || (i == hl_plan_maker(plan, value) && (needs & HL_NEEDS_OUTPUT)));
        if (wanted && i > first) first = i;
    }
    return first < 0 ? -1 : hl_backward_time(plan, first);
}

/* The value whose memory a value is written over, -1: none. */
static int overwritten(const hl_plan *plan, int value) {
    const hl_plan_node *maker = &plan->nodes[hl_plan_maker(plan, value)];
    int input = maker->reads.count > 0 && maker->reads.norm[0] < 0 ? maker->reads.value[0] : -1;
    return input >= 0 && input != plan->graph->input && plan->nodes[input].value == plan->nodes[value].value ? input : -1;
}

/* What computing a value once more costs, with what it was written over; below 0: it cannot be. */
static double cost_of(const hl_plan *plan, int value) {
    double cost = 0;
    for (; value >= 0; value = overwritten(plan, value)) {
        if (plan->nodes[value].dear || !hl_plan_repeatable(plan, value)) return -1;
        cost += hl_plan_node_flops(plan, hl_plan_maker(plan, value));
    }
    return cost;
}

/* The value that frees memory at a time for the least work a byte, -1: none does. */
static int cheapest(const hl_plan *plan, int time) {
    int best = -1;
    double least = 0;
    for (int i = 0; i < plan->count; i++) {
        int item = plan->nodes[i].value, last_forward;
        if (item < 0 || plan->nodes[i].again_by >= 0 || plan->arena.items[item].first > time || plan->arena.items[item].last < time) continue;
        double cost = cost_of(plan, i);
        if (cost < 0 || first_need(plan, i, &last_forward) <= time || last_forward >= time) continue;
        cost /= (double)plan->arena.items[item].bytes;
        if (best < 0 || cost < least) best = i, least = cost;
    }
    return best;
}

static hl_status refuse(const hl_plan *plan, size_t least) {
    const hl_plan_options *o = &plan->options;
    return hl_fail(plan->hl, HL_USAGE, "%s with a batch of %d images of %dx%d takes at least %.0f MB, the limit on memory leaves it %.0f MB",
                   o->mode == HL_TRAIN ? "training" : "prediction", o->batch, o->height, o->width, 1e-6 * (double)least, 1e-6 * (double)o->memory_limit);
}

hl_status hl_plan_limit(hl_plan *plan) {
    size_t fixed = fixed_bytes(plan), limit = plan->options.memory_limit, least = fixed + plan->arena.bytes;
    while (limit && fixed + plan->arena.bytes > limit) {
        int value = plan->options.mode == HL_TRAIN ? cheapest(plan, fullest_time(plan)) : -1;
        if (value < 0 && !plan->options.keep_kernels) return refuse(plan, least);
        if (value < 0) plan->options.keep_kernels = false;
        for (; value >= 0; value = overwritten(plan, value)) plan->nodes[value].dear = true;
        hl_status status = hl_plan_lay(plan);
        if (status) return status;
        if (fixed + plan->arena.bytes < least) least = fixed + plan->arena.bytes;
    }
    return HL_OK;
}
