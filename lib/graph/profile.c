/* Where a plan's time and bytes go: seconds by kind of layer, the arena's bytes by kind of tensor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"

void hl_plan_profile_clear(hl_plan *plan) {
    for (int i = 0; i < plan->count; i++) memset(plan->nodes[i].step.seconds, 0, sizeof plan->nodes[i].step.seconds);
    plan->adam_seconds = plan->loss_seconds = 0;
}

/* A convolution by its size and the kernel that computes a pass, anything else by its operator. */
static void name_kind(const hl_step *step, hl_pass pass, char *name, size_t bytes) {
    if (!step->conv[0]) {
        snprintf(name, bytes, "%s", step->node->op->name);
        return;
    }
    hl_conv conv = step->node->op->geometry(step);
    snprintf(name, bytes, "%s %dx%d%s, %s", step->node->op->name, conv.kh, conv.kw, conv.stride_h > 1 ? " strided" : "", step->conv[pass]->name);
}

static bool add(hl_profile *profile, const char *name, hl_pass pass, double seconds, double flops) {
    if (seconds <= 0) return true;
    int i = 0;
    while (i < profile->count && strcmp(profile->rows[i].name, name)) i++;
    if (i == HL_PROFILE_ROWS) return false;
    hl_profile_row *row = &profile->rows[i];
    if (i == profile->count) {
        profile->count++;
        snprintf(row->name, sizeof row->name, "%s", name);
    }
    row->layers += pass == HL_FORWARD;
    row->seconds[pass] += seconds, row->flops[pass] += flops, row->total += seconds;
    return true;
}

static int by_time(const void *a, const void *b) {
    double x = ((const hl_profile_row *)a)->total, y = ((const hl_profile_row *)b)->total;
    return (x < y) - (x > y);
}

/* Tensors that share an item count once; of workspace only the largest. */
static void add_bytes(const hl_plan *plan, hl_profile *profile, bool *seen) {
    for (int i = 0; i < plan->count; i++) {
        const hl_plan_node *n = &plan->nodes[i];
        const int items[] = {n->value, n->gradient, n->forward_scratch, n->backward_scratch, n->param_gradient[0], n->param_gradient[1]};
        size_t *sums[] = {&profile->bytes_values, &profile->bytes_gradients, NULL, NULL, &profile->bytes_parameter_gradients, &profile->bytes_parameter_gradients};
        for (size_t k = 0; k < sizeof items / sizeof *items; k++) {
            if (items[k] < 0 || seen[items[k]]) continue;
            size_t bytes = plan->arena.items[items[k]].bytes;
            seen[items[k]] = true;
            if (sums[k]) *sums[k] += bytes;
            else if (bytes > profile->bytes_workspace) profile->bytes_workspace = bytes;
        }
    }
}

hl_status hl_plan_profile(const hl_plan *plan, hl_profile *profile) {
    *profile = (hl_profile){.bytes_arena = plan->arena.bytes};
    bool *seen = hl_calloc(plan->hl, plan->arena.count, sizeof *seen), fits = true;
    if (!seen) return HL_NO_MEMORY;
    for (int i = 0; i < plan->count; i++) {
        const hl_step *step = &plan->nodes[i].step;
        char name[sizeof profile->rows->name];
        for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) {
            name_kind(step, (hl_pass)pass, name, sizeof name);
            fits &= add(profile, name, (hl_pass)pass, step->seconds[pass], hl_plan_node_flops(plan, i));
        }
    }
    fits &= add(profile, "Adam", HL_BACKWARD_WEIGHTS, plan->adam_seconds, 0);
    fits &= add(profile, "loss", HL_BACKWARD_DATA, plan->loss_seconds, 0);
    add_bytes(plan, profile, seen);
    free(seen);
    qsort(profile->rows, (size_t)profile->count, sizeof *profile->rows, by_time);
    return fits ? HL_OK : hl_fail(plan->hl, HL_FAILED, "more than %d kinds of layers", HL_PROFILE_ROWS);
}
