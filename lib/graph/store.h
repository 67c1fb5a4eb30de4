/* The inside of the parameter store and of Adam's state. */
#ifndef HL_STORE_H
#define HL_STORE_H

#include "ops/op.h"

typedef struct hl_param {
    hl_param_spec spec; /* its name is the store's own copy */
    int64_t count;
    void *data;         /* in the store's dtype; kernels lie as (out, kH, kW, in / groups) */
    bool of_image;      /* a kernel that reads the image, or a vector that normalises it before: one input or entry a channel of the image */
} hl_param;

struct hl_params {
    hl_context *hl;
    hl_dtype dtype;
    int count;
    hl_param *list;
    void *values;        /* all parameters' data, side by side: in pages of 4 KB each kernel's rows miss what looks pages up */
    char network[64];    /* of the graph they were made for, "" for one built by hand */
    int64_t bn_steps;    /* training passes behind the moving statistics */
    uint64_t version;    /* goes up with every change, so that whoever keeps what was made of them knows when it is stale */
    bool foreign_moving; /* the statistics came from elsewhere: bn_steps stays 0 */
};

struct hl_adam {
    hl_params *params;
    hl_adam_options options;
    int64_t steps;
    void **moment1, **moment2; /* by parameter; NULL for moving statistics */
    void *values;              /* all of them */
};

/* Moving statistics as at the start, with no training pass behind them. */
void hl_params_forget_statistics(hl_params *params);

bool hl_param_kind_trainable(hl_param_kind kind);
int64_t hl_param_spec_elements(const hl_param_spec *spec);
/* Bytes from the data of a parameter of `count` elements to the next one's, which begins a cache line. */
size_t hl_param_room(const hl_params *params, int64_t count);
/* Index in memory of element i of the files' order. */
int64_t hl_param_memory_index(const hl_param_spec *spec, int64_t i);
double hl_param_get(const hl_params *params, const void *data, int64_t i);
void hl_param_set(const hl_params *params, void *data, int64_t i, double value);

/* Constants of the next step at learning rate `rate`; counts it. */
hl_adam_step hl_adam_next(hl_adam *adam, double rate);
void hl_adam_apply(hl_adam *adam, const hl_kernels *kernels, const hl_adam_step *step, int param, const void *gradient);

#endif
