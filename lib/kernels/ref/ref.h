/* The plain kernels by name, in the dtype this file is compiled for (see real.h). kernels.h says what each does. */
#ifndef HL_REF_REF_H
#define HL_REF_REF_H

#include "kernels/ref/real.h"

extern const hl_conv_kernel HL_REF(conv);
size_t HL_REF(conv_sums_workspace)(const hl_conv *conv);
void HL_REF(conv_sums)(const hl_conv *conv, const hl_view *dout, const double *mean, const void *kernel, void *sums, void *workspace);
double HL_REF(burst)(int64_t rounds);

size_t HL_REF(norm_workspace)(const hl_view *x, int threads);
void HL_REF(norm_statistics)(hl_context *hl, const hl_view *x, double *mean, double *variance, void *workspace);
/* One pixel of `channels` outputs. */
void HL_REF(finish)(const hl_finish *finish, int channels, int64_t pixel, real *x);
/* An activation's slope at y; ReLU'(0) = 0. */
double HL_REF(slope)(hl_activation act, double y);
void HL_REF(norm_terms)(const hl_norm_state *norm, int channels);
void HL_REF(norm_apply)(hl_context *hl, const hl_view *x, const hl_norm_state *norm, const hl_view *y);
void HL_REF(norm_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_norm_state *norm, const hl_view *dx, bool accumulate,
                            void *dgamma, void *dbeta, void *workspace);
void HL_REF(norm_settle)(hl_context *hl, const hl_view *x, const double *mean, const double *each, const double *slope, const hl_view *dx);

void HL_REF(relu_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_REF(relu_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_REF(sigmoid_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_REF(sigmoid_backward)(hl_context *hl, const hl_view *y, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_REF(swish_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_REF(swish_backward)(hl_context *hl, const hl_view *x, const hl_view *dy, const hl_view *dx, bool accumulate);

void HL_REF(global_average_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
void HL_REF(global_average_of_rows)(hl_context *hl, const hl_view *x, const void *row_sums, const hl_view *y);
void HL_REF(global_average_backward)(hl_context *hl, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_REF(channel_scale_forward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *y);
void HL_REF(channel_scale_backward)(hl_context *hl, const hl_view *x, const hl_view *s, const hl_view *dy, const hl_view *dx,
                                    bool accumulate_dx, const hl_view *ds, bool accumulate_ds);
void HL_REF(image_scale)(hl_context *hl, const double *factor, const hl_view *x, const hl_view *y, bool accumulate);

void HL_REF(max_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
void HL_REF(max_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *dy, const hl_view *dx,
                               bool accumulate);
void HL_REF(average_pool_forward)(hl_context *hl, const hl_pool *pool, const hl_view *x, const hl_view *y);
void HL_REF(average_pool_backward)(hl_context *hl, const hl_pool *pool, const hl_view *dy, const hl_view *dx, bool accumulate);

void HL_REF(upsample_forward)(hl_context *hl, int up, const hl_view *x, const hl_view *y);
void HL_REF(upsample_backward)(hl_context *hl, int up, const hl_view *dy, const hl_view *dx, bool accumulate);
void HL_REF(copy)(hl_context *hl, const hl_view *x, const hl_view *y, bool accumulate);
void HL_REF(add)(hl_context *hl, const hl_view *a, const hl_view *b, const hl_view *y);

size_t HL_REF(loss_workspace)(const hl_view *logits);
void HL_REF(loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_loss_sums *sums, void *workspace);
void HL_REF(loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor, double product_factor,
                           double probability_factor, const hl_view *dlogits);

void HL_REF(softmax_forward)(hl_context *hl, const hl_view *x, const hl_view *y);
size_t HL_REF(class_loss_workspace)(const hl_view *logits);
void HL_REF(class_loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_class_sums *sums, void *workspace);
void HL_REF(class_loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor,
                                 const double *product_factor, const double *probability_factor, const hl_view *dlogits);

void HL_REF(adam)(hl_context *hl, const hl_adam_step *step, int64_t count, void *weights, const void *gradient, void *moment1,
                  void *moment2);

#endif
