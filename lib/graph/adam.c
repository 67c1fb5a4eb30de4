/* Adam's state and its step for one parameter (Kingma, Ba 2015, algorithm 1; epsilon is added to the root of the
 * bias-corrected second moment). */
#include <math.h>
#include <stdlib.h>

#include "graph/store.h"

hl_adam *hl_adam_new(hl_params *params, const hl_adam_options *options) {
    hl_adam *adam = params ? hl_calloc(params->hl, 1, sizeof *adam) : NULL;
    if (!adam) return NULL;
    adam->params = params;
    if (options) adam->options = *options;
    if (adam->options.beta1 == 0) adam->options.beta1 = 0.9;
    if (adam->options.beta2 == 0) adam->options.beta2 = 0.999;
    if (adam->options.epsilon == 0) adam->options.epsilon = 1e-7;
    adam->moment1 = hl_calloc(params->hl, (size_t)params->count, sizeof *adam->moment1);
    adam->moment2 = hl_calloc(params->hl, (size_t)params->count, sizeof *adam->moment2);
    if (!adam->moment1 || !adam->moment2) return hl_adam_free(adam), NULL;
    size_t bytes = 0;
    for (int i = 0; i < params->count; i++)
        if (hl_param_trainable(params, i)) bytes += 2 * hl_param_room(params, params->list[i].count);
    char *next = adam->values = hl_aligned(params->hl, bytes);
    if (!next) return hl_adam_free(adam), NULL;
    for (int i = 0; i < params->count; i++) {
        if (!hl_param_trainable(params, i)) continue;
        size_t room = hl_param_room(params, params->list[i].count);
        adam->moment1[i] = next, adam->moment2[i] = next + room, next += 2 * room;
    }
    return adam;
}

void hl_adam_free(hl_adam *adam) {
    if (!adam) return;
    free(adam->values);
    free(adam->moment1);
    free(adam->moment2);
    free(adam);
}

hl_adam_step hl_adam_next(hl_adam *adam, double rate) {
    double t = (double)++adam->steps;
    return (hl_adam_step){.rate = rate,
                          .beta1 = adam->options.beta1,
                          .beta2 = adam->options.beta2,
                          .epsilon = adam->options.epsilon,
                          .correction1 = 1 - pow(adam->options.beta1, t),
                          .correction2 = 1 - pow(adam->options.beta2, t)};
}

void hl_adam_apply(hl_adam *adam, const hl_kernels *kernels, const hl_adam_step *step, int param, const void *gradient) {
    hl_param *p = &adam->params->list[param];
    kernels->adam(adam->params->hl, step, p->count, p->data, gradient, adam->moment1[param], adam->moment2[param]);
    adam->params->version++;
}
