/* A plan says how: compiled from a graph for an image size, a largest batch and a mode; its memory is known before it runs. */
#ifndef HILUM_PLAN_H
#define HILUM_PLAN_H

#include "hilum/params.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_plan hl_plan;

typedef enum hl_mode {
    HL_TRAIN, /* batch statistics; forward, loss, backward */
    HL_INFER, /* moving statistics; forward only */
} hl_mode;

typedef struct hl_plan_options {
    hl_mode mode;
    int batch;         /* the largest; smaller ones run in the same memory */
    int height, width;
    const char *loss;  /* NULL: "bce+dice" for one channel of logits, "ce+dice" (classes that exclude one another) for more */
    bool keep_gradients; /* every parameter's gradient stays readable after a step; otherwise each lives for one layer */
    uint64_t seed;       /* of what is drawn in training (drop-connect) */
    bool no_drop;        /* drop-connect is left out */
    bool keep_kernels;   /* with HL_INFER: kernels are kept once more as convolutions like to read them, for many predictions with the same parameters */
    size_t memory_limit; /* most bytes of the plan, the weights and in training Adam's moments together, 0: any. Values are computed again in backward, to
                          * the same bits, and kernels are not kept, as far as that takes; what does not fit even so is HL_USAGE */
    bool input_gradient; /* the gradient to the input is computed too */
    hl_precision precision; /* HL_BF16: convolutions multiply bf16 numbers, and values are kept as such where all who read them can. Processors without
                             * AVX512_BF16 (hl_bf16_lacks): HL_USAGE. For training, and parameters in float */
} hl_plan_options;

/* Compiles. The plan refers to the graph and the parameters (in whose dtype it computes), which must outlive it. NULL: no
 * graph or parameters (the failure before is still told), the graph's sticking error, a size the net cannot take, a loss that
 * does not fit the channels of the logits, no memory; told by hl_error. Owner: the caller, hl_plan_free. */
hl_plan *hl_compile(hl_graph *graph, hl_params *params, const hl_plan_options *options);
void hl_plan_free(hl_plan *plan);

size_t hl_plan_bytes(const hl_plan *plan);          /* of the arena: activations, gradients, workspace */
size_t hl_plan_bytes_unshared(const hl_plan *plan); /* what the same tensors would take side by side */
double hl_plan_flops(const hl_plan *plan);          /* of a step at the largest batch; a multiply-add is two */
/* Which kernel computes a layer's pass, for the record: "NAME pass kernel" lines. Owner: the caller, free. */
char *hl_plan_kernels(const hl_plan *plan);

/* Where the time of a plan's steps went, summed by kind of layer. */
enum { HL_PROFILE_ROWS = 64 };
typedef struct hl_profile_row {
    char name[48]; /* the operator; of a convolution its size and kernel too; "loss", "Adam" */
    int layers;
    double seconds[3]; /* forward; backward (of a convolution: to the data); a convolution's backward to its weights */
    double flops[3];   /* of one step, by the same passes, counted as forward's; a multiply-add is two */
    double total;      /* seconds of all passes */
} hl_profile_row;
typedef struct hl_profile {
    hl_profile_row rows[HL_PROFILE_ROWS]; /* the longest first */
    int count;
    /* The arena's bytes, and what its tensors would take side by side: maps, their gradients, parameters' gradients; the largest workspace. */
    size_t bytes_arena, bytes_values, bytes_gradients, bytes_parameter_gradients, bytes_workspace;
} hl_profile;
void hl_plan_profile_clear(hl_plan *plan);
/* What has been run since the plan was compiled or hl_plan_profile_clear. HL_FAILED: more kinds of layers than rows. */
hl_status hl_plan_profile(const hl_plan *plan, hl_profile *profile);

/* Adam's state. */
typedef struct hl_adam hl_adam;
typedef struct hl_adam_options {
    double beta1, beta2, epsilon; /* 0: 0.9, 0.999, 1e-7 */
} hl_adam_options;
/* Moments for every trainable parameter, zero. NULL: no parameters, or no memory. `options` may be NULL. Owner: the caller, hl_adam_free. */
hl_adam *hl_adam_new(hl_params *params, const hl_adam_options *options);
void hl_adam_free(hl_adam *adam);

/* One step on `count` (up to the plan's batch) images, N x H x W x C in 0..1, and masks, N x H x W, 0 or 1 (for more than one
 * channel of logits the class's index): forward, loss, backward, Adam at learning rate `rate`. *loss (may be NULL) is the batch's. The arrays are only read. Nothing is
 * allocated. HL_USAGE: a count out of range or a plan that does not train. */
hl_status hl_train_step(hl_plan *plan, hl_adam *adam, double rate, const float *images, const float *masks, int count, double *loss);
/* Probabilities, N x H x W x classes, of `count` images, any number: they go through in batches. One class: by the sigmoid; more:
 * by softmax, so that a pixel's add up to 1. */
hl_status hl_predict(hl_plan *plan, const float *images, int count, float *probabilities);

#ifdef __cplusplus
}
#endif
#endif
