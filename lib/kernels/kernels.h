/* Numbers only: what a set of kernels offers. One table of functions per instruction set and dtype.
 *
 * All data of a table are of its dtype (`void *` below), but for statistics and sums, which are double. Maps are
 * hl_views. Work is cut into pieces by shape alone and partial sums are added in piece order, so results are the same bits
 * on any number of threads. Nothing is allocated: workspace comes from the caller, 64-byte aligned, uninitialised.
 * `accumulate`: add to what is there instead of overwriting. Outputs never overlap inputs unless said. */
#ifndef HL_KERNELS_H
#define HL_KERNELS_H

#include <stdbool.h>

#include "base/base.h"
#include "tensor/view.h"

typedef enum hl_pass { HL_FORWARD, HL_BACKWARD_DATA, HL_BACKWARD_WEIGHTS } hl_pass;

/* Geometry of a convolution. Padding after (bottom, right) follows from out_h, out_w: taps outside the input read 0.
 * Kernels lie in memory as (out, kh, kw, in / groups); dkernel likewise. */
typedef struct hl_conv {
    int n, in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kh, kw, stride_h, stride_w, pad_top, pad_left;
    int groups;
} hl_conv;

/* What forward does to its outputs before it leaves them: act((x - mean) scale + shift), with as many means, scales and shifts in the
 * table's dtype as there are outputs, or without terms act(x); then it adds a map of the output's shape. A half output is rounded before that too, as
 * if it were stored and added to. */
typedef struct hl_finish {
    const void *terms; /* NULL: none */
    hl_activation act;
    const hl_view *add; /* NULL: none; not the output's memory */
    double *mean, *variance; /* out_c each: get the channels' means and variances (biased) over the pixels of what was so finished; NULL: not wanted */
    void *row_sums;     /* n x out_h x out_c: gets the sums over each row of pixels of what was so finished; NULL: not wanted */
} hl_finish;

/* Whether it does more than to measure. */
static inline bool hl_finish_changes(const hl_finish *finish) {
    return finish && (finish->terms || finish->act != HL_LINEAR || finish->add || finish->row_sums);
}

/* 1 x 1, stride 1, no padding: an output pixel sees its own place alone. */
static inline bool hl_conv_is_pointwise(const hl_conv *conv) {
    return conv->kh == 1 && conv->kw == 1 && conv->stride_h == 1 && conv->stride_w == 1 && !conv->pad_top && !conv->pad_left &&
           conv->in_h == conv->out_h && conv->in_w == conv->out_w;
}
/* A channel to a channel. */
static inline bool hl_conv_is_depthwise(const hl_conv *conv) { return conv->groups == conv->in_c && conv->groups == conv->out_c; }

/* One way to compute a convolution. */
typedef struct hl_conv_kernel {
    const char *name; /* recorded in config.json */
    bool reads_half, writes_half; /* segments and a finish's `add`, in forward and backward_weights, may be half (hl_view); so may forward's output */
    bool sums_rows;     /* forward gives finish->row_sums */
    bool gives_moments; /* forward, not forward_kept, gives finish->mean and finish->variance */
    bool (*fits)(const hl_conv *conv);
    /* What a pass is thought to cost, in direct multiply-adds; the cheapest that fits is chosen. Shape alone decides. */
    double (*cost)(const hl_conv *conv, hl_pass pass);
    size_t (*workspace)(const hl_conv *conv, hl_pass pass, int threads); /* bytes */
    /* out = finish(conv(segments, kernel) + bias). bias (out_c) and finish may be NULL. The segments' channels add up to in_c. Without groups, but for one
     * channel to one, they may be read through norms or scales, here and in backward_weights. */
    void (*forward)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *workspace);
    /* For weights that stay: the kernel as forward likes to read it, `kept` bytes from which forward_kept computes the same bits as forward
     * from the kernel. All NULL: it likes none better. */
    size_t (*kept)(const hl_conv *conv);
    void (*keep)(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept);
    void (*forward_kept)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kept, const void *bias,
                         const hl_finish *finish, const hl_view *out, void *workspace);
    /* din (+)= gradient to the input, n x in_h x in_w x in_c. */
    void (*backward_data)(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din,
                          bool accumulate, void *workspace);
    /* backward_data of what a norm and its activation, which may be a swish, give of the segment `in`, going on through them: with g the gradient to
     * that times the activation's slope, din (+)= g scale, sums[c] = sum of g over the pixels, sums[in_c + c] = that of g (x - mean). What a
     * norm's backward pass does besides is norm_settle's. Workspace as for backward_data. Both NULL: it is not offered. */
    bool (*goes_through)(const hl_conv *conv); /* whether it is, for this one */
    void (*backward_through)(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                             bool accumulate, double *sums, void *workspace);
    /* dkernel = gradient to the kernel, dbias (out_c, may be NULL) = sum of dout: overwritten. */
    void (*backward_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                             void *dbias, void *workspace);
} hl_conv_kernel;

