/* What the machine can do, and how near the kernels come to it. */
#ifndef HILUM_BENCH_H
#define HILUM_BENCH_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_machine {
    double flops; /* a second: multiply-adds on registers (a multiply-add is two), on all of the context's threads, by its instruction set */
    double bytes; /* a second: read and written by a copy of 64 MiB */
} hl_machine;
/* The best of some short runs, a fraction of a second in all. HL_NO_MEMORY: no room for the copy. */
hl_status hl_measure_machine(hl_context *hl, hl_machine *machine);

/* A convolution, n x size x size, padded to keep its size at stride 1. */
typedef struct hl_conv_shape {
    int batch, in, out, size, kernel, stride;
    bool depthwise;
} hl_conv_shape;

/* A kernel's three passes: forward, backward to the data, backward to the weights. */
typedef struct hl_kernel_rate {
    const char *kernel;
    hl_conv_shape shape;
    double seconds[3]; /* median of some calls */
    double flops;      /* of a pass, counted directly (a multiply-add is two) */
    double bytes;      /* that a pass cannot do without: what it reads and writes, once */
    bool chosen[3];    /* whether a plan in fp32 would take this kernel here; "amx" and "dots" are of plans in bf16 alone */
} hl_kernel_rate;

/* The shapes that `hilum bench --kernels` shows; *count gets their number. */
const hl_conv_shape *hl_bench_shapes(int *count);
/* Times every kernel that fits a shape but the plain loops, up to `room` of them; *count gets their number. HL_USAGE: a shape that makes
 * no sense. HL_NO_MEMORY. */
hl_status hl_measure_conv(hl_context *hl, const hl_conv_shape *shape, hl_kernel_rate *rates, int room, int *count);

#ifdef __cplusplus
}
#endif
#endif
