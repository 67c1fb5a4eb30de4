/* The parameter store: made for a graph, drawn, read and written in the files' order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "graph/store.h"

bool hl_param_kind_trainable(hl_param_kind kind) { return kind != HL_MOVING_MEAN && kind != HL_MOVING_VARIANCE; }

int64_t hl_param_spec_elements(const hl_param_spec *spec) {
    int64_t count = 1;
    for (int i = 0; i < spec->rank; i++) count *= spec->shape[i];
    return count;
}

int64_t hl_param_memory_index(const hl_param_spec *spec, int64_t i) {
    if (spec->rank != 4) return i;
    int64_t in = spec->shape[1], area = (int64_t)spec->shape[2] * spec->shape[3];
    int64_t tap = i % area, channel = i / area % in, out = i / area / in;
    return (out * area + tap) * in + channel;
}

double hl_param_get(const hl_params *params, const void *data, int64_t i) {
    return params->dtype == HL_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

void hl_param_set(const hl_params *params, void *data, int64_t i, double value) {
    if (params->dtype == HL_F64) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
}

/* Between -2 and 2, normal: draws beyond are drawn again, each from a stream of its own. */
static double truncated_normal(uint64_t seed, uint64_t name, uint64_t i) {
    double z = 3;
    for (uint64_t attempt = 0; fabs(z) > 2; attempt++) z = hl_random_normal(seed, HL_RANDOM_INIT, name + (attempt << 1 | 1) * 0x9E3779B97F4A7C15u, i);
    return z;
}

/* A parameter's draws depend on its name, not on its place. */
static void draw(hl_params *params, hl_param *p, hl_init init, uint64_t seed) {
    if (p->spec.kind == HL_GAMMA || p->spec.kind == HL_MOVING_VARIANCE)
        for (int64_t i = 0; i < p->count; i++) hl_param_set(params, p->data, i, 1);
    if (p->spec.kind != HL_KERNEL) return;
    double area = (double)p->spec.shape[2] * p->spec.shape[3];
    double fan_in = area * p->spec.shape[1], fan_out = area * p->spec.shape[0];
    hl_kernel_init how = init == HL_INIT_KERAS ? p->spec.init : HL_KERNEL_HE_UNIFORM;
    bool normal = how == HL_KERNEL_FAN_OUT_NORMAL || how == HL_KERNEL_DEPTHWISE_NORMAL;
    double limit = sqrt(6 / (how == HL_KERNEL_GLOROT_UNIFORM ? fan_in + fan_out : fan_in));
    double deviation = sqrt(2 / (how == HL_KERNEL_DEPTHWISE_NORMAL ? area : fan_out)) / 0.87962566;
    uint64_t name = hl_name_hash(p->spec.name);
    for (int64_t i = 0; i < p->count; i++) {
        double value = normal ? deviation * truncated_normal(seed, name, (uint64_t)i) : limit * (2 * hl_random_uniform(seed, HL_RANDOM_INIT, name, (uint64_t)i) - 1);
        hl_param_set(params, p->data, hl_param_memory_index(&p->spec, i), value);
    }
}

size_t hl_param_room(const hl_params *params, int64_t count) { return ((size_t)count * hl_dtype_bytes(params->dtype) + 63) / 64 * 64; }

/* The parameters of a graph's specs; false: no memory. */
static bool make(hl_params *params, const hl_param_spec *specs) {
    size_t bytes = 0;
    for (int i = 0; i < params->count; i++) bytes += hl_param_room(params, hl_param_spec_elements(&specs[i]));
    char *next = params->values = hl_aligned(params->hl, bytes);
    if (!next) return false;
    for (int i = 0; i < params->count; i++) {
        hl_param *p = &params->list[i];
        p->spec = specs[i];
        p->spec.name = hl_strdup(params->hl, specs[i].name);
        if (!p->spec.name) return false;
        p->count = hl_param_spec_elements(&specs[i]);
        p->data = next, next += hl_param_room(params, p->count);
    }
    return true;
}

