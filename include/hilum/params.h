/* Parameters: one named store, shared by the plans that train and use them. */
#ifndef HILUM_PARAMS_H
#define HILUM_PARAMS_H

#include "hilum/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_params hl_params;

typedef enum hl_init {
    HL_INIT_HE,    /* every kernel He-uniform */
    HL_INIT_KERAS, /* each layer as segmentation_models initialises it */
} hl_init;

/* The parameters a graph declares, drawn from `seed`; biases and betas 0, gammas 1, moving statistics 0 and 1. The graph may
 * be freed before them. NULL: no graph, the graph's error, or no memory. Owner: the caller, hl_params_free. */
hl_params *hl_params_init(hl_graph *graph, hl_init init, uint64_t seed);
/* The same in another dtype. */
hl_params *hl_params_init_as(hl_graph *graph, hl_dtype dtype, hl_init init, uint64_t seed);
void hl_params_free(hl_params *params);

int hl_params_count(const hl_params *params); /* tensors */
int64_t hl_params_elements(const hl_params *params, bool trainable_only);
const char *hl_param_name(const hl_params *params, int index); /* LAYER/KIND */
int hl_param_find(const hl_params *params, const char *name);  /* index or -1 */
int64_t hl_param_elements(const hl_params *params, int index);
bool hl_param_trainable(const hl_params *params, int index);   /* not a moving statistic */
/* Copies a tensor out or in, in the files' order: kernels (out, in, kH, kW), vectors (channels). */
void hl_param_read(const hl_params *params, int index, double *values);
void hl_param_write(hl_params *params, int index, const double *values);

/* Training steps behind the moving statistics, for their bias correction; 0: they are used as they are. */
int64_t hl_params_bn_steps(const hl_params *params);

/* Safetensors, float32, names as above, metadata `bn_steps` and `network`. Appears whole or not at all. */
hl_status hl_params_save(const hl_params *params, const char *path);
/* The same with kernels in half precision (F16, rounded to the nearest): half the bytes, to give away. Biases, scales and
 * statistics, a hundredth of a net, stay as they are: variances reach far, and a short run's are corrected by small differences.
 * HL_USAGE: a kernel holds a value beyond 65504. */
hl_status hl_params_save_half(const hl_params *params, const char *path);
/* Fills the store from a safetensors file (F32, F64, F16 or BF16): every tensor must be there in its shape, none may be left
 * over; on failure the store is as it was. Where the net's image has one channel and the file's has three, the kernel that reads the
 * image is summed over its channels and the vectors of a batch norm before it are averaged: on a grey image the same net, exactly
 * where the three entries of each vector are equal (or there is no such norm), nearly where they are close. */
hl_status hl_params_load(hl_params *params, const char *path);

#ifdef __cplusplus
}
#endif
#endif
