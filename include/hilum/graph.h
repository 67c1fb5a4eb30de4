/* A graph says what to compute: layers in order, no memory and no batch size in it. */
#ifndef HILUM_GRAPH_H
#define HILUM_GRAPH_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_graph hl_graph;
typedef struct hl_value hl_value; /* a layer's output; owned by its graph */

/* Building cannot fail halfway: the first error (with the layer's name) sticks to the graph, later calls pass NULL on, and
 * hl_compile and hl_params_init report it. So a net reads as a list of layers, not of checks. Every layer that has
 * parameters is named, and no name is used twice. Maps are N x C x H x W in words, N x H x W x C in memory. */
hl_graph *hl_graph_new(hl_context *hl);
void hl_graph_free(hl_graph *graph);
hl_context *hl_graph_context(const hl_graph *graph);

/* The graph's one input, `channels` wide; height and width are open until it is compiled. */
hl_value *hl_input(hl_graph *graph, int channels);
/* Marks the graph's one output (the logits). */
void hl_output(hl_graph *graph, hl_value *x);

/* How a kernel is drawn under HL_INIT_KERAS; HL_INIT_HE draws all of them He-uniform. */
typedef enum hl_kernel_init {
    HL_KERNEL_HE_UNIFORM,      /* +-sqrt(6 / fan_in), He et al. 2015 */
    HL_KERNEL_GLOROT_UNIFORM,  /* +-sqrt(6 / (fan_in + fan_out)), Glorot, Bengio 2010 */
    HL_KERNEL_FAN_OUT_NORMAL,  /* normal of deviation sqrt(2 / fan_out) / 0.87962566, cut at two of them; fan_out = out kH kW */
    HL_KERNEL_DEPTHWISE_NORMAL, /* the same with fan_out = kH kW */
} hl_kernel_init;

typedef enum hl_padding {
    HL_SAME,    /* TensorFlow's: max((ceil(in/s)-1) s + k - in, 0) in all, the smaller half before */
    HL_EXPLICIT /* the four given */
} hl_padding;

typedef struct hl_conv_options {
    int channels;           /* of the output */
    int kernel_h, kernel_w;
    int stride_h, stride_w; /* 0: 1 */
    hl_padding padding;
    int pad_top, pad_bottom, pad_left, pad_right; /* with HL_EXPLICIT */
    int groups;             /* 0: 1 */
    bool bias;
    hl_kernel_init init;
} hl_conv_options;

/* Convolution; parameters NAME/kernel (out, in / groups, kH, kW) and, with bias, NAME/bias (out). */
hl_value *hl_convolution(hl_graph *graph, hl_value *x, const char *name, const hl_conv_options *options);
/* The usual one: kernel x kernel, stride 1, same padding, bias. */
hl_value *hl_conv2d(hl_graph *graph, hl_value *x, const char *name, int channels, int kernel);
/* Transposed convolution with same padding: the output is stride times the input, and what a convolution of this kernel and
 * stride would shrink to the input. Parameters NAME/kernel (in, out, kH, kW), the order of ONNX, and, with bias, NAME/bias
 * (out). Padding given and groups are refused. */
hl_value *hl_conv_transpose(hl_graph *graph, hl_value *x, const char *name, const hl_conv_options *options);

/* Batch norm (Ioffe, Szegedy 2015), momentum 0.99; parameters NAME/gamma (unless no_gamma), beta, moving_mean,
 * moving_variance. */
typedef struct hl_norm_options {
    double epsilon;
    bool no_gamma;
} hl_norm_options;
hl_value *hl_norm(hl_graph *graph, hl_value *x, const char *name, const hl_norm_options *options);
hl_value *hl_batch_norm(hl_graph *graph, hl_value *x, const char *name, double epsilon);

hl_value *hl_relu(hl_graph *graph, hl_value *x);
hl_value *hl_sigmoid(hl_graph *graph, hl_value *x);
hl_value *hl_swish(hl_graph *graph, hl_value *x); /* x sigmoid(x), Ramachandran et al. 2017 */

typedef struct hl_pool_options {
    int kernel_h, kernel_w, stride_h, stride_w;
    int pad_top, pad_bottom, pad_left, pad_right;
    bool zero_pad; /* max: padding zeros take part; average: padding is counted. Otherwise windows are cut to the map. */
} hl_pool_options;
hl_value *hl_max_pool(hl_graph *graph, hl_value *x, const hl_pool_options *options);
hl_value *hl_average_pool(hl_graph *graph, hl_value *x, const hl_pool_options *options);
hl_value *hl_max_pool2d(hl_graph *graph, hl_value *x, int kernel); /* kernel x kernel, stride kernel, no padding */
hl_value *hl_global_average(hl_graph *graph, hl_value *x); /* the mean over the map: C x 1 x 1 */
hl_value *hl_channel_scale(hl_graph *graph, hl_value *x, hl_value *scale); /* x times a C x 1 x 1 map (squeeze-excite's) */
/* Drop-connect (stochastic depth, Huang et al. 2016): in training an image's map becomes 0 with probability `rate`, else is
 * divided by 1 - rate; one draw an image, a function of the plan's seed, NAME, the training step and the image's place in
 * the batch. Nothing in inference. */
hl_value *hl_drop_connect(hl_graph *graph, hl_value *x, const char *name, double rate);

hl_value *hl_upsample(hl_graph *graph, hl_value *x, int factor); /* nearest; factor a power of two */
hl_value *hl_concat(hl_graph *graph, hl_value *const *values, int count); /* along the channels; 2 to 8 values */
hl_value *hl_add(hl_graph *graph, hl_value *a, hl_value *b);

int hl_channels(const hl_value *x); /* 0 for NULL */

#ifdef __cplusplus
}
#endif
#endif
