/* The tables of the plain kernels: hl_kernels_ref_f32 and, built with HL_REF_DOUBLE, hl_kernels_ref_f64. */
#include "kernels/ref/ref.h"

static const hl_conv_kernel *const convs[] = {&HL_REF(conv), NULL};

#ifdef HL_REF_DOUBLE
const hl_kernels hl_kernels_ref_f64 = {
    .dtype = HL_F64,
#else
const hl_kernels hl_kernels_ref_f32 = {
    .dtype = HL_F32,
#endif
    .name = "ref",
    .burst = HL_REF(burst),
    .convs = convs,
    .norm_workspace = HL_REF(norm_workspace),
    .norm_statistics = HL_REF(norm_statistics),
    .norm_terms = HL_REF(norm_terms),
    .norm_apply = HL_REF(norm_apply),
    .norm_backward = HL_REF(norm_backward),
    .norm_settle = HL_REF(norm_settle),
    .conv_sums_workspace = HL_REF(conv_sums_workspace),
    .conv_sums = HL_REF(conv_sums),
    .relu_forward = HL_REF(relu_forward),
    .relu_backward = HL_REF(relu_backward),
    .sigmoid_forward = HL_REF(sigmoid_forward),
    .sigmoid_backward = HL_REF(sigmoid_backward),
    .swish_forward = HL_REF(swish_forward),
    .swish_backward = HL_REF(swish_backward),
    .global_average_forward = HL_REF(global_average_forward),
    .global_average_of_rows = HL_REF(global_average_of_rows),
    .global_average_backward = HL_REF(global_average_backward),
    .channel_scale_forward = HL_REF(channel_scale_forward),
    .channel_scale_backward = HL_REF(channel_scale_backward),
    .image_scale = HL_REF(image_scale),
    .max_pool_forward = HL_REF(max_pool_forward),
    .max_pool_backward = HL_REF(max_pool_backward),
    .average_pool_forward = HL_REF(average_pool_forward),
    .average_pool_backward = HL_REF(average_pool_backward),
    .upsample_forward = HL_REF(upsample_forward),
    .upsample_backward = HL_REF(upsample_backward),
    .copy = HL_REF(copy),
    .add = HL_REF(add),
    .loss_workspace = HL_REF(loss_workspace),
    .loss_sums = HL_REF(loss_sums),
    .loss_backward = HL_REF(loss_backward),
    .softmax_forward = HL_REF(softmax_forward),
    .class_loss_workspace = HL_REF(class_loss_workspace),
    .class_loss_sums = HL_REF(class_loss_sums),
    .class_loss_backward = HL_REF(class_loss_backward),
    .adam = HL_REF(adam),
};