/* A batch norm over c channels and the activation behind it. */
typedef struct hl_norm_state {
    double *mean, *variance; /* c each */
    double eps;
    const void *gamma, *beta; /* gamma may be NULL: 1 */
    hl_activation act;
    void *terms; /* c means, c scales gamma / sqrt(variance + eps), c shifts beta, in the table's dtype: norm_terms writes them */
} hl_norm_state;

/* Geometry of a pooling window. */
typedef struct hl_pool {
    int kh, kw, stride_h, stride_w, pad_top, pad_left;
    bool zero_pad; /* max: padding takes part as zeros; average: padding is counted. Otherwise windows are cut to the map. */
} hl_pool;

/* Adam's constants at one step (Kingma, Ba 2015, algorithm 1). */
typedef struct hl_adam_step {
    double rate, beta1, beta2, epsilon;
    double correction1, correction2; /* 1 - beta1^t, 1 - beta2^t */
} hl_adam_step;

/* Sums of the loss over a batch: of the cross-entropy, p t, p and t. */
typedef struct hl_loss_sums {
    double cross_entropy, product, probability, target;
} hl_loss_sums;

/* The same for classes that exclude one another: each array holds a sum a class. */
typedef struct hl_class_sums {
    double cross_entropy;
    double *product, *probability, *target;
} hl_class_sums;

