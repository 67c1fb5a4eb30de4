/* What a graph is and costs at one size: its layers, parameters, operations and memory, told before anything is allocated. */
#ifndef HILUM_SUMMARY_H
#define HILUM_SUMMARY_H

#include "hilum/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a layer's output lies in training. */
typedef enum hl_layer_memory {
    HL_MEMORY_OWN,      /* in memory of its own */
    HL_MEMORY_IN_PLACE, /* written over an input */
    HL_MEMORY_JOINED,   /* nowhere: the layers that read it read its inputs instead, through it if it is a norm or an activation */
    HL_MEMORY_CALLER,   /* the graph's input: in the caller's array */
    HL_MEMORY_UNUSED,   /* nowhere: the graph's output does not depend on it */
} hl_layer_memory;

/* A layer. What it points to is the graph's. */
typedef struct hl_layer {
    const char *name; /* the operator's for a layer without one */
    const char *op;
    int channels, height, width; /* of its output */
    const int *inputs;           /* indices of the layers it reads */
    int input_count;
    int64_t parameters, trainable; /* numbers, not tensors; moving statistics are not trainable */
    double flops;                  /* of a forward pass of the batch in inference; a multiply-add is two */
    size_t bytes;                  /* of memory that its output takes in training: 0 but for HL_MEMORY_OWN */
    hl_layer_memory memory;
} hl_layer;

typedef struct hl_summary {
    const char *network; /* "" for a graph built by hand */
    int batch, height, width;
    hl_precision precision; /* of training; inference is in fp32 */
    hl_layer *layers; /* in the graph's order */
    int count;
    int64_t parameters, trainable;
    double flops;       /* of a forward pass of the batch in inference */
    double flops_train; /* of a training step: forward and backward */
    /* Memory of a training step: the plan's arena, the weights and Adam's two moments. */
    size_t bytes_train, bytes_arena_train, bytes_weights, bytes_moments;
    size_t bytes_infer, bytes_arena_infer; /* of inference: another arena, and the same weights */
} hl_summary;

/* Sums up a graph that trains and infers in float. Of the options all count but the mode: both are looked at. Sizes are those of
 * the plans that hl_compile makes under the same options and on as many threads, to the byte; neither parameters nor an arena are
 * allocated. NULL: what makes hl_compile fail. The graph must outlive it. Owner: the caller, hl_summary_free. */
hl_summary *hl_summary_make(hl_graph *graph, const hl_plan_options *options);
void hl_summary_free(hl_summary *summary);

/* A drawing in Graphviz' language: a node a layer with name, operator and shape, an edge an input; what leads past other layers into
 * one of several inputs (skips, shortcuts) stands out. NULL: no memory. Owner: the caller, free. */
char *hl_summary_dot(hl_context *hl, const hl_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