/* Whether a node's output is the image, normalised or not. */
static bool is_image(const hl_graph *graph, int index) {
    const hl_node *node = graph->nodes[index];
    return index == graph->input || (node->op == &hl_op_norm && is_image(graph, node->inputs[0]));
}

static void mark_of_image(hl_params *params, const hl_graph *graph) {
    for (size_t i = 0; i < graph->count; i++) {
        const hl_node *node = graph->nodes[i];
        if (!node->input_count || !is_image(graph, node->inputs[0])) continue;
        for (int slot = 0; slot < HL_MAX_PARAMS; slot++) {
            hl_param *p = node->params[slot] < 0 ? NULL : &params->list[node->params[slot]];
            if (p) p->of_image = node->op == &hl_op_norm || (node->op == &hl_op_conv && p->spec.kind == HL_KERNEL);
        }
    }
}

hl_params *hl_params_init_as(hl_graph *graph, hl_dtype dtype, hl_init init, uint64_t seed) {
    if (!graph) return NULL;
    hl_context *hl = graph->hl;
    if (graph->status) return hl_fail(hl, graph->status, "%s", graph->error), NULL;
    hl_params *params = hl_calloc(hl, 1, sizeof *params);
    if (!params) return NULL;
    params->hl = hl;
    params->dtype = dtype;
    memcpy(params->network, graph->name, sizeof params->network);
    params->list = hl_calloc(hl, graph->param_count, sizeof *params->list);
    if (!params->list) return hl_params_free(params), NULL;
    params->count = (int)graph->param_count;
    if (!make(params, graph->params)) return hl_params_free(params), NULL;
    for (int i = 0; i < params->count; i++) draw(params, &params->list[i], init, seed);
    mark_of_image(params, graph);
    return params;
}

hl_params *hl_params_init(hl_graph *graph, hl_init init, uint64_t seed) { return hl_params_init_as(graph, HL_F32, init, seed); }

void hl_params_free(hl_params *params) {
    if (!params) return;
    for (int i = 0; params->list && i < params->count; i++) free(params->list[i].spec.name);
    free(params->values);
    free(params->list);
    free(params);
}

int hl_params_count(const hl_params *params) { return params->count; }
const char *hl_param_name(const hl_params *params, int index) { return params->list[index].spec.name; }
int64_t hl_param_elements(const hl_params *params, int index) { return params->list[index].count; }
bool hl_param_trainable(const hl_params *params, int index) { return hl_param_kind_trainable(params->list[index].spec.kind); }
void hl_params_forget_statistics(hl_params *params) {
    for (int i = 0; i < params->count; i++) {
        hl_param *p = &params->list[i];
        if (hl_param_kind_trainable(p->spec.kind)) continue;
        for (int64_t k = 0; k < p->count; k++) hl_param_set(params, p->data, k, p->spec.kind == HL_MOVING_VARIANCE ? 1 : 0);
    }
    params->bn_steps = 0;
    params->version++;
}

int64_t hl_params_bn_steps(const hl_params *params) { return params->bn_steps; }

int64_t hl_params_elements(const hl_params *params, bool trainable_only) {
    int64_t sum = 0;
    for (int i = 0; i < params->count; i++)
        if (!trainable_only || hl_param_trainable(params, i)) sum += params->list[i].count;
    return sum;
}

int hl_param_find(const hl_params *params, const char *name) {
    for (int i = 0; i < params->count; i++)
        if (!strcmp(params->list[i].spec.name, name)) return i;
    return -1;
}

void hl_param_read(const hl_params *params, int index, double *values) {
    const hl_param *p = &params->list[index];
    for (int64_t i = 0; i < p->count; i++) values[i] = hl_param_get(params, p->data, hl_param_memory_index(&p->spec, i));
}

void hl_param_write(hl_params *params, int index, const double *values) {
    hl_param *p = &params->list[index];
    for (int64_t i = 0; i < p->count; i++) hl_param_set(params, p->data, hl_param_memory_index(&p->spec, i), values[i]);
    params->version++;
    if (!hl_param_kind_trainable(p->spec.kind)) params->foreign_moving = true, params->bn_steps = 0;
}
