/* Finite differences against backward, in double. */
#ifndef HL_TEST_GRADIENT_H
#define HL_TEST_GRADIENT_H

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "graph/plan.h"
#include "harness.h"

/* A small graph to check: its input's channels and size, and what is built on the input. */
typedef struct gradient_case {
    const char *name;
    int channels, height, width, batch;
    hl_value *(*build)(hl_graph *graph, hl_value *x);
    bool with_loss; /* the loss on the logits instead of a random weighting of them */
} gradient_case;

static inline double noise(uint64_t stream, int64_t i) { return hl_random_uniform(3, 1000, stream, (uint64_t)i) * 2 - 1; }

/* What a loss on so many channels of logits is held against: 0 or 1, or a class's index. */
static inline double target(int64_t i, int channels) {
    double u = (noise(2, i) + 1) / 2;
    return channels > 1 ? floor(u * channels) : u > 0.5;
}

static inline double run_forward(hl_plan *plan, const gradient_case *c, const double *x, const double *weights, bool backward) {
    hl_plan_forward(plan, x, c->batch);
    hl_view logits = hl_plan_logits(plan), gradient = hl_plan_logits_gradient(plan);
    double sum = 0;
    int64_t count = hl_view_pixels(&logits) * logits.c;
    if (c->with_loss) sum = hl_plan_loss(plan, weights);
    for (int64_t i = 0; i < count && !c->with_loss; i++) {
        sum += ((double *)logits.data)[i] * weights[i];
        ((double *)gradient.data)[i] = weights[i];
    }
    if (backward) hl_plan_backward(plan, NULL, 0);
    return sum;
}

/* Compares up to 60 entries of `gradient` with central differences as data[i] moves. */
static inline void check_entries(hl_plan *plan, const gradient_case *c, const double *x, const double *weights, const char *what, double *data, const double *gradient,
                                 int64_t count) {
    double largest = 1e-3;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[i]));
    for (int64_t k = 0, step = count > 60 ? count / 60 : 1; k < count; k += step) {
        double kept = data[k], h = 1e-5;
        data[k] = kept + h;
        double up = run_forward(plan, c, x, weights, false);
        data[k] = kept - h;
        double down = run_forward(plan, c, x, weights, false);
        data[k] = kept;
        double numeric = (up - down) / (2 * h);
        ck_assert_msg(fabs(numeric - gradient[k]) <= 1e-6 * largest, "%s: %s[%lld]: backward says %.12g, differences %.12g", c->name, what, (long long)k, gradient[k], numeric);
    }
}

static inline void check_gradients(const gradient_case *c) {
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    hl_graph *graph = hl_graph_new(hl);
    hl_output(graph, c->build(graph, hl_input(graph, c->channels)));
    hl_params *params = hl_params_init_as(graph, HL_F64, HL_INIT_HE, 5);
    ck_assert_msg(params != NULL, "%s: %s", c->name, hl_error(hl));
    for (int i = 0; i < params->count; i++) /* nothing stays at a special value */
        for (int64_t k = 0; k < params->list[i].count; k++) ((double *)params->list[i].data)[k] += 0.3 * noise(100 + (uint64_t)i, k);
    hl_plan *plan = hl_compile(graph, params,
                               &(hl_plan_options){.mode = HL_TRAIN, .batch = c->batch, .height = c->height, .width = c->width, .keep_gradients = true, .input_gradient = true});
    ck_assert_msg(plan != NULL, "%s: %s", c->name, hl_error(hl));
    int64_t count = (int64_t)c->batch * c->height * c->width * c->channels;
    hl_view logits = hl_plan_logits(plan);
    int64_t outputs = hl_view_pixels(&logits) * logits.c;
    double *x = malloc(sizeof(double) * (size_t)count), *weights = malloc(sizeof(double) * (size_t)outputs);
    for (int64_t i = 0; i < count; i++) x[i] = noise(1, i);
    for (int64_t i = 0; i < outputs; i++) weights[i] = c->with_loss ? target(i, logits.c) : noise(2, i);
    run_forward(plan, c, x, weights, true);
    /* Copies: the next forward may use the memory again. */
    double **kept = malloc(sizeof(double *) * (size_t)(params->count + 1));
    for (int i = 0; i < params->count; i++) {
        const void *gradient = hl_plan_param_gradient(plan, i);
        size_t bytes = sizeof(double) * (size_t)params->list[i].count;
        kept[i] = gradient ? memcpy(malloc(bytes), gradient, bytes) : NULL;
        ck_assert_int_eq(gradient != NULL, hl_param_trainable(params, i));
    }
    double *to_input = memcpy(malloc(sizeof(double) * (size_t)count), hl_plan_input_gradient(plan).data, sizeof(double) * (size_t)count);
    for (int i = 0; i < params->count; i++)
        if (kept[i]) check_entries(plan, c, x, weights, params->list[i].spec.name, params->list[i].data, kept[i], params->list[i].count);
    check_entries(plan, c, x, weights, "input", x, to_input, count);
    for (int i = 0; i < params->count; i++) free(kept[i]);
    free(kept);
    free(to_input);
    free(x);
    free(weights);
    hl_plan_free(plan);
    hl_params_free(params);
    hl_graph_free(graph);
    hl_close(hl);
}

#endif