typedef struct hl_kernels {
    const char *name;
    hl_dtype dtype;
    const hl_conv_kernel *const *convs; /* ends with NULL; the last are plain loops */
    const hl_conv_kernel *const *half_convs[HL_BF16_LEVELS]; /* those of a plan in bf16 (hl_precision), likewise; NULL: there are none. Where they are,
                                                              * what reads or writes values but convolutions takes half maps (hl_view) for them */
    /* Runs `rounds` times some multiply-adds on registers; returns how many operations that were, a multiply-add being two. */
    double (*burst)(int64_t rounds);

    /* Batch norm in training (Ioffe, Szegedy 2015, algorithm 1): mean[c] and variance[c] (biased, never below 0) of x over
     * n, h, w, the terms that follow from them, then y = act((x - mean) scale + shift). y may be x's own memory. */
    size_t (*norm_workspace)(const hl_view *x, int threads);
    void (*norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace);
    void (*norm_terms)(const hl_norm_state *norm, int channels);
    void (*norm_apply)(hl_context *hl, const hl_view *x, const hl_norm_state *norm, const hl_view *y);
    /* dx (+)=, dgamma (may be NULL) =, dbeta =. x is the input, dy the gradient to the output; dx may be dy's own memory
     * when not accumulating, and without data it is not wanted. Same workspace as norm_statistics. */
    void (*norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_norm_state *norm, const hl_view *dx, bool accumulate,
                          void *dgamma, void *dbeta, void *workspace);

    /* dx -= each + (x - mean) slope, an each, a mean and a slope a channel. */
    void (*norm_settle)(hl_context *hl, const hl_view *x, const double *mean, const double *each, const double *slope, const hl_view *dx);

    /* sums[i] = sum over the pixels of the gradient to input channel i of a convolution without groups; mean: each channel's of dout. */
    size_t (*conv_sums_workspace)(const hl_conv *conv);
    void (*conv_sums)(const hl_conv *conv, const hl_view *dout, const double *mean, const void *kernel, void *sums, void *workspace);

    /* y may be x's memory; in backward dx may be dy's memory when not accumulating. ReLU'(0) = 0. */
    void (*relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
    void (*relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
    void (*sigmoid_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
    void (*sigmoid_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);

    /* x sigmoid(x) (Ramachandran et al. 2017); backward reads the input. In place as above. */
    void (*swish_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
    void (*swish_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate);

    /* Mean over height and width: y is n x 1 x 1 x c. */
    void (*global_average_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
    /* The same of a map of x's shape by its row_sums (hl_finish). */
    void (*global_average_of_rows)(hl_context *hl, const hl_view *x, const void *row_sums, const hl_view *y);
    void (*global_average_backward)(hl_context *hl, const hl_view *dy, const hl_view *dx, bool accumulate);
    /* y = x s with s n x 1 x 1 x c (squeeze-excite's, Hu et al. 2018): dx (+)= dy s, ds (+)= sum of dy x over h, w. y may be x's
     * memory; dx may be dy's when not accumulating; dx or ds without data is not wanted. */
    void (*channel_scale_forward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *y);
    void (*channel_scale_backward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *dy, const hl_view *dx,
                                   bool accumulate_dx, const hl_view *ds, bool accumulate_ds);
    /* y (+)= factor[i] x for image i of n. y may be x's memory when not accumulating. */
    void (*image_scale)(hl_context *hl, const double *factor, const hl_view *x, const hl_view *y, bool accumulate);

    /* A tie in a max-pool's window goes to the first in row order, padding zeros included. */
    void (*max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
    void (*max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate);
    void (*average_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
    void (*average_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *dy, const hl_view *dx, bool accumulate);

    /* Nearest, by 2^up: y is x's h << up, w << up. */
    void (*upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y);
    void (*upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate);

    void (*copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate); /* y (+)= x, same shape, any strides */
    void (*add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y); /* y may be a's or b's memory */

    /* Binary cross-entropy and soft Dice on logits, stable at any size of them; target 0..1. Workspace: loss_workspace. */
    size_t (*loss_workspace)(const hl_view *logits);
    void (*loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_loss_sums *sums, void *workspace);
    /* dlogits = (p - t) * cross_entropy_factor + p (1 - p) (product_factor t + probability_factor) */
    void (*loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor, double product_factor,
                          double probability_factor, const hl_view *dlogits);

    /* Classes that exclude one another, a channel each: y = exp(x) / sum of exp(x) over the channels, at any size of x. y may be
     * x's memory. */
    void (*softmax_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
    /* Categorical cross-entropy and soft Dice on their logits. target: one channel, the class's index; a value that is none counts
     * for no class. Workspace: class_loss_workspace. */
    size_t (*class_loss_workspace)(const hl_view *logits);
    void (*class_loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_class_sums *sums, void *workspace);
    /* With g_c = product_factor[c] t_c + probability_factor[c]:
     * dlogits_c = (p_c - t_c) * cross_entropy_factor + p_c (g_c - sum over k of p_k g_k) */
    void (*class_loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor,
                                const double *product_factor, const double *probability_factor, const hl_view *dlogits);

    /* w -= rate m^ / (sqrt(v^) + epsilon), moments updated in place; epsilon is added to the root of the corrected moment. */
    void (*adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1, void *moment2);
} hl_kernels;

extern const hl_kernels hl_kernels_ref_f32, hl_kernels_ref_f64, hl_kernels_blas, hl_kernels_avx2, hl_kernels_avx512;

/* The kernels for a context (hl_isa) and dtype: double always has the plain loops. */
const hl_kernels *hl_kernels_for(const hl_context *hl, hl_dtype dtype);
/* Whether those kernels can be trusted on the context's threads: OpenBLAS' serial build cannot be called by two at once. */
hl_status hl_kernels_check(hl_context *hl, hl_dtype dtype);
/* The table's half_convs for this machine; NULL: it has not what they take, or there are none. */
const hl_conv_kernel *const *hl_half_convs(const hl_context *hl, const hl_kernels *kernels);
/* The cheapest of a table's convolution kernels for a pass, or of half ones; never NULL: the last fit everything. */
const hl_conv_kernel *hl_conv_choose(const hl_kernels *kernels, const hl_conv *conv, hl_pass pass);
const hl_conv_kernel *hl_conv_choose_half(const hl_conv_kernel *const *half_convs, const hl_conv *conv, hl_pass pass);

#endif
